"""Properties of many rows as bytes, one row after another, so that all rows of a day are filtered and counted at once. Pure.

A column holds a number for each row, 0 where the row has nothing to tell, else the place of its value in a list, counted from 1. Numbers beyond 255 take
several planes of bytes, the lowest first. A choice of rows is a whole number with 255 in the byte of each chosen row: choices of several columns meet by `&`,
in a few microseconds for ten thousand rows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from functools import reduce
from itertools import compress
from operator import or_
from typing import Any, Final, NamedTuple

BYTE: Final = 256
CHOSEN: Final = b"\xff"
FEW: Final = 64  # values up to which counting one after the other is quicker


class Column(NamedTuple):
    """Values that occur, and for each row the number of its own."""

    values: Sequence[Any]
    planes: Sequence[bytes]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.planes[0])


class _Nothing:
    """Stands for a row that has nothing to tell, where None is a value."""


NOTHING: Final = _Nothing()


def column(given: Iterable[Hashable]) -> Column:
    """The values of rows in their order; NOTHING where a row has none."""
    numbers: dict[Hashable, int] = {}
    row_numbers = [
        0 if value is NOTHING else numbers.setdefault(value, len(numbers) + 1) for value in given
    ]
    planes = [bytes(number % BYTE for number in row_numbers)]
    while (above := BYTE ** len(planes)) <= len(numbers):
        planes.append(bytes(number // above % BYTE for number in row_numbers))
    return Column(list(numbers), planes)


def where(rows: Column, wanted: Callable[[Any], bool]) -> int:
    """The rows whose value is wanted."""
    found = [number for number, value in enumerate(rows.values, start=1) if wanted(value)]
    return _with_numbers(rows.planes, found)


def all_of(rows: Column) -> int:
    """Every row, with a value or without."""
    return (1 << 8 * rows.rows) - 1


def _with_numbers(planes: Sequence[bytes], numbers: Collection[int]) -> int:
    if not numbers:
        return 0
    if len(planes) == 1:
        return _picked(planes[0], numbers)
    above = BYTE ** (len(planes) - 1)
    below: dict[int, list[int]] = defaultdict(list)
    for number in numbers:
        below[number // above].append(number % above)
    parts = (
        _picked(planes[-1], [high]) & _with_numbers(planes[:-1], low) for high, low in below.items()
    )
    return reduce(or_, parts)


def _picked(plane: bytes, numbers: Iterable[int]) -> int:
    table = bytearray(BYTE)
    for number in numbers:
        table[number] = BYTE - 1
    return int.from_bytes(plane.translate(table), "little")


def between(times: Sequence[int], begin: int | None, end: int | None) -> int:
    """Of rows in the order of their times those from `begin` on and before `end`; None is open."""
    low = 0 if begin is None else bisect_left(times, begin)
    high = len(times) if end is None else bisect_left(times, end)
    return 0 if low >= high else ((1 << 8 * (high - low)) - 1) << 8 * low


def within(times: Iterable[int], begin: int | None, end: int | None) -> int:
    """The same of rows in any order, one by one."""
    low = -(1 << 63) if begin is None else begin
    high = 1 << 63 if end is None else end
    return int.from_bytes(bytes(255 * (low <= at < high) for at in times), "little")


def chosen(choice: int, rows: int) -> bytes:
    """A byte for each row, 0 where it is not chosen."""
    return choice.to_bytes(rows, "little")


def count(rows: Column, choice: int) -> Counter[Any]:
    """How many of the chosen rows have which value; rows that have nothing to tell do not count."""
    if len(rows.planes) > 1:
        return _count_wide(rows, choice)
    plane = int.from_bytes(rows.planes[0], "little") & choice
    numbers = chosen(plane, rows.rows).translate(None, b"\0")
    if len(rows.values) <= FEW:
        found = {place: numbers.count(place + 1) for place in range(len(rows.values))}
    else:
        found = {number - 1: n for number, n in Counter(numbers).items()}
    return Counter({rows.values[place]: n for place, n in found.items() if n})


def _count_wide(rows: Column, choice: int) -> Counter[Any]:
    mask = chosen(choice, rows.rows)
    found: Counter[Any] = Counter()
    for parts, n in Counter(
        zip(*(compress(plane, mask) for plane in rows.planes), strict=True)
    ).items():
        number = sum(part * BYTE**place for place, part in enumerate(parts))
        if number:
            found[rows.values[number - 1]] += n
    return found


def value_at(rows: Column, row: int) -> Any:
    """The value of a row; None when it has nothing to tell."""
    number = sum(plane[row] * BYTE**place for place, plane in enumerate(rows.planes))
    return rows.values[number - 1] if number else None


def closing(ends: Column, choice: int) -> int:
    """Rows stand in runs, each closed by a row that has a value in `ends`: the closing rows of runs of which any other row is chosen.

    A run is a number with as many bytes as it has rows before its end. Adding the highest such number carries into the closing byte unless the number is 0.
    """
    plane = (
        ends.planes[0] if len(ends.planes) == 1 else bytes(map(any, zip(*ends.planes, strict=True)))
    )
    runs = int.from_bytes(plane.translate(_OPEN), "little")
    closes = int.from_bytes(plane.translate(_CLOSED), "little")
    return ((choice & runs) + runs & closes) * (BYTE - 1)


_OPEN: Final = bytes([BYTE - 1]) + bytes(BYTE - 1)  # 255 for rows without a value
_CLOSED: Final = b"\0" + b"\1" * (BYTE - 1)


def instants(packed: bytes) -> array[int]:
    """Times as they are stored: eight bytes each."""
    return array("q", packed)
