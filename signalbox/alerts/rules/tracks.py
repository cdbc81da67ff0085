"""Minutes of one cohort as they lie in the past, and what a look at any of them would have seen. For back-tests and simulations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from signalbox.alerts.rules.definitions import Rule
from signalbox.alerts.rules.figures import Figure, Histogram, Seen, Tally, seen_values
from signalbox.alerts.rules.judging import WEEKS, Evidence, Reference, Verdict, judge
from signalbox.alerts.rules.lives import Life, after
from signalbox.alerts.rules.spikes import WINDOW_MIN, Past

APART: Final = 35  # minutes between now and the end of what it is compared with
DAY: Final = 1440
WIDE: Final = 7 * DAY
WEEK: Final = 7 * DAY
REPORTS_FOR: Final = 10  # minutes of reports that silence is compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An alert as it would have been: from the look that opened it to the one that closed it (None: still open at the end)."""

    opened_at: datetime
    cleared_at: datetime | None
    opening: Verdict


class Track:
    """Sums of a cohort by minute, from `start` on; minutes are counted from there."""

    def __init__(self, start: datetime, columns: Mapping[str, Sequence[float]]) -> None:
        self.start = start
        self._sums = {name: [0.0, *accumulate(column)] for name, column in columns.items()}
        self._squares: dict[tuple[str, str], tuple[list[float], list[int]]] = {}

    def tally(self, begin: int, end: int) -> Tally:
        """Sums from minute `begin` to before `end`; what lies before the start is empty."""
        low, high = max(0, begin), max(0, end)
        return Tally(sums={name: sums[high] - sums[low] for name, sums in self._sums.items()})

    def past(self, figure: Figure, begin: int, end: int) -> Past:
        """The past of a share over some whole windows of five minutes that end at `end`."""
        squares, windows = self._squares_of(figure)
        sums = self.tally(begin, end).sums
        low = begin if begin >= 0 else begin % WINDOW_MIN
        return Past(
            n=round(sums[figure.whole]),
            k=round(sums[figure.part]),
            squares=squares[end] - squares[low],
            windows=windows[end] - windows[low],
        )

    def _squares_of(self, figure: Figure) -> tuple[list[float], list[int]]:
        """Running sums of k²/n and of windows with n > 0, of windows that end at each minute, in steps of a window."""
        name = (figure.whole, figure.part)
        if name not in self._squares:
            whole, part = self._sums[figure.whole], self._sums[figure.part]
            squares, windows = [0.0] * len(whole), [0] * len(whole)
            for end in range(WINDOW_MIN, len(whole)):
                n, k = whole[end] - whole[end - WINDOW_MIN], part[end] - part[end - WINDOW_MIN]
                squares[end] = squares[end - WINDOW_MIN] + (k * k / n if n else 0.0)
                windows[end] = windows[end - WINDOW_MIN] + (1 if n else 0)
            self._squares[name] = squares, windows
        return self._squares[name]

    def evidence(self, rule: Rule, figure: Figure, now: int) -> Evidence:
        """What a look at the beginning of minute `now` would have seen."""
        seen = {window: self.tally(now - window, now).of(figure) for window in rule.windows}
        end = now - APART
        if rule.kind == "spike":
            past = self.past(figure, end - DAY, end) if end > 0 else Past()
            if not past.enough and end > 0:
                past = self.past(figure, end - WIDE, end)
            return Evidence(seen=seen, past=past)
        if rule.kind == "growth":
            return Evidence(seen=seen, before=self.tally(end - DAY, end).of(figure))
        if rule.kind == "drop":
            return Evidence(seen=seen, weeks=self._weeks(figure, rule.windows[0], now))
        if rule.kind == "silence":
            return Evidence(seen=seen, before=self._before_silence(figure, rule.windows[0], now))
        return Evidence(seen=seen)

    def _weeks(self, figure: Figure, window: int, now: int) -> tuple[float, ...]:
        ends = [now - week * WEEK for week in range(1, WEEKS + 1)]
        return tuple(self.tally(end - window, end).sums[figure.whole] for end in ends)

    def _before_silence(self, figure: Figure, window: int, now: int) -> Seen:
        """Reports a minute in the ten minutes before the window."""
        n = self.tally(now - window - REPORTS_FOR, now - window).sums[figure.whole]
        return Seen(n=int(n), figure=n / REPORTS_FOR, is_volume=True)


class ValueTrack:
    """Single values of a cohort by minute. Looks must go forward in time: windows are kept as they slide."""

    def __init__(self, start: datetime, minutes: Mapping[int, Histogram]) -> None:
        self.start = start
        self._minutes = minutes
        self._windows: dict[tuple[int, int], tuple[int, Counter[float]]] = {}

    def evidence(self, rule: Rule, figure: Figure, now: int) -> Evidence:
        """What a look at the beginning of minute `now` would have seen."""
        values = {window: self._slide(window, 0, now) for window in rule.windows}
        seen = {window: seen_values(figure, found) for window, found in values.items()}
        if rule.kind != "shift":
            return Evidence(seen=seen)
        before = self._slide(DAY, APART, now)
        told = seen_values(figure, before)
        return Evidence(seen=seen, before=told, values=values, before_values=before)

    def _slide(self, length: int, apart: int, now: int) -> Histogram:
        end = now - apart
        if (length, apart) not in self._windows:
            whole: Counter[float] = Counter()
            for minute in range(end - length, end):
                whole.update(self._minutes.get(minute, {}))
            self._windows[length, apart] = end, whole
        until, found = self._windows[length, apart]
        for minute in range(until, end):
            found.update(self._minutes.get(minute, {}))
            found.subtract(self._minutes.get(minute - length, {}))
        self._windows[length, apart] = end, found
        return {value: count for value, count in found.items() if count}


def replay(
    rule: Rule, figure: Figure, track: Track | ValueTrack, *, begin: int, end: int, tested: int = 1
) -> Iterator[Firing]:
    """The alerts that a rule would have raised in looks from minute `begin` to before `end`, as they close."""
    life, frozen = Life(), None
    opened: tuple[datetime, Verdict] | None = None
    for now in range(begin, end):
        verdict = judge(rule, track.evidence(rule, figure, now), tested=tested, frozen=frozen)
        life, change = after(
            life,
            verdict.look,
            fire_after=rule.fire_after,
            clear_after=rule.clear_after,
            longest=max(rule.windows),
        )
        at = track.start + timedelta(minutes=now)
        if change == "opened":
            opened, frozen = (at, verdict), verdict.reference
        elif change == "cleared" and opened is not None:
            yield Firing(opened_at=opened[0], cleared_at=at, opening=opened[1])
            opened, frozen = None, None
    if opened is not None:
        yield Firing(opened_at=opened[0], cleared_at=None, opening=opened[1])


__all__ = ["Firing", "Reference", "Track", "ValueTrack", "replay"]
