"""How a figure was distributed, in a form that adds up: exact sums, and seconds or readings by bucket of the value. Pure.

`Sketch` holds for how long a figure had which value: its buckets grow by a twentieth of e, so that a percentile is known to
within 2.5 % of its value however many sketches were added. Single readings are counted in `FINE` buckets, of which a
percentile comes out to within 1 %.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Final

STEPS: Final = 20  # buckets per factor e: a value is known to within 2.5 %
FINE: Final = 51  # likewise, to within 1 %
ZERO: Final = -32_768  # the bucket of 0
SMALLEST: Final = 1e-6
BITS: Final = 64  # of each bucket in a sketch
_LOWEST: Final = math.floor(math.log(SMALLEST) * STEPS) - 1  # behind the bucket of 0


def bucket(value: float, steps: int = STEPS) -> int:
    """The bucket of a value that is not negative."""
    return ZERO if value < SMALLEST else math.floor(math.log(value) * steps)


def middle(number: int, steps: int = STEPS) -> float:
    """The value that stands for a bucket, at most half a step beside any value in it."""
    return 0.0 if number == ZERO else math.exp((number + 0.5) / steps)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value at rank `share` × (n - 1) of ordered readings, straight between the two beside it; None without any."""
    return _at_rank(len(ordered), share, ordered.__getitem__)


def counted_percentile(counts: Mapping[int, int], share: float, steps: int = FINE) -> float | None:
    """As `percentile`, of readings counted by bucket: to within half a step of the exact one."""
    buckets = sorted(number for number, count in counts.items() if count > 0)
    seen = list(accumulate(counts[number] for number in buckets))
    return _at_rank(
        seen[-1] if seen else 0,
        share,
        lambda rank: middle(buckets[bisect_right(seen, rank)], steps),
    )


def _at_rank(count: int, share: float, value: Callable[[int], float]) -> float | None:
    if not count:
        return None
    rank = share * (count - 1)
    below = math.floor(rank)
    low, high = value(below), value(min(below + 1, count - 1))
    return low + (high - low) * (rank - below)


def held(seconds: Mapping[int, float]) -> tuple[int, int]:
    """Seconds by bucket as one whole number, 64 bits of microseconds for each bucket, and the place of the first that holds any."""
    known = {_place(number): round(some * 1e6) for number, some in seconds.items()}
    first = min((place for place, some in known.items() if some), default=0)
    return first, sum(some << BITS * (place - first) for place, some in known.items() if some)


def _place(number: int) -> int:
    return 0 if number == ZERO else number - _LOWEST


@dataclass(slots=True)
class Sketch:
    """A figure over some minutes: its sums, and how long it had which value.

    All buckets are one number, so that sketches of a hundred buckets are added in a fraction of a microsecond. Five hundred thousand years fit into each.
    """

    total: float = 0.0
    weight: float = 0.0
    first: int = 0  # this and the next as of `held`
    buckets: int = 0

    def add(self, other: Sketch) -> None:
        """Take in other minutes."""
        self.total += other.total
        self.weight += other.weight
        above = other.first - self.first
        if not self.buckets or not other.buckets:
            self.first = self.first if self.buckets else other.first
            self.buckets = self.buckets or other.buckets
        elif above >= 0:
            self.buckets += other.buckets << BITS * above
        else:
            self.buckets = (self.buckets << -BITS * above) + other.buckets
            self.first = other.first

    @property
    def mean(self) -> float | None:
        """The quotient of the sums; None when there is nothing."""
        return self.total / self.weight if self.weight > 0 else None

    def percentiles(self, wanted: Iterable[float]) -> list[float | None]:
        """For each share (0–1) the value that the figure kept to or stayed below for that share of the time."""
        if not self.buckets:
            return [None for _ in wanted]
        content = _bytes(self.buckets)
        seen = list(accumulate(struct.unpack(f"<{len(content) * 8 // BITS}Q", content)))
        first, last, whole = self.first, len(seen) - 1, seen[-1]
        slack = 2 + whole * 1e-9  # every part was rounded to a microsecond
        return [
            _middle(first + bisect_left(seen, share * whole - slack, 0, last)) for share in wanted
        ]


def _bytes(buckets: int) -> bytes:
    return buckets.to_bytes(-(-buckets.bit_length() // BITS) * BITS // 8, "little")


@cache
def _middle(place: int) -> float:
    return middle(ZERO if place == 0 else place + _LOWEST)


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
    """A sketch of the measure at a place, as it is stored: 8 bytes for each bucket from the first one on."""
    return place, sketch.total, sketch.weight, sketch.first, _bytes(sketch.buckets)


def unpacked(stored: Packed) -> tuple[int, Sketch]:
    """The opposite of `packed`."""
    place, total, weight, first, content = stored
    return place, Sketch(total, weight, first, int.from_bytes(content, "little"))
