"""The wall of running calls: a snapshot, and a stream that goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from signalbox.core.ids import new_id
from signalbox.core.partitions import ensure_daily
from signalbox.monitoring.rules.measures import NAMES
from tests.monitoring.conftest import House
from tests.monitoring.live.stream import key_for, watching
from tests.monitoring.live.test_live_kinds import leave, state
from tests.monitoring.pages import Page

App = Mapping[Any, Any]


async def now(house: House, headers: Mapping[str, str], **query: Any) -> dict[str, Any]:
    """The wall as it is seen after its answers are forgotten."""
    house.clock.advance(2)
    answer = await house.client.get("/v1/live/now", params=query, headers=dict(headers))
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def measure(house: House, conference: str, flow: int, **figures: float) -> None:
    """A connection of the conference had these figures in the minute before this one."""
    minute = house.clock.now().replace(second=0, microsecond=0) - timedelta(minutes=1)
    names = NAMES[flow]
    totals = [figures.get(name, 0.0) * 10.0 for name in names]
    weights = [10.0 if name in figures else 0.0 for name in names]
    async with house.db.begin() as tx:
        await ensure_daily(tx.psycopg, "monitoring.track_minutes", minute.date(), minute.date())
        await tx.psycopg.execute(
            """INSERT INTO monitoring.track_minutes (minute, app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key,
                seconds, totals, weights)
            SELECT %s, app_id, id, %s, %s, %s, %s, %s, '', 60, %s, %s FROM monitoring.conferences WHERE id = %s""",
            [minute, *(new_id() for _ in range(4)), flow, totals, weights, UUID(conference)],
        )


async def found(house: House, conference: str, kind: str, code: str, **values: Any) -> None:
    """An issue of the conference, of a rule."""
    async with house.db.begin() as tx:
        await tx.psycopg.execute(
            """INSERT INTO monitoring.issues (id, app_id, organization_id, conference_id, created_at, type, code, source, ended_at)
            SELECT %s, app_id, organization_id, id, %s, %s, %s, 'rule', %s FROM monitoring.conferences WHERE id = %s""",
            [new_id(), house.clock.now(), kind, code, values.get("ended_at"), UUID(conference)],
        )


async def test_a_call_is_on_the_wall_as_long_as_it_runs(
    house: House, app: App, alice: dict[str, str]
) -> None:
    assert (await now(house, alice, appId=app["id"]))["conferences"] == []
    page = await Page.open(house, app)
    await state(house, page, "connected")
    house.clock.advance(58)
    running = await now(house, alice, appId=app["id"])
    of_all = await now(house, alice, organizationId=app["organization_id"])
    await leave(house, page)
    ended = await now(house, alice, appId=app["id"])

    (call,) = running["conferences"]
    assert running["count"] == 1
    assert (call["conference_id"], call["state"], call["figures"]) == ("c", "clear", None)
    assert (call["present"], call["participants"]) == (1, 1)
    assert 58 <= call["duration"] <= 62
    assert [one["id"] for one in of_all["conferences"]] == [call["id"]]
    assert (ended["count"], ended["conferences"]) == (0, [])


async def test_the_worst_of_all_connections_is_told(
    house: House, app: App, alice: dict[str, str]
) -> None:
    house.clock.set(house.clock.now().replace(second=10) + timedelta(minutes=1))
    page = await Page.open(house, app)
    await state(house, page, "connected")
    (call,) = (await now(house, alice, appId=app["id"]))["conferences"]
    await measure(house, call["id"], 4, rtt_ms=40, sent_bps=500_000)
    await measure(house, call["id"], 4, rtt_ms=410, sent_bps=250_000)
    await measure(house, call["id"], 0, loss_ratio=0.02, emos=4.3)
    await measure(house, call["id"], 0, emos=3.1)
    await measure(house, call["id"], 2, loss_ratio=0.125)

    (call,) = (await now(house, alice, appId=app["id"]))["conferences"]

    assert call["figures"] == {
        "rtt_ms": 410, "loss_ratio": 0.125, "jitter_ms": None, "emos": 3.1, "freeze_ratio": None, "sent_bps": 750_000,
    }  # fmt: skip
    assert call["measured_at"].endswith(":00.000000Z")
    house.clock.advance(180)
    (later,) = (await now(house, alice, appId=app["id"]))["conferences"]
    assert (later["figures"], later["measured_at"]) == (None, None)


async def test_what_is_open_makes_the_state(house: House, app: App, alice: dict[str, str]) -> None:
    page = await Page.open(house, app)
    await state(house, page, "connected")
    (call,) = (await now(house, alice, appId=app["id"]))["conferences"]
    await found(house, call["id"], "error", "one_way_audio", ended_at=house.clock.now())
    (over,) = (await now(house, alice, appId=app["id"]))["conferences"]
    await found(house, call["id"], "warning", "high_rtt")
    (lasting,) = (await now(house, alice, appId=app["id"]))["conferences"]

    assert (over["state"], over["has_errors"], over["has_warnings"]) == ("clear", True, False)
    assert lasting["state"] == "warning"
    assert {one["code"]: one["open"] for one in lasting["issues"]} == {
        "one_way_audio": 0,
        "high_rtt": 1,
    }


@pytest.mark.parametrize("before", ["nothing", "something"])
async def test_the_stream_goes_on_from_the_wall_without_a_gap(
    house: House, app: App, alice: dict[str, str], before: str
) -> None:
    if before == "something":
        await state(house, await Page.open(house, app, "first"), "connected")
        async with watching(house, alice, appId=app["id"]):
            pass  # what was told until here is told
    wall = await now(house, alice, appId=app["id"])
    page = await Page.open(house, app, "second")
    await state(house, page, "connected")

    async with watching(house, alice, appId=app["id"], lastEventId=wall["last_event_id"]) as stream:
        got = await stream.until(("session", "began"), ("connection", "added"))

    assert [one.event for one in got if one.event == "reset"] == []
    assert wall["last_event_id"] is not None


async def test_an_answer_serves_all_who_ask_within_two_seconds(
    house: House, app: App, alice: dict[str, str]
) -> None:
    first = await now(house, alice, appId=app["id"])
    await state(house, await Page.open(house, app), "connected")
    house.clock.set(house.clock.now() - timedelta(seconds=1))
    answer = await house.client.get("/v1/live/now", params={"appId": str(app["id"])}, headers=alice)

    assert answer.json()["data"] == first
    assert (await now(house, alice, appId=app["id"]))["count"] == 1


async def test_strangers_and_bad_questions(
    house: House, app: App, alice: dict[str, str], charlie: dict[str, str]
) -> None:
    async def refused(headers: Mapping[str, str], **query: Any) -> tuple[int, str]:
        answer = await house.client.get("/v1/live/now", params=query, headers=dict(headers))
        return answer.status_code, answer.json()["error_code"]

    organization = app["organization_id"]
    assert await refused(charlie, appId=app["id"]) == (404, "app_not_found")
    assert await refused(charlie, organizationId=organization) == (404, "organization_not_found")
    assert await refused({}, appId=app["id"]) == (401, "missing_token")
    assert await refused(alice) == (400, "missing_parameters")
    assert await refused(alice, appId="x") == (400, "invalid_parameters")
    both = {"appId": app["id"], "organizationId": organization}
    assert await refused(alice, **both) == (400, "invalid_parameters")


async def test_a_key_of_an_app_sees_that_app_alone(house: House, app: App) -> None:
    await state(house, await Page.open(house, app), "connected")
    other = await house.app()
    bound = await key_for(house, app_id=other["id"])
    own = await key_for(house, app_id=app["id"])

    seen = await now(house, own, organizationId=app["organization_id"])

    assert [one["app"] for one in seen["conferences"]] == [str(app["id"])]
    answer = await house.client.get("/v1/live/now", params={"appId": str(app["id"])}, headers=bound)
    assert answer.status_code == 404
