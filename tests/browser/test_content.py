"""Every row of the dashboard's content is there and shows what the interface answers."""

from __future__ import annotations

from importlib import import_module

import pytest
from playwright.async_api import Page

from tests.browser.looking import visit
from tests.browser.pages import PAGES, ROWS, THERE, PageUnderTest
from tests.browser.rows.registry import CHECKS, Look
from tests.browser.scene import Scene

for _room in ("overview", "organization", "conference", "participant", "playback", "lists"):
    import_module(f"tests.browser.rows.{_room}")


@pytest.mark.parametrize(
    ("which", "name"), ROWS, ids=[f"{page.name}-{name}" for page, name in ROWS]
)
async def test_a_row(page: Page, scene: Scene, which: PageUnderTest, name: str) -> None:
    await visit(page, scene, which)
    await CHECKS[name](Look(page, scene, name))


def test_every_row_has_a_check() -> None:
    """And no check is for a row that no page shows."""
    rows = {name for page in PAGES for name in page.rows}
    assert rows == CHECKS.keys()


def test_no_page_is_left_out() -> None:
    """All pages of the dashboard are built, so all of them are looked at."""
    assert {page.name for page in PAGES} == THERE
