"""What happens, told through Redis streams to whoever watches, in any process. Told after the commit, in the background: nobody waits for it.

A *channel* (one tenant) has two streams. What is *lasting* stays readable for `LASTING_MS`, up to a number of messages, so that a listener that was away
can resume. What is *fleeting* (samples) is there for those who listen now, and is told only while somebody has said that they watch.

A message is addressed to *topics*, short words without blanks; no topic at all addresses every listener of the channel. When messages are lost, because
Redis was away or more happened than could be told, the channel is told a `reset` as soon as that is possible: ask again for what you show.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

import structlog

from signalbox.core.live import Live, LiveUnavailableError, Script

LASTING_MS: Final = 3_600_000  # after the last message, or the last moment that somebody listened
FLEETING_MS: Final = 60_000
FLEETING_MESSAGES: Final = 2_000
PENDING: Final = 20_000  # messages of one process that wait to be told
AT_ONCE: Final = 200
RETRY_S: Final = 0.5
WATCHED_EVERY_S: Final = 1.0
WATCHED_FOR_MS: Final = 10_000
RESET: Final = "reset"

log = structlog.get_logger(__name__)


class Telling(NamedTuple):
    """A message to the listeners of a channel; `body` is JSON text without line breaks. Of those with the same `once`, within some seconds only one is told."""

    channel: str
    topics: tuple[str, ...]
    event: str
    body: bytes
    lasting: bool = True
    once: str = ""

    @property
    def packed(self) -> bytes:
        """As it stands in a stream: topics, event and body, a line each."""
        return b"\n".join((" ".join(self.topics).encode(), self.event.encode(), self.body))

    @property
    def stream(self) -> str:
        """The key of its stream."""
        return lasting_stream(self.channel) if self.lasting else fleeting_stream(self.channel)


def lasting_stream(channel: str) -> str:
    """The key of what a channel keeps for those who resume."""
    return f"live:{{{channel}}}"


def fleeting_stream(channel: str) -> str:
    """The key of what a channel tells only those who listen now."""
    return f"live:{{{channel}}}:now"


# KEYS: streams. ARGV: most messages and ms to live of each stream, then for each message the number of its stream, its `once` and itself.
_TELL: Final = Script(
    """
for i = 2 * #KEYS + 1, #ARGV, 3 do
  local k, once = tonumber(ARGV[i]), ARGV[i + 1]
  if once == '' or redis.call('SET', 'live:once:' .. once, 1, 'NX', 'PX', 5000) then
    redis.call('XADD', KEYS[k], 'MAXLEN', '~', ARGV[2 * k - 1], '*', 'm', ARGV[i + 2])
  end
end
for k = 1, #KEYS do redis.call('PEXPIRE', KEYS[k], ARGV[2 * k]) end
"""
)


class Publisher:
    """Tells what a process has committed: one call to Redis for all that waits.

    `keep` is how many lasting messages a channel keeps, about. Messages wait while Redis is away, up to `pending`; what was on its
    way when it went, and what is too much, is given up, and its channel is reset later.
    """

    def __init__(self, live: Live, *, keep: int, pending: int = PENDING) -> None:
        self._live, self._keep, self._most = live, keep, pending
        self._waiting: deque[Telling] = deque()
        self._lost: set[str] = set()
        self._wanted = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to tell; what was handed in before goes first."""
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="publisher")

    async def close(self) -> None:
        """Tell what waits, unless Redis is away, then stop; stopping twice changes nothing."""
        self._closing = True
        self._wanted.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    def tell(self, messages: Iterable[Telling]) -> None:
        """Hand in messages, in their order; returns at once and never fails."""
        self._waiting.extend(messages)
        while len(self._waiting) > self._most:
            self._give_up([self._waiting.popleft()])
        if self._waiting:
            self._wanted.set()

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._lost or self._waiting:
                if not (await self._can_tell() and await self._send(self._take())):
                    if self._closing:
                        return
                    await asyncio.sleep(RETRY_S)
            if self._closing:
                return

    async def _can_tell(self) -> bool:
        """Whether Redis answers. While it does not, what is lasting waits, and what is fleeting is out of date."""
        if self._live.available or await self._live.ping():
            return True
        self._waiting = deque(message for message in self._waiting if message.lasting)
        return False

    def _take(self) -> list[Telling]:
        batch = [Telling(channel, (), RESET, b"{}") for channel in islice(self._lost, AT_ONCE)]
        self._lost.difference_update(message.channel for message in batch)
        while self._waiting and len(batch) < AT_ONCE:
            batch.append(self._waiting.popleft())
        return batch

    async def _send(self, batch: list[Telling]) -> bool:
        streams: dict[str, int] = {}
        limits: list[int] = []
        messages: list[int | str | bytes] = []
        for message in batch:
            number = streams.get(message.stream)
            if number is None:
                number = streams[message.stream] = len(streams) + 1
                lasting = message.lasting
                limits += (self._keep, LASTING_MS) if lasting else (FLEETING_MESSAGES, FLEETING_MS)
            messages += (number, message.once, message.packed)
        try:
            await self._live.run(_TELL, list(streams), [*limits, *messages])
        except LiveUnavailableError:
            self._give_up(batch)
            return False
        return True

    def _give_up(self, messages: Iterable[Telling]) -> None:
        self._lost.update(message.channel for message in messages if message.lasting)


# KEYS: the set of watched names with the instants until when. ARGV: ms to live, names.
_WATCH: Final = Script(
    """
local t = redis.call('TIME')
local till = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], till, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
)
_WATCHED: Final = Script(
    """
local t = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t[1] * 1000 + math.floor(t[2] / 1000))
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""
)
_WATCHED_KEY: Final = "live:watched"


async def watch(live: Live, names: Iterable[str]) -> None:
    """Say that somebody watches; must be repeated within `WATCHED_FOR_MS`. Raises LiveUnavailableError."""
    wanted = sorted(set(names))
    if wanted:
        await live.run(_WATCH, [_WATCHED_KEY], [WATCHED_FOR_MS, *wanted])


class Watched:
    """The names that somebody watches, in any process; up to `WATCHED_EVERY_S` old.

    Redis is asked only as long as somebody here wants to know. While it is away nobody watches: nobody could be told.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.names: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Begin to ask, as soon as somebody wants to know."""
        self._task = asyncio.create_task(self._run(), name="watched")

    async def close(self) -> None:
        """Stop asking; stopping twice changes nothing."""
        task, self._task = self._task, None
        if task is not None:
            await end(task)

    def current(self) -> frozenset[str]:
        """The names as they are known now; has them asked for again."""
        if not self._wanted.is_set():
            self._wanted.set()
        return self.names

    async def refresh(self) -> None:
        """Ask Redis now."""
        try:
            found = await self._live.run(_WATCHED, [_WATCHED_KEY], [])
        except LiveUnavailableError:
            found = []
        self.names = frozenset(name.decode() for name in found)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.refresh()
            await asyncio.sleep(WATCHED_EVERY_S)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: the Redis client may swallow a cancellation that meets an answer (seen with redis-py 8.1)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
