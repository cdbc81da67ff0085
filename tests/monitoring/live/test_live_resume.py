"""Who comes back gets what was missed, or is told that something was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.monitoring.conftest import House, Houses
from tests.monitoring.live.stream import key_for, watching
from tests.monitoring.pages import Page

App = Mapping[Any, Any]


async def test_what_was_missed_comes_first_and_once(
    house: House, app: App, alice: dict[str, str]
) -> None:
    async with watching(house, alice, appId=app["id"]) as stream:
        await Page.open(house, app, "first")
        before = await stream.until(("conference", "began"))
    last = before[-1].id
    await Page.open(house, app, "second")

    headers = alice | {"Last-Event-ID": str(last)}
    async with watching(house, headers, appId=app["id"]) as stream:
        await Page.open(house, app, "third")
        got = await stream.until(*[("connection", "added")] * 2)

    assert got[0].event == "ready"
    assert got[0].id is None  # else a client that breaks off now would forget what it has missed
    assert [one.what for one in got].count(("connection", "added")) == 2
    # Of a busy machine it may be told meanwhile that news are held up, and no longer.
    ids = [
        one.id
        for one in before[1:] + got[1:]
        if one.event not in ("degraded", "recovered", "heartbeat")
    ]
    assert len(set(ids)) == len(ids)
    assert None not in ids


async def test_a_stream_begins_with_an_id_to_come_back_with(
    house: House, app: App, alice: dict[str, str]
) -> None:
    async with watching(house, alice, appId=app["id"]) as stream:
        begin = await stream.next()
    await Page.open(house, app)

    async with watching(house, alice, appId=app["id"], lastEventId=begin.id) as stream:
        got = await stream.until(("conference", "began"))
    assert got[1].what == ("conference", "created")


async def test_of_what_was_missed_only_the_watched_part_comes(
    house: House, app: App, alice: dict[str, str]
) -> None:
    async with watching(house, alice, organizationId=app["organization_id"]) as stream:
        begin = await stream.next()
        page = await Page.open(house, app)
        mine = await stream.until(("conference", "began"))
    conference = mine[-1].data["conference"]
    entry = {"apiKey": page.key, "conferenceId": "another", "userId": "u"}
    await house.client.post("/v1/initialize", json=entry)

    headers = alice | {"Last-Event-ID": str(begin.id)}
    async with watching(house, headers, conferenceId=conference) as stream:
        await house.client.post(
            "/v1/services/stop-conference", json={"apiKey": page.key, "conferenceId": "c"}
        )
        got = await stream.until(("conference", "ended"))
    assert {one.data["conference"] for one in got[1:]} == {conference}
    assert got[1].what == ("conference", "created")


async def test_who_was_away_too_long_is_reset(
    house: House, app: App, alice: dict[str, str]
) -> None:
    for last in ("1-1", "18446744073709551615-0"):
        headers = alice | {"Last-Event-ID": last}
        async with watching(house, headers, appId=app["id"]) as stream:
            ready, reset = await stream.next(), await stream.next()
            await Page.open(house, app)
            await stream.until(("connection", "added"))
        assert (ready.event, reset.event) == ("ready", "reset")
        assert reset.id


async def test_a_slow_reader_is_cut_off_and_resumes_while_others_go_on(houses: Houses) -> None:
    async with houses(SIGNALBOX_LIVE_QUEUE="10") as house:
        app = await house.app()
        key = await key_for(house, app_id=app["id"])
        async with (
            watching(house, key, appId=app["id"]) as slow,
            watching(house, key, appId=app["id"]) as quick,
        ):
            begin = await slow.next()
            slow.may_read.clear()
            for number in range(5):
                await Page.open(house, app, f"u{number}")
                await quick.until(("connection", "added"))
            await slow.until_ended()
            await Page.open(house, app, "last")
            await quick.until(("connection", "added"))

        async with watching(house, key, appId=app["id"], lastEventId=begin.id) as again:
            got = await again.until(*[("session", "began")] * 6)
        assert len([one for one in got if one.what == ("session", "began")]) == 6


async def test_streams_end_when_the_site_does(houses: Houses) -> None:
    async with houses() as house:
        app = await house.app()
        key = await key_for(house, app_id=app["id"])
        async with watching(house, key, appId=app["id"]) as stream:
            house.site.kernel.follower.end_all()
            await stream.until_ended()
        async with watching(house, key, appId=app["id"]) as late:
            await late.until_ended()
