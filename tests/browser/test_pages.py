"""Every page in both themes: ready, silent, accessible, no wider than the window, its picture kept."""

from __future__ import annotations

import pytest

from tests.browser.axe import axe
from tests.browser.conftest import Open
from tests.browser.looking import screenshot, visit
from tests.browser.pages import EXISTING, PageUnderTest
from tests.browser.scene import Scene
from tests.browser.watching import Watch, ready


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("which", EXISTING, ids=str)
async def test_a_page(open_page: Open, scene: Scene, which: PageUnderTest, theme: str) -> None:
    """The watch of `open_page` fails the test for what the page writes to the console or asks of others."""
    page = await open_page(theme=theme, signed_in=which.signed_in)
    await visit(page, scene, which)
    assert await page.locator("html").get_attribute("data-theme") == theme
    assert await page.locator("main").count() == 1
    assert await page.locator("h1").count() == 1
    assert await page.title()
    await screenshot(page, which.name, theme)
    await axe(page)


@pytest.mark.parametrize("which", [page for page in EXISTING if page.signed_in], ids=str)
async def test_who_is_not_signed_in_comes_to_the_login(
    open_page: Open, scene: Scene, watch: Watch, which: PageUnderTest
) -> None:
    """And is told where to go on. The browser itself writes a line for every refusal."""
    page = await open_page(signed_in=False)
    with watch.excusing(r"status of 401"):
        await page.goto(scene.at(which.path))
        await page.wait_for_url("**/login?*next=*")
        await ready(page)
    assert await page.get_by_role("button", name="Sign in").is_visible()
