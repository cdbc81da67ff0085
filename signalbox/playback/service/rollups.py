"""Minutes and hours whose sessions have changed are counted again, so that a report that comes twice or late counts once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection

from signalbox.core.db import Database
from signalbox.playback.rules.retention import ROLLUP_DAYS
from signalbox.playback.rules.spans import HOUR, floor
from signalbox.playback.store import rollups as store

MINUTES_AT_ONCE: Final = 500
MOST_ROUNDS: Final = 200

log = structlog.get_logger(__name__)


async def roll_up(
    db: Database,
    *,
    good: Mapping[str, float],
    keeps_days: Mapping[UUID, int],
    otherwise_days: int,
    at: datetime,
) -> int:
    """Count what is dirty; answers how many minutes. `good` is what a good session must keep to.

    What is older than the sessions of its app are kept (`keeps_days`, else `otherwise_days`) stays as it is: counted again, it
    would be less than it was.
    """
    done = 0
    for _ in range(MOST_ROUNDS):
        async with db.begin() as tx:
            connection = tx.psycopg
            if not await store.claim(connection):
                break
            dirty = await store.take_dirty(connection, most=MINUTES_AT_ONCE)
            for app_id, minutes in dirty.items():
                days = min(keeps_days.get(app_id, otherwise_days), ROLLUP_DAYS)
                fresh = {minute for minute in minutes if minute > at - timedelta(days=days)}
                if fresh:
                    await _count(connection, app_id, fresh, good)
        found = sum(map(len, dirty.values()))
        done += found
        if found < MINUTES_AT_ONCE:
            break
    if done:
        log.info("playback.rolled_up", minutes=done)
    return done


async def _count(
    connection: AsyncConnection[Any],
    app_id: UUID,
    minutes: Collection[datetime],
    good: Mapping[str, float],
) -> None:
    """Minutes of one app and their hours. What the database cannot count of one app holds no other up: it stays as it was."""
    try:
        async with connection.transaction():
            await store.count_minutes(connection, app_id, minutes, good)
            hours = {floor(minute, HOUR) for minute in minutes}
            await store.count_hours(connection, app_id, hours)
    except psycopg.DataError as error:
        log.error("playback.app_not_rolled_up", app_id=str(app_id), exc_info=error)


async def recount(
    db: Database, app_id: UUID, *, begin: datetime, end: datetime, at: datetime
) -> int:
    """Have the minutes of a span counted again by the worker, as after a change of what a good session is; answers how many."""
    async with db.begin() as tx:
        return await store.mark_span(tx.psycopg, app_id, begin, end, at=at)
