"""Every statement of monitoring that changes rows. `apply` is what the group-commit writer runs inside its transaction.

Row locks are always taken in the order conferences, sessions, connections, and by id within a table, so that two processes cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection

from signalbox.monitoring.rules.happenings import Happening
from signalbox.monitoring.store.entering import initialize, start_sessions, update_sessions
from signalbox.monitoring.store.events import apply_events, endings_of_stop, endings_of_sweep
from signalbox.monitoring.store.messages import (
    EndSessions,
    Event,
    Initialize,
    Message,
    Sample,
    StartSession,
    StopConference,
    UpdateSession,
)
from signalbox.monitoring.store.news import News, Wanted
from signalbox.monitoring.store.samples import apply_samples

__all__ = ["Applier"]


class Applier:
    """Stores a batch of messages; answers one outcome per message, an AppError for a refused one.

    What the last batch has changed is there to be told once it is committed; of samples only what `wanted` wants.
    """

    def __init__(self, now_us: Callable[[], int], wanted: Wanted = lambda _: False) -> None:
        self._now_us, self._wanted = now_us, wanted
        self._news = News(wanted)

    def take(self) -> list[Happening]:
        """What the last batch has changed, once; only to be told if it was committed."""
        happenings, self._news = self._news.happenings, News(self._wanted)
        return happenings

    async def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[Message]
    ) -> list[Any]:
        """Apply kind by kind; messages of different requests are concurrent, so their order does not matter."""
        now_us = self._now_us()
        news = self._news = News(self._wanted)  # what came before was rolled back, or taken
        outcomes: dict[int, Any] = {}
        kinds: dict[type[Any], list[Any]] = {}
        for message in messages:
            kinds.setdefault(type(message), []).append(message)
        await initialize(connection, kinds.get(Initialize, []), outcomes, news)
        await start_sessions(connection, kinds.get(StartSession, []), outcomes, news)
        await update_sessions(connection, kinds.get(UpdateSession, []), outcomes)
        events = kinds.get(Event, [])
        for stop in kinds.get(StopConference, ()):
            events.extend(await endings_of_stop(connection, stop, outcomes))
        for sweep in kinds.get(EndSessions, ()):
            events.extend(endings_of_sweep(sweep, outcomes))
        await apply_events(connection, events, outcomes, news, now_us=now_us)
        await apply_samples(connection, kinds.get(Sample, []), outcomes, news, now_us=now_us)
        return [outcomes.get(id(message)) for message in messages]
