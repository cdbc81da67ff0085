"""CMCD lines: whatever the number of sessions in a batch, one statement locks them, one COPY stores the lines, one statement keeps the sessions.

A line is new when its number is. Only for one whose number was there before, or that has none, is it asked whether it is stored: by its key,
in the partitions since the session began, so that a repetition after midnight is one as well. The lock on the session's row makes this
exact for any number of processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from signalbox.core import copyrows as c
from signalbox.core import params as p
from signalbox.core.batch import Again
from signalbox.playback.rules.cmcd.folding import Fold, add, numbers_of
from signalbox.playback.rules.cmcd.lines import Line
from signalbox.playback.rules.cmcd.reporting import ending_of

TABLE = "playback.cmcd_events"
WRITE_EVERY_US = 5_000_000
LINES_AT_ONCE = 500
SLACK_US = 1_000_000  # clocks of two processes differ

_LOCK = """
    SELECT s.app_id, s.session_id, s.id, s.fold, s.received_first_at, s.received_last_at, s.written_at, s.due_at, s.erased_until
    FROM playback.cmcd_sessions s JOIN unnest(%s, %s) AS wanted (app_id, session_id)
        ON s.app_id = wanted.app_id AND s.session_id = wanted.session_id COLLATE "C"
    ORDER BY s.app_id, s.session_id FOR NO KEY UPDATE OF s"""
_INSERT = """
    INSERT INTO playback.cmcd_sessions (app_id, session_id, fold, received_first_at, received_last_at, due_at)
    SELECT * FROM unnest(%s, %s, %s, %s, %s, %s) AS new (app_id, session_id, fold, first, last, due) ORDER BY app_id, session_id COLLATE "C"
    ON CONFLICT DO NOTHING RETURNING app_id, session_id, id"""
_STORED = """
    SELECT e.session, e.line_key FROM unnest(%s, %s) AS wanted (session, line_key)
    JOIN playback.cmcd_events e ON e.session = wanted.session AND e.line_key = wanted.line_key
    WHERE e.received_at >= %s"""
_COPY = """COPY playback.cmcd_events (received_at, app_id, session, line_key, ts_ms, sn, event, state, line)
    FROM STDIN (FORMAT binary)"""
_UPDATE = """
    UPDATE playback.cmcd_sessions AS s SET fold = new.fold, received_last_at = new.last, due_at = new.due, ending = NULL
    FROM unnest(%s, %s, %s, %s, %s) AS new (app_id, session_id, fold, last, due)
    WHERE s.session_id = new.session_id COLLATE "C" AND s.app_id = new.app_id"""
_ROW = c.row(9)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Key = tuple[UUID, str]
encode_fold = msgspec.msgpack.Encoder().encode
decode_fold = msgspec.msgpack.Decoder(Fold).decode


class CmcdBatch(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one request, of one app; times are the server's."""

    app_id: UUID
    received_us: int
    lines: Sequence[Line]


class Taken(msgspec.Struct):
    """What became of the lines of one request."""

    stored: int = 0
    repeated: int = 0
    erased: int = 0


