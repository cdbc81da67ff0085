"""Reports of a batch: their sessions are locked, all reports of a session folded into it, and every table written once.

The row of `session_keys` is the lock of its session, always taken in the order of (app, session): two processes cannot wait for each
other. It also says in which partition the session lies, which no clock of a device can change.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.playback.rules.merging import merged
from signalbox.playback.rules.reports import Entry, Stored
from signalbox.playback.rules.times import Belief
from signalbox.playback.store.messages import ERASED, Applied, Message
from signalbox.playback.store.rows import (
    COLUMNS,
    INSERT,
    ROW_TYPE,
    UPDATE,
    Row,
    array_of,
    stored_of,
)

MINUTE_MS: Final = 60_000

Key = tuple[UUID, str]  # app and session

_LOCK = """
    INSERT INTO playback.session_keys AS known (app_id, session_id, partition_ts)
    SELECT * FROM unnest(%s, %s, %s) AS new (app, id, at) ORDER BY app, id COLLATE "C"
    ON CONFLICT (app_id, session_id) DO UPDATE SET state = known.state
    RETURNING app_id, session_id, (date_part('epoch', partition_ts) * 1000000)::bigint, state"""
_LOAD = f"""
    SELECT s.app_id, {COLUMNS}
    FROM unnest(%s, %s, %s) AS w (app, id, at)
    JOIN playback.sessions s ON s.app_id = w.app AND s.session_id = w.id AND s.partition_ts = w.at"""
_ENTRY_COLUMNS: Final = (
    *("app_id", "session_id", "partition_ts", "elapsed_ms", "timestamp_ms", "playback_state"),
    *("current_bitrate_bps", "network_type", "dropped_frames", "buffered_ms"),
    *("rebuffer_count", "rebuffer_time_ms"),
)
# One statement, because waiting for the answer to each costs more than what it does.
_WRITE = f"""
    WITH added AS ({INSERT}),
    entries AS (
        INSERT INTO playback.session_timeline ({", ".join(_ENTRY_COLUMNS)})
        SELECT * FROM unnest({", ".join(f"%({name})s" for name in _ENTRY_COLUMNS)}) ON CONFLICT DO NOTHING
    ),
    dirty AS (
        INSERT INTO playback.dirty_minutes (app_id, minute, marked_at) SELECT * FROM unnest(%(apps)s, %(minutes)s, %(marked)s)
    )
    {UPDATE}"""
_ROW_OID = f"SELECT '{ROW_TYPE}'::regtype::oid::bigint"


class _Session(NamedTuple):
    """A locked session: where it lies, and what is stored of it."""

    partition_us: int
    stored: Stored | None


class Applier:
    """Stores a batch of reports; answers one Applied per report, in their order."""

    def __init__(self, now_us: Callable[[], int], belief: Belief) -> None:
        self._now_us, self._belief = now_us, belief
        self._last_us = 0
        self._oid: tuple[weakref.ref[AsyncConnection[Any]], int] | None = None

    async def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[Message]
    ) -> list[Applied]:
        """Run inside the writer's transaction."""
        # A key that comes back with our own instant was made by us just now: so no two batches have the same one.
        at_us = self._last_us = max(self._now_us(), self._last_us + 1)
        sessions, erased = await _lock(connection, messages, at_us)
        outcomes, folded = self._fold(messages, sessions, erased)
        row_oid = await self._row_oid(connection)
        await _write(connection, messages, sessions, folded, at_us, row_oid)
        return outcomes

    async def _row_oid(self, connection: AsyncConnection[Any]) -> int:
        """What the database of this connection knows the type of rows by."""
        if self._oid is None or self._oid[0]() is not connection:
            row = await (await connection.execute(_ROW_OID)).fetchone()
            assert row is not None
            self._oid = (weakref.ref(connection), int(row[0]))
        return self._oid[1]

    def _fold(
        self, messages: Sequence[Message], sessions: dict[Key, _Session], erased: set[Key]
    ) -> tuple[list[Applied], dict[Key, Stored]]:
        """What became of each report, and every session as it is then."""
        outcomes: list[Applied] = []
        folded: dict[Key, Stored] = {}
        for app, report, weights in messages:
            key = (app, report.session_id)
            if key in erased:
                outcomes.append(ERASED)
                continue
            known = folded.get(key) or sessions[key].stored
            stored, result = merged(known, report, belief=self._belief, weights=weights)
            folded[key] = stored
            outcomes.append(Applied(result, stored.revision))
        return outcomes, folded


