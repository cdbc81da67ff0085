"""Notices reach who listens; after a broken connection nobody goes on with what may be stale."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from signalbox.core.db import Database
from signalbox.core.notices import Notices

CHANNEL = "test_notices"
PATIENCE_S = 10


class Heard:
    """What a subscriber was told, in order; None stands for "forget everything"."""

    def __init__(self) -> None:
        self.all: list[str | None] = []
        self._more = asyncio.Event()

    def told(self, payload: str | None = None) -> None:
        self.all.append(payload)
        self._more.set()

    async def until(self, count: int) -> list[str | None]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.all) < count:
                self._more.clear()
                await self._more.wait()
        return self.all


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def notices(db: Database, heard: Heard) -> AsyncIterator[Notices]:
    notices = Notices(db.connect)
    notices.subscribe(CHANNEL, told=heard.told, forget_all=heard.told)
    await notices.open()
    yield notices
    await notices.close()
    await notices.close()


async def tell(db: Database, payload: str) -> None:
    async with db.begin() as tx:
        await tx.psycopg.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


async def cut(db: Database) -> int:
    """End every listening connection of this database; answers how many there were."""
    async with db.begin() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%LISTEN%' AND pid <> pg_backend_pid()"
        )
        return cursor.rowcount


async def test_a_notice_is_told_after_everything_was_forgotten(
    db: Database, notices: Notices, heard: Heard
) -> None:
    await notices.wait_listening()
    await tell(db, "one")
    await tell(db, "two")

    assert await heard.until(3) == [None, "one", "two"]


async def test_a_broken_connection_is_made_anew_and_everything_forgotten(
    db: Database, notices: Notices, heard: Heard
) -> None:
    await notices.wait_listening()

    assert await cut(db) == 1

    assert await heard.until(2) == [None, None]
    await tell(db, "three")
    assert (await heard.until(3))[-1] == "three"


async def test_a_database_that_is_away_is_asked_for_again(db: Database, heard: Heard) -> None:
    attempts = 0

    async def connect() -> AsyncConnection[Any]:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise psycopg.OperationalError
        return await db.connect()

    notices = Notices(connect)
    notices.subscribe(CHANNEL, told=heard.told, forget_all=heard.told)
    await notices.open()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await notices.wait_listening()
    finally:
        await notices.close()

    assert attempts == 3
    assert heard.all == [None]


async def test_a_silent_connection_is_asked_whether_it_lives(
    db: Database, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalbox.core.notices.QUIET_S", 0.05)
    monkeypatch.setattr("signalbox.core.notices.ANSWER_S", 0.2)
    made: list[AsyncConnection[Any]] = []

    async def connect() -> AsyncConnection[Any]:
        made.append(await db.connect())
        if len(made) == 1:

            async def deaf(*_: object) -> None:
                await asyncio.Event().wait()

            listen = made[0].execute

            async def execute(query: Any, *args: Any) -> Any:
                return await (deaf() if query == "SELECT 1" else listen(query, *args))

            monkeypatch.setattr(made[0], "execute", execute)
        return made[-1]

    notices = Notices(connect)
    notices.subscribe(CHANNEL, told=heard.told, forget_all=heard.told)
    await notices.open()
    try:
        assert await heard.until(2) == [None, None]
    finally:
        await notices.close()
    assert made[0].closed
