"""Stored reports of connections as readings, for working out figures. For the worker and for those who were found to be allowed to see the call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.compression import UnreadablePayload, unpack
from signalbox.core.db import Tx
from signalbox.monitoring.rules.readings import Reading
from signalbox.monitoring.wire import decode_reading, thinned_reading

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
# A report is received after it was taken; the clocks of two hosts of ours may differ a little.
_CLOCKS = timedelta(hours=1)
# Everything that a reading is made of, of the table `s`.
_COLUMNS = """s.connection_id, s.created_at, s.app_id, s.conference_id, s.participant_id, s.session_id, s.peer_id, s.time_taken_ms, s.rtt_ms, s.available_bps,
    s.flows, s.tracks, s.bytes, s.packets, s.lost, s.jitter_ms, s.report"""
_NEW = """
    SELECT s.id, s.connection_id, s.created_at FROM monitoring.samples s
    WHERE s.received_at > %(after)s AND s.received_at <= %(through)s"""
_WINDOWS = """
    SELECT {columns} FROM unnest(%(connections)s::uuid[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS w (id, begins, ends)
    JOIN LATERAL (
        SELECT * FROM monitoring.samples s WHERE s.connection_id = w.id AND s.created_at >= w.begins AND s.created_at <= w.ends
            AND s.received_at >= %(received)s
    ) AS s ON true ORDER BY s.connection_id, s.created_at"""
_OF_CONFERENCE = """
    SELECT {columns} FROM monitoring.samples s
    WHERE s.conference_id = %(conference)s AND s.created_at >= %(begin)s AND s.created_at <= %(end)s AND s.received_at >= %(received)s{more}
    ORDER BY s.connection_id, s.created_at"""


class Owner(NamedTuple):
    """Whose a connection is."""

    app: UUID
    conference: UUID
    participant: UUID
    session: UUID
    peer: UUID
    connection: UUID


class NewReport(NamedTuple):
    """A report that has come in."""

    id: UUID
    connection: UUID
    created_at: datetime


class Window(NamedTuple):
    """A stretch of a connection, both ends included."""

    connection: UUID
    begin: datetime
    end: datetime


def micros(at: datetime) -> int:
    """Microseconds since the Unix epoch."""
    return (at - EPOCH) // _US


def instant(at_us: int) -> datetime:
    """The instant of so many microseconds since the Unix epoch."""
    return EPOCH + timedelta(microseconds=at_us)


async def new_reports(tx: Tx, *, after: datetime, through: datetime) -> Sequence[NewReport]:
    """Reports received in between, in no order."""
    cursor = tx.psycopg.cursor(binary=True)
    # By the block-range index even where most of a young table is new.
    await cursor.execute("SET LOCAL enable_seqscan = off")
    await cursor.execute(_NEW, {"after": after, "through": through}, prepare=False)
    return [NewReport(*row) for row in await cursor.fetchall()]


async def windows(
    tx: Tx, wanted: Collection[Window]
) -> AsyncIterator[tuple[Owner, list[Mapping[str, Any]]]]:
    """Rows of each connection that has any in its window, by time; `reading` makes readings of them."""
    values = {
        "connections": [window.connection for window in wanted],
        "begins": [window.begin for window in wanted],
        "ends": [window.end for window in wanted],
        "received": min(window.begin for window in wanted) - _CLOCKS,
    }
    async for group in _groups(tx, _WINDOWS.format(columns=_COLUMNS), values):
        yield group


async def of_conference(
    tx: Tx, conference: UUID, *, begin: datetime, end: datetime, connections: Collection[UUID] = ()
) -> AsyncIterator[tuple[Owner, list[Mapping[str, Any]]]]:
    """The same of all connections of a conference, or of some."""
    more = " AND s.connection_id = ANY(%(connections)s)" if connections else ""
    values = {
        "conference": conference,
        "begin": begin,
        "end": end,
        "received": begin - _CLOCKS,
        "connections": list(connections),
    }
    async for group in _groups(tx, _OF_CONFERENCE.format(columns=_COLUMNS, more=more), values):
        yield group


async def _groups(
    tx: Tx, statement: str, values: Mapping[str, Any]
) -> AsyncIterator[tuple[Owner, list[Mapping[str, Any]]]]:
    cursor = tx.psycopg.cursor(row_factory=dict_row, binary=True)
    await cursor.execute(statement, values, prepare=False)
    rows: list[Mapping[str, Any]] = []
    async for row in cursor:
        if rows and rows[-1]["connection_id"] != row["connection_id"]:
            yield _owner(rows[0]), rows
            rows = []
        rows.append(row)
    if rows:
        yield _owner(rows[0]), rows


def _owner(row: Mapping[str, Any]) -> Owner:
    names = ("app_id", "conference_id", "participant_id", "session_id", "peer_id", "connection_id")
    return Owner(*(row[name] for name in names))


def reading(row: Mapping[str, Any]) -> Reading:
    """A stored report as a reading; of a damaged one its figures."""
    at_us = micros(row["created_at"])
    if row["report"] is None:
        return thinned_reading(row, at_us=at_us)
    try:
        content = unpack(bytes(row["report"]))
    except UnreadablePayload:
        return thinned_reading(row, at_us=at_us)
    return decode_reading(
        content, at_us=at_us, tracks=row["tracks"], time_taken_ms=row["time_taken_ms"]
    )
