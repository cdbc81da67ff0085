"""Rows of a conference's page."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from playwright.async_api import Locator

from tests.browser.looking import fields, figures, ids, row, single, there, value_of
from tests.browser.rows import participant
from tests.browser.rows.registry import Look, shows
from tests.browser.watching import ready

FILTERS = ("participant", "peer", "data", "direction", "track")
# Graphs that need a kind of data and a direction to be chosen; all others are there from the beginning.
NEEDS = {
    "graph-resolution": ("video", "outbound"),
    "graph-frames": ("video", "inbound"),
    "graph-codec-time": ("video", "outbound"),
    "graph-emos": ("audio", "inbound"),
    "graph-jitter": ("audio", "inbound"),
    "graph-packet-loss": ("audio", "inbound"),
    "graph-fps": ("video", "inbound"),
    "graph-freezes": ("video", "inbound"),
    "graph-quality-limitation": ("video", "outbound"),
    "graph-codec": ("video", "outbound"),
}


async def _people(look: Look) -> dict[str, Any]:
    """Those of the conference who have a card: id and name."""
    found = await look.scene.ask("/participants", conferenceId=look.scene.conference)
    return {one["id"]: one["participant_name"] for one in found["data"] if not one["is_sfu"]}


async def _conference(look: Look) -> Any:
    return (await look.scene.ask(f"/conferences/{look.scene.conference}"))["data"]


async def _sessions(look: Look) -> list[Any]:
    found = await look.scene.ask("/sessions", conferenceId=look.scene.conference)
    return list(found["data"])


@shows("conference-header")
async def header(look: Look) -> None:
    shown, told = await look.shown(), await _conference(look)
    parts = await fields(shown)
    assert told["conference_name"] in parts["name"]
    assert told["conference_id"] in parts["id"]
    assert await value_of(shown, "duration") == told["duration"]
    assert parts["dates"]
    assert parts["range"]


@shows("participant-card")
async def cards(look: Look) -> None:
    await look.shown()
    people, sessions = await _people(look), await _sessions(look)
    shown = look.page.locator('[data-row="participant-card"]')
    assert await shown.count() == len(people)
    for who, name in people.items():
        card = shown.and_(look.page.locator(f'[data-id="{who}"]'))
        own = [one for one in sessions if one["participant"] == who]
        parts = await fields(card)
        assert name in parts["name"]
        assert await value_of(card, "time-on-page") == sum(one["duration"] for one in own)
        platform, devices = own[0]["platform"], own[0]["devices"]
        assert platform["os"]["name"] in parts["os"]
        assert platform["browser"]["name"] in parts["browser"]
        assert own[0]["app_version"] in parts["app-versions"]
        for kind, part in (("audioinput", "microphones"), ("videoinput", "cameras"), ("audiooutput", "outputs")):  # fmt: skip
            assert all(one["label"] in parts[part] for one in devices if one["kind"] == kind)
        assert "issues" in parts or "emos" in parts


@shows("timeline", "timeline-participant")
async def timeline(look: Look) -> None:
    shown = await look.shown()
    bars = look.page.locator('[data-row="timeline-participant"]')
    assert set(await bars.evaluate_all("bars => bars.map(bar => bar.dataset.id)")) == set(
        await _people(look)
    )
    for kind in ("presence", "get-user-media"):
        await there(shown.locator(f'[data-kind="{kind}"]'))


async def _opened(look: Look) -> Locator:
    """The timeline with every participant's connections."""
    shown = look.page.locator('[data-row="timeline"]')
    closed = shown.locator('[data-row="timeline-participant"] [aria-expanded="false"]')
    while await closed.count():
        await closed.first.click()
    return shown


@shows("timeline-connection")
async def timeline_connections(look: Look) -> None:
    shown = await _opened(look)
    told = await look.scene.ask("/connections", conferenceId=look.scene.conference)
    rows = shown.locator('[data-row="timeline-connection"]')
    found = await rows.evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert sorted(found) == sorted(one["id"] for one in told["data"])
    for kind in ("connected", "connecting"):
        await there(rows.first.locator(f'[data-kind="{kind}"]'))


async def _events(look: Look) -> Locator:
    """The events that a click on a connection's bar opens."""
    shown = await _opened(look)
    period = shown.locator('[data-row="timeline-connection"] [data-kind="connected"]').first
    await period.click()
    events = look.page.locator('[data-row="timeline-events"]')
    await events.wait_for()
    await ready(look.page)
    return events


@shows("timeline-events")
async def timeline_events(look: Look) -> None:
    events = await _events(look)
    await events.locator("[data-id]").first.wait_for()
    told = await look.scene.ask(f"/conferences/{look.scene.conference}/events")
    known = {one["id"] for one in told["data"]}
    shown = await ids(events)
    assert len(shown) > 3
    assert set(shown) <= known


