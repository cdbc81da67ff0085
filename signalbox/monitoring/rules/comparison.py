"""Whether a figure of some conferences differs from that of others, with intervals that hold in 95 of 100 such comparisons. Pure.

The unit is a conference: minutes of one call are alike, so they are no independent evidence. Formulas: mean by Student's t (by its Cornish-Fisher expansion), median by order
statistics (binomial, normal approximation), rates by Wilson's score; differences of any two by the square-and-add method (MOVER; Newcombe 1998, Zou and Donner 2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Z: Final = 1.959_964  # two-sided 95 %
LEAST: Final = 20  # conferences on each side; below, nothing is said
Verdict = Literal["better", "worse", "different", "no_difference", "not_enough_data"]

# From where on (at or beyond) a conference counts as bad.
BAD: Final[dict[str, float]] = {
    "loss_ratio": 0.03,
    "jitter_ms": 30.0,
    "rtt_ms": 300.0,
    "concealment_ratio": 0.05,
    "buffer_ms": 200.0,
    "emos": 3.5,
    "fps": 15.0,
    "height": 360.0,
    "freeze_ratio": 0.05,
    "freezes_per_min": 2.0,
    "limited_ratio": 0.2,
    "cpu_limited_ratio": 0.2,
    "bandwidth_limited_ratio": 0.2,
    "available_bps": 300_000.0,
    "time_taken_ms": 100.0,
}
# Of these more is better; of the rest less.
MORE_IS_BETTER: Final = frozenset({"emos", "fps", "height", "available_bps", "bitrate_bps"})
# More of these is neither.
NEITHER: Final = frozenset({"audio_level", "sent_bps", "received_bps"})


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two things that are compared; None where there are fewer than `LEAST` conferences, `bad` also where no limit is set."""

    conferences: int
    mean: Estimate | None
    median: Estimate | None
    bad: Estimate | None  # share of conferences


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A figure on both sides, and how far `b` is from `a`."""

    a: Side
    b: Side
    mean: Estimate | None
    median: Estimate | None
    bad: Estimate | None
    verdict: Verdict


def compare(name: str, a: Sequence[float], b: Sequence[float]) -> Comparison:
    """A figure of the conferences of two sides, one value each."""
    left, right = _side(name, a), _side(name, b)
    mean = _difference(left.mean, right.mean)
    return Comparison(
        a=left,
        b=right,
        mean=mean,
        median=_difference(left.median, right.median),
        bad=_difference(left.bad, right.bad),
        verdict=_verdict(name, mean),
    )


def _side(name: str, values: Sequence[float]) -> Side:
    if len(values) < LEAST:
        return Side(conferences=len(values), mean=None, median=None, bad=None)
    limit = BAD.get(name)
    bad = None
    if limit is not None:
        lower_is_bad = name in MORE_IS_BETTER
        many = sum(value <= limit if lower_is_bad else value >= limit for value in values)
        bad = wilson(many, len(values))
    return Side(conferences=len(values), mean=mean_of(values), median=median_of(values), bad=bad)


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean of at least two values."""
    n = len(values)
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    reach = student(n - 1) * spread / math.sqrt(n)
    return Estimate(mean, mean - reach, mean + reach)


def student(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t, within 0.1 % from ten degrees of freedom on."""
    z = Z
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def median_of(values: Sequence[float]) -> Estimate:
    """The median between two of the values that enclose it."""
    ordered, n = sorted(values), len(values)
    reach = Z * math.sqrt(n) / 2
    low, high = max(0, math.floor(n / 2 - reach) - 1), min(n - 1, math.ceil(n / 2 + reach))
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return Estimate(middle, ordered[low], ordered[high])


def wilson(many: int, n: int) -> Estimate:
    """A share of `n`."""
    share, square = many / n, Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach))


def _difference(a: Estimate | None, b: Estimate | None) -> Estimate | None:
    if a is None or b is None:
        return None
    value = b.value - a.value
    below = math.hypot(b.value - b.low, a.high - a.value)
    above = math.hypot(b.high - b.value, a.value - a.low)
    return Estimate(value, value - below, value + above)


def _verdict(name: str, mean: Estimate | None) -> Verdict:
    if mean is None:
        return "not_enough_data"
    if mean.low <= 0 <= mean.high:
        return "no_difference"
    if name in NEITHER:
        return "different"
    return "better" if (mean.value > 0) == (name in MORE_IS_BETTER) else "worse"
