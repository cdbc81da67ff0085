"""What happened is said, and what can be done: no server, nothing there, nothing yet."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.async_api import Page

from tests.browser.looking import eventually, row, visit
from tests.browser.pages import EXISTING, PageUnderTest
from tests.browser.scene import Scene
from tests.browser.watching import Watch, ready

BY_NAME = {page.name: page for page in EXISTING}
READING = [
    page for page in EXISTING if page.signed_in and page.name not in ("change-password", "account")
]


@pytest.mark.parametrize("which", READING, ids=str)
async def test_without_a_server_every_page_says_so_and_comes_back(
    page: Page, scene: Scene, watch: Watch, which: PageUnderTest
) -> None:
    """The page itself is there, its figures cannot be read; trying again reads them."""
    with watch.excusing(r"net::ERR_", r"ERR_CONNECTION_REFUSED", r"Failed to load resource"):
        await page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
        await visit(page, scene, which)
        refusal = page.get_by_role("alert").first
        await refusal.wait_for()
        assert "cannot be reached" in await refusal.inner_text()
        again = page.get_by_role("button", name="Try again").first
        await again.wait_for()
        await page.unroute("**/v1/**")
        await again.click()
        # One that is mended mends all.
        await eventually(lambda: page.get_by_role("alert").count(), 0)


@pytest.mark.parametrize(
    "path", ["/conference/{}", "/participant/{}", "/organization/{}", "/apps/{}"]
)
async def test_what_is_not_there_is_said(page: Page, watch: Watch, path: str) -> None:
    with watch.excusing(r"status of 40[04]"):
        await page.goto(path.format(uuid4()))
        await ready(page)
    text = (await page.locator("main").inner_text()).lower()
    assert "not" in text or "no such" in text
    assert await page.locator("h1, [role=alert], main p").first.is_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/conference/{}",
        "/participant/{}",
        "/organization/{}",
        "/apps/{}",
        "/apps/{}/conferences",
        "/apps/{}/playback",
        "/apps/{}/alerts",
    ],
)
async def test_what_is_not_there_is_asked_for_once(page: Page, watch: Watch, path: str) -> None:
    """Nothing about a thing is asked before it is known to be there."""
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    with watch.excusing(r"status of 40[04]"):
        await page.goto(path.format(uuid4()))
        await ready(page)
    assert len(refused) <= 1


async def test_an_unknown_address_leads_back(page: Page, watch: Watch) -> None:
    with watch.excusing(r"status of 404"):
        await page.goto("/nowhere/at/all")
        await ready(page)
    await page.get_by_role("link", name="All apps").click()
    await page.wait_for_url("**/dashboard")


async def test_an_app_without_calls_says_what_to_do(page: Page, scene: Scene) -> None:
    await visit(page, scene, BY_NAME["empty-overview"])
    await page.get_by_text("No calls in this time").wait_for()
    await page.get_by_role("link", name="Show the snippet").click()
    await page.wait_for_url(f"**/welcome?app={scene.kept.empty_app}")


async def test_a_time_says_what_it_is_in_utc(page: Page, scene: Scene) -> None:
    """Shown in the viewer's zone (Berlin here), in UTC on hover and focus."""
    await visit(page, scene, BY_NAME["conferences"])
    shown = (await row(page, "conference-list")).locator("td:last-child time").first
    told = await shown.get_attribute("datetime")
    title = await shown.get_attribute("title")
    assert told
    assert title
    assert told[11:16] in title
    assert "UTC" in title
    text = await shown.inner_text()
    assert told[11:16] not in text, "Berlin is never UTC"


async def test_the_theme_is_kept(page: Page, scene: Scene) -> None:
    await visit(page, scene, BY_NAME["dashboard"])
    await page.get_by_role("button", name="Theme").click()
    await (
        page.get_by_role("menuitemradio", name="Dark")
        .or_(page.get_by_role("menuitem", name="Dark"))
        .first.click()
    )
    await eventually(lambda: page.locator("html").get_attribute("data-theme"), "dark")
    await page.reload()
    await ready(page)
    assert await page.locator("html").get_attribute("data-theme") == "dark"


async def test_a_page_that_cannot_be_loaded_comes_once_the_server_is_back(
    page: Page, scene: Scene, watch: Watch
) -> None:
    """Its scripts are read when it is entered; nobody needs to press anything."""
    await visit(page, scene, BY_NAME["account"])
    with watch.excusing(r"net::ERR_", r"ERR_CONNECTION_REFUSED", r"Failed to load resource"):
        for path in ("**/app/**", "**/health/**"):
            await page.route(path, lambda route: route.abort("connectionrefused"))
        await page.get_by_role("link", name="default").click()
        await page.get_by_role("heading", name="The server cannot be reached").wait_for()
        for path in ("**/app/**", "**/health/**"):
            await page.unroute(path)
    await page.get_by_role("heading", name="default").wait_for()
    assert page.url.endswith(scene.at("/organization/{organization}"))
