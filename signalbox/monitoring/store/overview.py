"""Finished days of the overview are written here, by one process at a time for an app."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('monitoring.overview ' || %s::text, 0))"
# A mark that somebody holds stays: their change cannot be seen yet.
_FORGET = """
    DELETE FROM monitoring.overview_changes WHERE ctid IN (
        SELECT ctid FROM monitoring.overview_changes WHERE app_id = %s AND day = ANY(%s) FOR UPDATE SKIP LOCKED) RETURNING day"""
# What was made before the change would count again without its mark.
_VOID = (
    "DELETE FROM monitoring.overview_days WHERE app_id = %s AND day = ANY(%s)",
    "DELETE FROM monitoring.overview_columns WHERE app_id = %s AND day = ANY(%s)",
)
_DROP_COLUMNS = "DELETE FROM monitoring.overview_columns WHERE app_id = %s AND day = %s"
_KEEP_COLUMNS = """
    INSERT INTO monitoring.overview_columns (app_id, day, name, version, packed)
    SELECT %s, %s, new.name, %s, new.packed FROM unnest(%s::text[], %s::bytea[]) AS new (name, packed)"""
_KEEP = """
    INSERT INTO monitoring.overview_days (app_id, day, version, figures)
    SELECT %(app)s, new.day, %(version)s, new.figures FROM unnest(%(days)s::date[], %(figures)s::jsonb[]) AS new (day, figures)
    ON CONFLICT (app_id, day) DO UPDATE SET version = excluded.version, figures = excluded.figures"""

# Looked at once more under the lock. A row that comes now leaves a mark, and the day does not count.
_KEEP_EMPTY = """
    INSERT INTO monitoring.overview_columns (app_id, day, name, version, packed)
    SELECT %(app)s, due.day, %(name)s, %(version)s, %(packed)s
    FROM unnest(%(days)s::date[]) AS due (day) CROSS JOIN LATERAL (SELECT due.day::timestamp AT TIME ZONE 'UTC', (due.day + 1)::timestamp AT TIME ZONE 'UTC') AS t (low, high)
    WHERE NOT EXISTS (SELECT FROM monitoring.conferences r WHERE r.app_id = %(app)s AND r.created_at >= t.low AND r.created_at < t.high)
        AND NOT EXISTS (SELECT FROM monitoring.sessions r WHERE r.app_id = %(app)s AND r.created_at >= t.low AND r.created_at < t.high)
        AND NOT EXISTS (SELECT FROM monitoring.connections r WHERE r.app_id = %(app)s AND r.created_at >= t.low AND r.created_at < t.high)
        AND NOT EXISTS (SELECT FROM monitoring.issues r WHERE r.app_id = %(app)s AND r.created_at >= t.low AND r.created_at < t.high)
        AND NOT EXISTS (SELECT FROM monitoring.overview_changes m WHERE m.app_id = %(app)s AND m.day = due.day)
    ON CONFLICT (app_id, day, name) DO UPDATE SET version = excluded.version, packed = excluded.packed
    RETURNING day"""


async def claim_days(
    connection: AsyncConnection[Any], app_id: UUID, days: Collection[date]
) -> bool:
    """Begin to make days anew; False when another process does so for this app.

    Marks go first. What is changed from now on leaves a new one, so that figures which miss it do not count.
    """
    if not await _claim(connection, app_id):
        return False
    cursor = await connection.execute(_FORGET, (app_id, list(days)))
    changed = sorted({day for (day,) in await cursor.fetchall()})
    for statement in _VOID if changed else ():
        await connection.execute(statement, (app_id, changed))
    return True


async def _claim(connection: AsyncConnection[Any], app_id: UUID) -> bool:
    row = await (await connection.execute(_LOCK, (app_id,))).fetchone()
    return row is not None and bool(row[0])


async def keep_empty_days(
    connection: AsyncConnection[Any],
    app_id: UUID,
    days: Collection[date],
    *,
    name: str,
    packed: bytes,
    version: int,
) -> set[date]:
    """Store of those days on which there is nothing that they are known; answers which. None while another process works on the app."""
    if not await _claim(connection, app_id):
        return set()
    await connection.execute("SET LOCAL enable_seqscan = off")
    values = {
        "app": app_id,
        "days": list(days),
        "name": name,
        "packed": packed,
        "version": version,
    }
    cursor = await connection.execute(_KEEP_EMPTY, values)
    return {day for (day,) in await cursor.fetchall()}


async def keep_days(
    connection: AsyncConnection[Any], app_id: UUID, figures: Mapping[date, Any], *, version: int
) -> None:
    """Store the figures of days that were claimed in this transaction."""
    days = sorted(figures)
    values = {
        "app": app_id,
        "version": version,
        "days": days,
        "figures": [Jsonb(figures[day]) for day in days],
    }
    await connection.execute(_KEEP, values)


async def keep_columns(
    connection: AsyncConnection[Any],
    app_id: UUID,
    day: date,
    packed: Mapping[str, bytes],
    *,
    version: int,
) -> None:
    """Store the columns of a day that was claimed in this transaction, in place of older ones."""
    await connection.execute(_DROP_COLUMNS, (app_id, day))
    await connection.execute(
        _KEEP_COLUMNS, (app_id, day, version, list(packed), list(packed.values()))
    )
