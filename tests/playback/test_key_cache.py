"""Keys are known for two seconds, and good for an hour while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.playback import cache
from signalbox.playback.cache import FRESH_S, STALE_S, Keys
from signalbox.playback.errors import StorageAway
from tests.conftest import START


class Watched:
    """A database that counts how often it is asked, and can be away or hang."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.asked, self.is_away, self.hangs = 0, False, False
        self.begun = asyncio.Event()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        self.asked += 1
        self.begun.set()
        if self.hangs:
            await asyncio.sleep(60)
        if self.is_away:
            raise OSError
        async with self._db.read() as tx:
            yield tx

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        if self.is_away:
            raise OSError
        async with self._db.begin() as tx:
            yield tx


class Steps:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def watched(db: Database) -> Watched:
    return Watched(db)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
async def keys(watched: Watched, steps: Steps) -> AsyncIterator[Keys]:
    made = Keys(watched, monotonic=steps)  # type: ignore[arg-type]  # as far as it is used
    yield made
    await made.close()


@pytest.fixture
async def row_and_key(db: Database) -> tuple[Mapping[Any, Any], str]:
    made: dict[str, Any] = {"by": SYSTEM, "at": START}
    organization = await accounts.create_organization(db, name="o", **made)
    app = await accounts.create_app(db, organization_id=organization["id"], name="tv", **made)
    return await accounts.create_key(db, app_id=app["id"], scopes=["ingest"], **made)


async def test_a_key_is_asked_for_once_in_two_seconds(
    keys: Keys, watched: Watched, steps: Steps, row_and_key: Any
) -> None:
    _, key = row_and_key
    assert keys.at_hand(key) is None
    found = await keys.find(key, at=START)
    assert found is not None
    assert (found.app_name, found.status) == ("tv", "active")
    assert found.scopes == frozenset({"ingest"})

    await keys.find(key, at=START)
    assert keys.at_hand(key) == found
    assert watched.asked == 1
    steps.now_s += FRESH_S + 0.1
    assert keys.at_hand(key) is None
    await keys.find(key, at=START)
    assert watched.asked == 2


async def test_all_who_ask_at_once_ask_once(keys: Keys, watched: Watched, row_and_key: Any) -> None:
    _, key = row_and_key
    found = await asyncio.gather(*(keys.find(key, at=START) for _ in range(20)))

    assert len(set(found)) == 1
    assert watched.asked == 1


async def test_an_unknown_key_is_not_asked_for_again_and_again(
    keys: Keys, watched: Watched, steps: Steps
) -> None:
    assert [await keys.find("nobody's", at=START) for _ in range(5)] == [None] * 5
    assert watched.asked == 1
    steps.now_s += FRESH_S + 0.1
    await keys.find("nobody's", at=START)
    assert watched.asked == 2


async def test_what_cannot_be_a_key_is_not_asked_for(keys: Keys, watched: Watched) -> None:
    assert [await keys.find(text, at=START) for text in ("", "k" * 600)] == [None, None]
    assert watched.asked == 0


@pytest.mark.parametrize("trouble", ["is_away", "hangs"])
async def test_a_known_key_is_good_for_an_hour_without_a_database(
    keys: Keys, watched: Watched, steps: Steps, row_and_key: Any, trouble: str, monkeypatch: Any
) -> None:  # fmt: skip
    _, key = row_and_key
    await keys.find(key, at=START)
    monkeypatch.setattr(cache, "ASK_WITHIN_S", 0.01)
    monkeypatch.setattr(cache, "STRANGER_WITHIN_S", 0.01)
    setattr(watched, trouble, True)
    steps.now_s += STALE_S - 10

    assert await keys.find(key, at=START) is not None
    asked = watched.asked
    assert await keys.find(key, at=START) is not None  # at once: it is known to be away
    assert watched.asked == asked
    assert keys.has_seen(key)
    steps.now_s += 20
    assert not keys.has_seen(key)
    with pytest.raises(StorageAway):
        await keys.find(key, at=START)
    for task in keys._asking.values():
        task.cancel()


async def test_a_stranger_is_no_stranger_while_nobody_can_tell(
    keys: Keys, watched: Watched
) -> None:
    watched.is_away = True
    with pytest.raises(StorageAway):
        await keys.find("mtk_unknown", at=START)


async def test_a_key_ends_when_it_ends_whatever_is_remembered(keys: Keys, db: Database, row_and_key: Any) -> None:  # fmt: skip
    row, _ = row_and_key
    over = START + timedelta(seconds=1)
    _, ending = await accounts.create_key(db, app_id=row["app_id"], scopes=["ingest"], by=SYSTEM, at=START, expires_at=over)  # fmt: skip

    assert await keys.find(ending, at=START) is not None
    assert await keys.find(ending, at=over) is None


async def test_a_change_is_asked_for_at_once(
    keys: Keys, watched: Watched, db: Database, row_and_key: Any
) -> None:
    row, key = row_and_key
    await keys.find(key, at=START)
    await accounts.revoke_key(db, row["key_id"], by=SYSTEM, at=START)
    assert await keys.find(key, at=START) is not None
    keys.forget_key("another")
    assert await keys.find(key, at=START) is not None
    keys.forget_key(str(row["key_id"]))

    assert await keys.find(key, at=START) is None


async def test_a_changed_app_and_missed_notices_are_asked_for(
    keys: Keys, watched: Watched, row_and_key: Any
) -> None:
    row, key = row_and_key

    def forget_app() -> None:
        keys.forget_app(str(row["app_id"]))

    for forget in (forget_app, keys.forget_all):
        await keys.find(key, at=START)
        asked = watched.asked
        forget()
        await keys.find(key, at=START)
        assert watched.asked == asked + 1


async def test_what_is_changed_while_it_is_asked_for_is_not_kept(
    keys: Keys, watched: Watched, row_and_key: Any
) -> None:
    _, key = row_and_key
    asking = asyncio.create_task(keys.find(key, at=START))
    await watched.begun.wait()
    keys.forget_all()

    assert await asking is not None
    assert keys.at_hand(key) is None


async def test_a_replaced_key_is_retiring(keys: Keys, db: Database, row_and_key: Any) -> None:
    row, key = row_and_key
    _, new = await accounts.rotate_key(db, row["key_id"], by=SYSTEM, at=START, overlap_s=60)
    old, fresh = await keys.find(key, at=START), await keys.find(new, at=START)

    assert old is not None
    assert fresh is not None
    assert (old.status, fresh.status) == ("retiring", "active")
    assert old.bucket == fresh.bucket


async def test_the_use_of_a_key_is_noted_once_a_minute(
    keys: Keys, watched: Watched, db: Database, row_and_key: Any
) -> None:
    row, key = row_and_key

    async def used() -> Any:
        await keys.close()
        async with db.read() as tx:
            cursor = await tx.psycopg.execute(
                "SELECT last_used_at FROM accounts.api_keys WHERE key_id = %s", (row["key_id"],)
            )
            found = await cursor.fetchone()
        return found and found[0]

    await keys.find(key, at=START)
    assert await used() == START
    await keys.find(key, at=START + timedelta(seconds=59))
    assert await used() == START
    await keys.find(key, at=START + timedelta(seconds=60))
    assert await used() == START + timedelta(seconds=60)
    watched.is_away = True
    await keys.find(key, at=START + timedelta(seconds=120))
    assert await used() == START + timedelta(seconds=60)
