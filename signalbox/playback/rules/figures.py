"""The figures of many playback sessions, all made of sums, so that sessions can be added up in any order. Pure.

A session counts where its end lies. Attempts are those that were to be watched; plays are those that showed a frame. What
left within a second, never tried, or says nothing (`early_exit`, `no_attempt`, `unknown`) is in no denominator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from signalbox.playback.rules.rates import Figure, quotient, share

MS_PER_MINUTE: Final = 60_000
MS_PER_HOUR: Final = 3_600_000
SHARES: Final[Mapping[str, float]] = {
    "startupP50Ms": 0.5,
    "startupP75Ms": 0.75,
    "startupP90Ms": 0.9,
    "startupP95Ms": 0.95,
    "startupP99Ms": 0.99,
}
"""Percentiles of the time to the first frame, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What adds up of some sessions. Times in ms; a session that does not report a figure is in none of its sums."""

    rows: int = 0
    played: int = 0
    playback_failure: int = 0
    start_failure: int = 0
    ebvs: int = 0
    early_exit: int = 0
    no_attempt: int = 0
    unknown: int = 0
    with_errors: int = 0  # of all rows
    good: int = 0
    play_ms: int = 0  # of plays, like all below
    rebuffer_ms: int = 0
    measured_play_ms: int = 0  # of plays that report both, for the ratio
    measured: int = 0
    rebuffer_count: int = 0
    counted_play_ms: int = 0  # of plays that report how often, for the frequency
    counted: int = 0
    rebuffered: int = 0  # plays that did at all
    stalled_ms: int = 0  # of plays that report both how often and how long
    stalls: int = 0
    startup_n: int = 0
    startup_ms: int = 0
    bitrate_play_ms: int = 0
    bitrate_n: int = 0
    bitrate_sum: float = 0.0  # bit/s × ms
    dropped_frames: int = 0
    dropped_play_ms: int = 0
    dropped_n: int = 0
    score_n: int = 0  # of attempts
    score_sum: float = 0.0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Sums:
        """From a row with columns of these names; what is missing or NULL is 0."""
        return cls(**{name: row[name] for name in SUMMED if row.get(name) is not None})

    def __add__(self, other: Sums) -> Sums:
        """Of all sessions of both."""
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in SUMMED})

    @property
    def attempts(self) -> int:
        """Sessions that were to be watched."""
        return self.start_failure + self.ebvs + self.plays

    @property
    def plays(self) -> int:
        """Sessions that showed a frame."""
        return self.playback_failure + self.played

    @property
    def outcomes(self) -> dict[str, int]:
        """How many sessions ended how."""
        return {name: getattr(self, name) for name in OUTCOMES}


SUMMED: Final = tuple(field.name for field in fields(Sums))
OUTCOMES: Final = (
    *("played", "playback_failure", "start_failure", "ebvs"),
    *("early_exit", "no_attempt", "unknown"),
)

METRICS: Final[Mapping[str, Callable[[Sums], Figure]]] = {
    "sessions": lambda sums: Figure(sums.rows, sums.rows),
    "attempts": lambda sums: Figure(sums.attempts, sums.attempts),
    "plays": lambda sums: Figure(sums.plays, sums.plays),
    "videoStartFailureRate": lambda sums: share(sums.start_failure, sums.attempts),
    "ebvsRate": lambda sums: share(sums.ebvs, sums.attempts),
    "playbackFailureRate": lambda sums: share(sums.playback_failure, sums.plays),
    "errorRate": lambda sums: share(sums.start_failure + sums.playback_failure, sums.attempts),
    "sessionsWithErrorsRate": lambda sums: share(sums.with_errors, sums.rows),
    "rebufferRatio": lambda sums: quotient(
        sums.rebuffer_ms, sums.rebuffer_ms + sums.measured_play_ms, sums.measured
    ),
    "rebufferFrequencyPerMinute": lambda sums: quotient(
        sums.rebuffer_count, sums.counted_play_ms / MS_PER_MINUTE, sums.counted
    ),
    "rebufferedPlaysRate": lambda sums: share(sums.rebuffered, sums.counted),
    "meanRebufferMs": lambda sums: quotient(sums.stalled_ms, sums.stalls, sums.counted),
    "startupMeanMs": lambda sums: quotient(sums.startup_ms, sums.startup_n, sums.startup_n),
    "viewerHours": lambda sums: _hours(sums.play_ms, sums.plays),
    "watchHours": lambda sums: _hours(sums.play_ms + sums.rebuffer_ms, sums.plays),
    "meanBitrateBps": lambda sums: quotient(sums.bitrate_sum, sums.bitrate_play_ms, sums.bitrate_n),
    "droppedFramesPerSecond": lambda sums: quotient(
        sums.dropped_frames * 1000, sums.dropped_play_ms, sums.dropped_n
    ),
    "score": lambda sums: quotient(sums.score_sum, sums.score_n, sums.score_n),
    "goodSessionShare": lambda sums: share(sums.good, sums.attempts),
}
"""Every figure that sums give, by the name that clients know it by."""


def _hours(spent_ms: int, n: int) -> Figure:
    return Figure(spent_ms / MS_PER_HOUR if n else None, n)


def figures(sums: Sums) -> dict[str, Figure]:
    """All of `METRICS`."""
    return {name: made(sums) for name, made in METRICS.items()}