class _Session:
    """A session of this batch: its row, and the lines that came for it."""

    __slots__ = (
        "came",
        "due_us",
        "erased_us",
        "first_us",
        "fold",
        "fresh",
        "id",
        "key",
        "last_us",
        "seen",
        "written_us",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self.came: list[tuple[Line, CmcdBatch, Taken]] = []
        self.fresh: list[tuple[Line, CmcdBatch]] = []
        self.seen: set[int] = set()
        self.fold = Fold()
        self.id: int | None = None
        self.first_us = self.last_us = 0
        self.written_us: int | None = None
        self.due_us: int | None = None
        self.erased_us: int | None = None

    def know(self, row: Sequence[Any]) -> None:
        """Take over the stored row."""
        self.id, self.fold = row[2], decode_fold(row[3])
        self.first_us, self.last_us = micros(row[4]), micros(row[5])
        self.written_us, self.due_us, self.erased_us = (
            None if at is None else micros(at) for at in row[6:9]
        )

    def take(self, line: Line, batch: CmcdBatch, taken: Taken) -> None:
        """The line is new."""
        taken.stored += 1
        self.fresh.append((line, batch))
        self.first_us = min(self.first_us or batch.received_us, batch.received_us)
        self.last_us = max(self.last_us, batch.received_us)


class CmcdApplier:
    """Stores batches of lines; answers for each what became of its lines. `now_us` is the server's clock, µs since the Unix epoch."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us

    async def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[CmcdBatch]
    ) -> list[Any]:
        """Apply a batch inside the open transaction."""
        now_us = self._now_us()
        answers = [Taken() for _ in messages]
        sessions = _by_session(messages, answers)
        await _lock(connection, sessions)
        await _sort_out(connection, sessions, now_us=now_us)
        changed = [session for session in sessions.values() if session.fresh]
        folded = 0
        for session in changed:
            add(session.fold, [line for line, _ in session.fresh])
            session.due_us = _due_us(session, now_us)
            folded += len(session.fresh)
            if folded >= LINES_AT_ONCE:  # others of this process get their turn
                folded = 0
                await asyncio.sleep(0)
        await _keep(connection, changed)
        await _copy(connection, changed)
        return answers


def _by_session(messages: Sequence[CmcdBatch], answers: Sequence[Taken]) -> dict[Key, _Session]:
    """The sessions in the order in which everybody locks them."""
    found: dict[Key, _Session] = {}
    for batch, taken in zip(messages, answers, strict=True):
        for line in batch.lines:
            key = (batch.app_id, line.session_id)
            session = found.get(key)
            if session is None:
                session = found[key] = _Session(key)
            session.came.append((line, batch, taken))
    return dict(sorted(found.items(), key=_order))


def _order(item: tuple[Key, _Session]) -> tuple[bytes, bytes]:
    (app_id, session_id), _ = item
    return app_id.bytes, session_id.encode()


async def _lock(connection: AsyncConnection[Any], sessions: dict[Key, _Session]) -> None:
    cursor = connection.cursor(binary=True)
    await cursor.execute(_LOCK, _keys(sessions.values()))
    for row in await cursor.fetchall():
        sessions[row[0], row[1]].know(row)


def _keys(sessions: Iterable[_Session]) -> tuple[p.Uuids, p.Texts]:
    keys = [session.key for session in sessions]
    return p.uuids(app for app, _ in keys), p.texts(session_id for _, session_id in keys)


async def _sort_out(
    connection: AsyncConnection[Any], sessions: dict[Key, _Session], *, now_us: int
) -> None:
    """Tell new lines from repeated ones, and from those of a session that was erased."""
    doubtful: list[tuple[_Session, Line, CmcdBatch, Taken]] = []
    for session in sessions.values():
        erased = session.erased_us is not None and session.erased_us > now_us
        for line, batch, taken in session.came:
            if erased:
                taken.erased += 1
            elif line.key in session.seen:
                taken.repeated += 1
            else:
                session.seen.add(line.key)
                if session.id is not None and _may_be_stored(session.fold, line):
                    doubtful.append((session, line, batch, taken))
                else:
                    session.take(line, batch, taken)
    if doubtful:
        stored = await _stored(connection, [(session, line) for session, line, _, _ in doubtful])
        for session, line, batch, taken in doubtful:
            if (session.id, line.key) in stored:
                taken.repeated += 1
            else:
                session.take(line, batch, taken)


def _may_be_stored(fold: Fold, line: Line) -> bool:
    return line.sn is None or line.sn in numbers_of(fold, line)


async def _stored(
    connection: AsyncConnection[Any], wanted: Sequence[tuple[_Session, Line]]
) -> set[tuple[int | None, int]]:
    since = _instant(min(session.first_us for session, _ in wanted) - SLACK_US)
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        _STORED,
        (
            p.bigints(session.id for session, _ in wanted),
            p.bigints(line.key for _, line in wanted),
            since,
        ),
    )
    return {(row[0], row[1]) for row in await cursor.fetchall()}


def _due_us(session: _Session, now_us: int) -> int:
    """When the session is to be written: at once when it is new or has ended, else some seconds after the last time."""
    if session.written_us is None or ending_of(session.fold) is not None:
        due_us = now_us
    else:
        due_us = max(now_us, session.written_us + WRITE_EVERY_US)
    return due_us if session.due_us is None else min(due_us, session.due_us)


async def _keep(connection: AsyncConnection[Any], sessions: Sequence[_Session]) -> None:
    known = [session for session in sessions if session.id is not None]
    await _insert(connection, {session.key: session for session in sessions if session.id is None})
    if known:
        await connection.execute(_UPDATE, (*_keys(known), *_values(known)))


async def _insert(connection: AsyncConnection[Any], new: dict[Key, _Session]) -> None:
    if not new:
        return
    cursor = connection.cursor(binary=True)
    sessions = list(new.values())
    folds, last, due = _values(sessions)
    first = p.instants(session.first_us for session in sessions)
    await cursor.execute(_INSERT, (*_keys(sessions), folds, first, last, due))
    for app_id, session_id, number in await cursor.fetchall():
        new[app_id, session_id].id = number
    if any(session.id is None for session in sessions):
        raise Again  # another process has just made one of them: what it has stored is to be seen first


def _values(sessions: Sequence[_Session]) -> tuple[p.Payloads, p.Instants, p.Instants]:
    return (
        p.payloads(encode_fold(session.fold) for session in sessions),
        p.instants(session.last_us for session in sessions),
        p.instants(session.due_us for session in sessions),
    )


async def _copy(connection: AsyncConnection[Any], sessions: Sequence[_Session]) -> None:
    rows = [
        _row(session.id, line, batch)
        for session in sessions
        if session.id is not None
        for line, batch in session.fresh
    ]
    if rows:
        async with connection.cursor().copy(_COPY) as copy:
            await copy.write(b"".join((c.HEADER, *rows, c.TRAILER)))


def _row(session: int, line: Line, batch: CmcdBatch) -> bytes:
    return b"".join((
        _ROW, c.instant(batch.received_us), c.uuid(batch.app_id), c.bigint(session), c.bigint(line.key), c.bigint(line.ts_ms), c.bigint(line.sn),
        c.text(line.event or None), c.text(line.state or None), c.raw(line.text.encode("utf-8", "replace")),
    ))  # fmt: skip


def micros(at: datetime) -> int:
    """An aware datetime as microseconds since the Unix epoch."""
    return (at - _EPOCH) // _MICROSECOND


def _instant(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
