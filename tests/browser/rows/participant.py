"""Rows of a participant's page."""

from __future__ import annotations

from typing import Any

from tests.browser.looking import fields, figures, ids, single
from tests.browser.rows.registry import Look, shows
from tests.browser.watching import ready

TABS = {
    "top-microphones": "Devices", "top-cameras": "Devices", "top-outputs": "Devices", "participant-browsers": "Devices",
    "participant-operating-systems": "Devices", "participant-map": "Devices", "participant-rtt": "Connection stats", "participant-loss": "Connection stats",
    "participant-emos": "Connection stats", "participant-relay-share": "Connection stats",
}  # fmt: skip


async def _profile(look: Look) -> Any:
    return (await look.scene.ask(f"/participants/{look.scene.participant}/profile"))["data"]


async def _to_tab(look: Look) -> None:
    """Open the part of the page where the row is."""
    name = TABS.get(look.name)
    if name is not None:
        either = look.page.get_by_role("tab", name=name).or_(
            look.page.get_by_role("link", name=name, exact=True)
        )
        await either.first.click()
        await ready(look.page)


@shows("participant-header")
async def header(look: Look) -> None:
    """Of a media server, too: it is called one."""
    which = look.page.url.rpartition("/")[2].partition("?")[0]
    told = (await look.scene.ask(f"/participants/{which}"))["data"]
    parts = await fields(await look.shown())
    assert told["participant_name"] in parts["name"]
    assert told["participant_id"] in parts["id"]
    assert ("sfu" in parts) == told["is_sfu"]


@shows("minutes-per-day")
async def minutes(look: Look) -> None:
    told = {one["date"]: one["minutes"] for one in (await _profile(look))["days"]}
    shown = await single(await look.shown())
    assert len(shown) == 31
    assert shown == told


@shows("conferences-with-issues")
async def with_issues(look: Look) -> None:
    told = await look.scene.ask("/conferences", participantId=look.scene.participant)
    troubled = {one["id"] for one in told["data"] if one["has_errors"] or one["has_warnings"]}
    shown = set(await ids(await look.shown()))
    assert shown
    assert shown <= troubled


@shows("participant-conferences")
async def conferences(look: Look) -> None:
    """Twenty to a page, the newest first."""
    told = await look.scene.ask(
        "/conferences", participantId=look.scene.participant, order="-created_at", limit="20"
    )
    assert await ids(await look.shown()) == [one["id"] for one in told["results"]]


@shows("top-microphones", "top-cameras", "top-outputs")
async def devices(look: Look) -> None:
    await _to_tab(look)
    told = (await _profile(look))["devices"][look.name.removeprefix("top-")]
    text = await (await look.shown()).inner_text()
    assert told
    assert all(one["label"] in text for one in told)


@shows("participant-browsers", "participant-operating-systems")
async def software(look: Look) -> None:
    await _to_tab(look)
    told = (await _profile(look))["browsers" if look.name.endswith("browsers") else "os"]
    assert await single(await look.shown()) == {one["name"]: one["count"] for one in told}


async def participant_map(look: Look) -> None:
    """Where the participant was, however many sessions there."""
    await _to_tab(look)
    told = {one["city"]: one["count"] for one in (await _profile(look))["places"]}
    shown = await single(await look.shown())
    assert sorted(shown.values()) == sorted(told.values())
    assert all(any(city in key for key in shown) for city in told)


@shows("participant-rtt", "participant-loss", "participant-emos", "participant-relay-share")
async def network(look: Look) -> None:
    await _to_tab(look)
    name = {"rtt": "rtt_ms", "loss": "loss_ratio", "emos": "emos", "share": "relay_ratio"}[
        look.name.rpartition("-")[2]
    ]
    told = [one[name] for one in (await _profile(look))["network"] if one[name] is not None]
    shown = await figures(await look.shown())
    values = [value for one in shown.values() for value in one.values() if value is not None]
    assert len(values) == len(told)
