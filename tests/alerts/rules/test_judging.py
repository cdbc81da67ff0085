"""One look at one cohort, for each kind of rule."""

from __future__ import annotations

from typing import Any

import pytest

from signalbox.alerts.rules.definitions import BUILT_IN, Rule
from signalbox.alerts.rules.figures import Cohort, Figure, Seen, Tally, seen_values
from signalbox.alerts.rules.judging import Evidence, Reference, could_be_bad, judge
from signalbox.alerts.rules.spikes import Past

SPIKE = BUILT_IN["playback_error_spike"]
STARTUP = BUILT_IN["playback_slow_startup"]
SCORE = BUILT_IN["monitoring_score_drop"]
STALLS = BUILT_IN["playback_rebuffering"]
DROP = BUILT_IN["playback_traffic_drop"]
SILENCE = BUILT_IN["playback_silence"]
# K=120, N=10000 and windows that vary so that M is 1000.
RHO = 1 / 1001
PAST = Past(
    n=10_000,
    k=120,
    windows=288,
    squares=(287 * (1 + RHO * (10_000 / 288 - 1))) * (120.5 / 10_001) * (1 - 120.5 / 10_001)
    + 2 * (120.5 / 10_001) * 120
    - (120.5 / 10_001) ** 2 * 10_000,
)


def share(n: int, k: int) -> Seen:
    return Seen(n=n, k=k, figure=k / n if n else None)


def volume(n: float) -> Seen:
    return Seen(n=int(n), figure=n, is_volume=True)


def spiked(n: int, k: int, past: Past = PAST, **more: Any) -> Any:
    return judge(SPIKE, Evidence(seen={5: share(n, k), 30: share(n, k)}, past=past), **more)


def test_the_past_of_the_examples_has_their_certainty() -> None:
    assert PAST.certainty == pytest.approx(1000)


def test_fourteen_of_four_hundred_are_no_alert() -> None:
    verdict = spiked(400, 14)

    assert not verdict.look.bad
    assert verdict.p_value == pytest.approx(0.0035, rel=0.02)


@pytest.mark.parametrize(("n", "k", "p"), [(400, 22, 5.0e-6), (60, 7, 2.6e-5)])
def test_the_examples_that_are_bad(n: int, k: int, p: float) -> None:
    verdict = spiked(n, k)

    assert verdict.look.bad == {5, 30}
    assert verdict.p_value == pytest.approx(p, rel=0.02)
    assert (verdict.window, verdict.seen.n, verdict.seen.k) == (5, n, k)


@pytest.mark.parametrize(("n", "k"), [(24, 12), (25, 4), (10_000, 310)])
def test_too_few_or_too_little_is_not_bad(n: int, k: int) -> None:
    assert not spiked(n, k).look.bad


def test_cohorts_share_the_probability_of_a_false_alarm() -> None:
    assert spiked(60, 7, tested=3).look.bad
    assert not spiked(60, 7, tested=4).look.bad


def test_a_thin_past_tells_nothing() -> None:
    verdict = spiked(400, 200, Past(n=199, k=2))

    assert verdict.status == "insufficient_data"
    assert (verdict.look.bad, verdict.look.calm, verdict.reference) == (frozenset(), None, None)


def test_calm_is_less_than_a_point_above_the_past() -> None:
    assert spiked(1000, 22).look.calm is True
    assert spiked(1000, 23).look.calm is False
    assert spiked(0, 0).look.calm is None
    assert spiked(0, 0).status == "no_data"


def test_an_open_alert_is_held_against_what_was_when_it_opened() -> None:
    then = Reference(baseline=0.5, limit=0.9, calm=0.6, certainty=1000)

    assert spiked(400, 22, frozen=then).look.calm is True
    assert spiked(400, 22, Past(), frozen=then).reference == then


def startups(*, now: dict[float, int], before: dict[float, int], rule: Rule = STARTUP) -> Any:
    figure = Figure(name="", context="", title="", kind="values", unit="ms", whole="", share=0.95)
    seen = {5: seen_values(figure, now), 30: seen_values(figure, now)}
    past = seen_values(figure, before)
    values = {5: now, 30: now}
    return judge(rule, Evidence(seen=seen, before=past, values=values, before_values=before))


def test_slow_starts_are_bad_when_all_of_them_moved() -> None:
    before = {1000.0: 900, 2000.0: 100}

    assert startups(now={4000.0: 60}, before=before).look.bad == {5, 30}
    assert not startups(now={4000.0: 49}, before=before).look.bad
    assert not startups(now={3000.0: 60}, before=before).look.bad  # at the limit, not beyond
    assert startups(now={4000.0: 60}, before={1000.0: 10}).status == "insufficient_data"


def test_a_quantile_that_moved_by_chance_is_not_bad() -> None:
    assert not startups(now={1000.0: 56, 9000.0: 4}, before={1000.0: 950, 2000.0: 50}).look.bad


def test_scores_are_bad_when_they_fall() -> None:
    figure = Figure(name="", context="", title="", kind="values", unit="points", whole="")
    before, now = {80.0: 300, 90.0: 300}, {60.0: 40, 80.0: 20}
    evidence = Evidence(
        seen={5: seen_values(figure, now)},
        before=seen_values(figure, before),
        values={5: now},
        before_values=before,
    )
    verdict = judge(SCORE, evidence)

    assert verdict.look.bad == {5}
    assert verdict.look.calm is False
    assert verdict.reference == Reference(baseline=85, limit=80, calm=82.5)


def test_growth_below_is_a_fall() -> None:
    rule = Rule(
        title="t", figure="f", kind="growth", direction="below", least_n=1, factor=0, add=0.1
    )
    seen = {5: Seen(n=9, figure=0.3)}

    assert judge(rule, Evidence(seen=seen, before=Seen(n=9, figure=0.5))).look.bad == {5}


