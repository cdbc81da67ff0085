"""What was committed, handed on to whoever watches: a channel per organization, topics for its apps and conferences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from signalbox.core.streams import Telling
from signalbox.monitoring.rules.happenings import Happening, Thinning
from signalbox.monitoring.store.messages import Sample

EVERYTHING = "*"  # the topic of a whole organization
_encode = msgspec.json.Encoder(enc_hook=str).encode
log = structlog.get_logger(__name__)


class Watched(Protocol):
    """The names that somebody watches."""

    def current(self) -> frozenset[str]:
        """As they are known now."""
        ...


class LiveNews:
    """Tells happenings, and knows which samples somebody wants. `tell` must return at once."""

    def __init__(self, tell: Callable[[Iterable[Telling]], None], watched: Watched) -> None:
        self._tell, self._watched = tell, watched
        self._thinning = Thinning()
        self._names: frozenset[str] = frozenset()
        self._ids: frozenset[UUID] = frozenset()

    def wants(self, sample: Sample) -> bool:
        """Whether somebody watches the sample's conference or app; at most one per connection and second."""
        names = self._watched.current()
        if not names:
            return False
        if (
            names is not self._names
        ):  # comparing ids is six times quicker than writing them out for every sample
            self._names, self._ids = names, frozenset(_ids_among(names))
        session = sample.session
        if session.conference not in self._ids and session.app not in self._ids:
            return False
        return self._thinning.passes(sample.connection, sample.at_us)

    def tell(self, happenings: list[Happening]) -> None:
        """Hand on what is committed; whatever is wrong with it, the writer must go on."""
        if not happenings:
            return
        try:
            self._tell([telling(happening) for happening in happenings])
        except Exception:
            log.exception("live.not_told", happenings=len(happenings))


def _ids_among(names: Iterable[str]) -> Iterator[UUID]:
    """The names that are ids; other contexts may watch other things."""
    for name in names:
        with suppress(ValueError):
            yield UUID(name)


def telling(happening: Happening) -> Telling:
    """The message to its watchers. Samples go to those who watch the app or the conference, and cannot be resumed."""
    app, conference, data = happening.app.hex, happening.conference.hex, happening.data
    body = _encode(
        {
            "change": happening.change,
            "app": happening.app,
            "conference": happening.conference,
            "data": data,
        }
    )
    channel = happening.organization.hex
    if happening.kind != "sample":
        return Telling(channel, (EVERYTHING, app, conference), happening.kind, body)
    topics = (samples_of(app), samples_of(conference))
    once = f"{data['connection'].hex}:{data['created_at'][:19]}"
    return Telling(channel, topics, happening.kind, body, lasting=False, once=once)


def samples_of(name: str) -> str:
    """The topic of an app's or a conference's samples."""
    return f"samples:{name}"
