"""Live state in Redis: what may vanish. Short time-outs, and a circuit that opens when Redis is away.

A call answers within the time-out (`SIGNALBOX_REDIS_TIMEOUT_MS`) or raises `LiveUnavailableError`. After a failure the circuit stays open for `OPEN_S`: calls
fail at once, without touching the network, and when the time is over a single call probes whether Redis is back.
Losing Redis degrades a feature; it never loses a fact, and no request waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

TIMEOUT_MS: Final = 250  # unless told otherwise; for connecting and for any one command, waiting for a free connection included
OPEN_S: Final = 2.0  # how long calls fail at once after a failure
_CONNECTIONS: Final = 32

log = structlog.get_logger(__name__)


class LiveUnavailableError(Exception):
    """Redis did not answer in time, or lately did not: go on without it."""


class Script:
    """A Lua script, known to Redis by its SHA-1; atomic on the server."""

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Live:
    """One process's pool of connections to Redis or Valkey.

    `monotonic` gives seconds for the circuit; tests pass their own. `on_failure` is called once per opened circuit.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_ms: int = TIMEOUT_MS,
        monotonic: Callable[[], float] = time.monotonic,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_ms / 1000
        self._monotonic = monotonic
        self._on_failure = on_failure
        self._open_until = 0.0
        self._failing = False
        self._redis: Redis | None = None

    async def open(self) -> None:
        """Make the pool; connections are opened when first needed, so Redis may still be starting."""
        pool = BlockingConnectionPool.from_url(
            self._url,
            max_connections=_CONNECTIONS,
            timeout=self._timeout_s,
            socket_timeout=self._timeout_s,
            socket_connect_timeout=self._timeout_s,
            # A connection that a restarted Redis has dropped fails once; the retry then opens a new one.
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis.from_pool(pool)

    async def close(self) -> None:
        """Close every connection; closing twice changes nothing."""
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.aclose()

    @property
    def available(self) -> bool:
        """False while the circuit is open; true does not promise that the next call succeeds."""
        return not self._failing

    async def ping(self) -> bool:
        """Whether Redis answers now; asks even while the circuit is open, so that readiness tells the truth."""
        try:
            async with self._guarded(probe=True) as redis:
                await redis.ping()
        except LiveUnavailableError:
            return False
        return True

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | float | bytes]
    ) -> Any:
        """The script's answer; loads it into Redis when Redis does not know it yet.

        Raises:
            LiveUnavailableError: Redis is away, refuses or takes longer than the time-out.
        """
        async with self.connection() as redis:
            try:
                return await redis.evalsha(script.sha, len(keys), *keys, *args)
            except NoScriptError:
                return await redis.eval(script.source, len(keys), *keys, *args)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Redis]:
        """The client for a few quick commands, which together may take one time-out.

        Raises:
            LiveUnavailableError: as `run`; also when the circuit is open.
        """
        async with self._guarded(probe=False) as redis:
            yield redis

    @asynccontextmanager
    async def _guarded(self, *, probe: bool) -> AsyncIterator[Redis]:
        redis = self._admit(probe)
        try:
            async with asyncio.timeout(self._timeout_s):
                yield redis
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            raise LiveUnavailableError from error
        self._succeeded()

    def _admit(self, probe: bool) -> Redis:
        if self._redis is None:
            raise LiveUnavailableError
        now = self._monotonic()
        if self._failing and not probe:
            if now < self._open_until:
                raise LiveUnavailableError
            self._open_until = now + OPEN_S  # this caller probes; the others go on failing at once
        return self._redis

    def _failed(self, error: Exception) -> None:
        self._open_until = self._monotonic() + OPEN_S
        if self._failing:
            return
        self._failing = True
        log.warning("live.lost", reason=type(error).__name__)
        if self._on_failure is not None:
            self._on_failure()

    def _succeeded(self) -> None:
        if self._failing:
            self._failing = False
            log.info("live.recovered")