@shows("timeline-event-json")
async def timeline_event_json(look: Look) -> None:
    events = await _events(look)
    first = events.locator("[data-id]").first
    which = await first.get_attribute("data-id")
    await first.get_by_role("button").first.click()
    text = await look.page.locator('[data-row="timeline-event-json"]').first.inner_text()
    told = await look.scene.ask(f"/conferences/{look.scene.conference}/events")
    assert json.loads(text)["id"] == which
    assert json.loads(text) == next(one for one in told["data"] if one["id"] == which)
    assert "\n" in text


@shows("participant-map")
async def participant_map(look: Look) -> None:
    if "/participant/" in look.page.url:
        await participant.participant_map(look)
        return
    told = [(one["geo_ip"] or {}).get("city") for one in await _sessions(look)]
    cities = {str(city) for city in told if city is not None}
    shown = await single(await look.shown())
    assert len(shown) == len(cities)
    assert all(any(city in key for key in shown) for city in cities)


@shows("diagnosis")
async def diagnosis(look: Look) -> None:
    told = await look.scene.ask(f"/conferences/{look.scene.conference}/diagnosis")
    whole = told["data"]["conference"]
    shown = await look.shown()
    text = await shown.inner_text()
    assert whole["sentence"] in text
    assert await value_of(shown, "cause", as_text=True) == whole["cause"]
    assert await value_of(shown, "score") == whole["score"]


@shows("issues")
async def issues(look: Look) -> None:
    codes, shown_codes = {""}, set[str]()
    for _ in range(5):  # the worker may still find some while the page is read
        shown = await look.shown()
        await shown.locator("[data-code]").first.wait_for()
        found = shown.locator("[data-code]")
        shown_codes = set(await found.evaluate_all("all => all.map(one => one.dataset.code)"))
        told = await look.scene.ask("/issues", conferenceId=look.scene.conference)
        codes = {one["code"] for one in told["data"]}
        if shown_codes == codes:
            break
        await look.page.reload()
        await ready(look.page)
    assert shown_codes == codes


@shows("sdp-explorer")
async def sdp(look: Look) -> None:
    text = await (await look.shown()).inner_text()
    assert "opus" in text


@shows("candidate-explorer")
async def candidates(look: Look) -> None:
    text = await (await look.shown()).inner_text()
    assert "srflx" in text or "host" in text


@shows(*(f"graph-filter-{name}" for name in FILTERS))
async def graph_filter(look: Look) -> None:
    """Each is enabled by the one before."""
    await look.shown()
    at = FILTERS.index(look.name.removeprefix("graph-filter-"))
    controls = [
        look.page.locator(f'[data-row="graph-filter-{name}"] [data-filter]') for name in FILTERS
    ]
    for number, control in enumerate(controls):
        assert await control.first.is_enabled() == (number == 0), FILTERS[number]
    await _chosen(look, FILTERS[:at])
    assert await controls[at].first.is_enabled()


async def _chosen(look: Look, names: tuple[str, ...], **wanted: str) -> None:
    """Choose the first option, or the wanted one, of these filters of the graphs."""
    for name in names:
        await row(look.page, f"graph-filter-{name}")
        control = look.page.locator(f'[data-row="graph-filter-{name}"] [data-filter]').first
        if await control.evaluate("element => element.tagName === 'SELECT'"):
            await _select(control, wanted.get(name))
        else:
            await control.click()
            options = look.page.get_by_role("listbox").get_by_role("option")
            option = options.filter(has_text=wanted[name]) if name in wanted else options
            await option.first.click()
            await look.page.keyboard.press("Escape")
        await ready(look.page)


async def _select(control: Locator, wanted: str | None) -> None:
    values = await control.locator("option").evaluate_all(
        "options => options.filter(one => one.value && !one.disabled).map(one => [one.value, one.innerText])"
    )
    matching = [value for value, text in values if not wanted or wanted in text.lower()]
    await control.select_option(matching[0])


@shows("presence-strip")
async def presence(look: Look) -> None:
    assert await (await look.shown()).is_visible()


@shows("graph-rtt", "graph-throughput", "graph-bitrate", "graph-available-bandwidth", *NEEDS)
async def graph(look: Look) -> None:
    """Has lines with points of the conference's time."""
    if look.name in NEEDS:
        data, direction = NEEDS[look.name]
        await _chosen(look, FILTERS[:4], data=data, direction=direction)
    shown = await look.shown()
    told = await _conference(look)
    points = await figures(shown)
    assert len(points) > 5
    values = [value for one in points.values() for value in one.values() if value is not None]
    assert values
    begin, end = (_epoch_ms(told[name]) for name in ("created_at", "end_time"))
    assert all(begin - 60_000 <= int(key) <= end + 60_000 for key in points)


def _epoch_ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000
