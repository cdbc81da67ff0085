"""Every filter changes the address and what is shown; the address alone reproduces it; the back button undoes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page

from tests.browser.looking import choose, eventually, figures, row, visit
from tests.browser.pages import EXISTING, PageUnderTest
from tests.browser.scene import Scene
from tests.browser.watching import ready

# Names of the server's filters, where they differ from the address's.
AT_SERVER = {"appVersion": "app_version", "sdk": "webrtc_sdk", "issue": "issue_code"}
Shown = Callable[[Page], Awaitable[Any]]
Told = Callable[[Scene, dict[str, str]], Awaitable[Any]]


async def _listed(page: Page) -> int:
    return int(await (await row(page, "conference-list")).get_attribute("data-total") or -1)


async def _conferences(scene: Scene, given: dict[str, str]) -> int:
    return int((await scene.month_whole("/conferences", limit="1", **given))["count"])


async def _charted(page: Page) -> int:
    bars = await figures(await row(page, "conferences-per-day"))
    return int(sum(value or 0 for day in bars.values() for value in day.values()))


async def _summed(scene: Scene, given: dict[str, str]) -> int:
    return sum(day["total"] for day in await scene.month("/conferences/summary", **given))


# What of a page is compared with which answer.
COMPARED: dict[str, tuple[Shown, Told]] = {
    "overview": (_charted, _summed),
    "conferences": (_listed, _conferences),
}
CASES = [
    pytest.param(page, name, id=f"{page.name}-{name}") for page in EXISTING for name in page.filters
]


async def _words(page: Page) -> str:
    """All that a page says; for pages of which no single figure is compared.

    Of alerts only which are listed: figures and times of open ones go on while they are looked at.
    """
    listed = page.locator('main [data-row="alert-list"]')
    if not await listed.count():
        return await page.locator("main").inner_text()
    chosen = await page.locator("main [data-filter]").all_inner_texts()
    links = await listed.locator("tbody a").evaluate_all("all => all.map(one => one.pathname)")
    return "\n".join([*chosen, *map(str, links)])


async def _reported(page: Page, before: str) -> str:
    """The words once they are others than before, and stay."""
    await eventually(lambda: _differs(page, before), expected=True)
    await ready(page)
    return await _words(page)


async def _differs(page: Page, before: str) -> bool:
    busy = await page.locator("[aria-busy=true]").count()
    return not busy and await _words(page) != before


@pytest.mark.parametrize(("which", "name"), CASES)
async def test_a_filter(page: Page, scene: Scene, which: PageUnderTest, name: str) -> None:
    await visit(page, scene, which)
    if which.name not in COMPARED:
        await _by_its_words(page, name)
        return
    shown, told = COMPARED[which.name]
    everything = await told(scene, {})
    await eventually(lambda: shown(page), everything)

    await choose(page, name, -1)
    await page.wait_for_url(lambda url: name in parse_qs(urlsplit(url).query))
    [value] = parse_qs(urlsplit(page.url).query)[name]
    expected = await told(scene, {AT_SERVER.get(name, name): value})
    await eventually(lambda: shown(page), expected)

    await page.reload()
    await ready(page)
    await eventually(lambda: shown(page), expected)

    await page.go_back()
    await page.wait_for_url(lambda url: name not in parse_qs(urlsplit(url).query))
    await eventually(lambda: shown(page), everything)


async def _by_its_words(page: Page, name: str) -> None:
    before = await _words(page)
    await choose(page, name, -1)
    await page.wait_for_url(lambda url: name in parse_qs(urlsplit(url).query))
    chosen = await _reported(page, before)
    await page.reload()
    await ready(page)
    await eventually(lambda: _words(page), chosen)
    await page.go_back()
    await page.wait_for_url(lambda url: name not in parse_qs(urlsplit(url).query))
    await eventually(lambda: _words(page), before)


@pytest.mark.parametrize("which", EXISTING, ids=str)
async def test_no_filter_is_left_out(page: Page, scene: Scene, which: PageUnderTest) -> None:
    """Those that the page shows are those that the list of pages knows, so each of them is tested."""
    if not which.signed_in:
        await page.context.clear_cookies()
    await visit(page, scene, which)
    found = await page.locator("[data-filter]").evaluate_all(
        "all => all.map(one => one.dataset.filter)"
    )
    assert set(found) == set(which.filters) | set(which.other_filters)


async def _only(page: Page, scene: Scene, name: str) -> PageUnderTest:
    which = next((one for one in EXISTING if one.name == name), None)
    if which is None:
        pytest.fail(f"there is no page {name} yet")
    await visit(page, scene, which)
    return which


@pytest.mark.parametrize(
    "name", [one.name for one in EXISTING if "range" in one.other_filters and one.name in COMPARED]
)
async def test_the_time_is_a_filter(page: Page, scene: Scene, name: str) -> None:
    """A week, by its name in the address."""
    shown, _ = COMPARED[name]
    await _only(page, scene, name)
    everything = await shown(page)
    await page.locator('[data-filter="range"]').click()
    await page.get_by_role("button", name="Last 7 days").click()
    await page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("range") == ["7d"])
    await ready(page)
    await page.reload()
    await ready(page)
    week = await shown(page)
    assert 0 < week < everything
    await page.go_back()
    await eventually(lambda: shown(page), everything)


@pytest.mark.parametrize(
    "name", [one.name for one in EXISTING if "query" in one.other_filters and one.name in COMPARED]
)
async def test_typing_searches_and_leaves_no_trail(page: Page, scene: Scene, name: str) -> None:
    """Every stroke replaces the address: back leads to where one came from."""
    shown, told = COMPARED[name]
    await page.goto(scene.at("/apps/{app}"))
    await ready(page)
    await page.get_by_role("link", name="Conferences", exact=True).first.click()
    await page.wait_for_url("**/conferences")
    await page.locator('[data-filter="query"]').press_sequentially("board", delay=20)
    await page.wait_for_url("**query=board*")
    await eventually(lambda: shown(page), await told(scene, {"query": "board"}))
    await page.reload()
    await ready(page)
    assert await page.locator('[data-filter="query"]').input_value() == "board"
    await page.go_back()
    await page.wait_for_url(lambda url: not urlsplit(url).path.endswith("/conferences"))


@pytest.mark.parametrize("name", [one.name for one in EXISTING if one.name in COMPARED])
async def test_all_filters_are_cleared_at_once(page: Page, scene: Scene, name: str) -> None:
    shown, told = COMPARED[name]
    await _only(page, scene, name)
    await choose(page, "browser", 0)
    await choose(page, "os", 0)
    await page.get_by_test_id("clear-filters").click()
    await page.wait_for_url(
        lambda url: not parse_qs(urlsplit(url).query).keys() & {"browser", "os"}
    )
    await eventually(lambda: shown(page), await told(scene, {}))
