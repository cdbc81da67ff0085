"""Who may watch what, for how long, and how many at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.conftest import House, Houses
from tests.monitoring.live.stream import key_for, watching
from tests.monitoring.pages import Page

App = Mapping[Any, Any]


async def conference_of(house: House, app: App, headers: Mapping[str, str]) -> str:
    """The only conference of an app."""
    found = await house.client.get("/v1/conferences", params={"appId": app["id"]}, headers=headers)
    return str(found.json()["data"][0]["id"])


async def refused(
    house: House, headers: Mapping[str, str], method: str = "GET", **query: Any
) -> tuple[int, str]:
    """Status and code of a refusal."""
    async with watching(house, headers, method=method, **query) as stream:
        assert stream.headers["content-type"].startswith("application/json")
        return stream.status, json.loads(stream.body)["error_code"]


async def test_a_stranger_finds_nothing_to_watch(
    house: House, app: App, alice: dict[str, str], charlie: dict[str, str]
) -> None:
    await Page.open(house, app)
    conference = await conference_of(house, app, alice)
    asked: list[tuple[dict[str, Any], str]] = [
        ({"organizationId": app["organization_id"]}, "organization_not_found"),
        ({"appId": app["id"]}, "app_not_found"),
        ({"conferenceId": conference}, "conference_not_found"),
    ]
    for query, code in asked:
        async with watching(house, alice, **query) as stream:
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        assert await refused(house, charlie, **query) == (404, code)
        unknown: dict[str, Any] = {name: str(uuid4()) for name in query}
        assert await refused(house, alice, **unknown) == (404, code)


async def test_a_key_of_an_app_does_not_find_the_neighbour(house: House, app: App) -> None:
    neighbour = await accounts.create_app(
        house.db, organization_id=app["organization_id"], name="n", by=SYSTEM, at=house.clock.now()
    )
    key = await key_for(house, app_id=app["id"])

    assert await refused(house, key, appId=neighbour["id"]) == (404, "app_not_found")


async def test_a_stranger_is_told_nothing_of_others(
    house: House, app: App, charlie: dict[str, str]
) -> None:
    other = await house.app()
    own = await key_for(house, organization_id=other["organization_id"])
    async with watching(house, own, organizationId=other["organization_id"]) as stream:
        await Page.open(house, app)
        await Page.open(house, other)
        got = await stream.until(("conference", "began"))

    assert {one.data["app"] for one in got if one.event != "ready"} == {str(other["id"])}


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ({}, 400, "missing_parameters", "appId"),
        ({"appId": ""}, 400, "missing_parameters", "appId"),
        ({"appId": "nonsense"}, 400, "invalid_parameters", "appId"),
        ({"appId": UUID(int=1), "conferenceId": UUID(int=1)}, 400, "invalid_parameters", "appId"),
        ({"appId": UUID(int=1)}, 404, "app_not_found", None),
        ({"appId": "APP", "lastEventId": "yesterday"}, 400, "invalid_parameters", "Last-Event-ID"),
        ({"appId": "APP", "lastEventId": f"{1 << 64}-0"}, 400, "invalid_parameters", "Last-Event-ID"),
        ({"appId": "APP", "lastEventId": "1-"}, 400, "invalid_parameters", "Last-Event-ID"),
    ],
)  # fmt: skip
async def test_a_wrong_question_is_refused_by_the_name_of_its_parameter(
    house: House,
    app: App,
    alice: dict[str, str],
    query: dict[str, Any],
    status: int,
    code: str,
    field: str | None,
) -> None:
    asked = {name: app["id"] if value == "APP" else value for name, value in query.items()}
    async with watching(house, alice, **asked) as stream:
        body = json.loads(stream.body)

    assert (stream.status, body["error_code"], body.get("field")) == (status, code, field)


async def test_only_those_who_may_read_may_watch(house: House, app: App) -> None:
    at = house.clock.now()
    _, sender = await accounts.create_key(
        house.db, organization_id=app["organization_id"], scopes=["ingest"], by=SYSTEM, at=at
    )
    without = {"Authorization": f"Bearer {sender}"}

    assert await refused(house, {}, appId=app["id"]) == (401, "missing_token")
    assert await refused(house, {"Cookie": "pmsession=x"}, appId=app["id"]) == (
        401,
        "invalid_token",
    )
    assert await refused(house, without, appId=app["id"]) == (403, "insufficient_scope")
    assert await refused(house, without, method="POST") == (405, "method_not_allowed")


async def test_a_page_watches_with_its_login(house: House, app: App) -> None:
    at = house.clock.now()
    user = await accounts.create_user(
        house.db, email=f"{uuid4().hex}@example.org", password="correct horse battery", by=SYSTEM, at=at
    )  # fmt: skip
    await accounts.set_membership(
        house.db, user["user_id"], app["organization_id"], role="viewer", by=SYSTEM, at=at
    )
    login = await house.client.post(
        "/login", json={"email": user["email"], "password": "correct horse battery"}
    )
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    house.client.cookies.clear()

    async with watching(house, cookie, appId=app["id"]) as stream:
        assert (await stream.next()).event == "ready"
        async with house.db.begin() as tx:
            await tx.psycopg.execute(
                "DELETE FROM accounts.memberships WHERE user_id = %s", (user["user_id"],)
            )
        await stream.until_ended()
    assert await refused(house, cookie, appId=app["id"]) == (404, "app_not_found")


async def test_who_may_not_look_any_more_is_cut_off(house: House, app: App) -> None:
    place = {"organization_id": app["organization_id"]}
    at = house.clock.now()
    row, revoked = await accounts.create_key(house.db, scopes=["read"], by=SYSTEM, at=at, **place)
    kept = await key_for(house, **place)
    second = await accounts.create_app(house.db, name="second", by=SYSTEM, at=at, **place)
    headers = {"Authorization": f"Bearer {revoked}"}
    async with (
        watching(house, headers, appId=app["id"]) as by_revoked,
        watching(house, kept, appId=second["id"]) as of_deleted,
        watching(house, kept, appId=app["id"]) as remaining,
    ):
        await accounts.revoke_key(house.db, row["key_id"], by=SYSTEM, at=at)
        await accounts.delete_app(house.db, second["id"], by=SYSTEM, at=at)
        await by_revoked.until_ended()
        await of_deleted.until_ended()
        await Page.open(house, app)
        await remaining.until(("conference", "began"))


async def test_no_more_streams_than_the_settings_allow(houses: Houses) -> None:
    limits = {"SIGNALBOX_LIVE_CLIENTS": "3", "SIGNALBOX_LIVE_CLIENTS_PER_ACTOR": "2"}
    async with houses(**limits) as house:
        app = await house.app()
        one = await key_for(house, app_id=app["id"])
        two = await key_for(house, app_id=app["id"])
        async with watching(house, one, appId=app["id"]), watching(house, one, appId=app["id"]):
            assert await refused(house, one, appId=app["id"]) == (429, "rate_limited")
            async with watching(house, two, appId=app["id"]) as third:
                assert third.status == 200
                assert await refused(house, two, appId=app["id"]) == (503, "too_many_streams")
        async with watching(house, one, appId=app["id"]) as again:
            assert again.status == 200


async def test_another_method_is_refused(house: House, alice: dict[str, str]) -> None:
    assert await refused(house, alice, method="DELETE") == (405, "method_not_allowed")


async def test_an_origin_that_the_operator_names_may_watch(houses: Houses) -> None:
    async with houses(SIGNALBOX_WEB_DOMAIN="https://dash.example.org") as house:
        app = await house.app()
        key = await key_for(house, app_id=app["id"])
        async with watching(
            house, key | {"Origin": "https://dash.example.org"}, appId=app["id"]
        ) as named:
            assert named.headers["access-control-allow-origin"] == "https://dash.example.org"
        async with watching(
            house, key | {"Origin": "https://evil.example"}, appId=app["id"]
        ) as other:
            assert "access-control-allow-origin" not in other.headers
