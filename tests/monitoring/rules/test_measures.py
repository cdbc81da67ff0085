"""Minutes, sketches and spreads: whatever they are made of, they add up to what the intervals say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.core.sketches import Sketch, Spread, bucket, held
from signalbox.monitoring.rules.intervals import Interval
from signalbox.monitoring.rules.measures import (
    CONNECTION,
    FLOW_NAMES,
    MINUTE_US,
    NAMES,
    Minute,
    minutes,
    sums_of_flow,
    sums_of_link,
)
from signalbox.monitoring.rules.readings import FLOWS
from tests.monitoring.observing import START_US, flow, intervals, uid, us

ALL_US = {"begin_us": 0, "end_us": 1 << 62}
# The instant from which `intervals` counts is on a whole minute.
assert START_US % MINUTE_US == 0


def by_name(minute: Minute) -> dict[str, float]:
    """Counted by against what, where something is known."""
    pairs = zip(NAMES[minute.flow], minute.sums, strict=True)
    return {name: sums[0] / sums[1] for name, sums in pairs if sums is not None}


# --- minutes ----------------------------------------------------------------------------------------


def test_every_flow_has_its_measures_and_the_connection_comes_last() -> None:
    assert list(FLOW_NAMES) == [*FLOWS, ("connection", None)]
    assert len(NAMES) == CONNECTION + 1
    assert all(len(set(names)) == len(names) for names in NAMES)
    for place, (kind, direction) in enumerate(FLOWS):
        (interval,) = intervals((0, 10), flows=[flow(kind, direction)], link={})
        assert sums_of_flow(interval.flows[0]) == [None] * len(NAMES[place])
        assert interval.link is not None
        assert sums_of_link(interval.link) == [None] * len(NAMES[CONNECTION])


def test_an_interval_is_shared_out_by_the_time_in_each_minute() -> None:
    (first, second) = minutes(
        intervals((50, 90), flows=[flow("audio", "inbound", bitrate_bps=32_000, lost=3, expected=100, loss_ratio=0.03)]),
        **ALL_US,
    )  # fmt: skip

    assert (first.minute_us, second.minute_us) == (us(0), us(60))
    assert (first.seconds, second.seconds) == (10, 30)
    assert (first.sums[0], second.sums[0]) == ((320_000, 10), (960_000, 30))
    assert (first.sums[1], second.sums[1]) == ((0.75, 25), (2.25, 75))
    assert by_name(first) == by_name(second) == {"bitrate_bps": 32_000, "loss_ratio": 0.03}


def test_a_mean_over_packets_goes_by_packets_and_a_count_by_minutes() -> None:
    parts = (
        *intervals((0, 10), flows=[flow("video", "inbound", loss_ratio=0.5, expected=10, nacks=4)]),
        *intervals((10, 20), flows=[flow("video", "inbound", loss_ratio=0.0, expected=90, nacks=1)]),
        *intervals((20, 30), flows=[flow("video", "inbound", loss_ratio=0.0, expected=0)]),
        *intervals((30, 40), flows=[flow("video", "inbound", expected=5, nacks=None)]),
    )  # fmt: skip

    (minute,) = minutes(parts, **ALL_US)

    assert by_name(minute) == {"loss_ratio": 0.05, "nacks_per_min": pytest.approx(15)}
    assert (minute.seconds, minute.track) == (40, uid("video inbound"))


def test_minutes_tell_by_what_path_they_went() -> None:
    parts = (
        *intervals((0, 10), link={"local_type": "relay", "network_type": "wifi", "rtt_ms": 20}),
        *intervals((10, 20), link={"rtt_ms": 40}),
        *intervals((60, 70), flows=[flow("audio", "outbound")], link={"local_type": "host"}),
        *intervals((120, 130), flows=[flow("audio", "outbound", track=None)]),
    )
    found = minutes(parts, **ALL_US)

    assert [(m.minute_us, m.flow, m.key, m.relayed, m.network_type) for m in found] == [
        (us(0), CONNECTION, "", True, "wifi"),
        (us(60), 1, "audio outbound", False, None),
        (us(60), CONNECTION, "", False, None),
        (us(120), 1, "audio outbound", None, None),
    ]
    assert by_name(found[0]) == {"rtt_ms": 30}


def test_minutes_outside_the_wanted_time_are_left_out() -> None:
    parts = intervals((0, 59, 61, 150), link={"rtt_ms": 20})

    found = minutes(parts, begin_us=us(60), end_us=us(120))

    assert [minute.minute_us for minute in found] == [us(60)]
    assert found[0].seconds == pytest.approx(60)


def test_an_interval_without_length_by_our_clock_lies_in_its_minute() -> None:
    (one,) = intervals((30, 30), link={"rtt_ms": 20, "seconds": 2.0})

    (minute,) = minutes([one], **ALL_US)

    assert (minute.minute_us, minute.seconds) == (us(0), 2.0)


TIMES = st.lists(st.integers(0, 400), min_size=2, max_size=8, unique=True).map(sorted)


@st.composite
def calls(draw: st.DrawFn) -> list[Interval]:
    """Intervals with figures of their own each."""
    found: list[Interval] = []
    for begin, end in pairwise(draw(TIMES)):
        bps, expected = draw(st.integers(0, 10_000)), draw(st.integers(0, 100))
        figures: dict[str, Any] = {"bitrate_bps": bps, "loss_ratio": 0.25, "expected": expected}
        kind, direction = draw(st.sampled_from(FLOWS))
        found += intervals(
            (begin, end), flows=[flow(kind, direction, **figures)], link={"rtt_ms": bps}
        )
    return found


def totals(found: list[Minute]) -> dict[tuple[int, int], tuple[float, float]]:
    """Sums by flow and place, over all minutes."""
    added: dict[tuple[int, int], tuple[float, float]] = {}
    for minute in found:
        for place, sums in enumerate(minute.sums):
            if sums is not None:
                total, weight = added.get((minute.flow, place), (0.0, 0.0))
                added[minute.flow, place] = (total + sums[0], weight + sums[1])
    return added


@given(calls(), st.sampled_from([1, 10, 60, 3600]))
def test_sums_are_the_same_at_every_length_of_step(call: list[Interval], step_s: int) -> None:
    by_step = minutes(call, **ALL_US, step_us=step_s * 1_000_000)
    whole: dict[tuple[int, int], tuple[float, float]] = {}
    for interval in call:
        assert interval.link is not None
        parts = [(FLOWS.index((f.kind, f.direction)), sums_of_flow(f)) for f in interval.flows]
        for code, sums in [*parts, (CONNECTION, sums_of_link(interval.link))]:
            for place, found in enumerate(sums):
                if found is not None:
                    total, weight = whole.get((code, place), (0.0, 0.0))
                    whole[code, place] = (total + found[0], weight + found[1])

    told = totals(by_step)
    assert told.keys() == whole.keys()
    for key, pair in told.items():
        assert pair == pytest.approx(whole[key])
    assert all(0 < minute.seconds <= step_s + 1e-6 for minute in by_step)


# --- sketches ---------------------------------------------------------------------------------------

VALUES = st.floats(1e-6, 1e9)


def sketch(*given_: tuple[float, float]) -> Sketch:
    """Of (value, seconds)."""
    made = Sketch()
    for value, seconds in given_:
        made.add(Sketch(value * seconds, seconds, *held({bucket(value): seconds})))
    return made


def spread(*given_: tuple[float, float]) -> Spread:
    made = Spread()
    for value, seconds in given_:
        made.add(value * seconds, seconds, seconds)
    return made


def test_a_stretch_without_weight_has_no_value() -> None:
    made = Spread()
    made.add(5, 0, 60)

    assert (made.mean, made.values) == (None, [])


def test_means_go_by_weight_and_percentiles_by_time() -> None:
    values = ((10, 90), (100, 10))

    assert (sketch(*values).mean, spread(*values).mean) == (19, 19)
    assert spread(*values).percentiles([0, 0.5, 0.9, 0.95, 1]) == [10, 10, 10, 100, 100]
    assert sketch(*values).percentiles([0.5, 0.95]) == [
        pytest.approx(10, rel=0.0254),
        pytest.approx(100, rel=0.0254),
    ]


@pytest.mark.parametrize("made", [sketch((1, 60), (50, 60)), spread((1, 60), (50, 60))])
def test_more_than_all_of_the_time_is_the_highest_value(made: Sketch | Spread) -> None:
    assert made.percentiles([1.5]) == [pytest.approx(50, rel=0.0254)]


HELD = st.lists(st.tuples(VALUES, st.integers(1, 3_600)), min_size=1, max_size=12)


@given(HELD, HELD, st.floats(0, 1))
def test_sketches_add_up_and_stay_near_what_is_exact(
    one: list[tuple[float, int]], other: list[tuple[float, int]], share: float
) -> None:
    both = sketch(*one)
    both.add(sketch(*other))
    exact = spread(*one, *other)

    assert (both.first, both.buckets) == (sketch(*one, *other).first, sketch(*one, *other).buckets)
    assert both.mean == pytest.approx(exact.mean)
    assert both.percentiles([share]) == [pytest.approx(exact.percentiles([share])[0], rel=0.0254)]
    (low, middle_, high) = exact.percentiles([0.05, 0.5, 0.95])
    assert low is not None
    assert middle_ is not None
    assert high is not None
    assert low <= middle_ <= high


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({10.0: 1.0}, {500.0: 2.0}),
        ({500.0: 2.0}, {10.0: 1.0}),
        ({}, {10.0: 1.0}),
        ({10.0: 1.0}, {}),
    ],
)
def test_sketches_are_added_wherever_each_begins(
    one: dict[float, float], other: dict[float, float]
) -> None:
    def made(seconds: dict[float, float]) -> Sketch:
        return Sketch(0.0, 0.0, *held({bucket(value): some for value, some in seconds.items()}))

    added = made(one)
    added.add(made(other))

    assert (added.first, added.buckets) == held(
        {bucket(value): some for value, some in {**one, **other}.items()}
    )
