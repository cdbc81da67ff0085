"""The live wall: filters, order and pause."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page

from tests.browser.looking import choose, eventually, row, visit
from tests.browser.pages import EXISTING
from tests.browser.scene import Scene
from tests.browser.watching import ready

LIVE = next(page for page in EXISTING if page.name == "live")


async def _wall(page: Page, scene: Scene) -> None:
    await visit(page, scene, LIVE)
    await page.locator('[data-row="live-call"]').first.wait_for()


async def test_words_narrow_the_wall(page: Page, scene: Scene) -> None:
    await _wall(page, scene)
    await page.locator('[data-filter="q"]').fill("no call is called like this")
    await page.wait_for_url("**q=no*")
    wall = await row(page, "live-wall")
    await eventually(lambda: wall.get_attribute("data-state"), "empty")
    await wall.get_by_role("button", name="Clear filters").click()
    await page.locator('[data-row="live-call"]').first.wait_for()
    assert "q" not in parse_qs(urlsplit(page.url).query)


async def test_a_state_narrows_the_wall(page: Page, scene: Scene) -> None:
    """Whatever the calls are at the moment: no other state is shown."""
    await _wall(page, scene)
    await choose(page, "state", -1)
    await page.wait_for_url("**state=clear*")

    async def others() -> int:
        return await page.locator(
            '[data-row="live-call"]:not([data-signal="clear"]):not([data-signal="ended"])'
        ).count()

    await eventually(others, 0)
    await page.reload()
    await ready(page)
    await eventually(others, 0)
    await page.go_back()
    await page.wait_for_url(lambda url: "state" not in parse_qs(urlsplit(url).query))


async def test_the_order_is_in_the_address(page: Page, scene: Scene) -> None:
    await _wall(page, scene)
    await page.locator('[data-filter="sort"]').select_option("newest")
    await page.wait_for_url("**sort=newest*")
    await page.reload()
    await ready(page)
    assert await page.locator('[data-filter="sort"]').input_value() == "newest"


async def test_the_space_bar_pauses(page: Page, scene: Scene) -> None:
    await _wall(page, scene)
    wall = await row(page, "live-wall")
    await wall.focus()
    await page.keyboard.press("Space")
    button = page.get_by_role("button", name="Go on")
    await button.wait_for()
    assert await button.get_attribute("aria-pressed") == "true"
    await button.click()
    await page.get_by_role("button", name="Pause").wait_for()
    await page.locator('[data-row="live-call"]').first.wait_for()
