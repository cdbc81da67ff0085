"""Sketches keep to their accuracy, comparisons to known values."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.core.sketches import (
    ZERO,
    Sketch,
    Spread,
    bucket,
    held,
    middle,
    packed,
    unpacked,
)
from signalbox.monitoring.rules.comparison import (
    LEAST,
    compare,
    mean_of,
    median_of,
    student,
    wilson,
)


@given(st.floats(1e-6, 1e12))
def test_a_bucket_is_near_its_values(value: float) -> None:
    assert middle(bucket(value)) == pytest.approx(value, rel=0.0254)


def test_zero_has_a_bucket_of_its_own() -> None:
    assert middle(bucket(0.0)) == 0
    assert middle(bucket(1e-9)) == 0


@given(
    st.lists(
        st.tuples(st.floats(0.001, 1e6), st.integers(1, 600).map(lambda n: n / 10)), min_size=1
    ),
    st.integers(0, 99),
)
def test_percentiles_of_sketches_are_near_those_of_values(
    values: list[tuple[float, float]], share: int
) -> None:
    sketch, spread = Sketch(), Spread()
    for value, seconds in values:
        sketch.add(Sketch(value, 1.0, *held({bucket(value): seconds})))
        spread.add(value, 1.0, seconds)

    (found,), (exact,) = sketch.percentiles([share / 100]), spread.percentiles([share / 100])
    assert found == pytest.approx(exact, rel=0.0254)
    assert sketch.mean == pytest.approx(spread.mean)


def test_nothing_has_no_percentile_and_no_mean() -> None:
    spread = Spread()
    spread.add(1.0, 0.0, 10.0)

    assert (Sketch().mean, spread.mean) == (None, None)
    assert Sketch().percentiles([0.5]) == spread.percentiles([0.5]) == [None]


def test_a_whole_share_is_the_last_value() -> None:
    assert Spread(0, 0, [(1.0, 0.1), (2.0, 0.2)]).percentiles([1.1]) == [2.0]
    assert Sketch(0, 0, *held({3: 1.0})).percentiles([1.1]) == [middle(3)]


def test_a_sketch_is_stored_and_read_again() -> None:
    sketch = Sketch(3.0, 2.0, *held({ZERO: 9.0, -5: 1.0, 7: 0.25}))

    assert unpacked(packed(4, sketch)) == (4, sketch)


def test_students_quantiles_are_those_of_the_tables() -> None:
    assert [round(student(n), 2) for n in (19, 30, 100, 10_000)] == [2.09, 2.04, 1.98, 1.96]


def test_a_mean_by_hand() -> None:
    found = mean_of([1.0, 2.0, 3.0, 4.0] * 5)

    assert found.value == 2.5
    assert found.high - found.value == pytest.approx(2.093 * 1.1471 / 20**0.5, rel=1e-3)


def test_a_median_by_hand() -> None:
    found = median_of([float(n) for n in range(1, 101)])

    assert found.value == 50.5
    assert (found.low, found.high) == (40, 61)  # the 40th and 61st of 100 values


def test_a_rate_by_wilson() -> None:
    found = wilson(10, 100)

    assert found.value == 0.1
    assert (round(found.low, 4), round(found.high, 4)) == (0.0552, 0.1744)
    assert wilson(0, 50).low == 0
    assert wilson(50, 50).high == pytest.approx(1)


def test_too_few_conferences_say_nothing() -> None:
    found = compare("fps", [30.0] * (LEAST - 1), [10.0] * 500)

    assert (found.verdict, found.mean, found.a.mean, found.a.conferences) == (
        "not_enough_data",
        None,
        None,
        LEAST - 1,
    )
    assert found.b.mean is not None


@pytest.mark.parametrize(
    ("name", "verdict", "bad"),
    [("loss_ratio", "worse", None), ("fps", "better", 1.0), ("audio_level", "different", None)],
)
def test_more_is_better_or_worse(name: str, verdict: str, bad: float | None) -> None:
    dice = random.Random(1)
    low, high = ([dice.gauss(m, 0.001) for _ in range(50)] for m in (0.01, 0.02))
    found = compare(name, low, high)

    assert found.verdict == verdict
    assert found.mean is not None
    assert found.mean.value == pytest.approx(0.01, abs=0.001)
    assert found.mean.low < 0.01 < found.mean.high
    assert (found.a.bad.value if found.a.bad else None) == (0.0 if name == "loss_ratio" else bad)


def test_the_same_makes_no_difference() -> None:
    dice = random.Random(2)
    values = [dice.expovariate(1) for _ in range(80)]
    found = compare("rtt_ms", values, values[::-1])

    assert found.verdict == "no_difference"
    assert found.median is not None
    assert found.median.value == 0


def test_intervals_hold_about_as_often_as_they_say() -> None:
    dice = random.Random(3)
    rounds, held = 400, {"mean": 0, "median": 0, "bad": 0}
    for _ in range(rounds):
        a = [dice.lognormvariate(0, 1) for _ in range(60)]
        b = [dice.lognormvariate(0, 1) for _ in range(60)]
        found = compare("freezes_per_min", a, b)
        for name in held:
            estimate = getattr(found, name)
            held[name] += estimate.low <= 0 <= estimate.high
    assert all(count / rounds > 0.91 for count in held.values()), held
