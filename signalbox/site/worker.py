"""`signalbox worker`: what is done beside requests, for all contexts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from psycopg import AsyncConnection

from signalbox.accounts import queries as accounts_queries
from signalbox.accounts.service import forget_expired_logins
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.jobs import PeriodicJob, Worker
from signalbox.core.live import Live
from signalbox.core.metrics import Metrics, open_metrics
from signalbox.core.partitions import maintain
from signalbox.core.streams import Publisher, Watched
from signalbox.monitoring.rules.retention import Keep
from signalbox.monitoring.service import (
    Minutes,
    Tell,
    count_volumes,
    delete_expired,
    diagnose_again,
    diagnose_changed,
    end_stale_conferences,
    finish_days,
    finish_erasures,
    judge_finished_conferences,
    make_columns,
    roll_up,
    tell_nobody,
)
from signalbox.monitoring.service.live import LiveNews
from signalbox.site.alerts import Publish, alert_jobs, publish_nothing
from signalbox.site.cmcd import cmcd_jobs
from signalbox.site.partitions import policies, rollups_days
from signalbox.site.playback_jobs import first_round, playback_jobs
from signalbox.site.settings import Settings

RECOUNT_HOUR = (
    3  # UTC: once a day every stored day is counted again, for retention has been at work
)

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    asyncio.run(_run(settings))


async def maintain_partitions(db: Database, settings: Settings, at: datetime) -> None:
    """Make the coming partitions, drop those past their time for every app."""
    async with db.read() as tx:
        apps = await accounts_queries.retentions(tx, SYSTEM)
    async with await AsyncConnection.connect(
        db.url, autocommit=True, connect_timeout=5
    ) as connection:
        await maintain(connection, policies(settings, apps), at=at)


async def keeps_of_apps(db: Database, settings: Settings) -> list[Keep]:
    """How long each app's data is kept: its own choice, else the installation's."""
    default = settings.monitoring
    async with db.read() as tx:
        apps = await accounts_queries.retentions(tx, SYSTEM)
    return [
        Keep(
            app=app["id"],
            since=app["created_at"].astimezone(UTC).date(),
            events_days=app["retention_events_days"] or default.events_days,
            samples_days=app["retention_points_days"] or default.samples_days,
            rollups_days=rollups_days(default, app),
            everything_days=app["retention_days"] or default.everything_days,
        )
        for app in apps
    ]


def periodic_jobs(
    db: Database,
    settings: Settings,
    tell: Tell = tell_nobody,
    publish: Publish = publish_nothing,
    metrics: Metrics | None = None,
) -> Sequence[PeriodicJob]:
    """What the calendar starts, in UTC; `tell` takes what has happened to calls, `publish` any other news."""

    async def partitions(at: datetime) -> None:
        await maintain_partitions(db, settings, at)

    async def logins(at: datetime) -> None:
        await forget_expired_logins(db, at=at)

    async def retention(at: datetime) -> None:
        await delete_expired(db, await keeps_of_apps(db, settings), at=at)

    async def stale(at: datetime) -> None:
        timeout = timedelta(hours=settings.monitoring.conference_timeout_hours)
        await end_stale_conferences(db, silent_for=timeout, at=at, tell=tell)

    async def judge(at: datetime) -> None:
        version = settings.monitoring.emos_version
        await judge_finished_conferences(db, emos_version=version, at=at, tell=tell)

    async def volumes(at: datetime) -> None:
        await count_volumes(db, everything=at.hour == RECOUNT_HOUR, at=at)

    async def erasures(at: datetime) -> None:
        await finish_erasures(db, at=at)

    async def diagnose(at: datetime) -> None:
        await diagnose_changed(db, settings=settings.monitoring, at=at, tell=tell)

    return [
        *_figure_jobs(db, settings),
        *cmcd_jobs(db, settings.playback),
        *playback_jobs(db, settings, metrics),
        *alert_jobs(db, settings, publish, metrics),
        PeriodicJob(name="monitoring.erase", cron="* * * * *", run=erasures),
        PeriodicJob(name="monitoring.end_stale", cron="* * * * *", run=stale),
        PeriodicJob(name="monitoring.volumes", cron="41 * * * *", run=volumes),
        PeriodicJob(name="monitoring.judge", cron="* * * * * */10", run=judge),
        PeriodicJob(name="monitoring.diagnose", cron="* * * * * */10", run=diagnose),
        PeriodicJob(name="monitoring.retention", cron="17 * * * *", run=retention),
        PeriodicJob(name="site.partitions", cron="7 * * * *", run=partitions),
        PeriodicJob(name="accounts.forget_logins", cron="23 3 * * *", run=logins),
    ]


def _figure_jobs(db: Database, settings: Settings) -> Sequence[PeriodicJob]:
    """What keeps minutes, hours and days of figures."""
    version = settings.monitoring.emos_version
    minutes = Minutes(db, emos_version=version, steps=[diagnose_again])

    async def figures(at: datetime) -> None:
        await minutes.advance(at=at)
        await roll_up(db, at=at)

    async def days(at: datetime) -> None:
        await finish_days(db, at=at)

    async def columns(at: datetime) -> None:
        await make_columns(db, at=at)

    return [
        PeriodicJob(name="monitoring.figures", cron="* * * * * */10", run=figures),
        PeriodicJob(name="monitoring.figure_days", cron="11 * * * *", run=days),
        PeriodicJob(name="monitoring.overview_columns", cron="*/5 * * * *", run=columns),
    ]


async def _run(settings: Settings) -> None:
    assert settings.core.database_url is not None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    db = Database(settings.core.database_url, pool_size=2)
    metrics = open_metrics(settings.core.data)
    await db.open()
    try:
        async with _telling(settings, metrics) as (tell, publish):
            jobs = periodic_jobs(db, settings, tell, publish, metrics)
            worker = Worker(db.url, SystemClock(), periodic=jobs, metrics=metrics)
            log.info("worker.started")
            async with first_round(db, settings, SystemClock().now()):
                await worker.run(stop)
    finally:
        await db.close()
    log.info("worker.stopped")


@asynccontextmanager
async def _telling(settings: Settings, metrics: Metrics) -> AsyncIterator[tuple[Tell, Publish]]:
    """Tell live what jobs have done; nobody without a Redis."""
    url = settings.core.redis_url
    if url is None:
        yield tell_nobody, publish_nothing
        return
    live = Live(url, timeout_ms=settings.core.redis_timeout_ms, on_failure=metrics.live_lost.inc)
    publisher = Publisher(live, keep=settings.monitoring.live_kept)
    await live.open()
    await publisher.open()
    try:
        yield LiveNews(publisher.tell, Watched(live)).tell, publisher.tell
    finally:
        await publisher.close()
        await live.close()
