"""Rows of an app's overview: each figure is the one that the interface answers."""

from __future__ import annotations

from tests.browser.looking import choose, figures, single
from tests.browser.rows.registry import Look, shows

OUTCOMES = {"successful": "success", "warnings": "warning", "errors": "error", "ongoing": "ongoing"}
MOST_BARS = 10  # of a ranking, at least


@shows("app-name-edit", "app-domain-edit")
async def editable(look: Look) -> None:
    shown = await look.shown()
    assert await shown.is_visible()
    assert await shown.is_enabled()


@shows("filter-app-version", "filter-browser", "filter-os", "filter-country")
async def filters(look: Look) -> None:
    """Has the values that sessions of the month have."""
    name = {"filter-app-version": "appVersion"}.get(look.name, look.name.removeprefix("filter-"))
    offered = await choose(look.page, name, None)
    assert len(offered) > 1, offered


@shows("conferences-per-day")
async def conferences_per_day(look: Look) -> None:
    shown = await figures(await look.shown())
    told = {one["date"]: one for one in await look.scene.month("/conferences/summary")}
    assert len(shown) == 31
    for day, bars in shown.items():
        expected = {name: told.get(day, {}).get(kind, 0) for name, kind in OUTCOMES.items()}
        assert {name: bars.get(name) or 0 for name in OUTCOMES} == expected, day
    assert told.keys() <= shown.keys()


@shows("common-issues")
async def common_issues(look: Look) -> None:
    told = {one["code"]: one["count"] for one in await look.scene.month("/issues/summary")}
    shown = await single(await look.shown())
    assert shown.items() <= told.items()
    assert len(shown) >= min(MOST_BARS, len(told))
    assert max(told.values()) == next(iter(shown.values()))


@shows("media-access-errors")
async def media_access_errors(look: Look) -> None:
    told = [one["count"] for one in await look.scene.month("/issues/gum-summary")]
    assert sorted((await single(await look.shown())).values()) == sorted(told)


@shows("relayed-connections")
async def relayed_connections(look: Look) -> None:
    told = {
        one["name"].lower(): one["count"] for one in await look.scene.month("/connections/summary")
    }
    shown = {key.lower(): value for key, value in (await single(await look.shown())).items()}
    assert shown == told


@shows("conference-duration")
async def conference_duration(look: Look) -> None:
    told = await look.scene.month("/conferences/duration-summary")
    shown = await single(await look.shown())
    assert len(shown) == 12
    assert shown == {str(one["min_sec"]): one["count"] for one in told}


@shows("connection-setup-time")
async def connection_setup_time(look: Look) -> None:
    told = await look.scene.month("/connections/setup-time-summary")
    shown = await single(await look.shown())
    assert len(shown) == 11
    assert shown == {str(one["min_ms"]): one["count"] for one in told}


@shows("participants-per-conference")
async def participants_per_conference(look: Look) -> None:
    told = await look.scene.month("/conferences/participant-count-summary")
    shown = await single(await look.shown())
    assert shown == {str(one["participants"]): one["conferences"] for one in told}


@shows("browsers", "operating-systems")
async def software(look: Look) -> None:
    answer = await look.scene.month_whole("/sessions/summary")
    told = answer["browsers" if look.name == "browsers" else "os"]
    assert await single(await look.shown()) == {one["name"]: one["count"] for one in told}


@shows("map")
async def world_map(look: Look) -> None:
    told = (await look.scene.month_whole("/sessions/summary"))["cities"]
    shown = await single(await look.shown())
    assert len(told) > 5
    assert sorted(shown.values()) == sorted(one["count"] for one in told)
    assert all(any(one["city"] in key for key in shown) for one in told)