def stalls(n: int, ratio: float, before: float | None) -> Any:
    return judge(
        STALLS, Evidence(seen={5: Seen(n=n, figure=ratio)}, before=Seen(n=500, figure=before))
    )


def test_stalls_are_bad_beyond_twice_and_a_point_more() -> None:
    assert stalls(50, 0.0151, 0.005).look.bad == {5}
    assert not stalls(50, 0.0149, 0.005).look.bad
    assert stalls(50, 0.0401, 0.02).look.bad == {5}
    assert not stalls(49, 0.0401, 0.02).look.bad
    assert stalls(50, 0.5, None).status == "insufficient_data"


def test_traffic_is_bad_below_three_tenths_of_the_hour_of_the_week() -> None:
    def drop(n: int, *weeks: float) -> Any:
        return judge(DROP, Evidence(seen={60: volume(n)}, weeks=weeks))

    assert drop(29, 100, 90, 110, 100).look.bad == {60}
    assert not drop(30, 100, 90, 110, 100).look.bad
    assert drop(0, 49, 49, 49, 49).status == "insufficient_data"
    assert drop(0, 100, 100, 100).status == "insufficient_data"
    assert drop(66, 100, 100, 100, 100).look.calm is True
    assert drop(64, 100, 100, 100, 100).look.calm is False


def test_silence_is_bad_after_ten_reports_a_minute() -> None:
    def silence(now: int, before: float | None) -> Any:
        return judge(SILENCE, Evidence(seen={10: volume(now)}, before=Seen(figure=before)))

    assert silence(0, 10).look.bad == {10}
    assert silence(0, 9.9).status == "insufficient_data"
    assert silence(0, None).status == "insufficient_data"
    assert not silence(1, 10).look.bad
    assert silence(1, 10).look.calm is True


def test_a_threshold_of_one_s_own() -> None:
    rule = Rule(title="t", figure="f", kind="threshold", value=0.1, windows=(15,))

    assert judge(rule, Evidence(seen={15: share(100, 11)})).look.bad == {15}
    assert not judge(rule, Evidence(seen={15: share(100, 10)})).look.bad
    assert judge(rule, Evidence(seen={15: share(100, 10)})).look.calm is True
    assert not judge(rule, Evidence(seen={15: share(24, 24)})).look.bad


def test_a_threshold_below_needs_no_failures_and_of_a_volume_no_others() -> None:
    low = Rule(title="t", figure="f", kind="threshold", value=0.9, windows=(5,), direction="below")
    few = Rule(title="t", figure="f", kind="threshold", value=3, clear_value=5, windows=(5,), direction="below")  # fmt: skip

    assert judge(low, Evidence(seen={5: share(100, 3)})).look.bad == {5}
    assert judge(few, Evidence(seen={5: volume(2)})).look.bad == {5}
    assert judge(few, Evidence(seen={5: volume(4)})).look == judge(few, Evidence(seen={5: volume(4)})).look  # fmt: skip
    assert judge(few, Evidence(seen={5: volume(4)})).look.calm is False
    assert judge(few, Evidence(seen={5: volume(5)})).look.calm is True


def test_figures_of_a_window() -> None:
    tally = Tally(sums={"n": 4, "k": 1, "ms": 500, "plays": 3})
    made: dict[str, Any] = {"name": "", "context": "", "title": "", "unit": "ratio"}

    assert tally.of(Figure(kind="share", whole="n", part="k", **made)) == share(4, 1)
    assert tally.of(Figure(kind="ratio", whole="ms", part="k", volume="plays", **made)) == Seen(n=3, figure=0.002)  # fmt: skip
    assert tally.of(Figure(kind="volume", whole="n", **made)) == volume(4)
    assert Tally(sums={}).of(Figure(kind="ratio", whole="ms", part="k", **made)).figure is None
    assert Tally(sums={}).of(Figure(kind="share", whole="n", part="k", **made)).figure is None
    assert Cohort("device", "Tab X").label == "device=Tab X"
    assert Cohort("all", "").label == "all"


def test_a_shift_without_values_before_is_not_tested() -> None:
    reference = Reference(baseline=1000, limit=2000, calm=1500)
    evidence = Evidence(seen={5: Seen(n=60, figure=4000.0)}, values={5: {4000.0: 60}})

    assert not judge(STARTUP, evidence, frozen=reference).look.bad


@pytest.mark.parametrize(
    ("rule", "seen", "told"),
    [
        (SPIKE, share(100, 5), True),
        (SPIKE, share(1000, 19), False),
        (SPIKE, share(100, 4), False),
        (SPIKE, share(0, 0), False),
        (STALLS, Seen(n=50, figure=0.02), True),
        (STALLS, Seen(n=49, figure=0.02), False),
        (STARTUP, Seen(n=50, figure=900.0), False),
        (SCORE, Seen(n=1, figure=90.0), True),
        (DROP, volume(5), True),
    ],
)
def test_the_past_is_asked_for_only_where_it_matters(rule: Rule, seen: Seen, told: bool) -> None:
    assert could_be_bad(rule, {5: seen}) is told


@pytest.mark.parametrize("usual", [0, 1, 40, 400])
@pytest.mark.parametrize(("n", "k"), [(25, 5), (400, 8), (400, 14), (1000, 19), (1000, 40)])
def test_no_past_makes_bad_what_could_not_be(usual: int, n: int, k: int) -> None:
    past = Past(n=10_000, k=usual, windows=288, squares=usual * usual / 10_000)

    assert could_be_bad(SPIKE, {5: share(n, k)}) or not spiked(n, k, past).look.bad
