"""Tables and charts are saved as they are shown: CSV with every row, PNG as a picture."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path

from playwright.async_api import Locator, Page

from tests.browser.looking import row, single, visit
from tests.browser.pages import EXISTING
from tests.browser.scene import Scene

BY_NAME = {page.name: page for page in EXISTING}


async def _saved(page: Page, button: Locator) -> tuple[str, bytes]:
    async with page.expect_download() as coming:
        await button.click()
    file = await coming.value
    path = Path(await file.path())
    return file.suggested_filename, await asyncio.to_thread(path.read_bytes)


def _rows(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf"), "Excel reads UTF-8 by its mark only"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


async def test_a_list_is_saved_with_all_its_pages(page: Page, scene: Scene) -> None:
    await visit(page, scene, BY_NAME["conferences"])
    listed = await row(page, "conference-list")
    name, content = await _saved(page, listed.get_by_role("button", name="Export CSV"))
    assert name.endswith(".csv")
    head, *lines = _rows(content)
    assert "Conference" in head
    assert len(lines) == int(await listed.get_attribute("data-total") or 0)


async def test_a_chart_is_saved_as_figures_and_as_picture(page: Page, scene: Scene) -> None:
    await visit(page, scene, BY_NAME["overview"])
    chart = await row(page, "browsers")
    menu = chart.get_by_role("button", name="Export Browsers")
    await menu.click()
    name, picture = await _saved(page, page.get_by_role("menuitem", name="Export PNG"))
    assert name.endswith(".png")
    assert picture.startswith(b"\x89PNG")
    await menu.click()
    _, content = await _saved(page, page.get_by_role("menuitem", name="Export CSV"))
    shown = await single(chart)
    assert {line[0]: float(line[1]) for line in _rows(content)[1:]} == shown
