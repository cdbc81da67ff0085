"""Notices of PostgreSQL (LISTEN, NOTIFY): what a process remembers is forgotten as soon as another one changes it.

One connection per process listens to all channels. A notice that is sent while nobody listens is lost, so after every
connecting, the first one included, everybody is told to forget everything. Who remembers must bound the time by itself
too: a connection that broke silently is noticed after `QUIET_S` + `ANSWER_S` at the latest.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection, sql

QUIET_S: Final = 10.0  # without a notice for so long, the connection is asked whether it is alive
ANSWER_S: Final = 5.0  # and must answer within this time
RETRY_FIRST_S, RETRY_MOST_S = 0.1, 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Subscriber:
    told: Callable[[str], None]
    forget_all: Callable[[], None]


class Notices:
    """Listens on one connection and hands payloads to those who asked for their channel.

    `connect` opens a connection in autocommit. Subscribers are called in the event loop and must not wait.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection[Any]]]) -> None:
        self._connect = connect
        self._subscribers: dict[str, list[_Subscriber]] = {}
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._broken = False

    def subscribe(
        self, channel: str, *, told: Callable[[str], None], forget_all: Callable[[], None]
    ) -> None:
        """Have `told` called with the payload of each notice, `forget_all` when some may have been missed.

        Only before `open`.
        """
        self._subscribers.setdefault(channel, []).append(_Subscriber(told, forget_all))

    async def open(self) -> None:
        """Begin to listen, in the background: a database that is away now is asked for again."""
        self._task = asyncio.create_task(self._run(), name="notices")

    async def close(self) -> None:
        """Stop listening; stopping twice changes nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def wait_listening(self) -> None:
        """Return when the connection stands, at once if it does."""
        await self._listening.wait()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError, TimeoutError) as error:
                failures = 0 if self._listening.is_set() else failures + 1
                self._say_broken(error)
            self._listening.clear()
            delay_s = min(RETRY_FIRST_S * 2 ** min(failures, 10), RETRY_MOST_S)
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))

    async def _listen(self) -> None:
        """Connect and hand on notices until the connection breaks, which raises."""
        connection = await self._connect()
        try:
            for channel in self._subscribers:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._now_listening()
            while True:
                async for notice in connection.notifies(timeout=QUIET_S):
                    for subscriber in self._subscribers.get(notice.channel, ()):
                        subscriber.told(notice.payload)
                async with asyncio.timeout(ANSWER_S):
                    await connection.execute("SELECT 1")
        finally:
            with suppress(psycopg.Error, OSError):  # it may be gone already
                await connection.close()

    def _now_listening(self) -> None:
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.forget_all()
        if self._broken:
            log.info("notices.recovered")
        self._broken = False
        self._listening.set()

    def _say_broken(self, error: Exception) -> None:
        if not self._broken:
            log.warning("notices.lost", error=type(error).__name__)
        self._broken = True
