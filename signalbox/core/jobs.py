"""Jobs: what is done beside requests, queued and scheduled in PostgreSQL by Procrastinate (schema `jobs`).

Contexts describe their jobs in `tasks.py`, each under a name such as "monitoring.sweep"; `site` hands all of them to one
`Worker`. Of several workers one runs a job. A job may run twice when a worker dies in the midst of it, so
every job is written to be repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from psycopg_pool import AsyncConnectionPool

from signalbox.core.clock import Clock

SEARCH_PATH: Final = "-c search_path=jobs,pg_catalog"
RECOVER_AFTER_S: Final = 60  # a worker silent for so long is taken for dead
KEEP_FAILED_HOURS: Final = 72
STOP_WITHIN_S: Final = (
    20.0  # a job that runs longer after the order to stop is cut off, and repeated later
)
_CONCURRENCY: Final = 4
_RECOVER: Final = "core.recover_jobs"
_BACKOFF_MAX_S: Final = 30.0

log = structlog.get_logger(__name__)


class JobMetrics(Protocol):
    """What the worker counts."""

    def job_finished(self, name: str, status: str, seconds: float) -> None:
        """One run of `name` that "succeeded" or "failed" after `seconds`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicJob:
    """A job run by the calendar, never twice at the same time.

    `cron` has five fields, or a sixth for seconds, in UTC. `run` gets the instant at which it starts.
    """

    name: str
    cron: str
    run: Callable[[datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job run on request (`enqueue`); `run` gets what was enqueued as keyword arguments."""

    name: str
    run: Callable[..., Awaitable[object]]


async def enqueue(
    conn: psycopg.AsyncConnection[Any],
    name: str,
    arguments: Mapping[str, Any],
    *,
    not_before: datetime | None = None,
    lock: str | None = None,
) -> int:
    """Queue the job `name` in the caller's transaction, so that it exists if and only if that commits; its number.

    Jobs with the same `lock` run one after the other. `arguments` are plain JSON values.
    """
    cursor = await conn.execute(
        "SELECT (jobs.procrastinate_defer_jobs_v1("
        "ARRAY[ROW('default', %s, 0, %s, NULL, %s, %s)::jobs.procrastinate_job_to_defer_v1]))[1]",
        (name, lock, msgspec.json.encode(arguments).decode(), not_before),
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


class Worker:
    """Runs jobs until told to stop; outlives a database that is away."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        periodic: Iterable[PeriodicJob] = (),
        jobs: Iterable[Job] = (),
        metrics: JobMetrics | None = None,
        connect_timeout_s: float = 5.0,
    ) -> None:
        self._url = url
        self._clock = clock
        self._periodic = tuple(periodic)
        self._jobs = tuple(jobs)
        self._metrics = metrics
        self._connect_timeout_s = connect_timeout_s

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is running, for `STOP_WITHIN_S` at most."""
        wait_s = 1.0
        while not stop.is_set():
            began = time.monotonic()
            try:
                await self._run_until(stop)
            except (ConnectorException, psycopg.Error, OSError) as error:
                wait_s = 1.0 if time.monotonic() - began > _BACKOFF_MAX_S else wait_s
                log.warning("worker.lost_database", reason=type(error).__name__, retry_s=wait_s)
                await _either(stop.wait(), wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_MAX_S)

    async def run_once(self) -> None:
        """Run the jobs that are queued now, then return. Schedules nothing by the calendar that was not due yet."""
        async with self._opened() as app:
            await app.run_worker_async(wait=False, listen_notify=False, **_OPTIONS)

    async def run_periodic(self, name: str) -> None:
        """Run one periodic job here and now, past the queue.

        Raises:
            KeyError: nobody has registered it.
        """
        found = {job.name: job for job in self._periodic}[name]
        await self._timed(name, lambda: found.run(self._clock.now()))

    async def _run_until(self, stop: asyncio.Event) -> None:
        async with self._opened() as app:
            work = asyncio.create_task(app.run_worker_async(**_OPTIONS), name="worker")
            stopped = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopped.cancel()
                await _finish(work)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[App]:
        app = self._app()
        pool = AsyncConnectionPool(
            self._url,
            kwargs={"options": SEARCH_PATH, "connect_timeout": 5},
            min_size=1,
            max_size=_CONCURRENCY + 2,
            timeout=self._connect_timeout_s,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        try:
            # Opened here: Procrastinate would wait 30 s for a database that is away, deaf to an order to stop.
            await pool.open(wait=True, timeout=self._connect_timeout_s)
            async with app.open_async(pool):
                yield app
        finally:
            await pool.close()

    def _app(self) -> App:
        app = App(connector=PsycopgConnector())
        for job in self._jobs:
            app.task(name=job.name)(self._on_request(job))
        recover = PeriodicJob(name=_RECOVER, cron="* * * * *", run=lambda _: _recover(app))
        for periodic in (*self._periodic, recover):
            # The first lock lets one run at a time; the second keeps one waiting at most. Recovery must not wait for
            # a recovery that died.
            lock = None if periodic is recover else periodic.name
            task = app.task(name=periodic.name, lock=lock, queueing_lock=periodic.name)
            app.periodic(cron=periodic.cron)(task(self._by_calendar(periodic)))
        return app

    def _on_request(self, job: Job) -> Callable[..., Awaitable[None]]:
        async def run(**arguments: Any) -> None:
            await self._timed(job.name, lambda: job.run(**arguments))

        return run

    def _by_calendar(self, job: PeriodicJob) -> Callable[[int], Awaitable[None]]:
        async def run(timestamp: int) -> None:  # noqa: ARG001  # when it was due, Procrastinate's argument
            await self._timed(job.name, lambda: job.run(self._clock.now()))

        return run

    async def _timed(self, name: str, run: Callable[[], Awaitable[object]]) -> None:
        began, status = time.monotonic(), "failed"
        try:
            await run()
            status = "succeeded"
        except Exception:
            log.exception("job.failed", job=name)
            raise
        finally:
            took_s = time.monotonic() - began
            log.debug("job.finished", job=name, status=status, took_ms=round(took_s * 1000))
            if self._metrics is not None:
                self._metrics.job_finished(name, status, took_s)


_OPTIONS: Final[Any] = {
    "concurrency": _CONCURRENCY,
    "install_signal_handlers": False,
    "delete_jobs": "successful",
    "shutdown_graceful_timeout": STOP_WITHIN_S,
}


async def _recover(app: App) -> None:
    """Queue again what a dead worker left half done (its lock would stop the job for ever); forget old failures."""
    stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=RECOVER_AFTER_S)
    for job in stalled:
        log.warning("job.recovered", job=job.task_name, number=job.id)
        try:
            await app.job_manager.retry_job(job)
        except (
            UniqueViolation
        ):  # the calendar has queued its next run already: that one does the work
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
    await app.job_manager.delete_old_jobs(
        nb_hours=KEEP_FAILED_HOURS,
        include_failed=True,
        include_cancelled=True,
        include_aborted=True,
    )


async def _finish(work: asyncio.Task[None]) -> None:
    """Order the worker to stop, wait for it and hand on what it died of."""
    if not work.done():
        work.cancel()  # Procrastinate takes this for the order to stop gracefully
    try:
        await work
    except asyncio.CancelledError:
        if not work.cancelled():
            raise


async def _either(waited: Awaitable[object], seconds: float) -> None:
    try:
        await asyncio.wait_for(waited, seconds)
    except TimeoutError:
        return
