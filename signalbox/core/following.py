"""Following the streams of `core.streams`: one reader per process, shared by all who listen here.

Each listener has a bounded queue of finished frames. One that falls behind is closed and may come back with the id of the last frame that it got; the
others do not notice. While Redis is away everybody stays and is told `degraded`, then `recovered`, and `reset` where something may have been missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from signalbox.core.live import Live, LiveUnavailableError, Script
from signalbox.core.streams import LASTING_MS, RESET, end, fleeting_stream, lasting_stream, watch

BLOCK_MS: Final = 200  # also how late the first message of a channel may be that nobody followed
ANSWER_S: Final = 2.0  # Redis must answer within this time, and the block
AT_ONCE: Final = 500
RETRY_S: Final = 0.5
LOOK_EVERY_S: Final = 1.0
WATCH_EVERY_S: Final = 3.0
HEARTBEAT_S: Final = 15.0
STUCK_S: Final = 30.0  # who does not take a frame for so long is gone, or too slow
QUEUE_BYTES: Final = 1_000_000
DEGRADED, RECOVERED, HEARTBEAT = "degraded", "recovered", "heartbeat"

log = structlog.get_logger(__name__)

Render = Callable[["bytes | None", str, bytes], bytes]
"""Makes a frame of an id (None: the frame cannot be resumed from), an event's name and its JSON text."""
Place = tuple[int, int]


def place(entry: bytes) -> Place:
    """An id of a stream as numbers that can be compared."""
    at, _, number = entry.partition(b"-")
    return int(at), int(number or 0)


class Listener:
    """One who listens: to some topics of a channel, and perhaps to what is told under watched names.

    `start` is the id behind which frames arrive here; None while Redis could not be asked: then it is `waiting` and has to be told so.
    """

    __slots__ = (
        "_bytes",
        "_frames",
        "_most",
        "_taken_s",
        "_wake",
        "after",
        "closed",
        "start",
        "topics",
        "waiting",
        "watches",
    )

    def __init__(self, topics: frozenset[str], *, watches: str | None = None, most: int) -> None:
        self.topics, self.watches = topics, watches
        self.start: bytes | None = None
        self.waiting = False
        self.after: Place | None = None
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._frames: deque[bytes] = deque()
        self._most, self._bytes = most, 0
        self._wake: asyncio.Future[None] | None = None
        self._taken_s: float | None = None

    def offer(self, frame: bytes) -> None:
        """Queue a frame; a listener whose queue is full is closed."""
        if self.closed.done():
            return
        if len(self._frames) >= self._most or self._bytes + len(frame) > QUEUE_BYTES:
            self.close("slow")
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def take(self) -> bytes:
        """All queued frames, waiting for one."""
        self._taken_s = None
        while not self._frames:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        self._wake = None
        content = b"".join(self._frames)
        self._frames.clear()
        self._bytes = 0
        self._taken_s = asyncio.get_running_loop().time()
        return content

    def is_stuck(self, now_s: float) -> bool:
        """Whether what it took last has still not gone out."""
        return self._taken_s is not None and now_s - self._taken_s > STUCK_S

    def close(self, reason: str) -> None:
        """End it, once; `closed` gives the reason."""
        if not self.closed.done():
            self.closed.set_result(reason)

    def has_seen(self, entry: bytes) -> bool:
        """Whether it got this one before it came here: another process may have been ahead."""
        if self.after is None:
            return False
        if place(entry) <= self.after:
            return True
        self.after = None
        return False


class _Channel:
    """A followed channel: how far it was read, and who listens."""

    __slots__ = ("behind", "fleeting", "lasting", "listeners", "now", "position", "topics")

    def __init__(self, name: str) -> None:
        self.lasting, self.fleeting = lasting_stream(name), fleeting_stream(name)
        self.position: bytes | None = None
        self.behind = (
            False  # more waited than was read at once: the rest may be trimmed before it is read
        )
        self.now = b"0-0"
        self.listeners: set[Listener] = set()
        self.topics: dict[str, set[Listener]] = {}

    def add(self, listener: Listener) -> None:
        listener.start = self.position
        self.listeners.add(listener)
        for topic in listener.topics:
            self.topics.setdefault(topic, set()).add(listener)

    def remove(self, listener: Listener) -> None:
        self.listeners.discard(listener)
        for topic in listener.topics:
            members = self.topics.get(topic, set())
            members.discard(listener)
            if not members:
                self.topics.pop(topic, None)

    def audience(self, topics: list[str]) -> Iterable[Listener]:
        """Who is addressed; everybody when no topic is named."""
        if not topics:
            return self.listeners
        found: set[Listener] = set()
        return found.union(*(self.topics.get(topic, ()) for topic in topics))


