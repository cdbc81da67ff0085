"""Shares of things counted, with the interval in which the true share lies. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

Z95: Final = 1.959963984540054  # of the normal distribution, for 95 % on both sides


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and the number `n` of sessions that it was made of; `value` is None when there is none.

    `low` and `high` are the 95 % interval of a share. `approx` says that the value comes from a sketch, to within 1 %.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    approx: bool = False


def share(count: int, of: int) -> Figure:
    """`count` / `of`, with its Wilson interval; without a value when there is nothing to count of.

    Source: E. B. Wilson, Probable inference, 1927. Unlike p ± 2σ it stays within 0 to 1 and does not collapse at 0 and 1.
    """
    if of <= 0:
        return Figure(None, 0)
    ratio, z2 = count / of, Z95 * Z95
    middle = (ratio + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(ratio * (1 - ratio) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Figure(ratio, of, max(0.0, middle - half), min(1.0, middle + half))


def quotient(numerator: float, denominator: float, n: int) -> Figure:
    """A quotient of sums over `n` sessions; without a value when the denominator is 0."""
    return Figure(numerator / denominator if denominator else None, n)
