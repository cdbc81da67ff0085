"""The graphs' filters: each waits for the one before, lives in the address, and narrows all charts at once."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page

from tests.browser.looking import eventually, figures, row
from tests.browser.scene import Scene
from tests.browser.watching import ready

ORDER = ("participant", "peer", "data", "direction", "track")
CHOICES = {"data": "video", "direction": "inbound"}


async def _enabled(page: Page) -> list[str]:
    return [
        name for name in ORDER if await page.locator(f'[data-filter="{name}"]').first.is_enabled()
    ]


async def _lines(page: Page, chart: str) -> set[str]:
    shown = await row(page, chart)
    await shown.scroll_into_view_if_needed()
    return {series for cells in (await figures(shown)).values() for series in cells}


async def test_each_filter_opens_the_next(page: Page, scene: Scene) -> None:
    await page.goto(f"/conference/{scene.conference}")
    await ready(page)
    assert await _enabled(page) == ["participant"]
    for at, name in enumerate(ORDER):
        control = page.locator(f'[data-filter="{name}"]').first
        first = await control.locator("option").nth(1).get_attribute("value")
        wanted = CHOICES.get(name, first)
        await control.select_option(value=wanted)
        await page.wait_for_url(f"**{name}={wanted}*")
        await eventually(lambda: _enabled(page), list(ORDER[: at + 2]))
    link = page.url
    lines = await _lines(page, "graph-fps")
    assert len(lines) == 1

    await page.goto(link)
    await ready(page)
    assert await _enabled(page) == list(ORDER)
    assert await _lines(page, "graph-fps") == lines

    # Another participant: what was chosen behind is about the first one, and goes.
    await page.locator('[data-filter="participant"]').first.select_option(index=0)
    await eventually(lambda: _enabled(page), ["participant"])
    assert not parse_qs(urlsplit(page.url).query).keys() & {"peer", "data", "direction", "track"}


async def test_a_line_for_each_participant_then_peer_then_direction(
    page: Page, scene: Scene
) -> None:
    await page.goto(f"/conference/{scene.conference}")
    await ready(page)
    people = await page.locator('[data-filter="participant"]').first.locator("option").count() - 1
    assert len(await _lines(page, "graph-rtt")) == people
    await page.locator('[data-filter="participant"]').first.select_option(index=1)
    await ready(page)
    peers = await page.locator('[data-filter="peer"]').first.locator("option").count() - 1
    await eventually(lambda: _count(page, "graph-packet-loss"), peers)
    await page.locator('[data-filter="peer"]').first.select_option(index=1)
    await eventually(lambda: _count(page, "graph-packet-loss"), 2)


async def _count(page: Page, chart: str) -> int:
    return len(await _lines(page, chart))


async def test_the_zoom_is_common_and_in_the_address(page: Page, scene: Scene) -> None:
    await page.goto(f"/conference/{scene.conference}")
    await ready(page)
    part = page.get_by_role("group", name="Part of the call that the graphs show")
    whole = await part.locator(".seen").inner_text()
    await part.get_by_role("button", name="Zoom in").click()
    await page.wait_for_url("**zoom=*")
    zoomed = await part.locator(".seen").inner_text()
    assert zoomed != whole
    await page.reload()
    await ready(page)
    assert await part.locator(".seen").inner_text() == zoomed
    await part.get_by_role("button", name="Whole call").click()
    await eventually(lambda: part.locator(".seen").inner_text(), whole)
