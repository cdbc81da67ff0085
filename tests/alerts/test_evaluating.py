"""The look at an app each minute, over stored sessions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from signalbox.alerts import store
from signalbox.alerts.rules.definitions import BUILT_IN, changed, encoded
from signalbox.alerts.service import remind
from tests.alerts.conftest import NOW, Scene

ERRORS = "playback_error_spike"


async def outage(scene: Scene, *, minutes: int = 5, **traits: Any) -> None:
    """Many failures from NOW on."""
    await scene.play(20 * minutes, ago=0, minutes=minutes, **traits)
    await scene.play(20 * minutes, ago=0, minutes=minutes, outcome="start_failure", **traits)


async def test_a_spike_opens_an_alert_on_the_second_look_with_one_message(scene: Scene) -> None:
    await scene.usual_day()
    await outage(scene)

    assert await scene.look(2) == []
    told = await scene.look(3)
    assert await scene.look(4) == []

    (alert,) = await scene.alerts(rule=ERRORS)
    (message,) = await scene.messages()
    assert [one.event for one in told] == ["opened"]
    assert (alert["n"], alert["k"], alert["dimension"]) == (120, 60, "all")
    assert alert["baseline"] == pytest.approx(18.5 / 1441, rel=1e-6)
    assert alert["p_value"] < 1e-4
    assert len(alert["samples"]) == 20
    body = json.loads(message["body"])
    assert {key: body[key] for key in ("id", "event", "k", "cohort")} == {
        "id": str(alert["id"]),
        "event": "opened",
        "k": 60,
        "cohort": "all",
    }


async def test_a_past_that_is_too_thin_raises_nothing(scene: Scene) -> None:
    await scene.play(150, ago=1400, minutes=1000)
    await outage(scene)

    for minute in range(1, 6):
        assert await scene.look(minute) == []
    assert await scene.alerts() == []


async def test_a_thin_day_is_widened_to_a_week(scene: Scene) -> None:
    await scene.play(300, ago=6 * 1440, minutes=4 * 1440)
    await outage(scene)

    for minute in range(1, 5):
        await scene.look(minute)

    assert [alert["rule"] for alert in await scene.alerts()] == [ERRORS]


async def test_an_alert_closes_after_ten_calm_looks_and_says_so_once(scene: Scene) -> None:
    await scene.usual_day()
    await outage(scene, minutes=5)
    await scene.play(1200, ago=-5, minutes=60)

    told = {minute: await scene.look(minute) for minute in range(1, 25)}

    events = {minute: one.event for minute, found in told.items() for one in found}
    # The window of five minutes is clear of failures at minute 10: the first of ten calm looks.
    assert events == {2: "opened", 19: "cleared"}
    assert len(await scene.messages()) == 2
    assert [alert["cleared_at"] is None for alert in await scene.alerts()] == [False]


async def test_what_is_usual_is_frozen_while_an_alert_is_open(scene: Scene) -> None:
    await scene.usual_day()
    await outage(scene, minutes=120)

    for minute in (2, 3, 60, 120):
        await scene.look(minute)

    (alert,) = await scene.alerts(rule=ERRORS)
    assert alert["cleared_at"] is None


async def test_a_minute_is_looked_at_once_by_several_workers(scene: Scene) -> None:
    await scene.usual_day()
    await outage(scene)
    await scene.look(2)

    found = await asyncio.gather(*(scene.look(3) for _ in range(4)))
    await scene.look(3)

    assert sum(len(told) for told in found) == 1
    assert len(await scene.messages()) == 1


async def test_missed_minutes_are_made_up_for(scene: Scene) -> None:
    await scene.usual_day()
    await outage(scene)
    await scene.play(1200, ago=-5, minutes=60)
    await scene.look(1)

    told = await scene.look(25)

    assert [one.event for one in told] == ["opened", "cleared"]
    (alert,) = await scene.alerts()
    assert (alert["started_at"] - NOW).total_seconds() == 120


async def test_a_cohort_is_told_inside_the_alert_of_everybody(scene: Scene) -> None:
    await scene.usual_day(device="Tab X")
    await outage(scene, device="Tab X")

    for minute in (2, 3, 4):
        await scene.look(minute)

    alerts = {alert["dimension"]: alert for alert in await scene.alerts(rule=ERRORS)}
    (message,) = await scene.messages()
    assert alerts["device"]["parent_id"] == alerts["all"]["id"]
    assert [child["cohort"] for child in json.loads(message["body"])["children"]] == [
        "device=Tab X"
    ]


async def test_a_cohort_alone_is_told_by_itself(scene: Scene) -> None:
    await scene.play(20_000, ago=1440 + 60, minutes=1440, device="Phone")
    await scene.play(200, ago=1440 + 60, minutes=1440, device="Phone", outcome="start_failure")
    await scene.play(1000, ago=1440 + 60, minutes=1440, device="Tab X")
    await scene.play(4000, ago=0, minutes=5, device="Phone")
    await scene.play(40, ago=0, minutes=5, device="Tab X", outcome="start_failure")

    for minute in (3, 4, 5):
        await scene.look(minute)

    (alert,) = await scene.alerts()
    (message,) = await scene.messages()
    assert (alert["dimension"], alert["value"], alert["parent_id"]) == ("device", "Tab X", None)
    assert json.loads(message["body"])["cohort"] == "device=Tab X"


async def test_a_part_that_outlasts_the_whole_is_told_then(scene: Scene) -> None:
    await scene.usual_day(device="Tab X")
    await scene.play(20_000, ago=1440 + 60, minutes=1440, device="Phone")
    await outage(scene, device="Tab X")
    # The rest recovers and drowns the tablets, which go on to fail.
    await scene.play(20_000, ago=-5, minutes=40, device="Phone")
    await scene.play(160, ago=-5, minutes=40, device="Tab X", outcome="start_failure")

    for minute in range(2, 40):
        await scene.look(minute)

    told = [json.loads(message["body"]) for message in await scene.messages()]
    assert [(one["event"], one["cohort"]) for one in told] == [
        ("opened", "all"),
        ("cleared", "all"),
        ("opened", "device=Tab X"),
    ]


async def test_a_rule_that_is_switched_off_closes_its_alerts_and_raises_no_more(
    scene: Scene,
) -> None:
    await scene.usual_day()
    await outage(scene, minutes=30)
    for minute in (2, 3):
        await scene.look(minute)
    async with scene.db.begin() as tx:
        await store.insert_rule(
            tx.psycopg,
            app_id=scene.id,
            organization_id=scene.app["organization_id"],
            built_in=ERRORS,
            definition=encoded(BUILT_IN[ERRORS]),
            enabled=False,
            at=NOW,
        )

    for minute in range(4, 8):
        await scene.look(minute)

    (alert,) = await scene.alerts(rule=ERRORS)
    assert alert["cleared_at"] is not None


async def test_a_built_in_rule_can_be_tuned(scene: Scene) -> None:
    await scene.usual_day()
    await outage(scene)
    tuned = changed(BUILT_IN[ERRORS], {"least_n": 100_000})
    async with scene.db.begin() as tx:
        await store.insert_rule(
            tx.psycopg,
            app_id=scene.id,
            organization_id=scene.app["organization_id"],
            built_in=ERRORS,
            definition=encoded(tuned),
            enabled=True,
            at=NOW,
        )

    for minute in (2, 3, 4):
        await scene.look(minute)

    assert await scene.alerts() == []


async def test_an_open_alert_is_told_again_after_six_hours_unless_acknowledged(
    scene: Scene,
) -> None:
    await scene.usual_day()
    await outage(scene)
    for minute in (2, 3):
        await scene.look(minute)
    (alert,) = await scene.alerts()
    opened = alert["started_at"]

    async def reminded(hours: float) -> int:
        at = opened.replace(hour=int(opened.hour + hours))
        await remind(scene.db, scene.voice, scene.settings, at=at)
        events = [json.loads(message["body"])["event"] for message in await scene.messages()]
        return events.count("reminder")

    assert await reminded(5) == 0
    assert await reminded(6) == 1
    assert await reminded(7) == 1
    async with scene.db.begin() as tx:
        await store.acknowledge(tx.psycopg, alert["id"], user_id=None, note=None, at=NOW)
    assert await reminded(13) == 1


async def test_other_rules_open_too(scene: Scene) -> None:
    await scene.usual_day()
    await scene.play(60, ago=0, minutes=3, outcome="ebvs")
    await scene.play(60, ago=0, minutes=3, startup_ms=9000, rebuffer_ms=30_000)

    for minute in (2, 3, 4):
        await scene.look(minute)

    assert {alert["rule"] for alert in await scene.alerts()} == {
        "playback_ebvs_spike",
        "playback_slow_startup",
        "playback_rebuffering",
    }
    slow = next(a for a in await scene.alerts() if a["rule"] == "playback_slow_startup")
    assert (slow["baseline"], slow["rate"], slow["limit_value"]) == (800, 9000, 1800)


async def test_silence_after_many_reports_opens_an_alert(scene: Scene) -> None:
    await scene.play(200, ago=10, minutes=10)

    told = [await scene.look(minute) for minute in (5, 9.99, 10, 11)]

    (alert,) = await scene.alerts()
    assert [len(one) for one in told] == [0, 0, 0, 1]
    assert (alert["rule"], alert["rate"], alert["baseline"]) == ("playback_silence", 0, 18)


async def test_traffic_far_below_that_of_the_hour_of_the_week_opens_an_alert(scene: Scene) -> None:
    week = 7 * 1440
    for number in range(1, 5):
        await scene.play(100, ago=number * week + 60, minutes=60)
    await scene.play(29, ago=60, minutes=60)

    for minute in (0, 1):
        await scene.look(minute)

    (alert,) = await scene.alerts(rule="playback_traffic_drop")
    assert (alert["baseline"], alert["limit_value"]) == (98, pytest.approx(29.4))
