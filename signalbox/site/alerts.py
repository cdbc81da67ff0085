"""What the worker does for alerts: looks each minute, sends what is queued, reminds, forgets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from signalbox.alerts import queries, store
from signalbox.alerts.rules.figures import Cohort
from signalbox.alerts.service import Channels, Voice, Watch, evaluate_due, remind
from signalbox.core import outgoing
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.jobs import PeriodicJob
from signalbox.core.mail import Mailer
from signalbox.core.metrics import Metrics
from signalbox.core.sealing import Sealer
from signalbox.core.streams import Telling
from signalbox.core.webhooks import Courier
from signalbox.site.settings import Settings, origin_of

Publish = Callable[[Iterable[Telling]], None]
TENANTS: Final = 200  # names of apps among the labels of a metric; the others are "other"
_SHOWN_FOR: Final = timedelta(days=1)  # a closed alert is a 0 for so long


def publish_nothing(messages: Iterable[Telling]) -> None:
    """Takes news where nobody can be told."""


def voice_of(settings: Settings) -> Voice:
    """Who speaks for this installation."""
    domain = settings.site.web_domain
    origin = origin_of(domain) if domain else None
    return Voice(sealer_of(settings), settings.alerts, origin=origin)


def sealer_of(settings: Settings) -> Sealer:
    """Seals with the installation's encryption secrets."""
    return Sealer(settings.site.encryption_secret)


def channels_of(db: Database, settings: Settings) -> Channels:
    """Verbs on who is told."""
    private = settings.alerts.private_addresses
    return Channels(db, sealer_of(settings), voice_of(settings), private=private)


def courier_of(db: Database, settings: Settings) -> Courier:
    """Sends what is queued."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[AsyncConnection[Any]]:
        async with db.begin() as tx:
            yield tx.psycopg

    mailer = Mailer(settings.mail, SystemClock()) if settings.mail.host else None
    return Courier(
        begin,
        sealer_of(settings),
        private=settings.alerts.private_addresses,
        email=mailer.send if mailer else None,
    )


def alert_jobs(
    db: Database, settings: Settings, publish: Publish, metrics: Metrics | None
) -> Sequence[PeriodicJob]:
    """What the calendar starts, in UTC."""
    voice = voice_of(settings)
    watch, courier = Watch(voice=voice), courier_of(db, settings)

    async def evaluate(at: datetime) -> None:
        told = await evaluate_due(db, watch, at=at)
        publish([one.telling() for one in told])
        if metrics is not None:
            await _count(db, metrics, at)

    async def send(at: datetime) -> None:
        await courier.send_due(at=at)

    async def remind_of(at: datetime) -> None:
        await remind(db, voice, settings.alerts, at=at)

    async def forget(at: datetime) -> None:
        async with db.begin() as tx:
            before = at - timedelta(days=settings.alerts.keep_days)
            await store.forget(tx.psycopg, before=before)
            await outgoing.forget(tx.psycopg, at=at)

    return [
        PeriodicJob(name="alerts.evaluate", cron="* * * * * 5", run=evaluate),
        PeriodicJob(name="alerts.remind", cron="*/5 * * * *", run=remind_of),
        PeriodicJob(name="alerts.forget", cron="29 4 * * *", run=forget),
        PeriodicJob(name="core.send_messages", cron="* * * * * */5", run=send),
    ]


async def _count(db: Database, metrics: Metrics, at: datetime) -> None:
    """Show which alerts of playback are open."""
    async with db.read() as tx:
        rows = await queries.active(tx, SYSTEM, since=at - _SHOWN_FOR)
    playback = [row for row in rows if row["context"] == "playback"]
    known = sorted({row["tenant"] for row in playback})[:TENANTS]
    found: dict[tuple[str, str, str], bool] = {}
    for row in playback:
        tenant = row["tenant"] if row["tenant"] in known else "other"
        labels = (tenant, row["rule"], Cohort(row["dimension"], row["value"]).label)
        found[labels] = found.get(labels, False) or row["is_open"]
    for (tenant, rule, cohort), is_open in found.items():
        metrics.playback_alert(tenant, rule, cohort, is_open=is_open)
