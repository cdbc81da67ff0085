"""Rows of the lists: conferences, issues, comparison, running calls, usage."""

from __future__ import annotations

from tests.browser.looking import ids
from tests.browser.rows.registry import Look, shows


@shows("conference-list")
async def conferences(look: Look) -> None:
    """Twenty to a page, the newest first; an error shows before a warning."""
    told = await look.scene.month_whole("/conferences", order="-created_at", limit="20")
    shown = await look.shown()
    assert await ids(shown) == [one["id"] for one in told["results"]]
    assert await shown.get_attribute("data-total") == str(told["count"])
    for one in told["results"]:
        line = shown.locator(f'[data-id="{one["id"]}"]')
        text = await line.inner_text()
        assert (one["conference_name"] or "no name") in text
        worst = "error" if one["has_errors"] else "warning" if one["has_warnings"] else ""
        assert await line.locator('[data-field="worst"]').get_attribute("data-value") == worst


@shows("issue-list")
async def issues(look: Look) -> None:
    told = {one["code"] for one in await look.scene.month("/issues/groups")}
    shown = await look.shown()
    codes = set(await ids(shown))
    assert codes == told


@shows("compare-table")
async def comparison(look: Look) -> None:
    assert await (await look.shown()).is_visible()


@shows("live-wall", "live-call")
async def wall(look: Look) -> None:
    """The running calls, and no others."""
    await look.shown()
    calls = look.page.locator('[data-row="live-call"]')
    await calls.first.wait_for()
    told = await look.scene.ask("/live/now", appId=look.scene.kept.live_app)
    shown = set(await calls.evaluate_all("all => all.map(one => one.dataset.id)"))
    known = {one["id"] for one in told["data"]["conferences"]}
    assert shown & known


@shows("usage-days")
async def usage(look: Look) -> None:
    assert await (await look.shown()).is_visible()
