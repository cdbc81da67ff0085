"""Percentiles of readings, exact and from buckets that add up."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.core.sketches import FINE, bucket, counted_percentile, middle, percentile

STARTUPS = [200.0, 450.0, 800.0, 1200.0, 3000.0, 9000.0]


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 1000), (0.75, 2550), (0.9, 6000), (0.95, 7500), (0.99, 8700)]
)
def test_a_percentile_lies_straight_between_two_ranks(share: float, value: float) -> None:
    assert percentile(STARTUPS, share) == pytest.approx(value)


@pytest.mark.parametrize(("share", "value"), [(0.0, 450), (0.5, 1200), (0.95, 2820), (1.0, 3000)])
def test_of_three_readings_too(share: float, value: float) -> None:
    assert percentile([450, 1200, 3000], share) == pytest.approx(value)


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.5) is None
    assert counted_percentile({}, 0.5) is None
    assert counted_percentile({3: 0}, 0.5) is None


readings = st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=60)


@given(readings, readings, st.floats(0, 1))
def test_counts_by_bucket_add_up_to_within_one_per_cent(
    some: list[int], others: list[int], share: float
) -> None:
    counts = Counter(bucket(value, FINE) for value in some)
    counts.update(bucket(value, FINE) for value in others)

    exact = percentile(sorted([*some, *others]), share)
    found = counted_percentile(counts, share)

    assert exact is not None
    assert found == pytest.approx(exact, rel=0.01, abs=1e-6)


def test_a_bucket_stands_for_its_values_to_within_one_per_cent() -> None:
    for value in (1, 2, 449.9, 450, 3000, 2**31 - 1):
        assert middle(bucket(value, FINE), FINE) == pytest.approx(value, rel=0.01)
    assert middle(bucket(0, FINE), FINE) == 0
    assert math.isclose(middle(bucket(100)), 100, rel_tol=0.0254)
