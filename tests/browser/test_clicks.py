"""Each figure of a chart leads to the conferences behind it: as many as the figure says."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.looking import figures, row, visit
from tests.browser.pages import PAGES
from tests.browser.scene import Scene
from tests.browser.watching import ready

OVERVIEW = next(page for page in PAGES if page.name == "overview")
# Bars of set-up times count connections, and lead to the conferences that they belong to.
LEADING = ("conferences-per-day", "common-issues", "conference-duration", "connection-setup-time")
NARROWING = {"browsers": "browser", "operating-systems": "os"}


async def _total(page: Page) -> int:
    """Of a list that shows rows: the one that is expected is never empty."""
    await page.locator('[data-row="conference-list"][data-state="ready"]').first.wait_for()
    return int(await (await row(page, "conference-list")).get_attribute("data-total") or -1)


@pytest.mark.parametrize("name", LEADING)
async def test_a_figure_leads_to_its_conferences(page: Page, scene: Scene, name: str) -> None:
    await visit(page, scene, OVERVIEW)
    chart = await row(page, name)
    shown = await figures(chart)
    key, series, value = next(
        (key, series, value)
        for key, cells in shown.items()
        for series, value in cells.items()
        if value
    )
    link = chart.locator(f'tr[data-key="{key}"] td[data-series="{series}"] a')
    href = str(await link.get_attribute("href"))
    await link.click()
    await page.wait_for_url("**/conferences?*")
    await ready(page)
    expected = value
    if name == "connection-setup-time":
        told = await scene.month("/connections/setup-time-summary")
        expected = len(
            {
                conference
                for one in told
                if str(one["min_ms"]) == key
                for conference in one["conference_ids"]
            }
        )
    if name == "common-issues":  # counts issues, a conference may have several
        assert 0 < await _total(page) <= value
    else:
        assert await _total(page) == expected, href
    await page.go_back()
    await ready(page)
    assert page.url.endswith(scene.at("/apps/{app}"))


async def test_a_click_into_the_drawing_follows_the_bar(page: Page, scene: Scene) -> None:
    """The longest bar of the ranking is the first, and reaches far to the right."""
    await visit(page, scene, OVERVIEW)
    chart = await row(page, "common-issues")
    canvas = chart.locator("canvas").first
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    assert box is not None
    told = await scene.month("/issues/summary")
    bars = min(12, len(told))
    await page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / bars / 2)
    await page.wait_for_url(f"**/conferences?*issue={told[0]['code']}*")


@pytest.mark.parametrize("name", list(NARROWING))
async def test_a_slice_narrows_the_page(page: Page, scene: Scene, name: str) -> None:
    await visit(page, scene, OVERVIEW)
    first = (await row(page, name)).locator(".legend a").first
    value = (await first.inner_text()).strip()
    await first.click()
    await page.wait_for_url(f"**?{NARROWING[name]}=*")
    assert value in await page.locator(f'[data-filter="{NARROWING[name]}"]').inner_text()
