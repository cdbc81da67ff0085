"""Every statement of monitoring that changes rows. `apply` is what the group-commit writer runs inside its transaction.

Row locks are always taken in the order conferences, sessions, connections, and by id within a table, so that two processes cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection

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
from signalbox.monitoring.store.samples import apply_samples

__all__ = ["Applier"]


class Applier:
    """Stores a batch of messages; answers one outcome per message, an AppError for a refused one."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us

    async def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[Message]
    ) -> list[Any]:
        """Apply kind by kind; messages of different requests are concurrent, so their order does not matter."""
        now_us = self._now_us()
        outcomes: dict[int, Any] = {}
        await initialize(connection, _only(messages, Initialize), outcomes)
        await start_sessions(connection, _only(messages, StartSession), outcomes)
        await update_sessions(connection, _only(messages, UpdateSession), outcomes)
        events = _only(messages, Event)
        for stop in _only(messages, StopConference):
            events.extend(await endings_of_stop(connection, stop, outcomes))
        for sweep in _only(messages, EndSessions):
            events.extend(endings_of_sweep(sweep, outcomes))
        await apply_events(connection, events, outcomes, now_us=now_us)
        await apply_samples(connection, _only(messages, Sample), outcomes, now_us=now_us)
        return [outcomes.get(id(message)) for message in messages]


def _only(messages: Sequence[Any], kind: type[Any]) -> list[Any]:
    return [message for message in messages if type(message) is kind]
