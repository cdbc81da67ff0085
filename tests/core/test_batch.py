"""The messages of all concurrent callers share transactions; nobody is told of a commit before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from signalbox.core import batch
from signalbox.core.batch import Again, GroupCommitWriter, LaneLimits
from signalbox.core.errors import AppError, DatabaseAway, Overloaded

Stored = list[list[str]]


class Refused(AppError):
    """What `apply` says of a message that it does not like."""

    code, status, message = "refused", 400, "No."


class Book:
    """Writes each message as a row; keeps the batches as they came."""

    def __init__(self) -> None:
        self.batches: Stored = []
        self.taken: asyncio.Queue[None] = asyncio.Queue()
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.trouble: list[Exception] = []

    async def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[str]
    ) -> list[Any]:
        self.batches.append(list(messages))
        self.taken.put_nowait(None)
        await self.may_go.wait()
        if self.trouble:
            raise self.trouble.pop(0)
        for message in messages:
            if message == "broken":
                raise ValueError(message)
            await connection.execute("INSERT INTO book VALUES (%s)", (message,))
        return [Refused() if message == "refused" else f"did {message}" for message in messages]


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    async def fresh() -> AsyncConnection[Any]:
        return await AsyncConnection.connect(database_url, autocommit=True)

    connection = await fresh()
    await connection.execute("CREATE TABLE book (said text)")
    yield fresh
    await connection.execute("DROP TABLE book")
    await connection.close()


@asynccontextmanager
async def writing(
    connect: Callable[[], Awaitable[Any]], book: Book, limits: LaneLimits | None = None
) -> AsyncIterator[GroupCommitWriter[str]]:
    writer: GroupCommitWriter[str] = GroupCommitWriter(connect, book, limits=limits)
    await writer.open()
    yield writer
    book.may_go.set()
    await writer.close()


async def said(connect: Callable[[], Awaitable[Any]]) -> list[str]:
    connection = await connect()
    rows = await (await connection.execute("SELECT said FROM book ORDER BY 1")).fetchall()
    await connection.close()
    return [row[0] for row in rows]


async def in_hand(book: Book) -> None:
    """Until the writer holds a batch."""
    async with asyncio.timeout(10):
        await book.taken.get()


async def waiting(writer: GroupCommitWriter[str], *messages: str) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(writer.commit_fact(message)) for message in messages]
    await asyncio.sleep(0)
    return tasks


async def test_a_caller_is_woken_after_the_commit(connect: Any) -> None:
    async with writing(connect, Book()) as writer:
        assert await writer.commit_fact("one") == "did one"
        assert await said(connect) == ["one"]


async def test_what_comes_meanwhile_shares_the_next_transaction_facts_first(connect: Any) -> None:
    book = Book()
    async with writing(connect, book) as writer:
        book.may_go.clear()
        first = await waiting(writer, "first")
        await in_hand(book)
        sample = asyncio.create_task(writer.commit_sample("sample"))
        await asyncio.sleep(0)
        facts = await waiting(writer, "a", "b")
        book.may_go.set()
        await asyncio.gather(*first, sample, *facts)

    assert book.batches == [["first"], ["a", "b", "sample"]]


async def test_a_broken_message_does_not_fail_its_neighbours(connect: Any) -> None:
    book = Book()
    async with writing(connect, book) as writer:
        book.may_go.clear()
        first = await waiting(writer, "first")
        await in_hand(book)
        tasks = await waiting(writer, "a", "broken", "b", "refused")
        book.may_go.set()
        answers = await asyncio.gather(*first, *tasks, return_exceptions=True)

    assert answers[:2] == ["did first", "did a"]
    assert (type(answers[2]), answers[3], type(answers[4])) == (AppError, "did b", Refused)
    assert await said(connect) == ["a", "b", "first", "refused"]


@pytest.mark.parametrize(
    "trouble",
    [Again(), psycopg.errors.DeadlockDetected(), psycopg.errors.SerializationFailure()],
    ids=["again", "deadlock", "serialization"],
)
async def test_a_transaction_that_met_others_is_run_once_more(
    connect: Any, trouble: Exception
) -> None:
    book = Book()
    book.trouble.append(trouble)
    async with writing(connect, book) as writer:
        assert await writer.commit_fact("one") == "did one"

    assert await said(connect) == ["one"]


async def test_while_the_database_is_away_callers_are_told_to_come_again(connect: Any) -> None:
    book = Book()
    book.trouble.append(psycopg.OperationalError("gone"))
    async with writing(connect, book) as writer:
        with pytest.raises(Overloaded) as refusal:
            await writer.commit_fact("lost")
        assert refusal.value.retry_after_s == 1
        assert await writer.commit_fact("kept") == "did kept"

    assert await said(connect) == ["kept"]


async def test_a_database_that_hangs_is_as_good_as_away(connect: Any) -> None:
    book = Book()
    async with writing(connect, book, LaneLimits(transaction_s=0.2)) as writer:
        book.may_go.clear()
        with pytest.raises(Overloaded):
            await writer.commit_fact("lost")
        book.may_go.set()
        assert await writer.commit_fact("kept") == "did kept"

    assert await said(connect) == ["kept"]


async def test_full_lanes_refuse_and_say_so_beforehand(connect: Any) -> None:
    book = Book()
    limits = LaneLimits(max_facts=1, max_samples=2, thin_samples_from=1)
    async with writing(connect, book, limits) as writer:
        book.may_go.clear()
        first = await waiting(writer, "first")
        await in_hand(book)
        before = writer.must_thin
        writer.make_sure_of_room()
        samples = [asyncio.create_task(writer.commit_sample(name)) for name in ("s1", "s2")]
        await asyncio.sleep(0)
        assert (before, writer.must_thin) == (False, True)
        with pytest.raises(Overloaded):
            writer.make_sure_of_room()
        with pytest.raises(Overloaded):
            await writer.commit_sample("s3")
        facts = await waiting(writer, "fact")
        with pytest.raises(Overloaded):
            await writer.commit_fact("one too many")
        book.may_go.set()
        await asyncio.gather(*first, *samples, *facts)

    assert await said(connect) == ["fact", "first", "s1", "s2"]


async def test_closing_commits_what_waits_and_takes_nothing_more(connect: Any) -> None:
    book = Book()
    async with writing(connect, book) as writer:
        tasks = await waiting(writer, "a", "b")
        await writer.close()
        assert await asyncio.gather(*tasks) == ["did a", "did b"]
        with pytest.raises(Overloaded):
            await writer.commit_fact("late")
        with pytest.raises(Overloaded):
            writer.make_sure_of_room()

    assert await said(connect) == ["a", "b"]


async def test_a_caller_that_has_gone_away_does_no_harm(connect: Any) -> None:
    book = Book()
    async with writing(connect, book) as writer:
        book.may_go.clear()
        gone, stays = await waiting(writer, "gone", "stays")
        await in_hand(book)
        gone.cancel()
        await asyncio.sleep(0)
        book.may_go.set()
        assert await stays == "did stays"

    assert await said(connect) == ["gone", "stays"]


async def test_a_plan_that_was_made_for_a_small_table_is_made_again(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def plan(connection: AsyncConnection[Any], messages: Sequence[str]) -> list[Any]:
        plans = []
        for message in messages:
            cursor = await connection.execute(message.encode())
            shown = [] if cursor.description is None else await cursor.fetchall()
            plans.append("\n".join(row[0] for row in shown))
        return plans

    monkeypatch.setattr(batch, "REPLAN_S", 0.0)
    setup = await connect()
    await setup.execute("CREATE INDEX book_said ON book (said)")
    await setup.execute("ANALYZE book")  # known to be empty
    writer: GroupCommitWriter[str] = GroupCommitWriter(connect, plan)
    await writer.open()
    await writer.commit_fact("SET plan_cache_mode = force_generic_plan")  # as after five uses
    await writer.commit_fact("PREPARE wanted AS SELECT FROM book WHERE said = $1")
    assert "Seq Scan" in await writer.commit_fact("EXPLAIN EXECUTE wanted ('7')")
    await setup.execute("INSERT INTO book SELECT n::text FROM generate_series(1, 20000) AS n")
    assert "Seq Scan" not in await writer.commit_fact("EXPLAIN EXECUTE wanted ('7')")
    await setup.close()
    await writer.close()


async def test_owners_take_turns(connect: Any) -> None:
    book = Book()
    book.may_go.clear()
    writer: GroupCommitWriter[str] = GroupCommitWriter(
        connect, book, limits=LaneLimits(facts_per_batch=4), share_by=lambda said: said[0]
    )
    await writer.open()
    first = asyncio.create_task(writer.commit_fact("x"))
    await book.taken.get()
    rest = [
        asyncio.create_task(writer.commit_fact(said)) for said in ("a1", "a2", "a3", "b1", "c1")
    ]
    await asyncio.sleep(0)
    book.may_go.set()
    await asyncio.gather(first, *rest)
    await writer.close()

    assert book.batches == [["x"], ["a1", "b1", "c1", "a2"], ["a3"]]


async def test_that_the_database_is_away_is_told_apart_from_a_full_lane(connect: Any) -> None:
    async def nowhere() -> AsyncConnection[Any]:
        raise psycopg.OperationalError

    async with writing(nowhere, Book()) as writer:
        with pytest.raises(DatabaseAway):
            await writer.commit_fact("a")
