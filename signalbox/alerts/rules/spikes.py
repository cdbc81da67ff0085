"""A rate against its own past: is this share of failures more than chance and habit explain?

The past is cut into windows of five minutes. Rates of real services vary more from window to window than throwing dice would; how
much more is measured, and the beta-binomial distribution of the test is widened accordingly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Final

from signalbox.alerts.rules.distributions import beta_binomial_tail

WINDOW_MIN: Final = 5
ENOUGH: Final = 200  # attempts, below which a past says too little
M_LEAST, M_MOST = 200.0, 5000.0
SURE: Final = 1.96  # standard deviations of a band of 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What happened before: `n` attempts, `k` of them counted, in `windows` of five minutes that saw any; `squares` is the sum of k²/n over these."""

    n: int = 0
    k: int = 0
    squares: float = 0.0
    windows: int = 0

    @property
    def enough(self) -> bool:
        """Whether it can be compared with."""
        return self.n >= ENOUGH

    @property
    def rate(self) -> float:
        """The expected share, never 0 or 1."""
        return (self.k + 0.5) / (self.n + 1)

    @property
    def dispersion(self) -> float | None:
        """How much more than binomially windows vary (1.0 is just so); None with fewer than two windows."""
        if self.windows < 2:
            return None
        p = self.rate
        spread = self.squares - 2 * p * self.k + p * p * self.n
        return spread / (p * (1 - p)) / (self.windows - 1)

    @property
    def certainty(self) -> float:
        """M, the weight of the past in attempts, from 200 (rates vary by themselves) to 5000. What cannot be told is taken for varying."""
        dispersion = self.dispersion
        if dispersion is None or self.n <= self.windows:
            return M_LEAST
        rho = max((dispersion - 1) / (self.n / self.windows - 1), 0.0)
        return M_MOST if rho == 0 else min(max(1 / rho - 1, M_LEAST), M_MOST)


def past_of(windows: Iterable[tuple[int, int]]) -> Past:
    """Sum up windows of (n, k); empty ones do not count."""
    n = k = count = 0
    squares = 0.0
    for attempts, counted in windows:
        if attempts:
            n, k, count = n + attempts, k + counted, count + 1
            squares += counted * counted / attempts
    return Past(n=n, k=k, squares=squares, windows=count)


def p_value(n: int, k: int, *, rate: float, certainty: float) -> float:
    """Probability of at least `k` of `n` when `rate` of them is usual, known with `certainty` (M)."""
    return beta_binomial_tail(k, n, rate * certainty, (1 - rate) * certainty)


def band(rate: float, certainty: float, n: int) -> tuple[float, float]:
    """Between which shares 19 of 20 windows of `n` attempts lie while nothing changes; (0, 1) when `n` is 0."""
    if n <= 0:
        return 0.0, 1.0
    half = SURE * sqrt(rate * (1 - rate) / n * (1 + (n - 1) / (certainty + 1)))
    return max(0.0, rate - half), min(1.0, rate + half)
