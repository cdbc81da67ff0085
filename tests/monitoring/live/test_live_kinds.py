"""Watchers are told what was committed: conferences, sessions, connections, issues, samples."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.streams import watch
from signalbox.monitoring.service import end_stale_conferences, judge_finished_conferences
from signalbox.monitoring.store import Applier
from tests.monitoring.conftest import House
from tests.monitoring.live.stream import Got, key_for, watching
from tests.monitoring.pages import Page
from tests.site.callers import report

App = Mapping[Any, Any]


async def state(house: House, page: Page, value: str) -> None:
    """The page's connection changes its state."""
    body = {"token": page.session, "peerId": page.peer, "connectionId": page.connection}
    body |= {"eventName": "onconnectionstatechange", "data": value}
    house.clock.advance(1)
    assert (await house.client.post("/v1/connection", json=body)).status_code == 200


async def leave(house: House, page: Page) -> None:
    """The page's participant hangs up."""
    house.clock.advance(1)
    body = {"token": page.session, "eventName": "endCall"}
    assert (await house.client.post("/v1/events/browser", json=body)).status_code == 200


async def stats(house: House, page: Page, number: int, after_s: float = 0.0) -> None:
    """The page reports."""
    house.clock.advance(after_s)
    body = page.good("POST", "/v1/stats") | {"data": report(number)}
    assert (await house.client.post("/v1/stats", json=body)).status_code == 200


def only(got: list[Got], *kinds: str) -> list[tuple[str, str]]:
    return [one.what for one in got if one.event in kinds]


async def test_a_call_is_told_from_its_first_entry_to_its_end(
    house: House, app: App, alice: dict[str, str]
) -> None:
    async with watching(house, alice, organizationId=app["organization_id"]) as stream:
        assert (await stream.next()).event == "ready"
        page = await Page.open(house, app)
        await state(house, page, "connected")
        await leave(house, page)
        got = await stream.until(("conference", "ended"))

    assert [one.what for one in got] == [
        ("conference", "created"),
        ("session", "began"),
        ("connection", "added"),
        ("session", "changed"),
        ("conference", "began"),
        ("connection", "changed"),
        ("connection", "ended"),
        ("session", "ended"),
        ("conference", "ended"),
    ]
    assert all(one.id for one in got)
    assert {one.data["app"] for one in got} == {str(app["id"])}
    assert len({one.data["conference"] for one in got}) == 1
    assert (got[5].data["data"]["state"], got[5].data["data"]["established"]) == ("connected", True)


async def test_what_is_told_is_what_the_query_api_answers(
    house: House, app: App, alice: dict[str, str]
) -> None:
    async with watching(house, alice, appId=app["id"]) as stream:
        page = await Page.open(house, app)
        await state(house, page, "failed")
        await leave(house, page)
        got = await stream.until(("conference", "ended"))

    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for one in got:
        if one.event != "ready":
            thing = latest.setdefault((one.event, one.data["data"]["id"]), {})
            thing |= one.data["data"]
    assert {kind for kind, _ in latest} == {"conference", "session", "connection", "issue"}
    for (kind, key), told in latest.items():
        answer = await house.client.get(f"/v1/{kind}s/{key}", headers=alice)
        known = answer.json()["data"]
        shared = told.keys() & known.keys()
        assert len(shared) >= 6
        assert {name: told[name] for name in shared} == {name: known[name] for name in shared}


async def test_an_issue_opens_and_is_updated_or_withdrawn(
    house: House, app: App, alice: dict[str, str]
) -> None:
    page = await Page.open(house, app)
    error = {"eventName": "onicecandidateerror", "data": {"errorCode": 701}}
    link = {"token": page.session, "peerId": page.peer, "connectionId": page.connection}
    media = {"token": page.session, "eventName": "getUserMedia", "data": {"error": "denied"}}
    async with watching(house, alice, appId=app["id"]) as stream:
        for _ in range(2):
            house.clock.advance(1)
            assert (await house.client.post("/v1/connection", json=link | error)).status_code == 200
        got = only(await stream.until(("issue", "updated")), "issue")
        assert got == [("issue", "opened"), ("issue", "updated")]

        await house.client.post("/v1/events/get-user-media", json=media)
        await leave(house, page)
        opened = await stream.until(("issue", "opened"), ("conference", "ended"))
        opened += await stream.until(("issue", "opened")) if len(only(opened, "issue")) < 3 else []
        codes = {one.data["data"]["code"] for one in opened if one.event == "issue"}
        assert "no_connection" in codes

        # What was connected before the end, and arrives after it, shows that there was a connection.
        late = link | {"eventName": "onconnectionstatechange", "data": "connected", "delta": 1500}
        assert (await house.client.post("/v1/connection", json=late)).status_code == 200
        gone = (await stream.until(("issue", "withdrawn")))[-1]
    assert gone.data["data"]["code"] == "no_connection"


