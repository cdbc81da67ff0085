"""Looking at whole conferences: what rules find in them, and why they were bad."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from signalbox.core.db import Database
from signalbox.monitoring.rules.detection import detect
from signalbox.monitoring.rules.diagnosis import diagnose
from signalbox.monitoring.service.upkeep import Tell, tell_nobody
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.store import detected, observing
from signalbox.monitoring.store.news import News

log = structlog.get_logger(__name__)
AT_ONCE = 50


async def diagnose_conference(
    db: Database,
    conference: UUID,
    *,
    settings: MonitoringSettings,
    at: datetime,
    tell: Tell = tell_nobody,
) -> list[UUID] | None:
    """Look at one conference and write down what rules find; answers the ids of the issues that changed.

    Answers None and changes nothing when there is no such conference, when another process is looking at it, or when the reports of an
    established connection are gone, for then less would be found than is known.
    """
    async with db.begin() as tx:
        if not await detected.try_lock(tx.psycopg, conference):
            return None
        loaded = await observing.load_conference(
            tx.psycopg, conference, at=at, emos_version=settings.emos_version
        )
        if loaded is None:
            return None
        if not loaded.reports and any(one.established for one in loaded.observed.connections):
            await detected.mark_diagnosed(tx.psycopg, loaded, at=at)
            return None
        found = detect(loaded.observed, settings.detection)
        news = News()
        changed = await detected.write_detected(tx.psycopg, loaded, found, news)
        said = diagnose(loaded.observed, found)
        await detected.write_diagnoses(tx.psycopg, loaded, found, said, at=at)
        await detected.mark_diagnosed(tx.psycopg, loaded, at=at)
    tell(news.happenings)
    return changed


async def diagnose_changed(
    db: Database,
    *,
    settings: MonitoringSettings,
    at: datetime,
    tell: Tell = tell_nobody,
    budget_s: float = 8.0,
) -> int:
    """Look at conferences that have ended, and at running ones now and then, for `budget_s` at most; answers at how many."""
    until, looked_at = time.monotonic() + budget_s, 0
    async with db.read() as tx:
        waiting = await observing.conferences_to_diagnose(tx.psycopg, at=at, most=AT_ONCE)
    for conference in waiting:
        if time.monotonic() > until:
            log.info("conferences.diagnosis_postponed", conferences=len(waiting) - looked_at)
            break
        await diagnose_conference(db, conference, settings=settings, at=at, tell=tell)
        looked_at += 1
    return looked_at


async def diagnose_since(
    db: Database, since: datetime, *, settings: MonitoringSettings, at: datetime
) -> dict[str, int]:
    """Look again at all conferences that were made from an instant on; answers how many were looked at, and how many were left as they are."""
    done = {"looked_at": 0, "left": 0}
    after: UUID | None = None
    while True:
        async with db.read() as tx:
            some = await observing.conferences_since(tx.psycopg, since, after=after, most=AT_ONCE)
        for conference in some:
            changed = await diagnose_conference(db, conference, settings=settings, at=at)
            done["left" if changed is None else "looked_at"] += 1
        if len(some) < AT_ONCE:
            return done
        after = some[-1]


async def diagnose_again(db: Database, touched: Mapping[UUID, datetime], _at: datetime) -> None:
    """A step behind the figures: conferences of which more reports came in, late ones too, are looked at once more."""
    async with db.begin() as tx:
        await detected.look_again(tx.psycopg, sorted(touched))
