"""A rate against its past: the worked examples."""

from __future__ import annotations

import pytest

from signalbox.alerts.rules.distributions import binomial_tail
from signalbox.alerts.rules.spikes import M_LEAST, M_MOST, Past, band, p_value, past_of

PAST = Past(n=10_000, k=120)


def test_the_usual_rate_is_never_nothing() -> None:
    assert pytest.approx(0.01205, abs=5e-6) == PAST.rate
    assert Past(n=1000, k=0).rate > 0


@pytest.mark.parametrize(
    ("n", "k", "told"), [(400, 14, 0.0035), (400, 22, 5.0e-6), (60, 7, 2.6e-5)]
)
def test_how_unlikely_so_many_failures_are(n: int, k: int, told: float) -> None:
    assert p_value(n, k, rate=PAST.rate, certainty=1000) == pytest.approx(told, rel=0.02)


def test_a_plain_binomial_test_would_cry_wolf() -> None:
    assert binomial_tail(14, 400, PAST.rate) == pytest.approx(0.00044, rel=0.02)


def test_windows_that_vary_as_dice_do_leave_the_past_its_weight() -> None:
    past = past_of([(100, 1), (100, 3), (100, 2), (100, 2), (0, 0)])

    assert (past.n, past.k, past.windows) == (400, 8, 4)
    assert past.dispersion is not None
    assert past.dispersion < 1
    assert past.certainty == M_MOST


def test_windows_that_vary_more_take_weight_from_the_past() -> None:
    past = past_of([(400, 2), (400, 30), (400, 3), (400, 25), (400, 1)])
    p = past.rate
    by_hand = sum((k - 400 * p) ** 2 / (400 * p * (1 - p)) for k in (2, 30, 3, 25, 1)) / 4

    assert past.dispersion == pytest.approx(by_hand)
    assert past.certainty == M_LEAST


def test_between_the_bounds_the_weight_follows_the_spread() -> None:
    past = past_of([(400, 5), (400, 10), (400, 4), (400, 9), (400, 2)])
    assert past.dispersion is not None
    rho = (past.dispersion - 1) / 399

    assert past.certainty == pytest.approx(1 / rho - 1)


def test_a_spread_that_cannot_be_told_is_taken_for_large() -> None:
    assert past_of([(300, 3)]).dispersion is None
    assert past_of([(300, 3)]).certainty == M_LEAST
    assert past_of([(1, 0), (1, 1), (1, 0)]).certainty == M_LEAST


def test_two_hundred_attempts_are_enough_of_a_past() -> None:
    assert Past(n=200).enough
    assert not Past(n=199).enough


def test_the_band_is_narrow_for_many() -> None:
    low, high = band(0.012, 1000, 400)
    narrow_low, narrow_high = band(0.012, 1000, 40_000)

    assert 0 <= low < narrow_low < 0.012 < narrow_high < high < 0.03
    assert band(0.012, 1000, 0) == (0, 1)
