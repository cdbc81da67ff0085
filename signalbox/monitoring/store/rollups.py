"""Rollups of figures are written here, by one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.sketches import Packed
from signalbox.monitoring.rules.measures import VERSION
from signalbox.monitoring.wire.rollups import packed_sketches, read_sketches

_DUE = """
    SELECT DISTINCT app_id, hour FROM monitoring.figure_changes WHERE hour < %s ORDER BY app_id, hour LIMIT %s"""
# Only what can be seen now: a change that is being made has a mark of its own, which stays.
_FORGET = "DELETE FROM monitoring.figure_changes WHERE app_id = %s AND hour = %s"
_DROP = """
    DELETE FROM monitoring.figure_rollups WHERE app_id = %(app)s
        AND (span, starts) IN (('h', %(hour)s::timestamptz), ('d', date_trunc('day', %(hour)s::timestamptz, 'UTC')))"""
_WRITE = """
    INSERT INTO monitoring.figure_rollups (app_id, span, starts, dimension, value, flow, version, sessions, sketches)
    SELECT %s, %s, %s, new.dimension, new.value, new.flow, %s, new.sessions, new.sketches
    FROM unnest(%s::text[], %s::text[], %s::int2[], %s::int4[], %s::bytea[]) AS new (dimension, value, flow, sessions, sketches)"""
_UNFINISHED = """
    SELECT DISTINCT h.app_id, date_trunc('day', h.starts, 'UTC') AS day FROM monitoring.figure_rollups h
    WHERE h.dimension = '' AND h.span = 'h' AND h.version = %(version)s AND h.starts >= %(since)s AND h.starts < %(before)s
        AND NOT EXISTS (SELECT FROM monitoring.figure_rollups d WHERE d.app_id = h.app_id AND d.dimension = '' AND d.span = 'd'
            AND d.starts = date_trunc('day', h.starts, 'UTC') AND d.version = %(version)s)
        AND NOT EXISTS (SELECT FROM monitoring.figure_changes c WHERE c.app_id = h.app_id AND c.hour >= date_trunc('day', h.starts, 'UTC')
            AND c.hour < date_trunc('day', h.starts, 'UTC') + interval '1 day')
    ORDER BY 1, 2 LIMIT %(most)s"""
_HOURS_OF_DAY = """
    SELECT starts, dimension, value, flow, sessions, sketches FROM monitoring.figure_rollups
    WHERE app_id = %s AND span = 'h' AND version = %s AND starts >= %s AND starts < %s"""


class Rollup(NamedTuple):
    """Figures of a flow among the sessions with a property; of all sessions with dimension ''."""

    dimension: str
    value: str
    flow: int
    sessions: int
    sketches: Sequence[Packed]


async def due_hours(
    connection: AsyncConnection[Any], *, before: datetime, most: int
) -> list[tuple[UUID, datetime]]:
    """Apps and hours that began before an instant and of which something has changed."""
    return [(row[0], row[1]) for row in await (await connection.execute(_DUE, (before, most))).fetchall()]  # fmt: skip


async def forget_change(connection: AsyncConnection[Any], app: UUID, hour: datetime) -> None:
    """Begin to make an hour anew: its marks go first, so that what changes from now on leaves a new one."""
    await connection.execute(_FORGET, (app, hour))


async def replace_hour(
    connection: AsyncConnection[Any], app: UUID, hour: datetime, rollups: Sequence[Rollup]
) -> None:
    """Write the rollups of an hour in the place of the old ones; the day that it belongs to is unfinished then."""
    await connection.execute(_DROP, {"app": app, "hour": hour})
    await _write(connection, app, "h", hour, rollups)


async def unfinished_days(
    connection: AsyncConnection[Any], *, since: datetime, before: datetime, most: int
) -> list[tuple[UUID, datetime]]:
    """Apps and UTC days whose hours are all made while the day is not; only hours from `since` to `before` are looked at."""
    values = {"since": since, "before": before, "most": most, "version": VERSION}
    return [(row[0], row[1]) for row in await (await connection.execute(_UNFINISHED, values)).fetchall()]  # fmt: skip


async def hours_of_day(
    connection: AsyncConnection[Any], app: UUID, day: datetime
) -> list[tuple[datetime, Rollup]]:
    """All rollups of the hours of a day, with their hours."""
    values = (app, VERSION, day, day + timedelta(days=1))
    rows = await (await connection.execute(_HOURS_OF_DAY, values)).fetchall()
    return [(starts, Rollup._make([*row, read_sketches(found)])) for starts, *row, found in rows]


async def write_day(
    connection: AsyncConnection[Any], app: UUID, day: datetime, rollups: Sequence[Rollup]
) -> None:
    """Write the rollups of a day that has none."""
    await _write(connection, app, "d", day, rollups)


async def _write(
    connection: AsyncConnection[Any],
    app: UUID,
    span: str,
    starts: datetime,
    rollups: Sequence[Rollup],
) -> None:
    columns: list[list[Any]] = [
        [rollup.dimension for rollup in rollups],
        [rollup.value for rollup in rollups],
        [rollup.flow for rollup in rollups],
        [rollup.sessions for rollup in rollups],
        [packed_sketches(rollup.sketches) for rollup in rollups],
    ]
    await connection.execute(_WRITE, (app, span, starts, VERSION, *columns))
