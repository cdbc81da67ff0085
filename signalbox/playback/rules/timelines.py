"""What timeline entries show of a session, and how too many of them become fewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from signalbox.playback.rules.reports import Entry, States
from signalbox.playback.rules.times import LONGEST_MS

MAX_ENTRIES: Final = 5000  # used of one report
KEPT_AT_ENDS: Final = 500
_ATTEMPTING: Final = frozenset({"BUFFERING", "PLAYING"})
_ACTIVE: Final = frozenset({"PLAYING", "ENDED"})

T = TypeVar("T")


def thinned(entries: Sequence[T]) -> Sequence[T]:
    """At most MAX_ENTRIES of them: the first and last KEPT_AT_ENDS, and of the rest every so many."""
    if len(entries) <= MAX_ENTRIES:
        return entries
    middle = entries[KEPT_AT_ENDS:-KEPT_AT_ENDS]
    wanted = MAX_ENTRIES - 2 * KEPT_AT_ENDS
    kept = [middle[index * len(middle) // wanted] for index in range(wanted)]
    return [*entries[:KEPT_AT_ENDS], *kept, *entries[-KEPT_AT_ENDS:]]


def states_of(entries: Sequence[Entry], *, client_ts_ms: int, received_ms: int) -> States:
    """What the entries of one report show. How long ago the device saw the newest state begin says when that was by our clock."""
    if not entries:
        return States()
    # An array is in the order in which things happened, also where two carry the same time: the sort is stable.
    ordered = sorted(entries, key=_elapsed)
    newest = ordered[-1]
    began = newest
    for entry in reversed(ordered):
        if entry.playback_state != newest.playback_state:
            break
        began = entry
    ago_ms = min(max(0, client_ts_ms - began.timestamp_ms), LONGEST_MS)
    return States(
        attempted=any(entry.playback_state in _ATTEMPTING for entry in entries),
        last_idle_ms=_last([e.elapsed_ms for e in entries if e.playback_state == "IDLE"]),
        last_active_ms=_last([e.elapsed_ms for e in entries if e.playback_state in _ACTIVE]),
        last_state=newest.playback_state,
        last_elapsed_ms=newest.elapsed_ms,
        last_state_at_ms=newest.timestamp_ms,
        state_since_ms=received_ms - ago_ms,
    )


def joined(known: States, more: States) -> States:
    """What two parts of a timeline show together, whichever came first."""
    if more.attempted is None:
        return known
    if known.attempted is None:
        return more
    newer = _newer(known, more)
    return newer._replace(
        attempted=known.attempted or more.attempted,
        last_idle_ms=_later(known.last_idle_ms, more.last_idle_ms),
        last_active_ms=_later(known.last_active_ms, more.last_active_ms),
    )


def _newer(known: States, more: States) -> States:
    """The part that knows the newest state; a state that goes on has begun when it was first seen."""
    is_newer = (more.last_elapsed_ms or 0) >= (known.last_elapsed_ms or 0)
    newer, older = (more, known) if is_newer else (known, more)
    if newer.last_state != older.last_state:
        return newer
    both = [ms for ms in (newer.state_since_ms, older.state_since_ms) if ms is not None]
    return newer._replace(state_since_ms=min(both, default=None))


def _elapsed(entry: Entry) -> int:
    return entry.elapsed_ms


def _last(times_ms: list[int]) -> int | None:
    return max(times_ms, default=None)


def _later(one: int | None, other: int | None) -> int | None:
    return _last([ms for ms in (one, other) if ms is not None])
