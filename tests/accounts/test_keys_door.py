"""Bearer keys over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from signalbox.accounts import service
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from tests.accounts.conftest import AT, People, bearer
from tests.accounts.test_apps_door import refusal
from tests.accounts.test_members_door import _as, _sign_in, audited, mail


@pytest.fixture
async def alice(site: AsyncClient, people: People) -> AsyncClient:
    """The site as alice's browser sees it."""
    await _sign_in(site, people.alice_email)
    return site


@pytest.fixture
async def app(db: Database, people: People) -> UUID:
    row = await service.create_app(
        db, organization_id=people.organization_id, name="shop", by=people.alice, at=AT
    )
    key: UUID = row["id"]
    return key


def path(people: People, key: object = None) -> str:
    base = f"/v1/organizations/{people.organization_id}/keys"
    return base if key is None else f"{base}/{key}"


async def made(site: AsyncClient, people: People, **body: Any) -> dict[str, Any]:
    answer = await site.post(path(people), json={"scopes": ["read"], **body})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_a_key_is_shown_once_and_works(
    alice: AsyncClient, db: Database, people: People, app: UUID
) -> None:
    key = await made(alice, people, name="nightly", app=str(app), expires_at="2026-12-01")

    listed = (await alice.get(path(people))).json()["data"]
    used = await alice.get("/v1/apps", headers={"Authorization": f"Bearer {key['key']}"})

    assert key["key"].startswith(key["prefix"])
    assert (key["name"], key["app"], key["scopes"]) == ("nightly", str(app), ["read"])
    assert key["expires_at"] == "2026-12-01T00:00:00.000000Z"
    assert key["user"] == str(people.alice.user_id)
    assert key["user_name"].startswith("alice-")
    secret = key.pop("key")
    assert listed == [key]
    assert secret not in str(listed)
    assert [one["id"] for one in used.json()["data"]] == [str(app)]
    told = await audited(db, "api_key_created", people.organization_id)
    assert told == [(key["id"], {"scopes": ["read"]})]


async def test_keys_are_listed_by_app_and_page(
    alice: AsyncClient, people: People, app: UUID
) -> None:
    first = await made(alice, people)
    second = await made(alice, people, app=str(app))

    of_app = (await alice.get(f"{path(people)}?appId={app}")).json()["data"]
    page = (await alice.get(f"{path(people)}?limit=1&order=-created_at")).json()
    odd = await alice.get(f"{path(people)}?appId=x")
    unknown = await alice.get(f"{path(people)}?appId={new_id()}")

    assert [one["id"] for one in of_app] == [second["id"]]
    assert (page["count"], len(page["results"])) == (2, 1)
    assert {first["id"], second["id"]} >= {one["id"] for one in page["results"]}
    assert refusal(odd) == (400, "invalid_parameters")
    assert refusal(unknown) == (400, "app_not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_parameters"),
        ({"scopes": []}, "missing_parameters"),
        ({"scopes": "read"}, "invalid_parameters"),
        ({"scopes": [7]}, "invalid_parameters"),
        ({"scopes": ["everything"]}, "unknown_scope"),
        ({"scopes": ["read"], "name": 7}, "invalid_parameters"),
        ({"scopes": ["read"], "app": "x"}, "invalid_parameters"),
        ({"scopes": ["read"], "app": "0e3b5d0a-6a53-4c52-9d4b-0b0d5a6f3f11"}, "app_not_found"),
        ({"scopes": ["read"], "expires_at": "2026-01-01"}, "invalid_parameters"),
        ({"scopes": ["read"], "expires_at": "soon"}, "invalid_parameters"),
    ],
)
async def test_a_bad_key_is_refused(
    alice: AsyncClient, people: People, body: dict[str, Any], code: str
) -> None:
    assert refusal(await alice.post(path(people), json=body)) == (400, code)
    assert (await alice.get(path(people))).json() == {"data": []}


async def test_the_app_must_be_of_the_organization(
    alice: AsyncClient, db: Database, people: People
) -> None:
    assert people.alice.user_id is not None
    await service.set_membership(
        db,
        people.alice.user_id,
        people.other_organization_id,
        role="owner",
        by=people.charlie,
        at=AT,
    )
    other = await service.create_app(
        db, organization_id=people.other_organization_id, name="x", by=people.charlie, at=AT
    )

    answer = await alice.post(path(people), json={"scopes": ["read"], "app": str(other["id"])})

    assert refusal(answer) == (400, "app_not_found")