# KEYS: lasting, fleeting. ARGV: the last id read ("" for none), ms to live. Answers {1 if the lasting stream still holds that id, the id to read on from, the
# last id of the fleeting stream}. A lasting stream without entries is begun with an empty one, so that there is an id to resume from.
_BEGIN: Final = Script(
    """
local function last(key)
  local found = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
  if #found > 0 then return found[1][1] end
end
local now = last(KEYS[2]) or '0-0'
if ARGV[1] ~= '' and #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) > 0 then return {1, ARGV[1], now} end
local id = last(KEYS[1])
if not id then
  id = redis.call('XADD', KEYS[1], '*', 'm', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {0, id, now}
"""
)


class Follower:
    """Reads the channels that somebody here listens to. `render` makes frames; each is made once for all who get it."""

    def __init__(self, url: str, live: Live, render: Render) -> None:
        self._url, self._live, self._render = url, live, render
        self._channels: dict[str, _Channel] = {}
        self._wanted = asyncio.Event()
        self._lost = self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._redis: Redis | None = None

    async def open(self) -> None:
        """Begin to read, as soon as somebody listens."""
        self._closing = False
        self._redis = Redis.from_url(
            self._url,
            protocol=2,
            socket_timeout=ANSWER_S + BLOCK_MS / 1000,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._tasks = [
            asyncio.create_task(self._run(), name="follower"),
            asyncio.create_task(self._keep_up(), name="follower-upkeep"),
        ]

    async def close(self) -> None:
        """Close all listeners and stop; stopping twice changes nothing."""
        self.end_all()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            await end(task)
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.aclose()

    def end_all(self) -> None:
        """Close all listeners at once, and every one that comes later: this process ends."""
        self._closing = True
        for listener in self.listeners():
            listener.close("ending")

    def listeners(self) -> list[Listener]:
        """Who listens here."""
        return [one for channel in self._channels.values() for one in channel.listeners]

    @property
    def lost(self) -> bool:
        """Whether Redis is away."""
        return self._lost

    async def join(self, name: str, listener: Listener) -> None:
        """Let someone listen to a channel. When Redis is away it is `waiting`, and is reset when Redis is back."""
        channel = self._channels.setdefault(name, _Channel(name))
        channel.add(listener)
        if self._closing:
            listener.close("ending")
        if channel.position is None:
            with suppress(LiveUnavailableError):
                answer = await self._live.run(
                    _BEGIN, [channel.lasting, channel.fleeting], ["", LASTING_MS]
                )
                if channel.position is None:  # else the reader, or another listener, was quicker
                    self._begin(channel, answer)
        listener.waiting = listener.start is None
        self._wanted.set()
        if listener.watches is not None:
            with suppress(LiveUnavailableError):
                await watch(self._live, [listener.watches])

    def leave(self, name: str, listener: Listener) -> None:
        """Let go of a listener; twice changes nothing."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.remove(listener)
            if not channel.listeners:
                del self._channels[name]

    async def position(self, name: str) -> bytes | None:
        """The id behind which whatever is told from now on will stand; None while Redis is away."""
        keys = [lasting_stream(name), fleeting_stream(name)]
        try:
            answer: Any = await self._live.run(_BEGIN, keys, ["", LASTING_MS])
        except LiveUnavailableError:
            return None
        found: bytes = answer[1]
        return found

    async def knows(self, name: str, entry: bytes) -> bool:
        """Whether everything behind this id can still be told."""
        stream = lasting_stream(name)
        try:
            async with self._live.connection() as redis:
                return bool(await redis.xrange(stream, entry, entry, count=1))
        except LiveUnavailableError:
            return False

    async def replay(self, name: str, listener: Listener, after: bytes) -> AsyncIterator[bytes]:
        """Frames for a listener behind `after` and up to its start, page by page. Raises LiveUnavailableError."""
        till = listener.start
        while till is not None and place(after) < place(till):
            async with self._live.connection() as redis:
                page: Any = await redis.xrange(
                    lasting_stream(name), b"(" + after, till, count=AT_ONCE
                )
            if not page:
                return
            frames = []
            for entry, fields in page:
                topics, event, body = _unpacked(fields.get(b"m", b""))
                if event and (not topics or not listener.topics.isdisjoint(topics)):
                    frames.append(self._render(entry, event, body))
            yield b"".join(frames)
            after = page[-1][0]

    async def _run(self) -> None:
        while True:
            if not self._channels:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                if self._lost or any(
                    one.behind or one.position is None for one in self._channels.values()
                ):
                    await self._restore()
                await self._read()
            except (RedisError, OSError, TimeoutError) as error:
                self._lose(error)
                await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        assert self._redis is not None
        streams: dict[Any, Any] = {}
        owners: dict[bytes, tuple[_Channel, bool]] = {}
        for channel in self._channels.values():
            if channel.position is not None:
                streams[channel.lasting], streams[channel.fleeting] = channel.position, channel.now
                owners[channel.lasting.encode()] = channel, True
                owners[channel.fleeting.encode()] = channel, False
        if not streams:
            return
        answer: Any = await self._redis.xread(streams, count=AT_ONCE, block=BLOCK_MS)
        for stream, entries in answer:
            channel, lasting = owners[stream]
            channel.behind = channel.behind or (lasting and len(entries) >= AT_ONCE)
            for entry, fields in entries:
                if lasting:
                    channel.position = entry
                else:
                    channel.now = entry
                self._hand_out(channel, entry if lasting else None, fields.get(b"m", b""))
            await asyncio.sleep(0)  # a long backlog must not hold up the requests of this process

    def _hand_out(self, channel: _Channel, entry: bytes | None, packed: bytes) -> None:
        topics, event, body = _unpacked(packed)
        if not event:
            return
        frame: bytes | None = None
        for listener in tuple(channel.audience(topics)):
            if entry is not None and listener.has_seen(entry):
                continue
            if frame is None:
                frame = self._render(entry, event, body)
            listener.offer(frame)

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            log.warning("follower.lost", error=type(error).__name__)
            degraded = self._render(None, DEGRADED, b"{}")
            for listener in self.listeners():
                listener.offer(degraded)

    async def _restore(self) -> None:
        """Find out, channel by channel, whether reading can go on where it stopped."""
        assert self._redis is not None
        for channel in tuple(self._channels.values()):
            keys, asked = [channel.lasting, channel.fleeting], channel.position
            answer = await self._redis.eval(_BEGIN.source, 2, *keys, asked or b"", LASTING_MS)
            channel.behind = False
            missed = channel.position == asked and self._begin(channel, answer)
            reset = self._render(channel.position, RESET, b"{}")
            recovered = self._render(None, RECOVERED, b"{}")
            for listener in tuple(channel.listeners):
                if listener.waiting or self._lost:
                    listener.offer(recovered)
                if listener.waiting or missed:
                    listener.offer(reset)
                listener.waiting = False
        if self._lost:
            self._lost = False
            log.info("follower.recovered")

    def _begin(self, channel: _Channel, answer: list[Any]) -> bool:
        """Take over where to read on; answers whether something may have been missed."""
        known, position, now = answer
        if known:
            return False
        missed = self._lost or channel.position is not None
        channel.position, channel.now = position, now
        for listener in channel.listeners:
            listener.start = listener.start or position
        return missed

    async def _keep_up(self) -> None:
        loop = asyncio.get_running_loop()
        watch_at = beat_at = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = loop.time()
            if now >= watch_at:
                watch_at = now + WATCH_EVERY_S
                names = [one.watches for one in self.listeners() if one.watches is not None]
                with suppress(LiveUnavailableError):
                    await watch(self._live, names)
            if now >= beat_at:
                beat_at = now + HEARTBEAT_S
                self._beat()
                with suppress(LiveUnavailableError):
                    await self._keep()
            for listener in self.listeners():
                if listener.is_stuck(now):
                    listener.close("slow")

    def _beat(self) -> None:
        """A sign of life, with the id up to which everything was told: a quiet listener does not fall out of the stream."""
        for channel in self._channels.values():
            frame = self._render(channel.position, HEARTBEAT, b"{}")
            for listener in tuple(channel.listeners):
                listener.offer(frame)

    async def _keep(self) -> None:
        """A stream lives as long as somebody listens."""
        streams = [channel.lasting for channel in self._channels.values()]
        for first in range(0, len(streams), AT_ONCE):
            async with self._live.connection() as redis, redis.pipeline(transaction=False) as pipe:
                for stream in streams[first : first + AT_ONCE]:
                    pipe.pexpire(stream, LASTING_MS)
                await pipe.execute()


def _unpacked(packed: bytes) -> tuple[list[str], str, bytes]:
    """Topics, event and body; all empty for the entry that begins a stream."""
    if packed.count(b"\n") < 2:
        return [], "", b""
    topics, event, body = packed.split(b"\n", 2)
    return topics.decode().split(), event.decode(), body
