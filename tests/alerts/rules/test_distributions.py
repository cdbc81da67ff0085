"""The two tests that alerts rest on, against counting by hand and against worked figures."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.alerts.rules.distributions import (
    beta_binomial_tail,
    binomial_tail,
    mean,
    quantile,
    rank_sum,
)


def by_counting(k: int, n: int, alpha: int, beta: int) -> float:
    """The tail of a beta-binomial with whole parameters, in exact fractions (Pólya's urn)."""
    total = Fraction(0)
    for x in range(k, n + 1):
        ways = comb(x + alpha - 1, x) * comb(n - x + beta - 1, n - x)
        total += Fraction(ways, comb(n + alpha + beta - 1, n))
    return float(total)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 30), st.integers(1, 30))
def test_the_tail_is_what_counting_gives(n: int, k: int, alpha: int, beta: int) -> None:
    assert beta_binomial_tail(k, n, alpha, beta) == pytest.approx(
        by_counting(k, n, alpha, beta), rel=1e-9, abs=1e-12
    )


def test_nothing_is_certain_and_more_than_all_impossible() -> None:
    assert beta_binomial_tail(0, 10, 1, 1) == 1
    assert beta_binomial_tail(11, 10, 1, 1) == 0
    assert binomial_tail(0, 10, 0.5) == 1


def test_a_million_draws_neither_overflow_nor_cancel() -> None:
    tail = beta_binomial_tail(500_000, 1_000_000, 100, 100)

    assert tail == pytest.approx(0.5, abs=1e-4)
    assert beta_binomial_tail(990_000, 1_000_000, 2, 4000) < 1e-300


def test_a_binomial_tail() -> None:
    assert binomial_tail(8, 10, 0.5) == pytest.approx(56 / 1024)


def test_values_that_are_all_larger_are_hardly_chance() -> None:
    low = {float(value): 1 for value in range(20)}
    high = {float(value): 1 for value in range(100, 120)}

    assert rank_sum(high, low) < 1e-7
    assert rank_sum(low, high) > 0.999


def test_ties_make_the_test_sharper_by_the_book() -> None:
    # Two samples of ten, 3 and 7 of them larger: U = 70, variance 10 * 10 / 12 * (21 - (990 + 990) / 380), z = 1.70.
    p = rank_sum({1.0: 3, 2.0: 7}, {1.0: 7, 2.0: 3})

    assert p == pytest.approx(0.0446, abs=1e-4)


def test_what_is_empty_or_all_equal_tells_nothing() -> None:
    assert rank_sum({}, {1.0: 3}) == 1
    assert rank_sum({1.0: 3}, {}) == 1
    assert rank_sum({1.0: 3}, {1.0: 5}) == 1


def test_quantiles_lie_between_neighbours() -> None:
    values = dict.fromkeys((200.0, 450.0, 800.0, 1200.0, 3000.0, 9000.0), 1)
    found = [quantile(values, share) for share in (0.5, 0.75, 0.9, 0.95, 0.99)]

    assert found == pytest.approx([1000, 2550, 6000, 7500, 8700])
    assert quantile({450.0: 1, 1200.0: 1, 3000.0: 1}, 0.95) == pytest.approx(2820)
    assert quantile({}, 0.5) is None
    assert quantile({7.0: 3}, 1.0) == 7


def test_a_mean() -> None:
    assert mean({450.0: 1, 1200.0: 1, 3000.0: 1}) == 1550
    assert mean({}) is None
