"""Figures through the door: of a span, by property, over time, and now; by key and by login."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.conftest import House
from tests.playback.conftest import app_key, new_player
from tests.playback.played import TEN, ms, sample, store
from tests.playback.playing import Player, report
from tests.playback.test_reading_door import Reader

MINUTE = timedelta(minutes=1)
SPAN = {"from": ms(TEN), "to": ms(TEN + 30 * MINUTE)}


@pytest.fixture(scope="module")
async def reader(house: House) -> Reader:
    """The sample of the reference, and a key that reads it."""
    player = await new_player(house)
    await store(house.db, player.app["id"], sample(), at=TEN + 30 * MINUTE)
    return Reader(house, player, await app_key(house, player.app, "read"), "")


async def test_a_summary_has_every_figure_with_its_n(reader: Reader) -> None:
    found = await reader.ok("/qoe/summary", **SPAN)

    total = found["total"]
    metrics = total["metrics"]
    assert (found["from"], found["to"]) == ("2026-03-02T10:00:00.000Z", "2026-03-02T10:30:00.000Z")
    assert (found["source"], found["tenant"]) == ("sessions", "app")
    assert total["outcomes"] == {
        "played": 2, "playbackFailure": 1, "startFailure": 1, "ebvs": 1, "earlyExit": 1, "noAttempt": 0, "unknown": 0,
    }  # fmt: skip
    assert metrics["errorRate"] == {
        "value": 0.4,
        "n": 5,
        "low": pytest.approx(0.1176, abs=5e-5),
        "high": pytest.approx(0.7693, abs=5e-5),
    }
    assert metrics["startupP50Ms"] == {"value": 1200.0, "n": 3}
    assert metrics["rebufferRatio"]["value"] == pytest.approx(0.013872, abs=5e-7)
    assert metrics["score"]["value"] == pytest.approx(52.54, abs=0.01)
    assert metrics["peakConcurrentViewers"] == {"value": 3, "n": 6}
    assert all("n" in figure for figure in metrics.values())
    assert len(metrics) == 26


async def test_a_span_without_sessions_has_no_figures(reader: Reader) -> None:
    found = await reader.ok(
        "/qoe/summary", **{"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T01:00:00Z"}
    )

    metrics = found["total"]["metrics"]
    assert metrics["attempts"] == {"value": 0, "n": 0}
    assert metrics["ebvsRate"] == {"value": None, "n": 0}
    assert metrics["startupP95Ms"] == {"value": None, "n": 0}
    assert metrics["concurrentViewers"] == {"value": None, "n": 0}


async def test_groups_are_told_apart_and_the_largest_comes_first(reader: Reader) -> None:
    found = await reader.ok("/qoe/summary", **SPAN, groupBy="deviceModel")

    assert found["groupBy"] == "deviceModel"
    assert [group["value"] for group in found["groups"]] == ["Tab X"]
    assert found["groups"][0]["metrics"]["attempts"]["value"] == 5


async def test_a_series_has_a_point_for_every_step(reader: Reader) -> None:
    found = await reader.ok("/qoe/timeseries", **SPAN, metric="attempts", interval="1m")

    points = found["points"]
    assert len(points) == 30
    assert points[0] == {"t": "2026-03-02T10:00:00.000Z", "value": 1, "n": 1}
    assert points[5]["n"] == 0
    shares = await reader.ok("/qoe/timeseries", **SPAN, metric="errorRate", interval="1m")
    assert shares["points"][5] == {"t": "2026-03-02T10:05:00.000Z", "value": None, "n": 0}
    assert shares["points"][1]["high"] == 1


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/qoe/summary", {"groupBy": "userId"}, "groupBy"),
        ("/qoe/summary", {"source": "guesses"}, "source"),
        ("/qoe/timeseries", {}, "metric"),
        ("/qoe/timeseries", {"metric": "mood"}, "metric"),
        ("/qoe/timeseries", {"metric": "plays", "interval": "2m"}, "interval"),
        ("/qoe/timeseries", {"metric": "plays", "interval": "1m", "from": "2026-03-01", "to": "2026-03-02T09:21:00Z"}, "interval"),
    ],
)  # fmt: skip
async def test_what_is_malformed_is_named(
    reader: Reader, path: str, params: dict[str, str], field: str
) -> None:
    answer = await reader.get(path, **params)

    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["error"]["details"]] == [field]


async def test_two_thousand_points_are_not_too_many(reader: Reader) -> None:
    span = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T09:20:00Z"}

    found = await reader.ok("/qoe/timeseries", metric="plays", interval="1m", **span)

    assert len(found["points"]) == 2000


async def live(house: House, player: Player) -> Any:
    key = await app_key(house, player.app, "read")
    headers = {"X-API-Key": key}
    answer = await house.client.get("/v1/playback/live", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entry(house: House, state: str, elapsed_ms: int = 10) -> dict[str, Any]:
    return {
        "timestampMs": ms(house.clock.now()), "elapsedMs": elapsed_ms, "playbackState": state, "totalDroppedFrames": 0,
        "rebufferCount": 0, "rebufferTimeMs": 0,
    }  # fmt: skip


async def test_who_plays_or_buffers_and_reports_is_watching(house: House) -> None:
    player, now = await new_player(house), ms(house.clock.now())
    for state in ("PLAYING", "BUFFERING", "PAUSED", "ENDED", "IDLE"):
        sent = report(sessionId=state, timestamp=now, timelineEvents=[entry(house, state)])
        assert (await player.post(sent)).status_code == 200
    flat = {
        "deviceModel": ...,
        "osVersion": ...,
        "sdkVersion": ...,
        "connectionType": ...,
        "timelineEvents": ...,
    }
    await player.post(report(timestamp=now, **flat))

    found = await live(house, player)

    assert found["concurrentViewers"] == 2
    assert {one["sessionId"] for one in found["sessions"]} == {"PLAYING", "BUFFERING"}
    assert (
        found["last5Minutes"]["metrics"]["plays"]["value"] == 0
    )  # the sixth ends with this very ms


async def test_who_is_silent_or_stuck_is_not_watching_any_more(houses: Any) -> None:
    async with houses() as house:
        player = await new_player(house)

        async def reports(name: str, state: str, elapsed_ms: int) -> None:
            now = ms(house.clock.now())
            event = entry(house, state, elapsed_ms)
            sent = report(sessionId=name, timestamp=now, timelineEvents=[event])
            assert (await player.post(sent)).status_code == 200

        await reports("silent", "PLAYING", 10)
        for step in range(31):
            await reports("stuck", "BUFFERING", 10 + step)
            await reports("lively", "PLAYING", 10 + step)
            if step == 30:
                before = await live(house, player)
            house.clock.advance(10)
        after = await live(house, player)

    assert {one["sessionId"] for one in before["sessions"]} == {"stuck", "lively"}
    assert {one["sessionId"] for one in after["sessions"]} == {"lively"}
    assert after["last5Minutes"]["metrics"]["plays"]["value"] == 2


async def test_a_dashboard_login_reads_with_an_app_id(house: House, reader: Reader) -> None:
    app, at = reader.player.app, house.clock.now()
    people = {"owner": app["organization_id"], "viewer": app["organization_id"]}
    stranger = await accounts.create_organization(house.db, name="x", by=SYSTEM, at=at)
    cookies: dict[str, str] = {}
    for role, organization in (*people.items(), ("stranger", stranger["id"])):
        email = f"{role}-{app['id']}@example.org"
        user = await accounts.create_user(
            house.db, email=email, password="correct horse battery", by=SYSTEM, at=at
        )
        await accounts.set_membership(
            house.db, user["user_id"], organization, role="viewer" if role == "viewer" else "owner", by=SYSTEM, at=at
        )  # fmt: skip
        login = await accounts.login(house.db, name=email, password="correct horse battery", at=at)
        cookies[role] = f"pmsession={login.cookie}"

    async def ask(role: str, method: str = "GET", path: str = "/sessions/A", **params: str) -> int:
        answer = await house.client.request(
            method, f"/v1/playback{path}", params=params, headers={"Cookie": cookies[role]}
        )
        return answer.status_code

    ours = str(app["id"])
    assert await ask("owner", appId=ours) == 200
    assert await ask("viewer", path="/qoe/summary", appId=ours) == 200
    assert await ask("owner") == 400
    assert await ask("stranger", appId=ours) == 404
    assert await ask("stranger", method="DELETE", appId=ours) == 404
    assert await ask("viewer", method="DELETE", appId=ours) == 403
    assert await ask("owner", method="DELETE", path="/sessions/unknown", appId=ours) == 404
