"""What the worker does for playback: figures, retention, partitions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from time import perf_counter

import psycopg
import structlog
from psycopg import AsyncConnection
from sqlalchemy.exc import SQLAlchemyError

from signalbox.accounts import queries as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.jobs import PeriodicJob
from signalbox.core.metrics import Metrics
from signalbox.core.partitions import maintain, partitions_of
from signalbox.playback.queries import audience
from signalbox.playback.rules.retention import SESSION_TABLES
from signalbox.playback.service.retention import Removed, remove_over, shortest_days
from signalbox.playback.service.rollups import roll_up
from signalbox.playback.settings import PlaybackSettings
from signalbox.playback.store.retention import (
    ensure_live_indexes,
    ensure_payload_indexes,
    rows_beside,
)
from signalbox.site.access_log import AccessLog
from signalbox.site.partitions import playback_policies
from signalbox.site.playback_figures import PlaybackFigures
from signalbox.site.settings import Settings

log = structlog.get_logger(__name__)


def good_session(settings: PlaybackSettings) -> Mapping[str, float]:
    """What a good session keeps to."""
    return {
        "good_startup_ms": settings.good_startup_ms,
        "good_ratio": settings.good_rebuffer_ratio,
    }


# Of the session: indexes are made outside of transactions. Who does not get it at once leaves the work to the one who has it: to wait would
# be to hold a snapshot, for whose end the making of an index waits.
_INDEXING = "SELECT pg_try_advisory_lock(hashtextextended('playback.indexes', 0))"


async def maintain_sessions(db: Database, settings: Settings, at: datetime) -> None:
    """Make the coming months of sessions, and the indexes of those in which somebody may be watching now."""
    async with await AsyncConnection.connect(
        db.url, autocommit=True, connect_timeout=5
    ) as connection:
        await maintain(connection, playback_policies(settings), at=at)
        mine = await (await connection.execute(_INDEXING)).fetchone()
        if not mine or not mine[0]:
            return
        await ensure_live_indexes(connection, today=at.date())
        await ensure_payload_indexes(connection, wanted=settings.playback.payload_gin)


async def tell_gauges(
    db: Database, settings: Settings, told: PlaybackFigures, at: datetime
) -> None:
    """Who watches now, and whether every session lies in a month of its own."""
    async with db.read() as tx:
        apps = await accounts.apps(tx, SYSTEM)
        ids, window_s = [app["id"] for app in apps], settings.playback.live_window_s
        watching = await audience.watching(tx, ids, at=at, window_s=window_s)
        for app in apps:
            told.viewers(app["name"], watching.get(app["id"], 0))
        for table in SESSION_TABLES:
            names = await partitions_of(tx.psycopg, table)
            told.partitions(
                table.partition(".")[2], len(names) - 1, await rows_beside(tx.psycopg, table)
            )


def playback_jobs(
    db: Database, settings: Settings, metrics: Metrics | None = None
) -> Sequence[PeriodicJob]:
    """What the calendar starts, in UTC; figures of it are told where there are `metrics`."""
    playback, told = settings.playback, None if metrics is None else _told(metrics)

    @contextmanager
    def timed(query: str) -> Iterator[None]:
        begun_s = perf_counter()
        yield
        if told is not None:
            told.query_took(query, perf_counter() - begun_s)

    async def figures(at: datetime) -> None:
        days = playback.retention_days
        keeps = await shortest_days(db, days)
        good = good_session(playback)
        with timed("rollup"):
            await roll_up(db, good=good, keeps_days=keeps, otherwise_days=days, at=at)

    async def retention(at: datetime) -> None:
        with timed("retention"):
            done = await remove_over(db, sessions_days=playback.retention_days, at=at)
        if told is not None:
            await _tell_removed(db, told, done)

    async def gauges(at: datetime) -> None:
        if told is not None:
            await tell_gauges(db, settings, told, at)

    async def partitions(at: datetime) -> None:
        await maintain_sessions(db, settings, at)

    return [
        PeriodicJob(name="playback.figures", cron="* * * * * */30", run=figures),
        PeriodicJob(name="playback.retention", cron="0 2 * * *", run=retention),
        PeriodicJob(name="playback.gauges", cron="* * * * * */15", run=gauges),
        PeriodicJob(name="playback.partitions", cron="5 */6 * * *", run=partitions),
    ]


def _told(metrics: Metrics) -> PlaybackFigures:
    return PlaybackFigures(metrics, AccessLog(as_json=True, level="INFO"))


async def _tell_removed(db: Database, told: PlaybackFigures, done: Sequence[Removed]) -> None:
    async with db.read() as tx:
        names = {app["id"]: app["name"] for app in await accounts.apps(tx, SYSTEM)}
    for one in done:
        kind = one.kind if one.app_id is not None else "sessions"
        told.deleted(names.get(one.app_id, ""), kind, one.count)


@asynccontextmanager
async def first_round(db: Database, settings: Settings, at: datetime) -> AsyncIterator[None]:
    """What a worker does at its start besides what the calendar says, beside the block; the calendar repeats what fails."""
    task = asyncio.create_task(at_start(db, settings, at), name="playback.first_round")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def at_start(db: Database, settings: Settings, at: datetime) -> None:
    """Make partitions, and remove what is over since a worker ran last."""
    try:
        await maintain_sessions(db, settings, at)
        await remove_over(db, sessions_days=settings.playback.retention_days, at=at)
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        log.warning("playback.first_round_failed", error=type(error).__name__)
