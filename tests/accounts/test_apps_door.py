"""Organizations and apps over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from tests.accounts.conftest import AT, People, bearer

Headers = dict[str, str]


@pytest.fixture
async def alice(db: Database, people: People) -> Headers:
    return await bearer(db, people.alice, people.organization_id, "read", "manage")


@pytest.fixture
async def charlie(db: Database, people: People) -> Headers:
    return await bearer(db, people.charlie, people.other_organization_id, "read", "manage")


async def make_app(site: AsyncClient, headers: Headers, organization: UUID) -> dict[str, Any]:
    body = {"organization": str(organization), "name": "shop"}
    answer = await site.post("/v1/apps", json=body, headers=headers)
    assert answer.status_code == 200
    data: dict[str, Any] = answer.json()["data"]
    return data


def refusal(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


async def test_an_app_has_a_key_and_its_days(
    site: AsyncClient, db: Database, people: People, alice: Headers
) -> None:
    app = await make_app(site, alice, people.organization_id)
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "INSERT INTO monitoring.app_usage VALUES (%s, '2026-11-21', 90), (%s, '2026-10-01', 5)",
            [app["id"], app["id"]],
        )

    shown = (await site.get(f"/v1/apps/{app['id']}", headers=alice)).json()["data"]

    assert len(app["api_key"]) == 32
    assert app["created_at"] == "2026-11-21T12:00:00.000000Z"
    assert (app["interval"], app["recording"], app["domain"]) == (10000, True, None)
    assert len(shown["durations_days"]) == 31
    assert shown["durations_days"]["2026-11-21"] == 90
    assert sum(shown["durations_days"].values()) == 90
    assert shown["organization"] == str(people.organization_id)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_parameters"),
        ({"organization": "x"}, "organization_not_found"),
        (
            {"organization": "{00000000-0000-4000-8000-000000000000}", "name": "a"},
            "organization_not_found",
        ),
        ({"organization": ["x"], "name": "a"}, "organization_not_found"),
        ({"organization": 7, "name": "a"}, "organization_not_found"),
        (
            {"organization": "0e3b5d0a-6a53-4c52-9d4b-0b0d5a6f3f11", "name": "a"},
            "organization_not_found",
        ),
        ({"organization": "OURS"}, "missing_parameters"),
        ({"organization": "OURS", "name": ""}, "missing_parameters"),
        ({"organization": "OURS", "name": 7}, "invalid_parameters"),
        ({"organization": "OURS", "name": "a\x00"}, "invalid_parameters"),
        ({"organization": "OURS", "name": "\t"}, "missing_parameters"),
        ([], "invalid_parameters"),
    ],
)
async def test_a_bad_app_is_refused(
    site: AsyncClient, people: People, alice: Headers, body: Any, code: str
) -> None:
    if isinstance(body, dict) and body.get("organization") == "OURS":
        body = {**body, "organization": str(people.organization_id)}

    assert refusal(await site.post("/apps", json=body, headers=alice)) == (400, code)


async def test_an_unreadable_body_and_a_huge_one(
    site: AsyncClient, people: People, alice: Headers
) -> None:
    unreadable = await site.post("/v1/apps", content=b"{", headers=alice)
    huge = await site.post("/v1/apps", content=b" " * 70_000, headers=alice)
    surrogate = await site.post("/v1/organizations", content=b'{"name": "\\ud800"}', headers=alice)

    assert refusal(unreadable) == (400, "unknown_error")
    assert refusal(huge) == (413, "payload_too_large")
    assert refusal(surrogate) == (400, "invalid_parameters")


async def test_a_change_keeps_what_it_does_not_name(
    site: AsyncClient, people: People, alice: Headers
) -> None:
    app = await make_app(site, alice, people.organization_id)
    path = f"/v1/apps/{app['id']}"

    await site.put(path, json={"domain": "Example.org", "interval": 2000}, headers=alice)
    second = await site.put(
        path, json={"recording": False, "name": None, "interval": None}, headers=alice
    )
    cleared = await site.put(path, json={"domain": None}, headers=alice)
    nothing = await site.put(path, json={}, headers=alice)

    data = second.json()["data"]
    assert (data["domain"], data["interval"], data["recording"], data["name"]) == (
        "example.org",
        2000,
        False,
        "shop",
    )
    assert cleared.json()["data"]["domain"] is None
    assert nothing.json()["data"] == cleared.json()["data"]


@pytest.mark.parametrize(
    "body",
    [
        {"interval": 999},
        {"interval": 60_001},
        {"interval": "5000"},
        {"interval": True},
        {"interval": 5000.5},
        {"recording": 1},
        {"domain": "http://x"},
        {"domain": 7},
        {"name": []},
        {"retention_days": 0},
        {"retention_events_days": 36_501},
        {"retention_points_days": "7"},
        {"retention_points_days": 1.5},
        {"retention_rollups_days": 0},
        {"retention_days": True},
    ],
)
async def test_a_bad_change_is_refused(
    site: AsyncClient, people: People, alice: Headers, body: Any
) -> None:
    app = await make_app(site, alice, people.organization_id)

    answer = await site.put(f"/v1/apps/{app['id']}", json=body, headers=alice)

    assert refusal(answer) == (400, "invalid_parameters")


async def test_an_app_chooses_its_days_and_returns_to_the_defaults(
    site: AsyncClient, people: People, alice: Headers
) -> None:
    app = await make_app(site, alice, people.organization_id)
    path = f"/v1/apps/{app['id']}"
    chosen = {"retention_events_days": 7, "retention_points_days": 3, "retention_rollups_days": 90, "retention_days": 30}  # fmt: skip
    defaults = dict.fromkeys(chosen)
    assert app | defaults == app

    changed = (await site.put(path, json=chosen, headers=alice)).json()["data"]
    other = (await site.put(path, json={"recording": False}, headers=alice)).json()["data"]
    back = (await site.put(path, json=defaults, headers=alice)).json()["data"]

    assert changed == app | chosen
    assert other == changed | {"recording": False}
    assert back == other | defaults


async def test_a_new_key_replaces_the_old_one(
    site: AsyncClient, db: Database, people: People, alice: Headers
) -> None:
    app = await make_app(site, alice, people.organization_id)
    path = f"/v1/apps/{app['id']}/reset-key"

    first = (await site.post(path, headers=alice)).json()["api_key"]
    second = (await site.post(path, json={"grace_s": 60}, headers=alice)).json()["api_key"]

    assert len({app["api_key"], first, second}) == 3
    async with db.read() as tx:
        found = await tx.psycopg.execute(
            "SELECT api_key, previous_api_key, previous_api_key_until FROM accounts.apps WHERE id = %s",
            [app["id"]],
        )
        assert await found.fetchone() == (second, first, AT + timedelta(seconds=60))


async def test_a_deleted_app_is_gone(site: AsyncClient, people: People, alice: Headers) -> None:
    app = await make_app(site, alice, people.organization_id)
    path = f"/v1/apps/{app['id']}"

    deleted = await site.delete(path, headers=alice)

    assert (deleted.status_code, deleted.text) == (200, '""')
    assert refusal(await site.delete(path, headers=alice)) == (404, "app_not_found")
    assert refusal(await site.get(path, headers=alice)) == (404, "app_not_found")
    listed = (await site.get("/v1/apps", headers=alice)).json()["data"]
    assert app["id"] not in [item["id"] for item in listed]


async def test_a_stranger_finds_nothing(
    site: AsyncClient, people: People, alice: Headers, charlie: Headers
) -> None:
    app = await make_app(site, alice, people.organization_id)
    own = f"/v1/apps/{app['id']}"
    organization = f"/v1/organizations/{people.organization_id}"
    body = {"organization": str(people.organization_id), "name": "mine"}

    for answer in (
        await site.get(own, headers=charlie),
        await site.put(own, json={"name": "x"}, headers=charlie),
        await site.delete(own, headers=charlie),
        await site.post(f"{own}/reset-key", headers=charlie),
    ):
        assert refusal(answer) == (404, "app_not_found")
    for answer in (
        await site.get(organization, headers=charlie),
        await site.put(organization, json={"name": "x"}, headers=charlie),
        await site.delete(organization, headers=charlie),
    ):
        assert refusal(answer) == (404, "organization_not_found")
    created = await site.post("/v1/apps", json=body, headers=charlie)
    assert refusal(created) == (400, "organization_not_found")
    assert (await site.get("/v1/apps", headers=charlie)).json() == {"data": []}
    names = (await site.get("/v1/organizations", headers=charlie)).json()["data"]
    assert [item["name"] for item in names] == ["theirs"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/apps"),
        ("POST", "/apps"),
        ("GET", "/organizations"),
        ("POST", "/organizations"),
        ("DELETE", "/organizations"),
        ("GET", "/apps/0e3b5d0a-6a53-4c52-9d4b-0b0d5a6f3f11"),
        ("PUT", "/apps/0e3b5d0a-6a53-4c52-9d4b-0b0d5a6f3f11"),
        ("DELETE", "/organizations/0e3b5d0a-6a53-4c52-9d4b-0b0d5a6f3f11"),
        ("POST", "/v1/apps/0e3b5d0a-6a53-4c52-9d4b-0b0d5a6f3f11/reset-key"),
    ],
)
async def test_nobody_passes_without_a_login(site: AsyncClient, method: str, path: str) -> None:
    unknown = await site.request(method, path, headers={"Authorization": "Bearer mtk_unknown"})

    assert refusal(await site.request(method, path)) == (401, "missing_token")
    assert refusal(unknown) == (401, "invalid_token")


async def test_organizations_come_and_go(site: AsyncClient, people: People, alice: Headers) -> None:
    path = f"/v1/organizations/{people.organization_id}"
    long = await site.put(path, json={"name": "x" * 70}, headers=alice)
    nameless = await site.post("/v1/organizations", json={}, headers=alice)
    wrong = await site.post("/v1/organizations", json={"name": 7}, headers=alice)
    no_id = await site.delete("/v1/organizations", headers=alice)
    page = await site.get("/v1/organizations?limit=1", headers=alice)

    assert long.json()["data"]["name"] == "x" * 64
    assert refusal(nameless) == (400, "missing_parameters")
    assert refusal(wrong) == (400, "invalid_parameters")
    assert refusal(no_id) == (400, "missing_parameters")
    assert page.json()["count"] == 1
    assert (await site.delete(path, headers=alice)).text == '""'
    assert refusal(await site.get(path, headers=alice)) == (401, "invalid_token")


async def test_odd_addresses_and_methods(site: AsyncClient, people: People, alice: Headers) -> None:
    app = await make_app(site, alice, people.organization_id)

    odd = await site.get("/v1/apps/not-a-uuid", headers=alice)
    wrong = await site.post(f"/v1/apps/{app['id']}", headers=alice)

    assert odd.status_code == 404
    assert refusal(wrong) == (405, "method_not_allowed")


async def test_a_key_needs_the_scope(
    site: AsyncClient, db: Database, people: People, clock: ManualClock
) -> None:
    reads = await bearer(db, people.alice, people.organization_id, "read")
    ingests = await bearer(db, people.alice, people.organization_id, "ingest")
    body = {"organization": str(people.organization_id), "name": "shop"}

    assert (await site.get("/v1/apps", headers=reads)).status_code == 200
    assert refusal(await site.post("/v1/apps", json=body, headers=reads)) == (
        403,
        "insufficient_scope",
    )
    assert refusal(await site.get("/v1/apps", headers=ingests)) == (403, "insufficient_scope")


async def test_a_viewer_may_look_and_not_touch(
    site: AsyncClient, db: Database, people: People, alice: Headers
) -> None:
    await make_app(site, alice, people.organization_id)
    _, key = await _key_of_viewer(db, people)
    bob = {"Authorization": f"Bearer {key}"}
    body = {"organization": str(people.organization_id), "name": "shop"}

    assert len((await site.get("/v1/apps", headers=bob)).json()["data"]) == 1
    assert refusal(await site.post("/v1/apps", json=body, headers=bob)) == (403, "forbidden")


async def _key_of_viewer(db: Database, people: People) -> tuple[Any, str]:
    """A key of bob's from the time when he was a member still."""
    from signalbox.accounts import service

    assert people.bob.user_id is not None
    change: dict[str, Any] = {"by": people.alice, "at": AT}
    where = (people.bob.user_id, people.organization_id)
    await service.set_membership(db, *where, role="member", **change)
    made = await service.create_key(
        db,
        organization_id=people.organization_id,
        scopes=["read", "manage"],
        by=people.bob,
        at=AT,
    )
    await service.set_membership(db, *where, role="viewer", **change)
    return made


async def test_the_defaults_are_told_to_whoever_is_in(site: AsyncClient, alice: Headers) -> None:
    told = (await site.get("/v1/apps/defaults", headers=alice)).json()["data"]

    assert told == {
        "interval": 10000,
        "retention_events_days": 90,
        "retention_points_days": 30,
        "retention_rollups_days": 400,
        "retention_days": None,
        "masks": [],
    }
    assert refusal(await site.get("/v1/apps/defaults")) == (401, "missing_token")
