"""Rows of playback and of alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.browser.looking import ids
from tests.browser.rows.registry import Look, shows


async def _week(look: Look, path: str, **more: str) -> Any:
    """The answer over the seven whole days and today, as the pages ask for it."""
    first = datetime.now(UTC).date() - timedelta(days=7)
    app = look.scene.kept.app
    return await look.scene.ask(
        f"/playback{path}", appId=app, **{"from": f"{first}T00:00:00Z"}, **more
    )


@shows("playback-figures")
async def figures(look: Look) -> None:
    """The server's figures, unrounded in the markup."""
    told = (await _week(look, "/qoe/summary"))["total"]["metrics"]
    shown = await look.shown()
    for field, name in {"attempts": "attempts", "startup-p50": "startupP50Ms", "error-rate": "errorRate", "score": "score"}.items():  # fmt: skip
        value = await shown.locator(f'[data-field="{field}"]').get_attribute("data-value")
        assert float(value or "nan") == told[name]["value"], field


@shows(
    "playback-outcomes", "playback-startup", "playback-errors", "playback-rebuffer-ratio", "playback-rebuffer-frequency", "playback-viewers",
    "playback-score", "playback-session-bitrate", "playback-session-buffer", "alert-course",
)  # fmt: skip
async def charts(look: Look) -> None:
    """Drawn, from something."""
    assert await (await look.shown()).get_attribute("data-state") == "ready"


@shows("playback-breakdown")
async def breakdown(look: Look) -> None:
    told = await _week(look, "/qoe/summary", groupBy="contentId")
    text = await (await look.shown()).inner_text()
    assert all(group["value"] in text for group in told["groups"] if group["value"])


@shows("playback-sessions")
async def sessions(look: Look) -> None:
    """The newest first."""
    told = await _week(look, "/sessions", limit="50")
    assert await ids(await look.shown()) == [one["sessionId"] for one in told["items"]]


@shows("playback-session", "playback-session-figures")
async def session(look: Look) -> None:
    app = look.scene.kept.app
    told = await look.scene.ask(f"/playback/sessions/{look.scene.playback_session}", appId=app)
    text = await (await look.shown()).inner_text()
    if look.name == "playback-session":
        assert told["sessionId"] in text
        assert told["contentId"] in text
    else:
        assert f"{told['startupTimeMs']:,}" in text


@shows("playback-timeline")
async def timeline(look: Look) -> None:
    path = f"/playback/sessions/{look.scene.playback_session}/timeline"
    told = await look.scene.ask(path, appId=look.scene.kept.app)
    assert len(await ids(await look.shown())) == len(told["items"])


@shows("alerts-open", "open-alert", "alert-list")
async def alerts(look: Look) -> None:
    """What is open stands on top, and is the newest of the list."""
    told = await look.scene.ask("/alerts", appId=look.scene.kept.app, state="open", parts="no")
    shown = await look.shown()
    if look.name == "alert-list":
        assert {one["id"] for one in told["data"]} <= set(await ids(shown))
    else:
        assert told["data"][0]["title"] in await shown.first.inner_text()


@shows("alert-figures", "alert-samples", "alert-looks")
async def alert(look: Look) -> None:
    told = (await look.scene.ask(f"/alerts/{look.scene.alert}"))["data"]
    shown = await look.shown()
    if look.name == "alert-figures":
        rate = shown.locator('[data-field="alert-rate"]')
        assert float(await rate.get_attribute("data-value") or "nan") == told["rate"]
    elif look.name == "alert-samples":
        text = await shown.inner_text()
        assert all(one in text for one in told["sample_session_ids"])
    else:
        assert await ids(shown)


@shows("rule-list", "rule-form", "rule-backtest", "channel-list")
async def rules(look: Look) -> None:
    """Every rule that holds; one of them in a form, beside what it would have done."""
    app = look.scene.kept.app
    shown = await look.shown()
    if look.name == "rule-list":
        told = (await look.scene.ask(f"/alerts/apps/{app}/rules"))["data"]
        assert await ids(shown) == [one["id"] for one in told]
    elif look.name == "rule-form":
        told = (await look.scene.ask(f"/alerts/apps/{app}/rules/playback_error_spike"))["data"]
        assert await shown.get_by_label("Title").input_value() == told["definition"]["title"]
    elif look.name == "rule-backtest":
        assert await shown.get_by_role("button", name="Try it").is_visible()
    else:
        assert "Nobody is told" in await shown.inner_text()
