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
        SELECT ctid FROM monitoring.overview_changes WHERE app_id = %s AND day = ANY(%s) FOR UPDATE SKIP LOCKED)"""
_KEEP = """
    INSERT INTO monitoring.overview_days (app_id, day, version, figures)
    SELECT %(app)s, new.day, %(version)s, new.figures FROM unnest(%(days)s::date[], %(figures)s::jsonb[]) AS new (day, figures)
    ON CONFLICT (app_id, day) DO UPDATE SET version = excluded.version, figures = excluded.figures"""


async def claim_days(
    connection: AsyncConnection[Any], app_id: UUID, days: Collection[date]
) -> bool:
    """Begin to make days anew; False when another process does so for this app.

    Marks go first. What is changed from now on leaves a new one, so that figures which miss it do not count.
    """
    cursor = await connection.execute(_LOCK, (app_id,))
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return False
    await connection.execute(_FORGET, (app_id, list(days)))
    return True


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
