"""Which numbers of a counter have been seen, as ranges: a counter without gaps is one range, however long."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import msgspec

MAX_RANGES: Final = 128


class Numbers(msgspec.Struct, array_like=True):
    """Ranges, both ends included, ascending and apart; and how many different numbers there were.

    Of too many ranges the two that lie closest become one: it then holds numbers that were never seen, which only
    means that somebody looks twice before a line is new.
    """

    starts: list[int] = msgspec.field(default_factory=list)
    ends: list[int] = msgspec.field(default_factory=list)
    distinct: int = 0

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.starts, number) - 1
        return at >= 0 and number <= self.ends[at]

    def add(self, number: int) -> None:
        """Take in one number; one that is in already changes nothing."""
        starts, ends = self.starts, self.ends
        if ends and number == ends[-1] + 1:
            ends[-1] = number
            self.distinct += 1
            return
        at = bisect_right(starts, number)
        if at and number <= ends[at - 1]:
            return
        self.distinct += 1
        joins_before = at > 0 and ends[at - 1] == number - 1
        joins_after = at < len(starts) and starts[at] == number + 1
        if joins_before and joins_after:
            ends[at - 1] = ends.pop(at)
            del starts[at]
        elif joins_before:
            ends[at - 1] = number
        elif joins_after:
            starts[at] = number
        else:
            starts.insert(at, number)
            ends.insert(at, number)
            self._keep_few()

    def _keep_few(self) -> None:
        if len(self.starts) <= MAX_RANGES:
            return
        gaps = [after - before for before, after in zip(self.ends, self.starts[1:], strict=False)]
        at = gaps.index(min(gaps))
        del self.ends[at], self.starts[at + 1]

    @property
    def lost(self) -> int:
        """Numbers up to the largest that never came; 0 for an empty set."""
        return self.ends[-1] + 1 - self.distinct if self.ends else 0
