"""Sessions of CMCD that are due: told to the store of sessions, with the part of their timeline that has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.playback.rules.cmcd.folding import Fold
from signalbox.playback.rules.cmcd.lines import Line, read_line
from signalbox.playback.store.cmcd import decode_fold, encode_fold, micros

LINES_AT_ONCE = 2000

_CLAIM = """
    SELECT app_id, session_id, id, fold, received_first_at, received_last_at FROM playback.cmcd_sessions
    WHERE due_at <= %s ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"""
_LINES = """
    SELECT ts_ms, sn, line FROM playback.cmcd_events
    WHERE session = %s AND received_at >= %s - interval '1 second' ORDER BY ts_ms, sn NULLS FIRST, line_key"""
_WRITTEN = """
    UPDATE playback.cmcd_sessions AS s SET fold = new.fold, written_at = %s, due_at = new.due, ending = new.ending
    FROM unnest(%s, %s, %s, %s) AS new (id, fold, due, ending) WHERE s.id = new.id"""
_POSTPONE = "UPDATE playback.cmcd_sessions SET due_at = %s WHERE id = %s"
# What an SDK tells of its timeline stays as it is.
_OUTDATED = """
    DELETE FROM playback.session_timeline t USING unnest(%s, %s, %s) AS wanted (app_id, session_id, since_ms), playback.session_keys k
    WHERE k.app_id = wanted.app_id AND k.session_id = wanted.session_id COLLATE "C"
        AND t.app_id = k.app_id AND t.session_id = k.session_id AND t.partition_ts = k.partition_ts AND t.timestamp_ms >= wanted.since_ms
        AND EXISTS (SELECT FROM playback.sessions s WHERE s.app_id = k.app_id AND s.session_id = k.session_id
            AND s.partition_ts = k.partition_ts AND s.source = 'cmcd')"""
_TOLD_BY_SDK = """
    SELECT k.app_id, k.session_id FROM unnest(%s, %s) AS wanted (app_id, session_id)
    JOIN playback.session_keys k ON k.app_id = wanted.app_id AND k.session_id = wanted.session_id COLLATE "C"
    JOIN playback.sessions s ON s.app_id = k.app_id AND s.session_id = k.session_id AND s.partition_ts = k.partition_ts
    WHERE s.source <> 'cmcd'"""
_ERASE_LINES = """
    DELETE FROM playback.cmcd_events e USING playback.cmcd_sessions s
    WHERE s.app_id = %(app)s AND s.session_id = ANY(%(sessions)s) AND e.session = s.id AND e.received_at >= s.received_first_at - interval '1 second'"""
_ERASE = """
    UPDATE playback.cmcd_sessions SET fold = %(fold)s, due_at = NULL, ending = NULL, written_at = NULL, erased_until = %(until)s
    WHERE app_id = %(app)s AND session_id = ANY(%(sessions)s)"""
_FORGET = """
    DELETE FROM playback.cmcd_sessions WHERE id IN (
        SELECT id FROM playback.cmcd_sessions c WHERE c.received_last_at < %(before)s AND (c.erased_until IS NULL OR c.erased_until <= %(at)s)
            AND NOT EXISTS (SELECT FROM playback.session_keys k WHERE k.app_id = c.app_id AND k.session_id = c.session_id)
        ORDER BY c.received_last_at LIMIT %(most)s)"""


class Due(NamedTuple):
    """A session whose row is locked; the times are ours."""

    app_id: UUID
    session_id: str
    id: int
    fold: Fold
    first_at: datetime
    last_at: datetime


class Written(NamedTuple):
    """A session after it was told; `due_at` None: it has ended."""

    id: int
    fold: Fold
    due_at: datetime | None
    ending: str | None


async def claim(connection: AsyncConnection[Any], *, at: datetime, most: int) -> list[Due]:
    """Sessions that are due, longest first; what another worker is at is left to it."""
    cursor = await connection.execute(_CLAIM, (at, most), binary=True)
    return [
        Due(row[0], row[1], row[2], decode_fold(row[3]), row[4], row[5])
        for row in await cursor.fetchall()
    ]


async def stored_lines(connection: AsyncConnection[Any], due: Due) -> AsyncIterator[Line]:
    """All lines of a session that are still there, in the order of (time, number)."""
    async with connection.cursor("cmcd_lines") as cursor:
        cursor.itersize = LINES_AT_ONCE
        await cursor.execute(_LINES, (due.id, due.first_at))
        async for ts_ms, _, sent in cursor:
            line = read_line(sent, received_ms=ts_ms, at_ms=ts_ms)
            if isinstance(line, Line):
                line.ts_ms = ts_ms
                yield line


async def told_by_sdk(
    connection: AsyncConnection[Any], sessions: Sequence[Due]
) -> set[tuple[UUID, str]]:
    """Those of the sessions that an SDK reports as well: their timeline is the SDK's."""
    cursor = await connection.execute(
        _TOLD_BY_SDK, (p.uuids(s.app_id for s in sessions), p.texts(s.session_id for s in sessions))
    )
    return {(row[0], row[1]) for row in await cursor.fetchall()}


async def remove_outdated(
    connection: AsyncConnection[Any], sessions: Sequence[tuple[Due, int]]
) -> None:
    """Take away the timeline of sessions from an instant of their own on, in ms: it is written anew."""
    if sessions:
        await connection.execute(
            _OUTDATED,
            (
                p.uuids(due.app_id for due, _ in sessions),
                p.texts(due.session_id for due, _ in sessions),
                p.bigints(since_ms for _, since_ms in sessions),
            ),
        )


async def written(
    connection: AsyncConnection[Any], sessions: Sequence[Written], *, at: datetime
) -> None:
    """The sessions were told at `at`."""
    await connection.execute(
        _WRITTEN,
        (
            at,
            p.bigints(session.id for session in sessions),
            p.payloads(encode_fold(session.fold) for session in sessions),
            p.instants(None if s.due_at is None else micros(s.due_at) for s in sessions),
            p.texts(session.ending for session in sessions),
        ),
    )


async def postpone(connection: AsyncConnection[Any], number: int, *, until: datetime) -> None:
    """Leave a session, by its number, for later."""
    await connection.execute(_POSTPONE, (until, number))


async def erase_cmcd(
    connection: AsyncConnection[Any], app_id: UUID, session_ids: Sequence[str], *, until: datetime
) -> None:
    """Forget the lines of sessions and what they say; lines that come until then are answered and not stored."""
    given = {"app": app_id, "sessions": list(session_ids), "until": until}
    await connection.execute(
        _ERASE, given | {"fold": encode_fold(Fold())}
    )  # which locks the sessions
    await connection.execute(_ERASE_LINES, given)


async def forget_cmcd(
    connection: AsyncConnection[Any], *, before: datetime, at: datetime, most: int
) -> int:
    """Remove what is remembered of sessions that are gone, and silent since `before`; answers how many, at most `most`."""
    cursor = await connection.execute(_FORGET, {"before": before, "at": at, "most": most})
    return cursor.rowcount
