"""Two tests: how unlikely is it to see so many, and are these values larger than those.

Both give one-sided p-values: the probability of something at least as extreme if nothing had changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import erfc, exp, lgamma, log1p, sqrt

_NEGLIGIBLE = 1e-17  # of a sum: less than its last bit


def beta_binomial_tail(k: int, n: int, alpha: float, beta: float) -> float:
    """P(X >= k) for X ~ BetaBinomial(n, alpha, beta), in [0, 1].

    Summed from its largest term outwards by the ratio of neighbours, so that nothing overflows or cancels: the upper part directly
    when `k` lies above the mean, else its complement. A million draws take tens of milliseconds.
    """
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    if k > n * alpha / (alpha + beta):
        return min(1.0, _sum(_log_mass(k, n, alpha, beta), _upwards(k, n, alpha, beta)))
    below = _sum(_log_mass(k - 1, n, alpha, beta), _downwards(k - 1, n, alpha, beta))
    return max(0.0, 1.0 - below)


def binomial_tail(k: int, n: int, p: float) -> float:
    """P(X >= k) for X ~ Binomial(n, p) with p in (0, 1): what the test would say if rates did not vary by themselves."""
    if k <= 0:
        return 1.0
    log_mass = _log_choose(n, k) + k * _log(p) + (n - k) * log1p(-p)
    odds = p / (1 - p)
    return min(1.0, _sum(log_mass, ((n - x) / (x + 1) * odds for x in range(k, n))))


def rank_sum(sample: Mapping[float, int], others: Mapping[float, int]) -> float:
    """P-value of "values of `sample` tend to be larger than those of `others`": Mann and Whitney's test.

    Both are value to how often it was seen. By the normal approximation with continuity and correction for ties, which holds from
    about 20 values on; 1.0 when either is empty or all values are equal.
    """
    mine, theirs = sum(sample.values()), sum(others.values())
    total = mine + theirs
    if not mine or not theirs:
        return 1.0
    below, wins, ties = 0, 0.0, 0
    for value in sorted({*sample, *others}):
        here, there = sample.get(value, 0), others.get(value, 0)
        wins += here * (below + there / 2)
        below += there
        ties += (here + there) ** 3 - (here + there)
    variance = mine * theirs / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = (wins - mine * theirs / 2 - 0.5) / sqrt(variance)
    return 0.5 * erfc(z / sqrt(2))


def quantile(values: Mapping[float, int], share: float) -> float | None:
    """The value at rank share * (n - 1), interpolated linearly between neighbours; None without values."""
    n = sum(values.values())
    if n == 0:
        return None
    rank = share * (n - 1)
    low = int(rank)
    found = dict(_at_ranks(values, low, min(low + 1, n - 1)))
    lower, upper = found[low], found[min(low + 1, n - 1)]
    return lower + (upper - lower) * (rank - low)


def mean(values: Mapping[float, int]) -> float | None:
    """The arithmetic mean; None without values."""
    n = sum(values.values())
    return sum(value * count for value, count in values.items()) / n if n else None


def _at_ranks(values: Mapping[float, int], *ranks: int) -> Iterator[tuple[int, float]]:
    passed = 0
    for value in sorted(values):
        for rank in ranks:
            if passed <= rank < passed + values[value]:
                yield rank, value
        passed += values[value]


def _sum(log_first: float, ratios: Iterator[float]) -> float:
    """exp(log_first) * (1 + r1 + r1 r2 + ...), until what is left cannot be seen in the sum."""
    term = total = 1.0
    for ratio in ratios:
        term *= ratio
        total += term
        if ratio < 1 and term * ratio < _NEGLIGIBLE * total * (1 - ratio):
            break
    return exp(log_first) * total


def _upwards(k: int, n: int, alpha: float, beta: float) -> Iterator[float]:
    return ((n - x) / (x + 1) * (x + alpha) / (n - x - 1 + beta) for x in range(k, n))


def _downwards(k: int, n: int, alpha: float, beta: float) -> Iterator[float]:
    return (x / (n - x + 1) * (n - x + beta) / (x - 1 + alpha) for x in range(k, 0, -1))


def _log_mass(k: int, n: int, alpha: float, beta: float) -> float:
    return _log_choose(n, k) + _log_beta(k + alpha, n - k + beta) - _log_beta(alpha, beta)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _log(p: float) -> float:
    return log1p(p - 1)
