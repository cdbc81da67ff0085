"""Rules and channels that are written on a page are the server's; what it refuses is said at the field."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page

from tests.browser.looking import eventually, row
from tests.browser.scene import Scene
from tests.browser.watching import Watch, ready


@pytest.fixture
async def fresh(scene: Scene) -> str:
    """An app that no other test looks at."""
    body = {"organization": scene.kept.organization, "name": f"own {uuid4().hex[:8]}"}
    answer = await scene.api.post("/v1/apps", json=body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["data"]["id"])


async def _own(scene: Scene, app: str) -> list[Any]:
    told = await scene.ask(f"/alerts/apps/{app}/rules")
    return [one["definition"]["title"] for one in told["data"] if not one["built_in"]]


async def test_a_rule_is_tried_written_and_deleted(page: Page, scene: Scene, fresh: str, watch: Watch) -> None:  # fmt: skip
    await page.goto(f"/apps/{fresh}/alerts/rule")
    await ready(page)
    form = await row(page, "rule-form")
    await form.get_by_role("button", name="Save").click()
    assert await form.get_by_role("alert").inner_text() == "It needs a title."

    await form.get_by_label("Title").fill("Too many fail")
    await form.get_by_label("Windows").fill("5, 5")
    with watch.excusing(r"status of 400"):
        await form.get_by_role("button", name="Save").click()
        await form.get_by_text("one of them stands twice").wait_for()
    assert await _own(scene, fresh) == []

    await form.get_by_label("Windows").fill("5")
    await page.get_by_role("button", name="Try it").click()
    await page.get_by_text("It would not have fired.").wait_for()
    await form.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/alerts/rules")
    await eventually(lambda: _own(scene, fresh), ["Too many fail"])

    await page.get_by_role("link", name="Too many fail").click()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Delete rule").click()
    await eventually(lambda: _own(scene, fresh), [])


async def test_a_built_in_rule_is_switched_off_and_as_it_was_made(page: Page, scene: Scene, fresh: str) -> None:  # fmt: skip
    async def state() -> tuple[bool, bool]:
        told = await scene.ask(f"/alerts/apps/{fresh}/rules/playback_silence")
        return told["data"]["enabled"], told["data"]["changed"]

    await page.goto(f"/apps/{fresh}/alerts/rules")
    await ready(page)
    await page.get_by_label("Players have stopped to report: on").click()
    await eventually(state, (False, True))

    await page.goto(f"/apps/{fresh}/alerts/rule?id=playback_silence")
    await ready(page)
    await page.get_by_role("button", name="As it was made").click()
    await page.get_by_role("button", name="Forget changes").click()
    await eventually(state, (True, False))


async def test_a_channel_is_added_and_tried(page: Page, scene: Scene, fresh: str, watch: Watch) -> None:  # fmt: skip
    await page.goto(f"/apps/{fresh}/alerts/channels")
    await ready(page)
    await page.get_by_role("button", name="Add channel").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Address").fill("ftp://pager.example.com")
    with watch.excusing(r"status of 400"):
        await dialog.get_by_role("button", name="Add channel").click()
        await dialog.get_by_role("alert").wait_for()
    await dialog.get_by_label("Address").fill("https://pager.example.com/hook?token=1")
    await dialog.get_by_role("button", name="Add channel").click()
    await page.get_by_role("button", name="Done").click()

    async def targets() -> list[str]:
        told = await scene.ask(f"/alerts/apps/{fresh}/channels")
        return [one["target"] for one in told["data"]]

    await eventually(targets, ["https://pager.example.com"])
    await page.get_by_role("button", name="Send a test message").click()
    await page.get_by_text("A test message is on its way").wait_for()
