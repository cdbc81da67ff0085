"""Minutes of flows are written here, always whole: those of a stretch of a connection take the place of what was there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.partitions import ensure_daily
from signalbox.monitoring.rules.measures import Minute

TABLE = "monitoring.track_minutes"
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('monitoring.figures', 0))"
_THROUGH = "SELECT received_through FROM monitoring.figure_progress WHERE step = %s"
_ADVANCE = """
    INSERT INTO monitoring.figure_progress AS known (step, received_through) VALUES (%s, %s)
    ON CONFLICT (step) DO UPDATE SET received_through = greatest(known.received_through, excluded.received_through)"""
_REMOVE = """
    DELETE FROM monitoring.track_minutes m USING unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS w (id, begins, ends)
    WHERE m.connection_id = w.id AND m.minute >= w.begins AND m.minute < w.ends AND m.minute >= %s AND m.minute < %s"""
_COPY = """COPY monitoring.track_minutes (minute, app_id, conference_id, participant_id, session_id, peer_id, connection_id, track_id,
    flow, key, relayed, network_type, seconds, totals, weights) FROM STDIN (FORMAT binary)"""
_TYPES = ["timestamptz", *["uuid"] * 7, "int2", "text", "bool", "text", "float8", "float8[]", "float8[]"]  # fmt: skip
# From the first minute that was made anew to the end of the call: a later hour counts calls that no earlier one has seen.
_MARK = """
    INSERT INTO monitoring.figure_changes (app_id, hour)
    SELECT made.app, made.hour FROM (
        SELECT DISTINCT w.app, hour.starts FROM unnest(%(apps)s::uuid[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS w (app, begins, ends)
        CROSS JOIN LATERAL generate_series(date_trunc('hour', w.begins, 'UTC'), date_trunc('hour', w.ends - interval '1 minute', 'UTC'), '1 hour') AS hour (starts)
        UNION
        SELECT w.app, date_trunc('hour', m.minute, 'UTC') FROM unnest(%(apps)s::uuid[], %(conferences)s::uuid[], %(ends)s::timestamptz[]) AS w (app, conference, ends)
        JOIN monitoring.track_minutes m ON m.conference_id = w.conference AND m.minute >= w.ends AND m.minute >= %(first)s AND m.minute < w.ends + interval '1 day'
    ) AS made (app, hour)
    WHERE NOT EXISTS (SELECT FROM monitoring.figure_changes c WHERE c.app_id = made.app AND c.hour = made.hour)"""


class Stretch(NamedTuple):
    """The minutes of a connection from `begin` to before `end`, all of them."""

    app: UUID
    conference: UUID
    participant: UUID
    session: UUID
    peer: UUID
    connection: UUID
    begin: datetime
    end: datetime
    minutes: Sequence[tuple[datetime, Minute]]


async def claim(connection: AsyncConnection[Any]) -> bool:
    """Whether this transaction may work on figures; False while another process does."""
    row = await (await connection.execute(_LOCK)).fetchone()
    return row is not None and bool(row[0])


async def received_through(connection: AsyncConnection[Any], step: str) -> datetime | None:
    """Up to when reports were looked at; None before the first time."""
    row = await (await connection.execute(_THROUGH, (step,))).fetchone()
    return None if row is None else row[0]


async def advance(connection: AsyncConnection[Any], step: str, through: datetime) -> None:
    """Reports received up to `through` were looked at."""
    await connection.execute(_ADVANCE, (step, through))


async def write_minutes(connection: AsyncConnection[Any], stretches: Sequence[Stretch]) -> int:
    """Put the minutes of connections in the place of those that are stored, and mark their hours; answers how many."""
    if not stretches:
        return 0
    first, last = min(s.begin for s in stretches), max(s.end for s in stretches)
    for day in sorted({at.date() for s in stretches for at, _ in s.minutes}):
        await ensure_daily(connection, TABLE, day, day)
    begins, ends = [s.begin for s in stretches], [s.end for s in stretches]
    await connection.execute(
        _REMOVE, ([s.connection for s in stretches], begins, ends, first, last)
    )
    written = 0
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for stretch in stretches:
            for at, minute in stretch.minutes:
                await copy.write_row(_row(stretch, at, minute))
                written += 1
    marks = {
        "apps": [s.app for s in stretches],
        "conferences": [s.conference for s in stretches],
        "begins": begins,
        "ends": ends,
        "first": first,
    }
    await connection.execute(_MARK, marks)
    return written


def _row(stretch: Stretch, at: datetime, minute: Minute) -> tuple[Any, ...]:
    totals = [None if found is None else found[0] for found in minute.sums]
    weights = [None if found is None else found[1] for found in minute.sums]
    return (
        at, stretch.app, stretch.conference, stretch.participant, stretch.session, stretch.peer, stretch.connection, minute.track,
        minute.flow, minute.key, minute.relayed, minute.network_type, minute.seconds, totals, weights,
    )  # fmt: skip