async def _lock(
    connection: AsyncConnection[Any], messages: Sequence[Message], at_us: int
) -> tuple[dict[Key, _Session], set[Key]]:
    """The sessions of a batch, locked, and which of them are erased."""
    wanted = sorted({(app, report.session_id) for app, report, _ in messages})
    given = (p.uuids(k[0] for k in wanted), p.texts(k[1] for k in wanted))
    cursor = await connection.execute(
        _LOCK, (*given, p.instants(at_us for _ in wanted)), binary=True
    )
    sessions: dict[Key, _Session] = {}
    erased: set[Key] = set()
    for app, session_id, partition_us, state in await cursor.fetchall():
        sessions[app, session_id] = _Session(partition_us, None)
        if state == "erased":
            erased.add((app, session_id))
    known = [
        key
        for key in wanted
        if key not in erased and sessions[key].partition_us != at_us
    ]  # fmt: skip
    if known:
        sessions |= await _load(connection, known, sessions)
    return sessions, erased


async def _load(
    connection: AsyncConnection[Any], known: list[Key], sessions: dict[Key, _Session]
) -> dict[Key, _Session]:
    """What is stored of sessions whose keys were there. A statement of its own: only one that begins after the lock sees what was committed before it."""
    given = (
        p.uuids(k[0] for k in known),
        p.texts(k[1] for k in known),
        p.instants(sessions[k].partition_us for k in known),
    )
    cursor = await connection.execute(_LOAD, given, binary=True)
    found: dict[Key, _Session] = {}
    for app, *columns in await cursor.fetchall():
        stored = stored_of(columns)
        key = (app, stored.session_id)
        found[key] = _Session(sessions[key].partition_us, stored)
    return found


async def _write(
    connection: AsyncConnection[Any],
    messages: Sequence[Message],
    sessions: dict[Key, _Session],
    folded: dict[Key, Stored],
    at_us: int,
    row_oid: int,
) -> None:
    if not folded:
        return
    new: list[Row] = []
    changed: list[Row] = []
    for key, stored in folded.items():
        session = sessions[key]
        row = (key[0], session.partition_us, stored)
        (new if session.stored is None else changed).append(row)
    minutes = _minutes(sessions, folded)
    parameters = {
        "new": array_of(new, row_oid),
        "changed": array_of(changed, row_oid),
        "apps": p.uuids(app for app, _ in minutes),
        "minutes": p.instants(minute * MINUTE_MS * 1000 for _, minute in minutes),
        "marked": p.instants(at_us for _ in minutes),
        **_timeline_parameters(_entries(messages, sessions, folded)),
    }
    await connection.execute(_WRITE, parameters)


def _minutes(sessions: dict[Key, _Session], folded: dict[Key, Stored]) -> list[tuple[UUID, int]]:
    """The minutes in which a session's end lay and lies, by app."""
    found = {(key[0], stored.timestamp_ms // MINUTE_MS) for key, stored in folded.items()}
    for key in folded:
        before = sessions[key].stored
        if before is not None:
            found.add((key[0], before.timestamp_ms // MINUTE_MS))
    return sorted(found)


_Placed = tuple[UUID, str, int, Entry]


def _entries(
    messages: Sequence[Message], sessions: dict[Key, _Session], folded: dict[Key, Stored]
) -> list[_Placed]:
    """The timelines of all reports that are stored, in the order of their keys, so that two processes wait in one order."""
    placed: list[_Placed] = []
    for app, report, _ in messages:
        key = (app, report.session_id)
        if report.timeline and key in folded:
            at_us = sessions[key].partition_us
            placed.extend((app, report.session_id, at_us, entry) for entry in report.timeline)
    return placed


def _timeline_parameters(placed: list[_Placed]) -> dict[str, Any]:
    entries = [entry for *_, entry in placed]
    columns = (
        p.uuids(row[0] for row in placed), p.texts(row[1] for row in placed), p.instants(row[2] for row in placed),
        p.bigints(e.elapsed_ms for e in entries), p.bigints(e.timestamp_ms for e in entries), p.texts(e.playback_state for e in entries),
        p.ints(e.current_bitrate_bps for e in entries), p.texts(e.network_type for e in entries), p.bigints(e.dropped_frames for e in entries),
        p.bigints(e.buffered_ms for e in entries), p.ints(e.rebuffer_count for e in entries), p.bigints(e.rebuffer_time_ms for e in entries),
    )  # fmt: skip
    return dict(zip(_ENTRY_COLUMNS, columns, strict=True))
