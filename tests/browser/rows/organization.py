"""Rows of the header, of an organization's page, of the welcome, the settings and the account."""

from __future__ import annotations

import re

from tests.browser.looking import fields, value_of
from tests.browser.rows.registry import Look, shows


@shows("search-box")
async def search_box(look: Look) -> None:
    shown = await look.shown()
    box = (
        shown if await shown.get_attribute("role") == "combobox" else shown.get_by_role("combobox")
    )
    assert await box.first.is_enabled()


@shows("search-hit")
async def search_hits(look: Look) -> None:
    """Two characters find; a hit shows name, id and kind, and opens."""
    box = look.page.locator('[data-row="search-box"]')
    field = (
        box if await box.evaluate("box => box.tagName === 'INPUT'") else box.get_by_role("combobox")
    )
    told = await look.scene.ask("/search", query="Board meeting")
    first = told["matches"][0]
    await field.first.fill("Board meeting")
    hit = look.page.locator('[data-row="search-hit"]').first
    await hit.wait_for()
    text = await hit.inner_text()
    assert first["name"] in text
    assert first["id"] in text
    assert await hit.get_attribute("data-kind") == first["type"]
    await look.page.keyboard.press("ArrowDown")
    await look.page.keyboard.press("Enter")
    await look.page.wait_for_url(re.compile("/conference/"))


@shows("apps-table")
async def apps(look: Look) -> None:
    await look.shown()
    told = await look.scene.ask("/apps", organization=look.scene.kept.organization)
    rows = look.page.locator('[data-row="apps-table"] [data-row="app"]')
    found = await rows.evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert sorted(found) == sorted(one["id"] for one in told["data"])


@shows("app")
async def one_app(look: Look) -> None:
    told = await look.scene.ask("/apps", organization=look.scene.kept.organization)
    one = next(each for each in told["data"] if each["id"] == look.scene.kept.app)
    shown = look.page.locator(f'[data-row="app"][data-id="{one["id"]}"]')
    parts = await fields(shown)
    assert one["name"] in parts["name"]
    assert "Active" in parts["state"]
    assert parts["added"]
    assert one["api_key"] in parts["api-key"] or await shown.get_by_text(one["api_key"]).count()
    minutes = sum(day["seconds"] for day in one["durations_days"]) // 60 if isinstance(one["durations_days"], list) else sum(one["durations_days"].values()) // 60  # fmt: skip
    assert await value_of(shown, "minutes") == minutes


@shows("app-pause", "app-snippet", "app-delete")
async def app_actions(look: Look) -> None:
    """In the row, or in the menu of the row."""
    found = look.page.locator(f'[data-row="{look.name}"]')
    if not await found.count():
        row = look.page.locator('[data-row="app"]').first
        await row.get_by_role("button", name=re.compile("actions|menu|more", re.IGNORECASE)).click()
    await found.first.wait_for()
    assert await found.first.is_enabled()


@shows(
    "app-add", "welcome-organization", "welcome-app", "welcome-snippet", "settings-app", "settings-keys", "settings-members", "settings-retention",
    "settings-masking", "account-password",
)  # fmt: skip
async def is_there(look: Look) -> None:
    """Something to do: it is seen and has a name or words."""
    shown = await look.shown()
    assert await shown.is_visible()
    assert (await shown.inner_text()).strip() or await shown.get_attribute("aria-label")


@shows("welcome-first-call")
async def first_call(look: Look) -> None:
    assert await (await look.shown()).get_attribute("data-state") in ("waiting", "received")
