"""Opening pages, and reading what their rows show."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Locator, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.browser.pages import PageUnderTest
from tests.browser.scene import Scene
from tests.browser.watching import ready

SCREENSHOTS: Final = Path(__file__).parents[2] / "build/screenshots"
WIDTHS: Final = (360, 1280)
LARGEST: Final = (3840, 2160)
# All charts in the window are; what is far from it may be drawn later.
_DRAWN: Final = """() => [...document.querySelectorAll("figure[data-state]")].every(one => {
    const box = one.getBoundingClientRect()
    const seen = box.bottom > 0 && box.top < innerHeight
    return !seen || (one.dataset.state !== "loading" && (one.dataset.state !== "ready" || one.dataset.drawn === "true"))
})"""
PATIENCE_S: Final = 60.0
CLICKS: Final = 5


async def visit(page: Page, scene: Scene, which: PageUnderTest, query: str = "") -> None:
    """Open a page and wait until it has drawn what it shows."""
    await page.goto(scene.at(which.path) + query)
    await ready(page)


async def there(found: Locator, else_said: str = "") -> Locator:
    """The first of them, once it is there: what a click opens may come a moment later."""
    try:
        await found.first.wait_for(state="attached")
    except PlaywrightTimeout:
        raise AssertionError(else_said or f"nothing is {found}") from None
    return found.first


async def row(page: Page, name: str) -> Locator:
    """The first element that shows a row of the content; the failure names the row and the page."""
    await page.locator("main[data-ready=true]").wait_for()
    found = page.locator(f'[data-row="{name}"]')
    return await there(found, f"no element with data-row={name!r} on {page.url}")


async def figures(shown: Locator) -> dict[str, dict[str, float | None]]:
    """The numbers of a chart by key and series, from the table that its button `Show table` opens; None where there is none."""
    button = shown.get_by_role("button", name=re.compile("^Show table"))
    table = shown.locator("table[data-figures]")
    await there(button.or_(table), "the chart has no button “Show table”")
    for _ in range(CLICKS):
        if await table.count():
            break
        # A page that still moves may swallow a click, or put another button in the place of this one.
        with suppress(PlaywrightTimeout):
            if await button.first.get_attribute("aria-pressed") != "true":
                await button.first.click(timeout=5_000)
            await table.wait_for(timeout=5_000)
    await table.wait_for()
    found: dict[str, dict[str, float | None]] = await table.evaluate(
        """table => Object.fromEntries([...table.querySelectorAll("tr[data-key]")].map(line => [line.dataset.key,
            Object.fromEntries([...line.querySelectorAll("[data-value]")].map(cell => [cell.dataset.series ?? "", cell.dataset.value === "" ? null : Number(cell.dataset.value)]))]))"""
    )
    return found


async def single(shown: Locator) -> dict[str, float]:
    """The same of a chart with one series: number by key."""
    found = {key: next(iter(values.values())) for key, values in (await figures(shown)).items()}
    return {key: value for key, value in found.items() if value is not None}


async def fields(shown: Locator) -> dict[str, str]:
    """The facts of a card or header: text by name."""
    found: dict[str, str] = await shown.evaluate(
        """shown => Object.fromEntries([...shown.querySelectorAll("[data-field]")].map(part => [part.dataset.field, part.innerText.trim()]))"""
    )
    return found


async def value_of(shown: Locator, field: str, *, as_text: bool = False) -> float | str | None:
    """The raw value of a fact, on its element or inside of it; None when it has none."""
    found = await shown.evaluate(
        """(shown, field) => { const part = shown.querySelector(`[data-field="${field}"]`)
            return part?.dataset.value ?? part?.querySelector("[data-value]")?.dataset.value ?? null }""",
        field,
    )
    return found if as_text or found is None else float(found)


async def ids(shown: Locator) -> list[str]:
    """What a list shows, in its order."""
    found: list[str] = await shown.evaluate(
        """shown => [...shown.querySelectorAll("[data-id]")].map(line => line.dataset.id)"""
    )
    return found


async def choose(page: Page, name: str, which: int | None) -> list[str]:
    """Open the filter of this search parameter and choose the option with this number, or none; answers all that were offered."""
    filters = page.locator(f'[data-filter="{name}"]')
    control = await there(filters, f"no filter with data-filter={name!r} on {page.url}")
    await control.click()
    options = page.get_by_role("listbox").get_by_role("option")
    await options.first.wait_for()
    offered = [text.strip() for text in await options.all_inner_texts()]
    if which is not None:
        await (options.last if which == -1 else options.nth(which)).click()
    if await page.get_by_role("listbox").count():
        await page.keyboard.press("Escape")
    await ready(page)
    return offered


async def eventually(look: Callable[[], Awaitable[Any]], expected: Any) -> None:
    """Look again until it is so: what is shown may stand for a moment while the new figures are read."""
    until = time.monotonic() + PATIENCE_S
    while (found := await look()) != expected:
        assert time.monotonic() < until, f"{found} is shown, not {expected}"
        await asyncio.sleep(0.05)


async def screenshot(page: Page, name: str, theme: str) -> None:
    """The whole page at every width, and what a 4K screen shows, into build/screenshots.

    Fails where the page is wider than the window.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        await _resize(page, width, 900)
        tall: int = await page.evaluate("document.documentElement.scrollHeight")
        await _resize(page, width, max(900, tall))
        await _picture(page, name, theme, width)
    await _resize(page, *LARGEST)
    await _picture(page, name, theme, LARGEST[0])
    await _resize(page, 1280, 900)


async def _resize(page: Page, width: int, height: int) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    await ready(page)
    await eventually(lambda: page.evaluate(_DRAWN), expected=True)


async def _picture(page: Page, name: str, theme: str, width: int) -> None:
    async def fits() -> Any:
        wide = await page.evaluate("document.documentElement.scrollWidth")
        return f"{wide} pixels wide in {width}" if wide > width else "no wider than the window"

    # Charts follow a window that has become narrower a moment later.
    await eventually(fits, expected="no wider than the window")
    await page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{width}.png", animations="disabled")
