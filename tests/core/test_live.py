"""Live state answers quickly or not at all."""

from __future__ import annotations

import asyncio

import pytest

from signalbox.core.live import OPEN_S, Live, LiveUnavailableError, Script

ECHO = Script("return {KEYS[1], tonumber(ARGV[1]) + 1}")


class Ticks:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_script_runs_even_if_redis_does_not_know_it_yet(redis_url: str) -> None:
    live = Live(redis_url, timeout_ms=20_000)
    await live.open()
    async with live.connection() as redis:
        await redis.script_flush()
    assert await live.run(ECHO, ["k"], [1]) == [b"k", 2]
    assert await live.run(ECHO, ["k"], [2]) == [b"k", 3]
    assert await live.ping()
    await live.close()
    await live.close()


async def test_a_closed_one_is_unavailable(redis_url: str) -> None:
    assert not await Live(redis_url, timeout_ms=20_000).ping()


async def test_after_a_failure_calls_fail_at_once_and_one_probes_later() -> None:
    ticks, failures, reached = Ticks(), [], []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(1)
        writer.close()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    live = Live(
        f"redis://127.0.0.1:{port}",
        timeout_ms=20_000,
        monotonic=ticks,
        on_failure=lambda: failures.append(1),
    )
    await live.open()

    async def fails() -> int:
        before = len(reached)
        with pytest.raises(LiveUnavailableError):
            await live.run(ECHO, ["k"], [1])
        return len(reached) - before

    assert await fails() > 0
    assert await fails() == 0
    ticks.now += OPEN_S
    assert sum([await fails() for _ in range(3)]) <= 2  # one caller probed, with one retry
    assert not live.available
    assert failures == [1]
    await live.close()
    server.close()
    await server.wait_closed()


async def test_a_redis_that_does_not_answer_costs_no_more_than_the_time_out() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    live = Live(f"redis://127.0.0.1:{port}", timeout_ms=20)
    await live.open()
    async with asyncio.timeout(20):
        assert not await live.ping()
    await live.close()
    server.close()
    await server.wait_closed()


async def test_redis_is_used_again_as_soon_as_it_answers(redis_url: str) -> None:
    ticks = Ticks()
    live = Live(redis_url, timeout_ms=20_000, monotonic=ticks)
    await live.open()
    with pytest.raises(LiveUnavailableError):
        await live.run(Script("return redis.call('NONSENSE')"), [], [])
    with pytest.raises(LiveUnavailableError):
        await live.run(ECHO, ["k"], [1])
    assert await live.ping()
    assert await live.run(ECHO, ["k"], [1]) == [b"k", 2]
    await live.close()
