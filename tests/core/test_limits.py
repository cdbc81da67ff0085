"""Limits over trailing windows: Redis and one process alone decide as a naive model does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbox.core import limits
from signalbox.core.clock import ManualClock
from signalbox.core.limits import (
    Grant,
    Limiter,
    LocalCredits,
    LogBucket,
    Rate,
    RateTable,
    Request,
    WindowsBucket,
)
from signalbox.core.live import Live

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
WINDOW_MS = 2_000

# How long after the one before a question comes (ms), most and least hits wanted.
Step = tuple[int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 7, 300, 999, 1_000, 1_999, 2_000, 2_001, 5_000]), st.integers(1, 4)
    ).flatmap(lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), st.integers(1, pair[1]))),
    max_size=40,
)


class NaiveLog:
    """Every admitted instant, counted anew each time."""

    def __init__(self) -> None:
        self.hits: list[int] = []

    def ask(self, request: Request) -> Grant:
        def free(at: int) -> int:
            return request.limit - sum(hit > at - request.window_ms for hit in self.hits)

        now = request.now_ms
        if free(now) >= request.least:
            granted = min(request.most, free(now))
            self.hits += [now] * granted
            return Grant(granted, free(now), 0)
        times = range(1, request.window_ms + 1)
        waits = (wait for wait in times if free(now + wait) >= request.least)
        return Grant(0, max(free(now), 0), next(waits, request.window_ms))


class NaiveWindows:
    """Every admitted instant; hits of the window before count by the share of it that still trails."""

    def __init__(self) -> None:
        self.hits: list[int] = []

    def free(self, at: int, request: Request) -> int:
        width = request.window_ms
        current = at // width
        before = sum(hit // width == current - 1 for hit in self.hits)
        count = sum(hit // width == current for hit in self.hits)
        return (request.limit * width - before * (width - at % width)) // width - count

    def ask(self, request: Request) -> Grant:
        now = request.now_ms
        free = self.free(now, request)
        if free >= request.least:
            granted = min(request.most, free)
            self.hits += [now] * granted
            return Grant(granted, free - granted, 0)
        waits = (
            w
            for w in range(1, 2 * request.window_ms + 1)
            if self.free(now + w, request) >= request.least
        )
        wait = request.window_ms if request.least > request.limit else next(waits)
        return Grant(0, max(free, 0), wait)


def requests(steps: list[Step], limit: int) -> list[Request]:
    now, made = START_MS, []
    for gap, most, least in steps:
        now += gap
        made.append(Request(now, WINDOW_MS, limit, most, least))
    return made


@settings(max_examples=50, deadline=None)
@given(steps=STEPS, limit=st.integers(1, 6))
def test_the_log_of_one_process_is_exact(steps: list[Step], limit: int) -> None:
    bucket, model = LogBucket(), NaiveLog()
    for request in requests(steps, limit):
        assert bucket.ask(request) == model.ask(request)


@settings(max_examples=50, deadline=None)
@given(steps=STEPS, limit=st.integers(1, 6))
def test_two_windows_of_one_process_are_weighted(steps: list[Step], limit: int) -> None:
    bucket, model = WindowsBucket(), NaiveWindows()
    for request in requests(steps, limit):
        assert bucket.ask(request) == model.ask(request)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def live(redis_url: str) -> AsyncIterator[Live]:
    opened = Live(redis_url, timeout_ms=20_000)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def someone() -> str:
    return f"test:{uuid4()}"


@pytest.mark.parametrize("exact", [True, False])
async def test_redis_decides_as_one_process_does(
    live: Live, clock: ManualClock, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EXACT_LIMIT", 1000 if exact else 0)

    async def compare(steps: list[Step], limit: int) -> None:
        limiter, identifier, now = Limiter(live, clock), f"test:{uuid4()}", START_MS
        bucket = LogBucket() if exact else WindowsBucket()
        clock.set(START)
        for gap, most, least in steps:
            clock.advance(gap / 1000)
            now = limiter.now_ms()
            grant = await limiter.reserve("e", identifier, Rate(limit, 2), most=most, least=least)
            assert grant == bucket.ask(Request(now, WINDOW_MS, limit, most, least))

    # One loop holds the connections, so the examples are drawn in a thread and replayed here.
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None)
    @given(steps=STEPS, limit=st.integers(1, 6))
    def examples(steps: list[Step], limit: int) -> None:
        asyncio.run_coroutine_threadsafe(compare(steps, limit), loop).result(30)

    await asyncio.to_thread(examples)
    assert live.available


async def test_the_hit_after_the_last_is_told_when_to_come_back(
    live: Live, clock: ManualClock, someone: str
) -> None:
    limiter = Limiter(live, clock)
    first = [await limiter.hit("calls", someone, 3, 60) for _ in range(3)]
    clock.advance(20.5)
    refused = await limiter.hit("calls", someone, 3, 60)
    clock.advance(refused.retry_after_s)
    again = await limiter.hit("calls", someone, 3, 60)

    assert [verdict.remaining for verdict in first] == [2, 1, 0]
    assert (refused.allowed, refused.retry_after_s) == (False, 40)
    assert again.allowed


async def test_two_processes_share_one_limit(live: Live, clock: ManualClock, someone: str) -> None:
    one, two = Limiter(live, clock), Limiter(live, clock)
    verdicts = await asyncio.gather(
        *(limiter.hit("calls", someone, 10, 60) for limiter in (one, two) * 10)
    )
    assert sum(verdict.allowed for verdict in verdicts) == 10


async def test_a_cost_is_taken_whole_or_not_at_all(
    live: Live, clock: ManualClock, someone: str
) -> None:
    limiter = Limiter(live, clock)
    assert (await limiter.hit("calls", someone, 5, 60, cost=4)).allowed
    assert not (await limiter.hit("calls", someone, 5, 60, cost=2)).allowed
    assert (await limiter.hit("calls", someone, 5, 60, cost=1)).allowed


async def test_a_limit_raised_beyond_exact_begins_anew(
    live: Live, clock: ManualClock, someone: str
) -> None:
    limiter = Limiter(live, clock)
    await limiter.hit("calls", someone, 1, 60)
    assert (await limiter.hit("calls", someone, 5_000, 60)).remaining == 4_999
    assert (await limiter.hit("calls", someone, 1, 60)).allowed


async def test_buckets_expire_in_redis(live: Live, clock: ManualClock, someone: str) -> None:
    limiter = Limiter(live, clock)
    await limiter.hit("a", someone, 5, 60)
    await limiter.hit("b", someone, 5_000, 60)
    async with live.connection() as redis:
        assert 0 < await redis.pttl(f"ratelimit:a:{someone}") <= 60_000
        assert 60_000 < await redis.pttl(f"ratelimit:b:{someone}") <= 120_000


@pytest.mark.parametrize("limit", [5, 1_500])
async def test_without_redis_each_process_keeps_the_full_limit(
    clock: ManualClock, limit: int
) -> None:
    away = Live("redis://127.0.0.1:1")
    await away.open()
    limiter = Limiter(away, clock)
    verdicts = [await limiter.hit("calls", "ip:192.0.2.7", limit, 60) for _ in range(limit + 1)]
    await away.close()

    assert [verdict.allowed for verdict in verdicts] == [True] * limit + [False]


async def test_the_operator_changes_or_switches_off_limits(
    live: Live, clock: ManualClock, someone: str
) -> None:
    changed = Limiter(live, clock, RateTable.parse('{"calls": [1, 60]}'))
    off = Limiter(live, clock, RateTable.parse("off"))
    on = RateTable.parse("on")

    assert (await changed.hit("calls", someone, 100, 60)).limit == 1
    assert not (await changed.hit("calls", someone, 100, 60)).allowed
    assert (await off.hit("calls", someone, 1, 60)).allowed
    assert LocalCredits(off).try_hit("calls", someone, 1, 60) is not None
    assert on.rate("calls", 7, 60) == Rate(7, 60)


async def test_credits_spare_redis_and_keep_the_limit(
    live: Live, clock: ManualClock, someone: str
) -> None:
    limiter = Limiter(live, clock)
    local = LocalCredits(limiter)
    told = allowed = 0
    for _ in range(2_100):
        verdict = local.try_hit("stats", someone, 2_000, 60)
        told += verdict is not None
        verdict = verdict or await local.hit("stats", someone, 2_000, 60)
        allowed += verdict.allowed

    assert allowed == 2_000
    assert told == 2_100 - 101  # 100 batches of 20, and one refusal that is then remembered


async def test_a_batch_of_credits_is_fetched_once_for_all_who_wait(
    live: Live, clock: ManualClock, someone: str
) -> None:
    limiter = Limiter(live, clock)
    local = LocalCredits(limiter)
    verdicts = await asyncio.gather(*(local.hit("stats", someone, 2_000, 60) for _ in range(20)))
    left = await limiter.reserve("stats", someone, Rate(2_000, 60), most=1)

    assert all(verdict.allowed for verdict in verdicts)
    assert left.remaining == 2_000 - 20 - 1


async def test_processes_with_credits_overshoot_by_no_more_than_their_batches(
    live: Live, clock: ManualClock, someone: str
) -> None:
    processes = [LocalCredits(Limiter(live, clock)) for _ in range(3)]
    limit, batch, admitted = 400, 4, []
    for step in range(1_800):
        clock.advance(0.001 if step % 600 else 59.0)
        verdict = await processes[step % 3].hit("stats", someone, limit, 60)
        if verdict.allowed:
            admitted.append(clock.now().timestamp())

    for last in admitted:
        assert sum(last - 60 < at <= last for at in admitted) <= limit + 3 * batch


async def test_unused_credits_die_with_their_window(
    live: Live, clock: ManualClock, someone: str
) -> None:
    local = LocalCredits(Limiter(live, clock))
    await local.hit("stats", someone, 2_000, 60)
    assert local.try_hit("stats", someone, 2_000, 60) is not None
    clock.advance(60)
    assert local.try_hit("stats", someone, 2_000, 60) is None


async def test_a_refusal_is_remembered_for_a_second_at_most(
    live: Live, clock: ManualClock, someone: str
) -> None:
    local = LocalCredits(Limiter(live, clock))
    assert (await local.hit("stats", someone, 1, 60)).allowed
    refused = await local.hit("stats", someone, 1, 60)
    told = local.try_hit("stats", someone, 1, 60)
    clock.advance(1)

    assert (refused.allowed, refused.retry_after_s) == (False, 60)
    assert told is not None
    assert not told.allowed
    assert local.try_hit("stats", someone, 1, 60) is None


def test_a_process_forgets_the_least_recently_used_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import OrderedDict

    monkeypatch.setattr(limits, "_KEYS_MAX", 2)
    known: OrderedDict[str, int] = OrderedDict()
    for key in ("a", "b", "a", "c"):
        limits.recall(known, key, 0)
    assert list(known) == ["a", "c"]
