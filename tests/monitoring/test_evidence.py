"""What issues of whole sessions rest on: events that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from signalbox.monitoring.service import judge_finished_conferences
from tests.monitoring.conftest import House
from tests.monitoring.pages import Page

STEP_S = 10


async def send(house: House, page: Page, path: str, **body: Any) -> None:
    link = {"token": page.session, "peerId": page.peer, "connectionId": page.connection}
    answer = await house.client.post(f"/v1/{path}", json=link | body)
    assert answer.status_code == 200, answer.text


async def listen(house: House, page: Page, *lost: int) -> None:
    """A report every ten seconds: a hundred packets, of which so many were lost."""
    received = missed = 0
    for step, count in enumerate((0, *lost)):
        received, missed = received + 100 - count, missed + count
        at_ms = house.clock.now().timestamp() * 1000
        flow = {
            "id": "IT01", "type": "inbound-rtp", "kind": "audio", "trackIdentifier": "t", "track": {}, "timestamp": at_ms,
            "packetsReceived": received, "packetsLost": missed, "bytesReceived": received * 100, "bitrate": 24_000,
        }  # fmt: skip
        pair = {"timestamp": at_ms, "state": "succeeded", "bytesReceived": received * 100 + step}
        await send(house, page, "stats", data={"audio": {"inbound": [flow]}, "connection": pair})
        house.clock.advance(STEP_S)


async def issues(house: House, app: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Issues by code, and all events by id."""
    headers = await house.bearer(app, "read")

    async def ask(path: str) -> Any:
        return (await house.client.get(f"/v1/{path}", headers=headers)).json()["data"]

    [conference] = await ask(f"conferences?appId={app['id']}")
    found = await ask(f"issues?appId={app['id']}")
    events = await ask(f"conferences/{conference['id']}/events")
    return {one["code"]: one for one in found}, {event["id"]: event for event in events}


@pytest.mark.parametrize(("lost", "code"), [(2, "low_emos"), (12, "very_low_emos")])
async def test_poor_sound_is_shown_by_the_reports_in_which_it_was_poor(
    house: House, lost: int, code: str
) -> None:
    app = await house.app()
    page = await Page.open(house, app)
    await listen(house, page, 0, lost, lost, lost, 0)
    await send(house, page, "events/browser", eventName="unload")
    while await judge_finished_conferences(house.db, emos_version=2, at=house.clock.now()):
        pass  # those of other tests may come first

    found, events = await issues(house, app)

    poor = [
        event["id"]
        for event in events.values()
        if event["type"] == "stats" and event["track"] is None
    ][2:5]
    assert found[code]["events"] == poor
    assert found[code]["data"].keys() == {"average"}


async def test_a_session_that_never_connected_is_shown_by_its_end(house: House) -> None:
    app = await house.app()
    page = await Page.open(house, app)
    house.clock.advance(STEP_S)
    await send(house, page, "events/browser", eventName="unload")

    found, events = await issues(house, app)

    assert [events[key]["type"] for key in found["no_connection"]["events"]] == ["unload"]
