"""When something was going on, kept so that a change needs only the connections that were open from its instant on.

The stretches of a conference or session follow from the stays of its connections. A connection that comes, ends, or turns out to have ended at another
time leaves everything before that instant as it was. So the stretches are kept, cut off there, and joined anew with the stays that reach
beyond: of the open ones the earliest is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from signalbox.monitoring.rules.calls import (
    ConferenceState,
    Stay,
    Stretch,
    conference_state,
    seconds_by_day,
    stretches,
)

KEPT = 32


class Timeline(NamedTuple):
    """All stretches: the latest each, those before only as a sum. Instants in µs."""

    kept: tuple[Stay, ...] = ()
    older_start_us: int | None = None  # None: there are no others
    older_end_us: int | None = None
    older_s: int = 0

    @property
    def latest(self) -> list[Stretch]:
        """The stretches that are kept each, in order."""
        return stretches(self.kept)

    def state(self) -> ConferenceState:
        """What follows for the conference."""
        state = conference_state(self.latest)
        if self.older_start_us is None:
            return state
        return state._replace(
            start_us=self.older_start_us, duration_s=state.duration_s + self.older_s
        )

    def reaches(self, at_us: int) -> bool:
        """Whether what was before an instant is known in enough detail to go on from there."""
        return self.older_end_us is None or self.older_end_us < at_us

    def continued(self, from_us: int, later: Iterable[Stay]) -> Timeline:
        """The timeline after a change. `later` holds the stays that ended at `from_us` or after, and of the open ones at least the earliest.

        It must reach to `from_us`. Nothing is shortened.
        """
        before = [
            stay
            if stay.end_us is not None and stay.end_us < from_us
            else Stay(stay.start_us, from_us)
            for stay in self.kept
            if stay.start_us < from_us
        ]
        return self._replace(kept=_joined([*before, *later]))

    def extended(self, added: Iterable[Stay]) -> Timeline:
        """The timeline with stays that came to it while none of the others changed: what was joined stays joined.

        It must reach to the earliest of them. Nothing is shortened.
        """
        return self._replace(kept=_joined([*self.kept, *added]))

    def shortened(self) -> Timeline:
        """With only the latest kept each. A running stretch is the last one, so it is among them."""
        _, start_us, end_us, seconds = self
        for stretch in stretches(self.kept[:-KEPT]):
            start_us = stretch.start_us if start_us is None else start_us
            end_us = stretch.end_us
            seconds += stretch.seconds
        return Timeline(self.kept[-KEPT:], start_us, end_us, seconds)


def whole(stays: Iterable[Stay]) -> Timeline:
    """The timeline of all stays."""
    return Timeline(_joined(stays))


def _joined(stays: Iterable[Stay]) -> tuple[Stay, ...]:
    return tuple(Stay(one.start_us, one.end_us) for one in stretches(stays))


def changed_from(before: Stay | None, after: Stay) -> int | None:
    """From which instant on a connection's stay is another than it was; `before` None of a new one. None: it is the same."""
    if before is None:
        return after.start_us
    ends = {before.end_us, after.end_us}
    return None if len(ends) == 1 else min(end for end in ends if end is not None)


def counted_days(
    counted: Mapping[str, int], before: Timeline | None, after: Timeline, *, now_us: int
) -> dict[str, int]:
    """Finished seconds by day, from those that were counted when the timeline was `before`. None: it is not known; then `after` has every stretch."""
    new = seconds_by_day(after.latest, now_us=now_us)
    if before is None:
        return new
    old = seconds_by_day(before.latest, now_us=now_us)
    days = {
        day: counted.get(day, 0) - old.get(day, 0) + new.get(day, 0) for day in {*counted, *new}
    }
    return {day: seconds for day, seconds in days.items() if seconds}
