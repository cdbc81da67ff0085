"""What is told reaches who listens, or they are told that something was missed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from signalbox.core.following import Follower, Listener
from signalbox.core.live import Live
from signalbox.core.streams import (
    LASTING_MS,
    Publisher,
    Telling,
    Watched,
    fleeting_stream,
    lasting_stream,
    watch,
)
from signalbox.site.embedded import EmbeddedRedis, start_redis

PATIENCE_S = 30.0


class OwnRedis:
    """A Redis that may be killed and started again; it forgets everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: EmbeddedRedis = start_redis(folder)
        self.url = self.server.url

    def kill(self) -> None:
        self.server.process.kill()
        self.server.process.wait(PATIENCE_S)

    def start(self) -> None:
        self.server = start_redis(self.folder)

    def freeze(self) -> None:
        os.kill(self.server.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.server.process.pid, signal.SIGCONT)


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    folder = Path(tempfile.mkdtemp(prefix="sbl-", dir="/tmp"))
    redis = OwnRedis(folder)
    yield redis
    redis.server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def channel() -> str:
    return uuid4().hex


async def until(so: Callable[[], bool]) -> None:
    """Look until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not so():  # noqa: ASYNC110 - what changes tells nobody
            await asyncio.sleep(0.01)


async def until_available(live: Live) -> None:
    """Calls answer within a quarter of a second; a busy machine may need a second try."""
    async with asyncio.timeout(PATIENCE_S):
        while not await live.ping():
            pass


def rendered(entry: bytes | None, event: str, body: bytes) -> bytes:
    return b"%s %s %s\n" % (entry or b"-", event.encode(), body)


class Side:
    """One process: it tells, and it listens."""

    def __init__(self, url: str, *, pending: int = 1_000) -> None:
        self.live = Live(url, timeout_ms=20_000)
        self.publisher = Publisher(self.live, keep=1_000, pending=pending)
        self.follower = Follower(url, self.live, rendered)

    def tell(
        self, channel: str, *bodies: str, topics: tuple[str, ...] = ("t",), **more: object
    ) -> None:
        self.publisher.tell(
            Telling(channel, topics, "said", body.encode(), **more)  # type: ignore[arg-type]
            for body in bodies
        )

    async def listen(self, channel: str, *topics: str, most: int = 100) -> Ear:
        ear = Ear(Listener(frozenset(topics or ("t",)), most=most))
        await self.follower.join(channel, ear.listener)
        return ear


class Ear:
    """What a listener hears: event and body of each frame."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.heard: list[tuple[str, str]] = []
        self.ids: list[str] = []

    async def until(self, event: str, body: str | None = None) -> list[tuple[str, str]]:
        """Everything up to this, which is taken out."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for index, (heard, text) in enumerate(self.heard):
                    if heard == event and body in (None, text):
                        taken, self.heard = self.heard[: index + 1], self.heard[index + 1 :]
                        return taken
                for line in (await self.listener.take()).decode().splitlines():
                    entry, name, text = line.split(" ", 2)
                    self.ids.append(entry)
                    self.heard.append((name, text))


@asynccontextmanager
async def opened(url: str, *, pending: int = 1_000) -> AsyncIterator[Side]:
    side = Side(url, pending=pending)
    await side.live.open()
    await side.publisher.open()
    await side.follower.open()
    try:
        yield side
    finally:
        await side.publisher.close()
        await side.follower.close()
        await side.live.close()


@pytest.fixture
async def side(redis_url: str) -> AsyncIterator[Side]:
    async with opened(redis_url) as one:
        yield one


async def test_a_listener_hears_its_topics_and_what_is_for_all(side: Side, channel: str) -> None:
    ear = await side.listen(channel, "a", "b")
    side.tell(channel, "both", topics=("a", "b"))
    side.tell(channel, "others", topics=("c",))
    side.tell(uuid4().hex, "elsewhere", topics=("a",))
    side.tell(channel, "everybody", topics=())

    assert await ear.until("said", "everybody") == [("said", "both"), ("said", "everybody")]


async def test_two_processes_hear_the_same_in_the_same_order(redis_url: str, channel: str) -> None:
    async with opened(redis_url) as one, opened(redis_url) as two:
        ears = [await side.listen(channel, most=1_000) for side in (one, two)]
        for number in range(300):
            (one, two)[number % 2].tell(channel, str(number))
        heard = []
        for ear in ears:
            async with asyncio.timeout(PATIENCE_S):
                while len(ear.ids) < 300:
                    await ear.until("said")
            heard.append(ear.ids)

    assert heard[0] == heard[1]
    assert len(set(heard[0])) == 300


async def test_of_what_is_told_once_the_second_is_left_out(redis_url: str, channel: str) -> None:
    async with opened(redis_url) as one, opened(redis_url) as two:
        ear = await one.listen(channel)
        for side in (one, two, one):
            side.tell(channel, "same", once=channel, lasting=False)
            await side.publisher.close()
            await side.publisher.open()
        one.tell(channel, "other", lasting=False)

        assert await ear.until("said", "other") == [("said", "same"), ("said", "other")]
        assert set(ear.ids) == {"-"}  # cannot be resumed from


async def test_streams_are_bounded_and_end_by_themselves(side: Side, channel: str) -> None:
    for _ in range(15):
        side.tell(channel, *map(str, range(200)))
        await asyncio.sleep(0)
    side.tell(channel, "now", lasting=False)
    await side.publisher.close()

    async with side.live.connection() as redis:
        length = await redis.xlen(lasting_stream(channel))
        lives = [await redis.pttl(s(channel)) for s in (lasting_stream, fleeting_stream)]
    assert 1_000 <= length < 1_200
    assert LASTING_MS - 60_000 < lives[0] <= LASTING_MS
    assert 0 < lives[1] <= 60_000


async def test_a_stream_lives_as_long_as_somebody_listens(side: Side, channel: str) -> None:
    ear = await side.listen(channel)
    async with side.live.connection() as redis:
        await redis.pexpire(lasting_stream(channel), 5_000)
    await side.follower._keep()
    async with side.live.connection() as redis:
        assert await redis.pttl(lasting_stream(channel)) > LASTING_MS - 60_000
    side.follower._beat()
    await ear.until("heartbeat")

    assert ear.ids == [(ear.listener.start or b"").decode()]


async def test_who_left_hears_nothing_and_the_channel_is_forgotten(
    side: Side, channel: str
) -> None:
    ear = await side.listen(channel)
    side.follower.leave(channel, ear.listener)
    side.follower.leave(channel, ear.listener)

    assert side.follower.listeners() == []
    assert channel not in side.follower._channels


async def test_only_the_one_that_falls_behind_is_closed(side: Side, channel: str) -> None:
    slow, quick = await side.listen(channel, most=10), await side.listen(channel)
    side.tell(channel, *map(str, range(11)))
    await quick.until("said", "10")

    assert slow.listener.closed.result() == "slow"
    assert not quick.listener.closed.done()


async def test_too_many_bytes_are_too_many(side: Side, channel: str) -> None:
    slow = await side.listen(channel)
    for _ in range(3):
        side.tell(channel, "x" * 400_000)
    async with asyncio.timeout(PATIENCE_S):
        assert await slow.listener.closed == "slow"


async def test_one_that_does_not_take_what_it_was_given_is_stuck() -> None:
    listener = Listener(frozenset(), most=10)
    now = asyncio.get_running_loop().time()
    listener.offer(b"x")
    assert not listener.is_stuck(now + 60)
    await listener.take()
    assert not listener.is_stuck(now + 1)
    assert listener.is_stuck(now + 60)


async def test_while_redis_is_away_listeners_stay_and_learn_of_it(
    own_redis: OwnRedis, channel: str
) -> None:
    async with opened(own_redis.url) as side:
        ear = await side.listen(channel)
        side.tell(channel, "before")
        await ear.until("said", "before")
        own_redis.kill()
        await ear.until("degraded")
        side.tell(channel, "lost")
        late = await side.listen(channel)  # behind the same position
        other = await side.listen(uuid4().hex)
        assert side.follower.lost
        assert other.listener.waiting
        own_redis.start()

        for one in (ear, late, other):
            # The server has forgotten everything: whoever shows something must ask again.
            assert ("recovered", "{}") in await one.until("reset")
        side.tell(channel, "after")
        await ear.until("said", "after")
        assert not side.follower.lost


async def test_what_was_on_its_way_is_told_as_a_reset_and_the_rest_later(
    own_redis: OwnRedis, channel: str
) -> None:
    async with opened(own_redis.url) as side:
        own_redis.kill()
        side.tell(channel, "lost")
        await until(lambda: channel in side.publisher._lost)
        side.tell(channel, "a sample", lasting=False)
        side.tell(channel, "late")
        await until(lambda: len(side.publisher._waiting) == 1)  # the sample is out of date
        own_redis.start()
        await until(lambda: not side.publisher._lost)
        await side.publisher.close()
        await until_available(side.live)
        async with side.live.connection() as redis:
            entries: Any = await redis.xrange(lasting_stream(channel))
            assert not await redis.exists(fleeting_stream(channel))
    assert [fields[b"m"] for _, fields in entries] == [b"\nreset\n{}", b"t\nsaid\nlate"]


async def test_a_frozen_redis_delays_and_loses_nothing(own_redis: OwnRedis, channel: str) -> None:
    async with opened(own_redis.url) as side:
        ear = await side.listen(channel)
        side.tell(channel, "before")
        await ear.until("said", "before")
        own_redis.freeze()
        await ear.until("degraded")
        own_redis.thaw()
        heard = await ear.until("recovered")
        side.tell(channel, "after")
        heard += await ear.until("said", "after")

    assert ("reset", "{}") not in heard


async def test_more_than_can_wait_is_given_up(own_redis: OwnRedis, channel: str) -> None:
    async with opened(own_redis.url, pending=5) as side:
        ear = await side.listen(channel)
        side.tell(channel, *map(str, range(8)))
        heard = await ear.until("said", "7")

    assert heard == [("reset", "{}"), *(("said", str(number)) for number in range(3, 8))]


async def test_a_reader_that_was_overtaken_by_the_trimming_says_so(
    side: Side, channel: str
) -> None:
    ear = await side.listen(channel, most=10_000)
    side.tell(channel, "first")
    await ear.until("said", "first")
    async with side.live.connection() as redis:  # as if 500 were read, and the rest trimmed since
        side.follower._channels[channel].behind = True
        await redis.xtrim(lasting_stream(channel), maxlen=0)

    assert await ear.until("reset") == [("reset", "{}")]
    side.tell(channel, "last")
    assert await ear.until("said", "last") == [("said", "last")]


async def test_what_another_process_has_told_before_is_not_told_again(
    side: Side, channel: str
) -> None:
    ear = await side.listen(channel)
    side.tell(channel, "seen")
    await ear.until("said", "seen")
    back = Ear(Listener(frozenset({"t"}), most=100))
    at, _, number = ear.ids[-1].partition("-")
    back.listener.after = (int(at), int(number) + 1)  # as if the other process were one ahead
    await side.follower.join(channel, back.listener)
    channel_now = side.follower._channels[channel]
    side.follower._hand_out(channel_now, f"{at}-{int(number) + 1}".encode(), b"t\nsaid\nahead")
    side.follower._hand_out(channel_now, f"{at}-{int(number) + 2}".encode(), b"t\nsaid\nnew")

    assert await back.until("said", "new") == [("said", "new")]


async def test_garbage_in_a_stream_is_passed_over(side: Side, channel: str) -> None:
    ear = await side.listen(channel)
    async with side.live.connection() as redis:
        await redis.xadd(lasting_stream(channel), {"m": "nonsense"})
        await redis.xadd(lasting_stream(channel), {"other": "field"})
    side.tell(channel, "good")

    assert await ear.until("said", "good") == [("said", "good")]


async def test_what_one_process_watches_all_know(redis_url: str) -> None:
    name = uuid4().hex
    async with opened(redis_url) as one, opened(redis_url) as two:
        knows = Watched(two.live)
        await knows.open()
        assert name not in knows.current()
        await until_available(one.live)
        await watch(one.live, [name])
        await until(lambda: name in knows.current())
        await knows.close()


async def test_nobody_watches_while_redis_is_away() -> None:
    knows = Watched(Live("redis://127.0.0.1:1"))
    knows.names = frozenset({"x"})

    await knows.refresh()

    assert knows.names == frozenset()
