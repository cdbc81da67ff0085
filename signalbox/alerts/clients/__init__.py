"""The contexts whose figures are watched, each in the form that the rules want."""

from __future__ import annotations

from collections.abc import Mapping

from signalbox.alerts.clients.monitoring import MONITORING
from signalbox.alerts.clients.playback import PLAYBACK
from signalbox.alerts.rules.figures import Figure, Source

SOURCES: tuple[Source, ...] = (PLAYBACK, MONITORING)
FIGURES: Mapping[str, Figure] = {
    figure.name: figure for source in SOURCES for figure in source.figures
}


def source_of(figure: Figure) -> Source:
    """The context that offers a figure."""
    return next(source for source in SOURCES if source.context == figure.context)
