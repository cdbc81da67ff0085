"""Jobs run when asked for or due, once at a time, and survive a worker that dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from structlog.testing import capture_logs

from signalbox.core.clock import ManualClock
from signalbox.core.jobs import Job, PeriodicJob, Worker, enqueue
from signalbox.core.metrics import Metrics

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def name() -> str:
    return f"test.{uuid4().hex}"


async def states(conn: AsyncConnection[Any], name: str) -> list[str]:
    cursor = await conn.execute(
        "SELECT status::text FROM jobs.procrastinate_jobs WHERE task_name = %s ORDER BY id", (name,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def test_a_job_exists_if_its_transaction_commits(
    database_url: str, conn: AsyncConnection[Any], name: str
) -> None:
    ran: list[dict[str, Any]] = []

    async def note(**arguments: Any) -> None:
        ran.append(arguments)

    async def change_my_mind() -> None:
        async with conn.transaction():
            await enqueue(conn, name, {"n": 1})
            raise LookupError

    with pytest.raises(LookupError):
        await change_my_mind()
    async with conn.transaction():
        assert await enqueue(conn, name, {"n": 2}) > 0

    metrics = Metrics()
    jobs = [Job(name=name, run=note)]
    await Worker(database_url, ManualClock(AT), jobs=jobs, metrics=metrics).run_once()

    assert ran == [{"n": 2}]
    assert await states(conn, name) == []
    assert f'job_runs_total{{name="{name}",status="succeeded"}} 1.0' in metrics.render().decode()


async def test_a_job_that_fails_is_kept_and_counted(
    database_url: str, conn: AsyncConnection[Any], name: str
) -> None:
    async def fail() -> None:
        raise ValueError(name)

    metrics = Metrics()
    await enqueue(conn, name, {})
    jobs = [Job(name=name, run=fail)]
    await Worker(database_url, ManualClock(AT), jobs=jobs, metrics=metrics).run_once()

    assert await states(conn, name) == ["failed"]
    assert f'job_runs_total{{name="{name}",status="failed"}} 1.0' in metrics.render().decode()


async def test_jobs_with_one_lock_run_one_after_the_other(
    database_url: str, conn: AsyncConnection[Any], name: str
) -> None:
    running = most = 0

    async def note() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    for _ in range(4):
        await enqueue(conn, name, {}, lock=name)
    workers = [
        Worker(database_url, ManualClock(AT), jobs=[Job(name=name, run=note)]) for _ in range(2)
    ]
    await asyncio.gather(*(worker.run_once() for worker in workers))

    assert most == 1


async def test_the_calendar_runs_a_job_and_stopping_is_prompt(
    database_url: str, conn: AsyncConnection[Any], name: str
) -> None:
    ran: list[datetime] = []
    stop = asyncio.Event()

    async def note(at: datetime) -> None:
        ran.append(at)
        stop.set()

    every_second = PeriodicJob(name=name, cron="* * * * * *", run=note)
    worker = Worker(database_url, ManualClock(AT), periodic=[every_second])
    async with asyncio.timeout(15):
        await worker.run(stop)

    assert ran[0] == AT


async def test_a_periodic_job_can_be_run_by_hand(database_url: str) -> None:
    ran: list[datetime] = []

    async def note(at: datetime) -> None:
        ran.append(at)

    daily = PeriodicJob(name="daily", cron="0 0 * * *", run=note)
    await Worker(database_url, ManualClock(AT), periodic=[daily]).run_periodic("daily")
    assert ran == [AT]
    with pytest.raises(KeyError):
        await Worker(database_url, ManualClock(AT)).run_periodic("daily")


async def test_what_a_dead_worker_left_is_run_again(
    database_url: str, conn: AsyncConnection[Any], name: str
) -> None:
    ran: list[int] = []

    async def note() -> None:
        ran.append(1)

    await enqueue(conn, name, {}, lock=name)
    await conn.execute(
        "UPDATE jobs.procrastinate_jobs SET status = 'doing' WHERE task_name = %s", (name,)
    )
    worker = Worker(database_url, ManualClock(AT), jobs=[Job(name=name, run=note)])
    await enqueue(conn, "core.recover_jobs", {"timestamp": 0})
    await worker.run_once()
    await worker.run_once()

    assert ran == [1]


async def test_a_worker_that_died_in_the_midst_of_everything_stops_nothing(
    database_url: str, conn: AsyncConnection[Any], name: str
) -> None:
    """The periodic job, its recovery and the next run of the job: all as a killed worker leaves them."""
    ran, stop = 0, asyncio.Event()

    async def note(_: datetime) -> None:
        nonlocal ran
        ran += 1
        stop.set()

    recovery = "core.recover_jobs"
    doing = "UPDATE jobs.procrastinate_jobs SET status = 'doing', queueing_lock = task_name WHERE id = %s"
    for job in (name, recovery):
        await conn.execute(doing, [await enqueue(conn, job, {"timestamp": 0}, lock=job)])
    waiting = await enqueue(conn, name, {"timestamp": 1}, lock=name)
    await conn.execute(
        "UPDATE jobs.procrastinate_jobs SET queueing_lock = task_name WHERE id = %s", [waiting]
    )
    await conn.execute(
        "DELETE FROM jobs.procrastinate_periodic_defers WHERE task_name = %s", [recovery]
    )
    never = PeriodicJob(name=name, cron="0 0 29 2 *", run=note)
    async with asyncio.timeout(15):
        await Worker(database_url, ManualClock(AT), periodic=[never]).run(stop)

    assert ran == 1
    assert await states(conn, name) == []


async def test_a_worker_waits_for_a_database_that_is_away() -> None:
    asked, stop = asyncio.Event(), asyncio.Event()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://nobody@127.0.0.1:{port}/none"
        worker = Worker(url, ManualClock(AT), connect_timeout_s=0.1)
        with capture_logs() as logs:
            work = asyncio.create_task(worker.run(stop))
            await asked.wait()
            assert not work.done()
            stop.set()
            await work

    assert logs[0]["event"] == "worker.lost_database"
