"""Figures of observed calls."""

from __future__ import annotations

from typing import Any, Final

from signalbox.alerts.clients.families import Families
from signalbox.alerts.rules.figures import Figure
from signalbox.monitoring import queries

_CONTEXT: Final = "monitoring"
_DIMENSIONS: Final = tuple(queries.WATCHED_PEOPLE.dimensions)
_PEOPLE: Final[dict[str, Any]] = {
    "context": _CONTEXT,
    "family": "people",
    "dimensions": _DIMENSIONS,
    "whole": "sessions",
}
_ISSUES: Final[dict[str, Any]] = {
    "context": _CONTEXT,
    "family": "issues",
    "dimensions": (*_DIMENSIONS, *queries.WATCHED_ISSUES.many),
    "whole": "sessions",
}
FIGURES: Final = (
    Figure(name="monitoring_setup_failure_rate", title="participants who were never connected", kind="share", unit="ratio", part="setup_failures", **_PEOPLE),
    Figure(name="monitoring_issue_rate", title="participants with an error, or with an issue of one code", kind="share", unit="ratio", part="affected", **_ISSUES),
    Figure(name="monitoring_score", title="mean score of participants", kind="values", unit="points", whole="score", context=_CONTEXT, family="scores", dimensions=_DIMENSIONS),
    Figure(name="monitoring_participants", title="participants who left a call", kind="volume", unit="count", **_PEOPLE),
)  # fmt: skip
MONITORING: Final = Families(
    _CONTEXT,
    FIGURES,
    {
        "people": queries.WATCHED_PEOPLE,
        "issues": queries.WATCHED_ISSUES,
        "scores": queries.WATCHED_SCORES,
    },
    queries.active_apps,
)
