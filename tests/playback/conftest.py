"""One site for a whole module of tests, and players that report to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.partitions import ensure_daily
from signalbox.playback.store.cmcd import TABLE
from tests.monitoring.conftest import House, Houses, opened
from tests.playback.collecting import START, Collector
from tests.playback.collecting import opened as collecting
from tests.playback.playing import Player


@pytest.fixture(scope="module")
def houses(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Houses:
    """Opens sites on the one database, each with a clock of its own; keywords are settings."""

    def open_house(**settings: str) -> Any:
        return opened(database_url, redis_url, tmp_path_factory.mktemp("house"), **settings)

    return open_house


@pytest.fixture(scope="module")
async def house(houses: Houses) -> AsyncIterator[House]:
    """The shared site."""
    async with houses() as one:
        yield one


@pytest.fixture
async def player(house: House) -> Player:
    """A player with a key of a new app."""
    return await new_player(house)


async def new_player(house: House, *scopes: str, **changes: Any) -> Player:
    """A player of a new app; `changes` as of `update_app`."""
    app = await house.app(**changes)
    key = await app_key(house, app, *(scopes or ("ingest",)))
    return Player(house.client, app, key)


async def app_key(house: House, app: Mapping[Any, Any], *scopes: str, **more: Any) -> str:
    """A new key of an app."""
    _, key = await accounts.create_key(
        house.db, app_id=app["id"], scopes=scopes, by=SYSTEM, at=house.clock.now(), **more
    )
    return key


@pytest.fixture
async def collector(db: Database) -> AsyncIterator[Collector]:
    """A process that stores lines of CMCD for an app of its own, beside any door."""
    connection = await db.connect()
    await ensure_daily(connection, TABLE, START.date(), START.date() + timedelta(days=2))
    await connection.close()
    async with collecting(db, ManualClock(START), uuid4()) as one:
        yield one


@pytest.fixture
def client(house: House) -> httpx.AsyncClient:
    """The door."""
    return house.client
