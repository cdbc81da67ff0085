"""A conference's page: what its rows show is what the interface says, down to the raw events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import PATIENCE_MS, Open
from tests.browser.looking import fields, row, there
from tests.browser.scene import Scene
from tests.browser.watching import ready


async def shown(open_page: Open, address: str) -> Page:
    page = await open_page()
    await page.goto(address)
    await ready(page)
    return page


async def described(scene: Scene) -> str:
    """A call of a recorded browser that came about: its events have session descriptions, its reports a pair of candidates."""
    listed = await scene.ask("/conferences", appId=scene.kept.app)
    for one in listed["data"]:
        connections = (await scene.ask("/connections", conferenceId=one["id"]))["data"]
        if not any(connection["type"] for connection in connections):
            continue
        asked = {"type": "onsignalingstatechange", "limit": "3"}
        events = await scene.ask(f"/conferences/{one['id']}/events", **asked)
        if any((event["data"] or {}).get("localDescription") for event in events["results"]):
            return str(one["id"])
    pytest.fail("no demo call has session descriptions")


async def test_the_head_and_the_cards(open_page: Open, scene: Scene) -> None:
    page = await shown(open_page, f"/conference/{scene.conference}")
    call = (await scene.ask(f"/conferences/{scene.conference}"))["data"]
    people = (await scene.ask("/participants", conferenceId=scene.conference))["data"]
    head = await fields(await row(page, "conference-header"))
    assert head["name"] == (call["conference_name"] or "No name")
    assert call["conference_id"] in head["id"]
    assert call["end_time"][11:19] in head["range"], "the end in UTC"
    duration = page.locator('[data-row="conference-header"] [data-field="duration"]')
    assert await duration.get_attribute("data-value") == str(call["duration"])
    cards = page.locator('[data-row="participant-card"]')
    ids = {await card.get_attribute("data-id") for card in await cards.all()}
    assert ids == {one["id"] for one in people if not one["is_sfu"]}


async def test_every_issue_with_its_evidence(open_page: Open, scene: Scene) -> None:
    page = await shown(open_page, f"/conference/{scene.conference}")
    issues = (await scene.ask("/issues", conferenceId=scene.conference))["data"]
    listed = await row(page, "issues")
    assert await listed.get_attribute("data-total") == str(len(issues))
    await listed.locator("[data-event]").first.click()
    raw = json.loads(await (await row(page, "timeline-event-json")).inner_text())
    assert any(raw["id"] in issue["events"] for issue in issues)
    assert f"event={raw['id']}" in page.url


async def test_the_timeline_down_to_the_events(open_page: Open, scene: Scene) -> None:
    """By keys alone; a link to what is open shows it again, and back closes it."""
    page = await shown(open_page, f"/conference/{scene.conference}")
    first = await row(page, "timeline-participant")
    await first.get_by_role("button", expanded=False).first.press("Enter")
    connection = await row(page, "timeline-connection")
    await connection.locator('[data-kind="connected"]').press("Enter")
    listed = await row(page, "timeline-events")
    asked = {"connectionId": str(await connection.get_attribute("data-id")), "type": "-stats"}
    events: list[Any] = (await scene.ask(f"/conferences/{scene.conference}/events", **asked))[
        "data"
    ]
    told = {await one.get_attribute("data-id") for one in await listed.locator("[data-id]").all()}
    assert told
    assert told <= {event["id"] for event in events}
    await listed.get_by_role("button").first.press("Enter")
    raw = await (await row(page, "timeline-event-json")).inner_text()
    assert json.loads(raw)["connection"] == asked["connectionId"]
    link = page.url
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="hidden")
    again = await shown(open_page, link)
    assert await (await row(again, "timeline-event-json")).inner_text() == raw


async def test_descriptions_and_candidates(open_page: Open, scene: Scene) -> None:
    page = await shown(open_page, f"/conference/{await described(scene)}?tab=text")
    descriptions = await row(page, "sdp-explorer")
    await there(descriptions.locator('button[data-type="offer"]'))
    assert "v=0" in await descriptions.locator("pre").first.inner_text()
    await descriptions.get_by_role("tab", name="In words").click()
    await there(descriptions.get_by_text("audio (mid 0)"))
    candidates = await row(page, "candidate-explorer")
    await there(candidates.locator("li[data-pair]"))
    await there(candidates.get_by_text("selected"))


async def test_a_running_call_is_ongoing(open_page: Open, scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while True:
            listed = await scene.ask("/conferences", appId=scene.kept.live_app, order="-created_at")
            running = next((one for one in listed["data"] if one["ongoing"]), None)
            if running is None:  # before the first call of the demonstration, or between two
                await asyncio.sleep(0.5)
                continue
            page = await shown(open_page, f"/conference/{running['id']}")
            head = await fields(await row(page, "conference-header"))
            now = await scene.ask(f"/conferences/{running['id']}")
            if now["data"]["ongoing"]:
                break
    assert head["range"].startswith("Ongoing")
    await page.get_by_text("Live", exact=True).last.wait_for()
