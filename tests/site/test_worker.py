"""The worker's jobs run on a migrated database."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.jobs import Worker
from signalbox.site.settings import load_settings
from signalbox.site.worker import periodic_jobs

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


async def test_every_periodic_job_runs(db: Database, environment: dict[str, str]) -> None:
    jobs = periodic_jobs(db, load_settings(environment))
    worker = Worker(db.url, ManualClock(AT), periodic=jobs)

    for job in jobs:
        await worker.run_periodic(job.name)

    with psycopg.connect(db.url) as connection:
        found = connection.execute("SELECT to_regclass('monitoring.samples_20260304')").fetchone()
    assert found != (None,)


def test_jobs_have_names_of_their_own(environment: dict[str, str]) -> None:
    jobs = periodic_jobs(Database("postgresql:///"), load_settings(environment))

    assert len({job.name for job in jobs}) == len(jobs)
