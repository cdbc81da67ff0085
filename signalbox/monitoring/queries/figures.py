"""Stored minutes of the flows of one conference, for those who were found to be allowed to see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.core.db import Tx
from signalbox.monitoring.queries.readings import Owner

MOST_REPORTS = 6_000  # of one answer by intervals: worked out within seconds
_MINUTES = """
    SELECT app_id, conference_id, participant_id, session_id, peer_id, connection_id, minute, track_id, flow, key, seconds, totals, weights
    FROM monitoring.track_minutes WHERE conference_id = %(conference)s AND minute >= %(begin)s AND minute < %(end)s{more}
    ORDER BY connection_id, flow, key, minute"""
# A row for each line: ten times less to be read than a row for each minute.
_LINES = """
    SELECT app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key,
        (array_agg(track_id ORDER BY minute DESC) FILTER (WHERE track_id IS NOT NULL))[1], array_agg((extract(epoch FROM minute) * 1000)::int8 ORDER BY minute),
        array_agg(seconds ORDER BY minute), array_agg(totals ORDER BY minute), array_agg(weights ORDER BY minute)
    FROM monitoring.track_minutes WHERE conference_id = %(conference)s AND minute >= %(begin)s AND minute < %(end)s{more}
    GROUP BY app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key ORDER BY connection_id, flow, key"""
_COUNT = """
    SELECT count(*) FROM (SELECT FROM monitoring.samples WHERE conference_id = %(conference)s AND created_at >= %(begin)s AND created_at < %(end)s{more}
    LIMIT %(most)s) AS found"""
_LAST = """
    SELECT least(min(created_at), %(start)s), max(created_at) FROM monitoring.samples WHERE conference_id = %(conference)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a conference is asked for; empty lists are everything. From `begin` to before `end`."""

    conference: UUID
    begin: datetime
    end: datetime
    participant: UUID | None = None
    connection: UUID | None = None
    track: UUID | None = None
    flows: Collection[int] = ()

    def values(self) -> dict[str, Any]:
        """Parameters of the statements."""
        return {
            "conference": self.conference,
            "begin": self.begin,
            "end": self.end,
            "participant": self.participant,
            "connection": self.connection,
            "track": self.track,
            "flows": list(self.flows),
            "most": MOST_REPORTS + 1,
        }

    def ends(self) -> str:
        """Conditions that samples and minutes share, beginning with AND."""
        found = ""
        if self.participant is not None:
            found += " AND participant_id = %(participant)s"
        if self.connection is not None:
            found += " AND connection_id = %(connection)s"
        return found

    def all(self) -> str:
        """Conditions on minutes."""
        found = self.ends()
        if self.track is not None:
            found += " AND track_id = %(track)s"
        if self.flows:
            found += " AND flow = ANY(%(flows)s)"
        return found


class StoredMinute(NamedTuple):
    """A minute of a flow."""

    owner: Owner
    minute: datetime
    track: UUID | None
    flow: int
    key: str
    seconds: float
    totals: Sequence[float | None]
    weights: Sequence[float | None]


class StoredLine(NamedTuple):
    """All minutes of a flow, in order: when they begin, and of each the sums."""

    owner: Owner
    flow: int
    key: str
    track: UUID | None
    begins_ms: Sequence[int]
    seconds: Sequence[float]
    totals: Sequence[Sequence[float | None]]
    weights: Sequence[Sequence[float | None]]


async def reported_span(
    tx: Tx, conference: UUID, start: datetime
) -> tuple[datetime, datetime | None]:
    """From when to when reports tell of a conference: at least from `start`; to None when there are none."""
    row = await _row(tx, _LAST, {"conference": conference, "start": start})
    return row[0] or start, row[1]


async def too_many_reports(tx: Tx, part: Part) -> bool:
    """Whether more reports belong to it than are worked out for one answer."""
    row = await _row(tx, _COUNT.format(more=part.ends()), part.values())
    return bool(row[0] > MOST_REPORTS)


async def minutes_of(tx: Tx, part: Part) -> list[StoredMinute]:
    """Its stored minutes by connection, flow, key and time."""
    cursor = tx.psycopg.cursor(binary=True)
    await cursor.execute(_MINUTES.format(more=part.all()), part.values(), prepare=False)
    return [StoredMinute(Owner(*row[:6]), *row[6:]) for row in await cursor.fetchall()]


async def lines_of(tx: Tx, part: Part) -> list[StoredLine]:
    """The same, one row for each connection, flow and key."""
    cursor = tx.psycopg.cursor(binary=True)
    await cursor.execute(_LINES.format(more=part.all()), part.values(), prepare=False)
    return [StoredLine(Owner(*row[:6]), *row[6:]) for row in await cursor.fetchall()]


async def _row(tx: Tx, statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    cursor = tx.psycopg.cursor(binary=True)
    await cursor.execute(statement, values, prepare=False)
    row = await cursor.fetchone()
    assert row is not None
    return tuple(row)
