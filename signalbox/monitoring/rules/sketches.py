"""How a figure was distributed over time, in a form that adds up: exact sums, and seconds by bucket of the value. Pure.

Buckets grow by a twentieth of e, so that a percentile is known to within 2.5 % of its value however many sketches were added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

STEPS: Final = 20  # buckets per factor e: a value is known to within 2.5 %
ZERO: Final = -32_768  # the bucket of 0
SMALLEST: Final = 1e-6


def bucket(value: float) -> int:
    """The bucket of a value that is not negative."""
    return ZERO if value < SMALLEST else math.floor(math.log(value) * STEPS)


def middle(number: int) -> float:
    """The value that stands for a bucket, at most 2.5 % beside any value in it."""
    return 0.0 if number == ZERO else math.exp((number + 0.5) / STEPS)


@dataclass(slots=True)
class Sketch:
    """A figure over some minutes: its sums, and how long it had which value."""

    total: float = 0.0
    weight: float = 0.0
    seconds: dict[int, float] = field(default_factory=dict)  # by bucket

    def add(self, other: Sketch) -> None:
        """Take in other minutes."""
        self.total += other.total
        self.weight += other.weight
        for number, seconds in other.seconds.items():
            self.seconds[number] = self.seconds.get(number, 0.0) + seconds

    @property
    def mean(self) -> float | None:
        """The quotient of the sums; None when there is nothing."""
        return self.total / self.weight if self.weight > 0 else None

    def percentiles(self, wanted: Iterable[float]) -> list[float | None]:
        """For each share (0–1) the value that the figure kept to or stayed below for that share of the time."""
        ordered = sorted(self.seconds.items())
        whole = sum(self.seconds.values())
        return [_reach(ordered, share * whole) for share in wanted]


def _reach(ordered: Sequence[tuple[int, float]], goal: float) -> float | None:
    seen = 0.0
    for number, seconds in ordered:
        seen += seconds
        if seen >= goal - 1e-9:
            return middle(number)
    return middle(ordered[-1][0]) if ordered else None


@dataclass(slots=True)
class Spread:
    """A figure over a few stretches of time, each kept as it is: percentiles are exact."""

    total: float = 0.0
    weight: float = 0.0
    values: list[tuple[float, float]] = field(default_factory=list)  # value, seconds

    def add(self, total: float, weight: float, seconds: float) -> None:
        """Take in a stretch; one without weight has no value."""
        if weight > 0:
            self.total += total
            self.weight += weight
            self.values.append((total / weight, seconds))

    @property
    def mean(self) -> float | None:
        """The quotient of the sums; None when there is nothing."""
        return self.total / self.weight if self.weight > 0 else None

    def percentiles(self, wanted: Iterable[float]) -> list[float | None]:
        """As of a sketch."""
        ordered = sorted(self.values)
        whole = sum(seconds for _, seconds in ordered)
        return [_first(ordered, share * whole) for share in wanted]


def _first(ordered: Sequence[tuple[float, float]], goal: float) -> float | None:
    seen = 0.0
    for value, seconds in ordered:
        seen += seconds
        if seen >= goal - 1e-9:
            return value
    return ordered[-1][0] if ordered else None


Packed = tuple[int, float, float, list[int], list[float]]


def packed(place: int, sketch: Sketch) -> Packed:
    """A sketch of the measure at a place, as it is stored."""
    return place, sketch.total, sketch.weight, list(sketch.seconds), list(sketch.seconds.values())


def unpacked(stored: Sequence[Any]) -> tuple[int, Sketch]:
    """The opposite of `packed`."""
    place, total, weight, buckets, seconds = stored
    return place, Sketch(total, weight, dict(zip(buckets, seconds, strict=True)))
