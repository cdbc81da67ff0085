"""Group commit: the messages of all concurrent requests share transactions.

The next transaction starts as soon as the one before it is done; there is no artificial delay (measured best). Facts go before samples. A caller
is woken only after the commit, so what it tells its client is true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection

from signalbox.core.errors import AppError, DatabaseAway, Overloaded
from signalbox.core.lanes import FairLane, Lane, PlainLane

log = structlog.get_logger(__name__)

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)
Outcome = Any  # what `apply` answers for one message: a value, or an AppError that is raised to its caller


class Again(Exception):  # no error: a request to the writer
    """`apply` has learned that it needs more locks: roll back and call it once more with the same messages."""


class Apply(Protocol[M_contra]):
    """Stores messages inside the open transaction; answers one outcome per message, in their order."""

    def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[M_contra], /
    ) -> Awaitable[list[Outcome]]:
        """Run inside the transaction that the writer opened."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """How much may wait, in messages, and how long a transaction may take."""

    max_facts: int = 20_000
    thin_samples_from: int = 1_500
    max_samples: int = 6_000
    facts_per_batch: int = 400
    samples_per_batch: int = 256
    transaction_s: float = 6.0


REPLAN_S = 5.0
# The statements of a writer are prepared once, and their plans kept. A plan that was good for a table of a few rows may read all of it, which
# nobody tells the server when the table has grown since: only ANALYZE would, a minute later.
FORGET_PLANS = "DISCARD PLANS"


@dataclass(slots=True)
class _Waiting(Generic[M]):
    message: M
    wake: asyncio.Future[Outcome]


class WriterMetrics(Protocol):
    """What the writer tells of itself."""

    def committed(self, messages: int, seconds: float) -> None:
        """One transaction of so many messages took so long."""

    def refused(self, lane: str) -> None:
        """A message found its lane full."""

    def depth(self, facts: int, samples: int) -> None:
        """How much waits in each lane."""


class _Silent:
    def committed(self, messages: int, seconds: float) -> None: ...
    def refused(self, lane: str) -> None: ...
    def depth(self, facts: int, samples: int) -> None: ...


def _lane(share_by: Callable[[M], Hashable] | None) -> Lane[_Waiting[M]]:
    if share_by is None:
        return PlainLane()
    owner_of = share_by
    return FairLane(lambda waiting: owner_of(waiting.message))


class GroupCommitWriter(Generic[M]):
    """One connection, one transaction at a time, two lanes."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncConnection[Any]]],
        apply: Apply[M],
        *,
        limits: LaneLimits | None = None,
        metrics: WriterMetrics | None = None,
        after_commit: Callable[[], None] = lambda: None,
        share_by: Callable[[M], Hashable] | None = None,
        transacts: bool = False,
    ) -> None:
        # `share_by` tells the owner of a message: then each owner's messages are taken in turn. `transacts`: `apply` begins
        # and commits by itself, because it can send both along with other statements, and has rolled back when it raises.
        self._transacts = transacts
        self._after_commit = after_commit  # called after each commit, before the next `apply`
        self._connect = connect
        self._apply = apply
        self._limits = limits or LaneLimits()
        self._metrics: WriterMetrics = metrics or _Silent()
        self._facts = _lane(share_by)
        self._samples = _lane(share_by)
        self._wanted = asyncio.Event()
        self._closing = False
        self._connection: AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._planned_at = 0.0
        self._last_failure: str | None = None
        self._hanging: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Start the writing task. The first connection is made when the first message comes."""
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="group-commit-writer")

    async def close(self) -> None:
        """Commit everything that waits, then stop."""
        self._closing = True
        self._wanted.set()
        if self._task is not None:
            await self._task
            self._task = None
        await self._drop_connection()

    @property
    def is_cut_off(self) -> bool:
        """Whether the last transaction found the database away."""
        return self._last_failure is not None

    @property
    def must_thin(self) -> bool:
        """Whether the sample lane is so full that samples should come without their raw report."""
        return len(self._samples) >= self._limits.thin_samples_from

    def make_sure_of_room(self) -> None:
        """Raises Overloaded when a sample that came now would be refused; whoever asks beforehand need not read it."""
        if self._closing or len(self._samples) >= self._limits.max_samples:
            self._metrics.refused("samples")
            raise Overloaded(retry_after_s=1)

    async def commit_fact(self, message: M) -> Outcome:
        """Store a fact; answers what `apply` said of it, after the commit.

        Raises:
            Overloaded: the lane is full, or the writer is closing.
            DatabaseAway: the database is away; an Overloaded, too.
            AppError: what `apply` answered for this message.
        """
        return await self._enqueue(self._facts, message, self._limits.max_facts, "facts")

    async def commit_sample(self, message: M) -> Outcome:
        """Store a sample behind all waiting facts; raises as `commit_fact`."""
        return await self._enqueue(self._samples, message, self._limits.max_samples, "samples")

    async def _enqueue(self, lane: Lane[_Waiting[M]], message: M, limit: int, name: str) -> Outcome:
        wake: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(message, wake)
        if self._closing or not lane.has_room(waiting, limit):
            self._metrics.refused(name)
            raise Overloaded(retry_after_s=1)
        lane.append(waiting)
        self._wanted.set()
        outcome = await wake
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    def _take(self) -> list[_Waiting[M]]:
        taken: list[_Waiting[M]] = []
        for lane, most in (
            (self._facts, self._limits.facts_per_batch),
            (self._samples, self._limits.samples_per_batch),
        ):
            taken.extend(lane.popleft() for _ in range(min(most, len(lane))))
        return taken

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._facts and not self._samples:
                if self._closing:
                    return
                self._wanted.clear()
                await self._wanted.wait()
                continue
            self._metrics.depth(len(self._facts), len(self._samples))
            taken = self._take()
            begun = loop.time()
            await self._store(taken)
            self._metrics.committed(len(taken), loop.time() - begun)

    async def _store(self, taken: list[_Waiting[M]]) -> None:
        try:
            outcomes = await self._with_partitions([waiting.message for waiting in taken])
        except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, OSError) as error:
            # A primary that was demoted only reads: the next connection finds the new one.
            await self._database_away(taken, error)
        except Exception as error:  # noqa: BLE001  # whatever it was, the neighbours must not suffer
            await self._split(taken, error)
        else:
            for waiting, outcome in zip(taken, outcomes, strict=True):
                _answer(waiting, outcome)
            self._after_commit()

    async def _with_partitions(self, messages: list[M]) -> list[Outcome]:
        """As `_in_time`. Where the day has no partition yet, a new connection makes it, as every one does."""
        try:
            return await self._in_time(messages)
        except psycopg.errors.CheckViolation as error:
            if error.diag.constraint_name is not None:  # a constraint, not a missing partition
                raise
            await self._drop_connection()
            return await self._in_time(messages)

    async def _in_time(self, messages: list[M]) -> list[Outcome]:
        """A server that hangs is as good as away: clients wait 10 s and must be told before that. TimeoutError after `transaction_s`."""
        work = asyncio.create_task(self._transaction(messages))
        done, _ = await asyncio.wait({work}, timeout=self._limits.transaction_s)
        if done:
            return work.result()
        # The driver asks the server to cancel and waits for that as well; nobody waits for the driver.
        hanging, self._connection = self._connection, None
        self._hanging.add(work)
        work.add_done_callback(lambda _: self._hanging.discard(work))
        work.add_done_callback(lambda _: _let_go(work, hanging))
        work.cancel()
        raise TimeoutError

    async def _transaction(self, messages: list[M]) -> list[Outcome]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = await self._connect()
        await self._forget_old_plans(connection)
        for attempt in range(4):
            try:
                async with nullcontext() if self._transacts else connection.transaction():
                    outcomes = await self._apply(connection, messages)
                break
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, Again):
                if attempt == 3:
                    raise
        self._last_failure = None
        return outcomes

    async def _forget_old_plans(self, connection: AsyncConnection[Any]) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._planned_at >= REPLAN_S:
            self._planned_at = now
            await connection.execute(FORGET_PLANS, prepare=False)

    async def _database_away(self, taken: list[_Waiting[M]], error: Exception) -> None:
        """Nothing is acknowledged: whether the last COMMIT arrived is unknown, so the client must ask again."""
        kind = type(error).__name__
        if kind != self._last_failure:
            log.warning("writer.database_lost", error=kind, messages=len(taken))
            self._last_failure = kind
        if not isinstance(
            error, (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
        ):
            await self._drop_connection()
        for waiting in taken:
            _answer(waiting, DatabaseAway(retry_after_s=1))

    async def _split(self, taken: list[_Waiting[M]], error: Exception) -> None:
        """One bad message must not fail its neighbours: halve until it stands alone."""
        if len(taken) == 1:
            log.error("writer.message_failed", kind=type(taken[0].message).__name__, exc_info=error)
            _answer(taken[0], AppError())
            return
        middle = len(taken) // 2
        await self._store(taken[:middle])
        await self._store(taken[middle:])

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):  # it may be gone already
                await connection.close()


def _let_go(work: asyncio.Task[Any], connection: AsyncConnection[Any] | None) -> None:
    if not work.cancelled():
        work.exception()  # it has been told already that the database is away
    if connection is not None:
        connection.pgconn.finish()


def _answer(waiting: _Waiting[Any], outcome: Outcome) -> None:
    if not waiting.wake.done():  # the client may have gone away meanwhile
        waiting.wake.set_result(outcome)
