"""Trailing-window rate limits, shared by all processes through Redis.

Up to `EXACT_LIMIT` hits per window every admitted hit is remembered and the limit is exact: a hit counts in
(at, at + window]. Above that two adjacent windows are counted and the earlier one is weighted by the share of it that
the trailing window still covers; for even traffic that is within 1 % of exact. Refused hits do not count.

One atomic script decides in Redis under the key `ratelimit:{endpoint}:{identifier}`, with the caller's clock. Without Redis
each process decides alone, by the same rules and with the full limit: a limit must not become an outage.
"""

from __future__ import annotations

import asyncio
import json
import math
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from signalbox.core.clock import Clock
from signalbox.core.ids import new_id
from signalbox.core.live import Live, LiveUnavailableError, Script

EXACT_LIMIT: Final = 1000  # hits per window up to which every hit is remembered
CREDIT_SHARE: Final = 100  # a process reserves at most 1/100 of a limit ahead
CREDIT_MAX: Final = 256  # and never more than this many hits
_KEYS_MAX: Final = 10_000  # buckets kept by one process; the least recently used go first
_REFUSAL_MAX_MS: Final = 1000  # a refusal is remembered no longer, so that a raised limit acts soon

K = TypeVar("K")
V = TypeVar("V")

# KEYS: bucket. ARGV: now ms, window ms, limit, most hits wanted, least hits accepted, exact (1/0), unique text.
# Answers {granted, remaining, ms until `least` hits would be accepted (0 if granted), ms until one hit more is free}. The arithmetic is in whole
# numbers below 2^53, so that Python's copy below decides the same.
_SCRIPT: Final = Script(
    """
local key, now, window, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local most, least, exact = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local kind = redis.call('TYPE', key).ok
if kind ~= 'none' and (kind == 'zset') ~= exact then redis.call('DEL', key) end
if exact then
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local used = redis.call('ZCARD', key)
  local free = limit - used
  if free < least then
    if least > limit then return {0, math.max(free, 0), window, window} end
    local index = used + least - limit - 1
    local last = redis.call('ZRANGE', key, index, index, 'WITHSCORES')
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return {0, math.max(free, 0), math.max(last[2] + window - now, 1), math.max(first[2] + window - now, 1)}
  end
  local granted = math.min(most, free)
  for i = 1, granted do redis.call('ZADD', key, now, ARGV[7] .. ':' .. i) end
  redis.call('PEXPIRE', key, window)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return {granted, free - granted, 0, math.max(first[2] + window - now, 1)}
end
local stored = redis.call('HMGET', key, 'w', 'c', 'p')
local w, c, p = tonumber(stored[1] or -2), tonumber(stored[2] or 0), tonumber(stored[3] or 0)
local current = math.max(math.floor(now / window), w)
if current == w + 1 then p, c = c, 0 elseif current > w then p, c = 0, 0 end
local rest = window - math.max(now - current * window, 0)
local free = math.floor((limit * window - p * rest) / window) - c
local granted = 0
if free >= least then granted = math.min(most, free) end
local frees = window
if p > 0 then frees = math.ceil(window / p) elseif c + granted > 0 then frees = rest + math.ceil(window / (c + granted)) end
if granted == 0 then
  if least > limit then return {0, math.max(free, 0), window, frees} end
  if c + least <= limit then
    return {0, math.max(free, 0), math.max(rest - math.floor(window * (limit - c - least) / p), 1), frees}
  end
  return {0, math.max(free, 0), rest + window - math.floor(window * (limit - least) / c), frees}
end
redis.call('HSET', key, 'w', current, 'c', c + granted, 'p', p)
redis.call('PEXPIRE', key, 2 * window)
return {granted, free - granted, 0, frees}
"""
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a hit may pass.

    `remaining` is how many more would pass now. `retry_after_s` is whole seconds, at least 1, until the same hit can
    pass if nobody else comes; 0 when allowed. `frees_ms` is about how long it takes until one hit more is free.
    """

    allowed: bool
    limit: int
    remaining: int
    retry_after_s: int
    frees_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit: at most `limit` hits in any `window_s` seconds."""

    limit: int
    window_s: int


@dataclass(frozen=True, slots=True)
class RateTable:
    """The operator's word on limits: all of them off, or some endpoints changed."""

    off: bool = False
    changed: Mapping[str, Rate] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> RateTable:
        """From SIGNALBOX_RATE_LIMITS: `on`, `off` or a JSON object of endpoint to [limit, window in seconds]."""
        if text in ("on", "off"):
            return cls(off=text == "off")
        return cls(changed={endpoint: Rate(*pair) for endpoint, pair in json.loads(text).items()})

    def rate(self, endpoint: str, limit: int, window_s: int) -> Rate:
        """The rate that holds at `endpoint` when the program's own is `limit` per `window_s`."""
        return self.changed.get(endpoint) or Rate(limit, window_s)


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a bucket: grant `most` hits, or fewer but not below `least`, or none."""

    now_ms: int
    window_ms: int
    limit: int
    most: int
    least: int


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer: hits granted (0 when refused), hits left, ms until `least` hits would be granted, ms until one more is free."""

    granted: int
    remaining: int
    retry_ms: int
    frees_ms: int = field(default=0, compare=False)


class Bucket(Protocol):
    """What both kinds of in-process bucket can do."""

    def ask(self, request: Request) -> Grant:
        """Grant or refuse, and remember what was granted."""
        ...


class LogBucket:
    """The exact sliding log of one process: the instants, in ms and sorted, of the hits that still count."""

    def __init__(self) -> None:
        self._hits: list[int] = []

    def ask(self, request: Request) -> Grant:
        """As the script's exact branch."""
        del self._hits[: bisect_right(self._hits, request.now_ms - request.window_ms)]
        used = len(self._hits)
        free = request.limit - used
        if free >= request.least:
            granted = min(request.most, free)
            for _ in range(granted):
                insort(self._hits, request.now_ms)
            return Grant(granted, free - granted, 0, self._frees_ms(request))
        if request.least > request.limit:
            return Grant(0, max(free, 0), request.window_ms, request.window_ms)
        frees_at = self._hits[used + request.least - request.limit - 1] + request.window_ms
        retry_ms = max(frees_at - request.now_ms, 1)
        return Grant(0, max(free, 0), retry_ms, self._frees_ms(request))

    def _frees_ms(self, request: Request) -> int:
        return max(self._hits[0] + request.window_ms - request.now_ms, 1)


class WindowsBucket:
    """Two adjacent windows of one process: number of the current one, hits in it and in the one before."""

    def __init__(self) -> None:
        self._window, self._count, self._before = -2, 0, 0

    def ask(self, request: Request) -> Grant:
        """As the script's weighted branch."""
        width, limit = request.window_ms, request.limit
        rest = width - self._turn(request)
        free = (limit * width - self._before * rest) // width - self._count
        if free >= request.least:
            granted = min(request.most, free)
            self._count += granted
            return Grant(granted, free - granted, 0, self._frees_ms(width, rest))
        return Grant(0, max(free, 0), self._wait_ms(request, rest), self._frees_ms(width, rest))

    def _frees_ms(self, width: int, rest: int) -> int:
        if self._before > 0:
            return -(-width // self._before)
        return rest - (-width // self._count) if self._count > 0 else width

    def _turn(self, request: Request) -> int:
        """Move on to the window of now; answers the ms since its start. A clock that lags stays where others are."""
        current = max(request.now_ms // request.window_ms, self._window)
        if current == self._window + 1:
            self._count, self._before = 0, self._count
        elif current > self._window:
            self._count, self._before = 0, 0
        self._window = current
        return max(request.now_ms - current * request.window_ms, 0)

    def _wait_ms(self, request: Request, rest: int) -> int:
        width, limit, least = request.window_ms, request.limit, request.least
        if least > limit:
            return width
        if self._count + least <= limit:
            return max(rest - width * (limit - self._count - least) // self._before, 1)
        return rest + width - width * (limit - least) // self._count


class Limiter:
    """Asks the shared buckets in Redis, or this process's own while Redis is away."""

    def __init__(self, live: Live, clock: Clock, table: RateTable | None = None) -> None:
        self._live = live
        self._clock = clock
        self.table = table or RateTable()
        self._own: OrderedDict[tuple[str, bool], Bucket] = OrderedDict()
        self._process = new_id().hex[:12]
        self._asked = 0

    def now_ms(self) -> int:
        """The clock, in ms since the Unix epoch."""
        return int(self._clock.now().timestamp() * 1000)

    async def hit(
        self, endpoint: str, identifier: str, limit: int, window_s: int, cost: int = 1
    ) -> Verdict:
        """Count `cost` hits of `identifier` (such as "ip:192.0.2.7") at `endpoint`, all of them or none."""
        if self.table.off:
            return Verdict(allowed=True, limit=limit, remaining=limit, retry_after_s=0)
        rate = self.table.rate(endpoint, limit, window_s)
        grant = await self.reserve(endpoint, identifier, rate, most=cost, least=cost)
        return verdict(rate, grant)

    async def reserve(
        self, endpoint: str, identifier: str, rate: Rate, *, most: int, least: int = 1
    ) -> Grant:
        """Between `least` and `most` hits at once, as many as are free; none when fewer than `least` are."""
        key = f"ratelimit:{endpoint}:{identifier}"
        request = Request(self.now_ms(), rate.window_s * 1000, rate.limit, most, least)
        exact = rate.limit <= EXACT_LIMIT
        try:
            return await self._ask_redis(key, request, exact)
        except LiveUnavailableError:
            bucket: Bucket = recall(
                self._own, (key, exact), LogBucket() if exact else WindowsBucket()
            )
            return bucket.ask(request)

    async def _ask_redis(self, key: str, request: Request, exact: bool) -> Grant:
        self._asked += 1
        unique = f"{self._process}:{self._asked}"
        args = (
            request.now_ms,
            request.window_ms,
            request.limit,
            request.most,
            request.least,
            int(exact),
            unique,
        )
        granted, remaining, retry_ms, frees_ms = await self._live.run(_SCRIPT, [key], args)
        return Grant(granted, remaining, retry_ms, frees_ms)


class _Credits:
    """Hits of one bucket that this process has reserved and not yet used, or a refusal that still holds."""

    __slots__ = ("frees_at_ms", "left", "lock", "refused_until_ms", "remaining", "until_ms")

    def __init__(self) -> None:
        self.left = 0
        self.remaining = 0
        self.until_ms = 0
        self.refused_until_ms = 0
        self.frees_at_ms = 0
        self.lock = asyncio.Lock()

    def take(self, rate: Rate, now_ms: int) -> Verdict | None:
        """A verdict without asking anybody, or None when the shared bucket must be asked."""
        if self.left > 0 and now_ms < self.until_ms:
            self.left -= 1
            return Verdict(
                allowed=True,
                limit=rate.limit,
                remaining=self.remaining + self.left,
                retry_after_s=0,
                frees_ms=self.frees_ms(now_ms),
            )
        if now_ms < self.refused_until_ms:
            until_ms = self.refused_until_ms - now_ms
            return verdict(rate, Grant(0, 0, until_ms, self.frees_ms(now_ms)))
        return None

    def frees_ms(self, now_ms: int) -> int:
        """About how long until one hit more is free, as the shared bucket said when it was asked."""
        return max(self.frees_at_ms - now_ms, 1)


class LocalCredits:
    """`Limiter.hit` for hot doors: a process reserves hits in batches, so that most requests ask nobody.

    A batch is k = limit / 100 hits, at most 256 and at least 1; limits below 200 are thus asked for every hit. With P
    processes any trailing window admits at most limit + P·k hits (batches reserved before it, used in it) and, under
    load, at least limit - P·(k - 1) (reserved and not used): an error of P per cent. A batch dies after one window,
    when the shared bucket has forgotten it. A refusal is remembered until its time is over, 1 s at most.
    """

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._buckets: OrderedDict[tuple[str, str], _Credits] = OrderedDict()

    def try_hit(self, endpoint: str, identifier: str, limit: int, window_s: int) -> Verdict | None:
        """The verdict when it can be told without waiting, else None: then await `hit`."""
        if self._limiter.table.off:
            return Verdict(allowed=True, limit=limit, remaining=limit, retry_after_s=0)
        known = self._buckets.get((endpoint, identifier))
        if known is None:
            return None
        return known.take(
            self._limiter.table.rate(endpoint, limit, window_s), self._limiter.now_ms()
        )

    async def hit(self, endpoint: str, identifier: str, limit: int, window_s: int) -> Verdict:
        """Count one hit; asks Redis only when this process's batch is used up, once for all who wait."""
        told = self.try_hit(endpoint, identifier, limit, window_s)
        if told is not None:
            return told
        rate = self._limiter.table.rate(endpoint, limit, window_s)
        bucket = recall(self._buckets, (endpoint, identifier), _Credits())
        async with bucket.lock:
            told = bucket.take(rate, self._limiter.now_ms())
            return told or await self._refill(bucket, endpoint, identifier, rate)

    async def _refill(
        self, bucket: _Credits, endpoint: str, identifier: str, rate: Rate
    ) -> Verdict:
        now_ms = self._limiter.now_ms()
        batch = max(1, min(rate.limit // CREDIT_SHARE, CREDIT_MAX))
        grant = await self._limiter.reserve(endpoint, identifier, rate, most=batch)
        bucket.left, bucket.remaining = max(grant.granted - 1, 0), grant.remaining
        bucket.until_ms = now_ms + rate.window_s * 1000
        bucket.refused_until_ms = (
            0 if grant.granted else now_ms + min(grant.retry_ms, _REFUSAL_MAX_MS)
        )
        bucket.frees_at_ms = now_ms + grant.frees_ms
        answer = verdict(rate, grant)
        return replace(answer, remaining=grant.remaining + bucket.left)


def verdict(rate: Rate, grant: Grant) -> Verdict:
    """A grant in the words of a door: seconds rounded up, so that whoever waits them is let in."""
    return Verdict(
        allowed=grant.granted > 0,
        limit=rate.limit,
        remaining=grant.remaining,
        retry_after_s=0 if grant.granted else max(math.ceil(grant.retry_ms / 1000), 1),
        frees_ms=grant.frees_ms,
    )


def recall(known: OrderedDict[K, V], key: K, fresh: V) -> V:
    """`known[key]`, or `fresh` put there; forgets the least recently used beyond `_KEYS_MAX`."""
    found = known.setdefault(key, fresh)
    known.move_to_end(key)
    if len(known) > _KEYS_MAX:
        known.popitem(last=False)
    return found
