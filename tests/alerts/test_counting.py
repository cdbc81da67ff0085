"""What the database counts is what counting by hand gives; and a back-test says what the looks have said."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from random import Random

import pytest

from signalbox.alerts.clients import FIGURES, source_of
from signalbox.alerts.rules.definitions import BUILT_IN, Rule
from signalbox.alerts.rules.figures import EVERYBODY, Cohort, Question
from signalbox.alerts.rules.spikes import past_of
from signalbox.alerts.service.looking_back import backtest
from signalbox.core.actor import SYSTEM, Actor
from tests.alerts.conftest import NOW, Scene

ERRORS = FIGURES["playback_error_rate"]
PLAYBACK = source_of(ERRORS)
TAB = Cohort("device", "Tab X")


async def scattered(scene: Scene, count: int = 120) -> list[tuple[datetime, str, str]]:
    """Sessions at odd instants, some on the very border of a window; what they are."""
    dice = Random(11)
    made: list[tuple[datetime, str, str]] = []
    for number in range(count):
        minutes = dice.uniform(0, 100) if number % 4 else float(dice.randrange(0, 101, 5))
        device = dice.choice(("Tab X", "Phone"))
        outcome = dice.choice(("played", "played", "start_failure", "ebvs", "early_exit"))
        await scene.play(1, ago=minutes, minutes=1, outcome=outcome, device=device)
        made.append((scene.now_less(minutes), device, outcome))
    return made


def question(scene: Scene, minutes: int, *cohorts: Cohort) -> Question:
    begin = NOW - timedelta(minutes=minutes)
    return Question(app_id=scene.id, figure=ERRORS, begin=begin, end=NOW, cohorts=cohorts)


async def test_windows_of_the_past_are_counted_as_by_hand(scene: Scene) -> None:
    made = await scattered(scene)
    cells: dict[int, list[int]] = {}
    for at, device, outcome in made:
        if (
            device == "Tab X"
            and NOW - timedelta(minutes=100) <= at < NOW
            and outcome != "early_exit"
        ):
            cell = cells.setdefault(ceil((NOW - at) / timedelta(minutes=5)), [0, 0])
            cell[0] += 1
            cell[1] += outcome == "start_failure"
    by_hand = past_of((n, k) for n, k in cells.values())

    async with scene.db.read() as tx:
        found = await PLAYBACK.pasts(tx, SYSTEM, question(scene, 100, TAB))

    past = found[TAB]
    assert (past.n, past.k, past.windows) == (by_hand.n, by_hand.k, by_hand.windows)
    assert past.squares == pytest.approx(by_hand.squares)
    assert found[EVERYBODY].n > past.n > 0


async def test_windows_that_end_now_are_counted_as_by_hand(scene: Scene) -> None:
    made = await scattered(scene)

    async with scene.db.read() as tx:
        found = await PLAYBACK.tallies(
            tx, SYSTEM, question(scene, 0), windows=(5, 30), dimensions=("device",), most=20
        )

    for window in (5, 30):
        begin = NOW - timedelta(minutes=window)
        mine = [o for at, device, o in made if device == "Tab X" and begin <= at < NOW]
        assert found[TAB, window].sums["errors"] == mine.count("start_failure")
        assert found[TAB, window].sums["attempts"] == len(mine) - mine.count("early_exit")


async def test_minutes_add_up_to_their_span(scene: Scene) -> None:
    await scattered(scene)

    async with scene.db.read() as tx:
        minutes = await PLAYBACK.minutes(tx, SYSTEM, question(scene, 100, TAB))
        span = await PLAYBACK.sums(tx, SYSTEM, question(scene, 100, TAB))

    for name in ("attempts", "errors", "ebvs", "watch_ms"):
        assert sum(one.sums[name] for one in minutes.values()) == span[TAB].sums[name]


async def test_only_the_largest_cohorts_are_looked_at_and_those_asked_for(scene: Scene) -> None:
    for number in range(25):
        await scene.play(30 - number, ago=20, minutes=10, device=f"d{number:02d}")
    last = Cohort("device", "d24")

    async with scene.db.read() as tx:
        found = await PLAYBACK.tallies(
            tx, SYSTEM, question(scene, 0, last), windows=(30,), dimensions=("device",), most=20
        )

    devices = {cohort.value for cohort, _ in found if cohort.dimension == "device"}
    assert devices == {f"d{number:02d}" for number in range(20)} | {"d24"}


async def test_a_key_of_another_app_counts_nothing(scene: Scene) -> None:
    stranger = Actor(kind="key", app_id=scene.app["organization_id"])

    async with scene.db.read() as tx:
        with pytest.raises(LookupError):
            await PLAYBACK.sums(tx, stranger, question(scene, 10))


async def test_a_back_test_says_what_the_looks_have_said(scene: Scene) -> None:
    await scene.usual_day()
    await scene.play(90, ago=0, minutes=3, outcome="start_failure")
    await scene.play(300, ago=-3, minutes=30)
    for minute in range(1, 30):
        await scene.look(minute)
    (alert,) = await scene.alerts(rule="playback_error_spike")

    end = NOW + timedelta(minutes=29)
    rule = BUILT_IN["playback_error_spike"]
    found = await backtest(scene.db, scene.id, rule, begin=NOW, end=end, every_cohort=False, by=SYSTEM)  # fmt: skip

    ((cohort, firing),) = found.firings
    assert cohort == EVERYBODY
    assert (firing.opened_at, firing.cleared_at) == (alert["started_at"], alert["cleared_at"])
    assert (firing.opening.seen.n, firing.opening.seen.k) == (alert["n"], alert["k"])
    assert firing.opening.p_value == pytest.approx(alert["p_value"])
    assert firing.opening.reference is not None
    assert firing.opening.reference.baseline == pytest.approx(alert["baseline"])


@pytest.mark.parametrize("name", ["playback_slow_startup", "playback_silence", "playback_traffic_drop", "playback_rebuffering"])  # fmt: skip
async def test_every_kind_of_rule_can_be_tried(scene: Scene, name: str) -> None:
    await scene.play(1000, ago=1470, minutes=1430)
    await scene.play(120, ago=30, minutes=20, startup_ms=9000, rebuffer_ms=60_000)
    rule: Rule = BUILT_IN[name]

    found = await backtest(
        scene.db,
        scene.id,
        rule,
        begin=NOW - timedelta(minutes=60),
        end=NOW,
        every_cohort=True,
        by=SYSTEM,
    )

    fired = bool(found.firings)
    assert fired == (name in ("playback_slow_startup", "playback_rebuffering"))


async def test_the_largest_numbers_of_a_report_can_be_counted(scene: Scene) -> None:
    await scene.play(30, ago=3, minutes=2, play_ms=2**63 - 1, rebuffer_ms=2**63 - 1)
    figure = FIGURES["playback_rebuffer_ratio"]
    asked = Question(app_id=scene.id, figure=figure, begin=scene.now_less(5), end=NOW)

    async with scene.db.read() as tx:
        found = await PLAYBACK.tallies(
            tx, SYSTEM, asked, windows=[5], dimensions=["device"], most=20
        )

    sums = found[EVERYBODY, 5].sums
    assert sums["rebuffer_ms"] / sums["watch_ms"] == 0.5
