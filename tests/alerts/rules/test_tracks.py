"""Looks into the past: what a rule would have done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from signalbox.alerts.rules.definitions import BUILT_IN, Rule
from signalbox.alerts.rules.figures import Figure
from signalbox.alerts.rules.judging import Evidence
from signalbox.alerts.rules.simulation import Outcome, simulate
from signalbox.alerts.rules.spikes import Past, past_of
from signalbox.alerts.rules.tracks import APART, DAY, WEEK, Firing, Track, ValueTrack, replay

START = datetime(2026, 3, 2, tzinfo=UTC)
RATE = Figure(name="r", context="c", title="", kind="share", unit="ratio", whole="n", part="k")
RATIO = Figure(name="q", context="c", title="", kind="ratio", unit="ratio", whole="n", part="k", volume="n")  # fmt: skip
VOLUME = Figure(name="v", context="c", title="", kind="volume", unit="count", whole="n")
P95 = Figure(name="p", context="c", title="", kind="values", unit="ms", whole="", share=0.95)
QUIET = DAY + APART


def track(*failures: int, quiet: int = QUIET) -> Track:
    """A hundred attempts a minute, one of which fails; then so many fail in the minutes that follow."""
    failed = [1.0] * quiet + [float(k) for k in failures]
    return Track(START, {"n": [100.0] * len(failed), "k": failed})


def firings(rule: Rule, given: Track, *, figure: Figure = RATE, begin: int = QUIET, end: int) -> list[Firing]:  # fmt: skip
    return list(replay(rule, figure, given, begin=begin, end=end))


def minute(firing: Firing) -> int:
    return int((firing.opened_at - START) / timedelta(minutes=1))


def test_a_spike_opens_with_the_second_bad_look_and_closes_with_the_tenth_calm_one() -> None:
    given = track(*[30] * 3, *[1] * 30)

    (found,) = firings(BUILT_IN["playback_error_spike"], given, end=QUIET + 33)

    assert minute(found) == QUIET + 2
    # The window of five minutes is clear of the last bad minute at QUIET + 8: the first calm look.
    assert found.cleared_at == START + timedelta(minutes=QUIET + 8 + 9)
    assert found.opening.seen.k == 63


def test_what_has_not_ended_is_still_open() -> None:
    (found,) = firings(BUILT_IN["playback_error_spike"], track(*[30] * 5), end=QUIET + 5)

    assert found.cleared_at is None


def test_sums_of_the_past_are_those_of_its_windows() -> None:
    dice = Random(3)
    whole = [float(dice.choice((0, 0, 7, 9))) for _ in range(300)]
    part = [float(dice.randrange(int(n) + 1)) for n in whole]
    given = Track(START, {"n": whole, "k": part})
    windows = [
        (int(sum(whole[at : at + 5])), int(sum(part[at : at + 5]))) for at in range(52, 252, 5)
    ]

    found = given.past(RATE, 52, 252)

    assert (found.n, found.k, found.windows) == (past_of(windows).n, past_of(windows).k, past_of(windows).windows)  # fmt: skip
    assert found.squares == pytest.approx(past_of(windows).squares)


def test_a_past_that_begins_before_the_first_minute_is_as_long_as_it_is() -> None:
    assert track(quiet=100).past(RATE, -1000, 60).n == 6000


def test_a_thin_day_is_widened_to_a_week() -> None:
    whole = [1.0 if at % 20 == 0 else 0.0 for at in range(8 * DAY)]
    given = Track(START, {"n": whole, "k": [0.0] * len(whole)})

    evidence = given.evidence(BUILT_IN["playback_error_spike"], RATE, 8 * DAY)

    assert evidence.past is not None
    assert evidence.past.n == 7 * DAY // 20


def test_before_everything_there_is_no_past() -> None:
    evidence = track(quiet=40).evidence(BUILT_IN["playback_error_spike"], RATE, 30)

    assert evidence.past == Past()


def test_the_other_kinds_see_what_they_need() -> None:
    given = Track(START, {"n": [2.0] * (5 * WEEK), "k": [1.0] * (5 * WEEK)})
    now = 5 * WEEK

    growth = given.evidence(BUILT_IN["playback_rebuffering"], RATIO, now)
    drop = given.evidence(BUILT_IN["playback_traffic_drop"], VOLUME, now)
    silence = given.evidence(BUILT_IN["playback_silence"], VOLUME, now)
    own = given.evidence(Rule(title="t", figure="r", kind="threshold", value=1), RATE, now)

    assert growth.before is not None
    assert (growth.before.n, growth.before.figure) == (2 * DAY, 0.5)
    assert list(drop.weeks) == [120, 120, 120, 120]
    assert silence.before is not None
    assert silence.before.figure == 2
    assert own == Evidence(seen=own.seen)


def test_values_slide_with_the_windows() -> None:
    usual = {at: {1000.0: 3} for at in range(QUIET)}
    slow = {at: {5000.0: 20} for at in range(QUIET, QUIET + 10)}
    given = ValueTrack(START, usual | slow)

    (found,) = replay(BUILT_IN["playback_slow_startup"], P95, given, begin=QUIET, end=QUIET + 10)

    assert minute(found) == QUIET + 2
    assert found.opening.seen.figure == 5000


def test_values_of_before_the_first_look_are_in_no_window() -> None:
    given = ValueTrack(START, {at: {float(at): 1} for at in range(QUIET + 20)})
    rule = BUILT_IN["playback_slow_startup"]

    first = given.evidence(rule, P95, QUIET + 10)
    later = given.evidence(rule, P95, QUIET + 12)

    assert first.values[5] == {float(at): 1 for at in range(QUIET + 5, QUIET + 10)}
    assert later.values[5] == {float(at): 1 for at in range(QUIET + 7, QUIET + 12)}
    assert later.before_values == {float(at): 1 for at in range(12, DAY + 12)}


def test_values_under_a_threshold_need_no_past() -> None:
    rule = Rule(title="t", figure="p", kind="threshold", value=10.0, least_n=1)
    given = ValueTrack(START, {0: {11.0: 1}})

    assert given.evidence(rule, P95, 1).before is None


def test_a_jump_is_caught_and_quiet_days_stay_quiet() -> None:
    quiet, six, twelve = simulate(number=7, quiet=(2,), jumps=(10,), days=1)

    assert quiet == Outcome(per_minute=2, rate=None, runs=1, false_alarms=0)
    assert (six.rate, twelve.rate, six.runs) == (0.06, 0.12, 20)
    assert len(six.found_after) >= 15
    assert len(twelve.found_after) == 20
    assert twelve.found_after[10] < six.found_after[len(six.found_after) // 2]


def test_what_is_never_caught_is_told_as_such() -> None:
    blind = Rule(title="t", figure="f", kind="spike", least_n=1_000_000)
    found = list(simulate(rule=blind, quiet=(), jumps=(2,)))

    assert [(outcome.runs, outcome.found_after) for outcome in found] == [(20, []), (20, [])]