async def test_samples_are_told_to_those_who_watch_the_app_or_the_conference(
    house: House, app: App, alice: dict[str, str]
) -> None:
    page = await Page.open(house, app)
    conferences = await house.client.get(
        "/v1/conferences", params={"appId": app["id"]}, headers=alice
    )
    conference = conferences.json()["data"][0]["id"]
    async with (
        watching(house, alice, appId=app["id"]) as by_app,
        watching(house, alice, conferenceId=conference) as by_conference,
        watching(house, alice, organizationId=app["organization_id"]) as by_organization,
    ):
        await house.site.kernel.watched.refresh()
        await stats(house, page, 1, after_s=10)
        await stats(house, page, 2, after_s=0.2)
        await stats(house, page, 3, after_s=1)
        await state(house, page, "closed")

        for stream in (by_app, by_conference):
            first = (await stream.until(("sample", "taken")))[-1]
            second = (await stream.until(("sample", "taken")))[-1]
            assert (first.id, second.id) == (None, None)
            figures = [one.data["data"]["flows"][0]["bytes"] for one in (first, second)]
            assert figures == [1, 3]  # one a second
        assert not only(await by_organization.until(("connection", "ended")), "sample")


async def test_samples_of_what_nobody_watches_are_not_told(
    house: House, app: App, alice: dict[str, str]
) -> None:
    other = await house.app()
    page, foreign = await Page.open(house, app), await Page.open(house, other)
    async with watching(house, alice, appId=app["id"]) as stream:
        await watch(house.site.kernel.live, ["something of another context"])
        await house.site.kernel.watched.refresh()
        wanted = house.site.kernel.watched.names
        await stats(house, foreign, 1, after_s=10)
        await stats(house, page, 2)
        got = await stream.until(("sample", "taken"))

    assert app["id"].hex in wanted
    assert other["id"].hex not in wanted
    assert [one.data["app"] for one in got if one.event == "sample"] == [str(app["id"])]


async def test_a_conference_is_told_apart_from_its_neighbours(
    house: House, app: App, alice: dict[str, str]
) -> None:
    page = await Page.open(house, app)
    found = await house.client.get("/v1/conferences", params={"appId": app["id"]}, headers=alice)
    conference = found.json()["data"][0]["id"]
    async with watching(house, alice, conferenceId=conference) as stream:
        entry = {"apiKey": app["api_key"], "conferenceId": "neighbour", "userId": "u"}
        await house.client.post("/v1/initialize", json=entry)
        await state(house, page, "closed")
        got = await stream.until(("conference", "ended"))

    assert {one.data["conference"] for one in got if one.event != "ready"} == {conference}


async def test_the_worker_tells_what_it_ends_and_finds(house: House, app: App) -> None:
    await Page.open(house, app)
    told: list[tuple[str, str]] = []
    at = house.clock.advance(5 * 3600)

    await end_stale_conferences(
        house.db,
        silent_for=timedelta(hours=4),
        at=at,
        tell=lambda happenings: told.extend((h.kind, h.change) for h in happenings),
    )
    while await judge_finished_conferences(house.db, emos_version=2, at=at, tell=lambda _: None):
        pass

    assert {("connection", "ended"), ("session", "ended"), ("conference", "ended")} <= set(told)


async def test_what_is_taken_is_taken_once() -> None:
    applier = Applier(lambda: 0)
    assert applier.take() == applier.take() == []


async def test_a_key_of_an_app_sees_that_app_in_its_organization(house: House, app: App) -> None:
    organization = app["organization_id"]
    neighbour = await accounts.create_app(
        house.db, organization_id=organization, name="n", by=SYSTEM, at=house.clock.now()
    )
    key = await key_for(house, app_id=app["id"])
    async with watching(house, key, organizationId=organization) as stream:
        await Page.open(house, neighbour)
        await Page.open(house, app)
        got = await stream.until(("conference", "began"))

    assert {one.data["app"] for one in got if one.event != "ready"} == {str(app["id"])}