async def test_a_key_is_replaced_at_once_or_later(
    alice: AsyncClient, people: People, clock: ManualClock
) -> None:
    first = await made(alice, people, name="nightly")

    second = (await alice.post(f"{path(people, first['id'])}/rotate")).json()["data"]
    later = await alice.post(f"{path(people, second['id'])}/rotate", json={"overlap_s": 60})
    third = later.json()["data"]
    alive = [
        (await alice.get("/v1/apps", headers={"Authorization": f"Bearer {key['key']}"})).status_code
        for key in (first, second, third)
    ]
    clock.advance(61)
    headers = {"Authorization": f"Bearer {second['key']}"}

    assert (second["name"], second["scopes"]) == ("nightly", ["read"])
    assert alive == [401, 200, 200]
    assert refusal(await alice.get("/v1/apps", headers=headers)) == (401, "expired_token")
    long = await alice.post(f"{path(people, third['id'])}/rotate", json={"overlap_s": 10**9})
    assert refusal(long) == (400, "invalid_parameters")


async def test_a_revoked_key_is_dead_at_once(
    alice: AsyncClient, db: Database, people: People
) -> None:
    key = await made(alice, people)

    gone = await alice.delete(path(people, key["id"]))

    assert gone.text == '""'
    headers = {"Authorization": f"Bearer {key['key']}"}
    assert refusal(await alice.get("/v1/apps", headers=headers)) == (401, "invalid_token")
    assert refusal(await alice.delete(path(people, key["id"]))) == (404, "key_not_found")
    assert len(await audited(db, "api_key_revoked", people.organization_id)) == 1


async def test_a_viewer_sees_keys_and_changes_none(
    alice: AsyncClient, db: Database, people: People
) -> None:
    key = await made(alice, people)
    await _as(alice, db, people.bob.user_id, mail(people, "bob"))

    assert len((await alice.get(path(people))).json()["data"]) == 1
    for answer in (
        await alice.post(path(people), json={"scopes": ["read"]}),
        await alice.post(f"{path(people, key['id'])}/rotate"),
        await alice.delete(path(people, key["id"])),
    ):
        assert refusal(answer) == (403, "forbidden")


async def test_a_stranger_finds_no_keys(alice: AsyncClient, db: Database, people: People) -> None:
    key = await made(alice, people)
    await _as(alice, db, people.charlie.user_id, mail(people, "charlie"))

    for answer in (
        await alice.get(path(people)),
        await alice.post(path(people), json={"scopes": ["read"]}),
        await alice.post(f"{path(people, key['id'])}/rotate"),
        await alice.delete(path(people, key["id"])),
    ):
        assert refusal(answer) == (404, "organization_not_found")
    theirs = f"/v1/organizations/{people.other_organization_id}/keys/{key['id']}"
    assert refusal(await alice.delete(theirs)) == (404, "key_not_found")
    alice.cookies.clear()
    assert refusal(await alice.get(path(people))) == (401, "missing_token")


async def test_a_key_makes_no_keys_and_one_of_an_app_sees_its_own(
    alice: AsyncClient, db: Database, people: People, app: UUID
) -> None:
    await made(alice, people)
    key = await made(alice, people, app=str(app), scopes=["read", "manage"])
    bound = {"Authorization": f"Bearer {key['key']}"}
    headers = await bearer(db, people.alice, people.organization_id, "read", "manage")

    seen = (await alice.get(path(people), headers=bound)).json()["data"]
    answer = await alice.post(path(people), json={"scopes": ["read"]}, headers=headers)

    assert [one["id"] for one in seen] == [key["id"]]
    assert refusal(answer) == (403, "forbidden")


async def test_apps_are_listed_by_organization(
    alice: AsyncClient, db: Database, people: People, app: UUID
) -> None:
    assert people.alice.user_id is not None
    await service.set_membership(
        db,
        people.alice.user_id,
        people.other_organization_id,
        role="viewer",
        by=people.charlie,
        at=AT,
    )
    await service.create_app(
        db, organization_id=people.other_organization_id, name="x", by=people.charlie, at=AT
    )

    ours = (await alice.get(f"/v1/apps?organization={people.organization_id}")).json()["data"]
    page = (await alice.get(f"/v1/apps?organization={people.organization_id}&limit=5")).json()
    unknown = await alice.get(f"/v1/apps?organization={new_id()}")

    assert [one["id"] for one in ours] == [str(app)]
    assert sum(ours[0]["durations_days"].values()) == 0
    assert page["count"] == 1
    assert refusal(unknown) == (400, "organization_not_found")
