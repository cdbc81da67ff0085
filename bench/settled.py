"""Does at once what the worker would do about calls of the past in the next minutes, so that no figure changes any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from signalbox.core.db import Database
from signalbox.monitoring.service import diagnose_changed
from signalbox.site.settings import load_settings
from signalbox.site.worker import periodic_jobs


async def settle(environ: Mapping[str, str]) -> None:
    """Judge, count, roll up, diagnose and watch all that has come in until now. `environ` is that of a part of the site."""
    settings = load_settings(environ)
    assert settings.core.database_url is not None
    db = Database(settings.core.database_url)
    await db.open()
    try:
        jobs = {job.name: job.run for job in periodic_jobs(db, settings)}
        at = datetime.now(UTC) + timedelta(minutes=1)
        for name in ("end_stale", "judge", "figures", "figures", "figure_days"):
            await jobs[f"monitoring.{name}"](at)
        while await diagnose_changed(db, settings=settings.monitoring, at=at, budget_s=60):
            pass
        await jobs["alerts.evaluate"](datetime.now(UTC))
    finally:
        await db.close()
