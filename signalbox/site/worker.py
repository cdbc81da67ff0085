"""`signalbox worker`: what is done beside requests, for all contexts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from psycopg import AsyncConnection

from signalbox.accounts.service import forget_expired_logins
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.jobs import PeriodicJob, Worker
from signalbox.core.metrics import open_metrics
from signalbox.core.partitions import maintain
from signalbox.monitoring.service import end_stale_conferences, judge_finished_conferences
from signalbox.site.partitions import policies
from signalbox.site.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    asyncio.run(_run(settings))


async def maintain_partitions(url: str, settings: Settings, at: datetime) -> None:
    """Make the coming partitions, drop those past their time."""
    async with await AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as connection:
        await maintain(connection, policies(settings), at=at)


def periodic_jobs(db: Database, settings: Settings) -> Sequence[PeriodicJob]:
    """What the calendar starts, in UTC."""

    async def partitions(at: datetime) -> None:
        await maintain_partitions(db.url, settings, at)

    async def logins(at: datetime) -> None:
        await forget_expired_logins(db, at=at)

    async def stale(at: datetime) -> None:
        timeout = timedelta(hours=settings.monitoring.conference_timeout_hours)
        await end_stale_conferences(db, silent_for=timeout, at=at)

    async def judge(at: datetime) -> None:
        await judge_finished_conferences(db, emos_version=settings.monitoring.emos_version, at=at)

    return [
        PeriodicJob(name="monitoring.end_stale", cron="* * * * *", run=stale),
        PeriodicJob(name="monitoring.judge", cron="* * * * * */10", run=judge),
        PeriodicJob(name="site.partitions", cron="7 * * * *", run=partitions),
        PeriodicJob(name="accounts.forget_logins", cron="23 3 * * *", run=logins),
    ]


async def _run(settings: Settings) -> None:
    assert settings.core.database_url is not None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    db = Database(settings.core.database_url, pool_size=2)
    await db.open()
    try:
        worker = Worker(
            db.url,
            SystemClock(),
            periodic=periodic_jobs(db, settings),
            metrics=open_metrics(settings.core.data),
        )
        log.info("worker.started")
        await worker.run(stop)
    finally:
        await db.close()
    log.info("worker.stopped")
