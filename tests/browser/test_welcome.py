"""From nothing to the first call: the page turns green by itself."""

from __future__ import annotations

from uuid import uuid4

from playwright.async_api import Page

from tests.browser.looking import eventually, row
from tests.browser.scene import Scene
from tests.browser.watching import ready


async def test_the_first_call_turns_it_green(page: Page, scene: Scene) -> None:
    """Nobody touches the page between the snippet and the call."""
    name = f"first {uuid4().hex[:8]}"
    await page.goto("/welcome")
    await ready(page)
    await page.get_by_label("Name of a new app").fill(name)
    await page.locator('[data-row="welcome-app"]').get_by_role("button", name="Create").click()
    step = await row(page, "welcome-first-call")
    await page.wait_for_url("**/welcome?*app=*")
    await eventually(lambda: step.get_attribute("data-state"), "waiting")
    key = (await page.locator('[data-row="welcome-app"] code').first.inner_text()).strip()
    assert key in await (await row(page, "welcome-snippet")).inner_text()

    body = {
        "apiKey": key,
        "userId": "alice",
        "conferenceId": "welcome-1",
        "conferenceName": "Hello",
    }
    answer = await scene.api.post("/v1/initialize", json=body)
    assert answer.status_code == 200, answer.text
    token = answer.json()["token"]
    assert (await scene.api.post("/v1/sessions", json={"token": token})).status_code == 200

    await eventually(lambda: step.get_attribute("data-state"), "received")
    await step.get_by_role("link", name="Hello").click()
    await page.wait_for_url("**/conference/*")
