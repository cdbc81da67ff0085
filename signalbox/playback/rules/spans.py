"""Which parts of a span are read from sessions, and which from the minutes and hours that are added up already. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
EXACT_ROWS: Final = (
    20_000  # so many sessions are counted themselves: at once and without approximation
)
MOST_POINTS: Final = 2_000
INTERVALS: Final = {
    "1m": MINUTE,
    "5m": timedelta(minutes=5),
    "1h": HOUR,
    "1d": DAY,
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Source = Literal["sessions", "1m", "1h"]


class Part(NamedTuple):
    """From an instant to before another, read from one source."""

    source: Source
    begin: datetime
    end: datetime


def floor(at: datetime, step: timedelta) -> datetime:
    """The last whole step, counted in UTC, that is not after an instant."""
    return at - (at - EPOCH) % step


def ceiling(at: datetime, step: timedelta) -> datetime:
    """The first whole step that is not before an instant."""
    found = floor(at, step)
    return found if found == at else found + step


def parts(begin: datetime, end: datetime, *, hours: bool = True) -> list[Part]:
    """A span as whole hours (if they may be used), whole minutes beside them, and sessions at its two ends."""
    first, last = ceiling(begin, MINUTE), floor(end, MINUTE)
    if first >= last:
        return _some(Part("sessions", begin, end))
    middle = [Part("1m", first, last)]
    first_hour, last_hour = ceiling(first, HOUR), floor(last, HOUR)
    if hours and first_hour < last_hour:
        middle = [
            Part("1m", first, first_hour),
            Part("1h", first_hour, last_hour),
            Part("1m", last_hour, last),
        ]
    return _some(Part("sessions", begin, first), *middle, Part("sessions", last, end))


def points(begin: datetime, end: datetime, step: timedelta) -> int:
    """How many steps a span touches."""
    return -((floor(begin, step) - ceiling(end, step)) // step) if begin < end else 0


def oldest_partition(begin: datetime) -> datetime:
    """From where on partitions are looked at for sessions that ended at `begin` or later.

    A session lies in the month in which it was first heard of, at most a day before it ended; longer ones are found as far as
    their month is looked at.
    """
    return (begin - DAY).astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _some(*parts: Part) -> list[Part]:
    return [part for part in parts if part.begin < part.end]
