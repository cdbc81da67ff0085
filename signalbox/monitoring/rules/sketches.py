"""How a figure was distributed over time, in a form that adds up: exact sums, and seconds by bucket of the value. Pure.

Buckets grow by a twentieth of e, so that a percentile is known to within 2.5 % of its value however many sketches were added.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Final

STEPS: Final = 20  # buckets per factor e: a value is known to within 2.5 %
ZERO: Final = -32_768  # the bucket of 0
SMALLEST: Final = 1e-6
BITS: Final = 64  # of each bucket in a sketch
_LOWEST: Final = math.floor(math.log(SMALLEST) * STEPS) - 1  # behind the bucket of 0


def bucket(value: float) -> int:
    """The bucket of a value that is not negative."""
    return ZERO if value < SMALLEST else math.floor(math.log(value) * STEPS)


def middle(number: int) -> float:
    """The value that stands for a bucket, at most 2.5 % beside any value in it."""
    return 0.0 if number == ZERO else math.exp((number + 0.5) / STEPS)


def held(seconds: Mapping[int, float]) -> int:
    """Seconds by bucket as one whole number: 64 bits of microseconds for each bucket from the lowest on."""
    return sum(round(some * 1e6) << BITS * _slot(number) for number, some in seconds.items())


def _slot(number: int) -> int:
    return 0 if number == ZERO else number - _LOWEST


@dataclass(slots=True)
class Sketch:
    """A figure over some minutes: its sums, and how long it had which value.

    All buckets are one number, so that sketches of a hundred buckets are added in a fraction of a microsecond. Five hundred thousand years fit into each.
    """

    total: float = 0.0
    weight: float = 0.0
    buckets: int = 0  # as of `held`

    def add(self, other: Sketch) -> None:
        """Take in other minutes."""
        self.total += other.total
        self.weight += other.weight
        self.buckets += other.buckets

    @property
    def mean(self) -> float | None:
        """The quotient of the sums; None when there is nothing."""
        return self.total / self.weight if self.weight > 0 else None

    def percentiles(self, wanted: Iterable[float]) -> list[float | None]:
        """For each share (0–1) the value that the figure kept to or stayed below for that share of the time."""
        if not self.buckets:
            return [None for _ in wanted]
        first, content = _trimmed(self.buckets)
        seen = list(accumulate(struct.unpack(f"<{len(content) * 8 // BITS}Q", content)))
        last, whole = len(seen) - 1, seen[-1]
        # Every part was rounded to a microsecond.
        slack = 2 + whole * 1e-9
        places = (bisect_left(seen, share * whole - slack) for share in wanted)
        return [_middle(first + min(place, last)) for place in places]


def _trimmed(buckets: int) -> tuple[int, bytes]:
    """The place of the first bucket in which there is something, and all from there on, 8 bytes each."""
    first = ((buckets & -buckets).bit_length() - 1) // BITS
    buckets >>= BITS * first
    return first, buckets.to_bytes(-(-buckets.bit_length() // BITS) * BITS // 8, "little")


@cache
def _middle(slot: int) -> float:
    return middle(ZERO if slot == 0 else slot + _LOWEST)


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


Packed = tuple[int, float, float, int, bytes]


def packed(place: int, sketch: Sketch) -> Packed:
    """A sketch of the measure at a place, as it is stored: without the empty buckets before the first."""
    if not sketch.buckets:
        return place, sketch.total, sketch.weight, 0, b""
    return place, sketch.total, sketch.weight, *_trimmed(sketch.buckets)


def unpacked(stored: Packed) -> tuple[int, Sketch]:
    """The opposite of `packed`."""
    place, total, weight, first, content = stored
    return place, Sketch(total, weight, int.from_bytes(content, "little") << BITS * first)
