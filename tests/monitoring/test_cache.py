"""What a process remembers of an app ends with the change of that app, not with time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from signalbox.accounts import service as accounts
from signalbox.accounts.store import APPS_CHANNEL
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.notices import Notices
from signalbox.monitoring.cache import Identities
from signalbox.monitoring.errors import InvalidApiKey
from signalbox.monitoring.rules.identities import AppFacts

PATIENCE_S = 10
Row = Mapping[Any, Any]


@pytest.fixture
async def app(db: Database, clock: ManualClock) -> Row:
    at = clock.now()
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=at)
    return await accounts.create_app(
        db, organization_id=organization["id"], name="a", by=SYSTEM, at=at
    )


class World:
    """A cache that time alone never empties, and the changes that it was told of."""

    def __init__(self, identities: Identities) -> None:
        self.identities = identities
        self._changed: asyncio.Queue[str] = asyncio.Queue()

    def told(self, app_id: str) -> None:
        self._changed.put_nowait(app_id)

    async def told_of(self, app: Row) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self._changed.get() != str(app["id"]):
                pass


@pytest.fixture
async def world(db: Database, clock: ManualClock) -> AsyncIterator[World]:
    identities = Identities(db, clock, app_life_s=3600)
    world = World(identities)
    notices = Notices(db.connect)
    notices.subscribe(APPS_CHANNEL, told=identities.forget_app, forget_all=identities.forget_apps)
    notices.subscribe(APPS_CHANNEL, told=world.told, forget_all=lambda: None)
    await notices.open()
    await notices.wait_listening()
    yield world
    await notices.close()


async def test_a_pause_ends_what_is_remembered(
    db: Database, app: Row, world: World, clock: ManualClock
) -> None:
    assert (await world.identities.app(app["api_key"])).recording

    await accounts.update_app(db, app["id"], recording=False, by=SYSTEM, at=clock.now())
    await world.told_of(app)

    assert not (await world.identities.app(app["api_key"])).recording


async def test_a_reset_key_is_refused_and_the_new_one_taken(
    db: Database, app: Row, world: World, clock: ManualClock
) -> None:
    await world.identities.app(app["api_key"])

    changed = await accounts.reset_app_key(db, app["id"], by=SYSTEM, at=clock.now())
    await world.told_of(app)

    with pytest.raises(InvalidApiKey):
        await world.identities.app(app["api_key"])
    assert (await world.identities.app(changed["api_key"])).id == app["id"]


async def test_another_app_stays_remembered(
    db: Database, app: Row, world: World, clock: ManualClock
) -> None:
    other = await accounts.create_app(
        db, organization_id=app["organization_id"], name="b", by=SYSTEM, at=clock.now()
    )
    await world.told_of(other)  # that it was made; told later, it would be forgotten here
    kept = await world.identities.app(other["api_key"])
    await world.identities.app(app["api_key"])

    await accounts.update_app(db, app["id"], recording=False, by=SYSTEM, at=clock.now())
    await world.told_of(app)

    assert await world.identities.app(other["api_key"]) is kept


async def test_an_answer_that_was_overtaken_by_a_change_is_not_kept(
    db: Database, app: Row, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities = Identities(db, clock, app_life_s=3600)
    load, read, answer = identities._load_by_key, asyncio.Event(), asyncio.Event()

    async def slow(key: str) -> AppFacts | None:
        found = await load(key)
        if not read.is_set():
            read.set()
            await answer.wait()
        return found

    monkeypatch.setattr(identities, "_load_by_key", slow)
    first = asyncio.create_task(identities.app(app["api_key"]))
    await read.wait()
    await accounts.update_app(db, app["id"], recording=False, by=SYSTEM, at=clock.now())
    identities.forget_app(str(app["id"]))

    assert not (await identities.app(app["api_key"])).recording
    answer.set()
    assert (await first).recording  # it asked before the change
    assert not (await identities.app(app["api_key"])).recording
