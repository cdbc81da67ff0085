"""Keys that players carry: how they look, from when to when they are good, and how they are replaced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from signalbox.accounts import queries, service
from signalbox.accounts.errors import ExpiredToken, InvalidParameters, InvalidToken, TooManyKeys
from signalbox.accounts.service import KeyBounds
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from tests.accounts.conftest import AT, People

WEEK = timedelta(days=7)


@pytest.fixture
async def app(db: Database, people: People) -> Mapping[Any, Any]:
    return await service.create_app(
        db, organization_id=people.organization_id, name="tv", by=SYSTEM, at=AT
    )


async def made(db: Database, app: Mapping[Any, Any], **given: Any) -> tuple[Any, str]:
    chosen: dict[str, Any] = {"scopes": ["ingest"], "player": True, **given}
    return await service.create_key(db, app_id=app["id"], by=SYSTEM, at=AT, **chosen)


async def test_a_key_is_good_from_an_instant_on(db: Database, app: Mapping[Any, Any]) -> None:
    _, key = await made(db, app, bounds=KeyBounds(not_before=AT + WEEK))

    with pytest.raises(InvalidToken):
        await service.authenticate(db, bearer=key, at=AT)
    early = await service.still_valid(db, cookies=(), bearers=[key], at=AT)
    actor = await service.authenticate(db, bearer=key, at=AT + WEEK)

    assert early == ({}, {})
    assert actor is not None
    assert actor.app_id == app["id"]


async def test_both_keys_of_a_rotation_are_good_for_a_while(
    db: Database, app: Mapping[Any, Any]
) -> None:
    row, old = await made(db, app, bounds=KeyBounds(rate_limit=7, origins=["https://a.example"]))

    second, new = await service.rotate_key(
        db, row["key_id"], by=SYSTEM, at=AT, overlap_s=int(WEEK.total_seconds())
    )
    third, _ = await service.rotate_key(
        db, second["key_id"], by=SYSTEM, at=AT, overlap_s=int(WEEK.total_seconds())
    )

    assert await service.authenticate(db, bearer=old, at=AT + WEEK / 2)
    assert await service.authenticate(db, bearer=new, at=AT + WEEK / 2)
    with pytest.raises(ExpiredToken):
        await service.authenticate(db, bearer=old, at=AT + WEEK)
    assert new.startswith("pbk_")
    assert (second["rate_limit"], second["origins"]) == (7, ["https://a.example"])
    assert {second["bucket_id"], third["bucket_id"]} == {row["key_id"]}


async def test_of_one_name_five_keys_are_in_force_at_most(
    db: Database, app: Mapping[Any, Any]
) -> None:
    keys = [(await made(db, app, name="phone"))[0] for _ in range(5)]

    with pytest.raises(TooManyKeys):
        await made(db, app, name="phone")
    with pytest.raises(TooManyKeys):
        await service.rotate_key(db, keys[0]["key_id"], by=SYSTEM, at=AT, overlap_s=60)
    await made(db, app, name="set-top")
    await service.rotate_key(db, keys[0]["key_id"], by=SYSTEM, at=AT)
    await service.revoke_key(db, keys[1]["key_id"], by=SYSTEM, at=AT)
    await made(db, app, name="phone")

    async with db.read() as tx:
        assert len(await queries.keys(tx, SYSTEM, app_id=app["id"])) == 6


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"bounds": KeyBounds(rate_limit=0)}, "rate_limit"),
        ({"bounds": KeyBounds(rate_window_s=0)}, "rate_window_s"),
        ({"bounds": KeyBounds(origins=["nowhere"])}, "origins"),
        ({"bounds": KeyBounds(not_before=AT + WEEK), "expires_at": AT + WEEK}, "expires_at"),
        ({"expires_at": AT}, "expires_at"),
    ],
)
async def test_a_bound_that_is_none_is_refused(
    db: Database, app: Mapping[Any, Any], given: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidParameters) as refused:
        await made(db, app, **given)

    assert refused.value.facts == {"parameter": named}
