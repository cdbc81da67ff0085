"""The figures behind the charts of an app: counted per part, added up, and put into the form of the answers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

UNKNOWN = "Unknown"
VERSION = 1  # of the stored form of a day; a change of what is counted needs the next one
MAX_CONFERENCE_IDS = 200  # of each bucket of set-up times: as many as fit into an address

DURATION_EDGES_S = (0, 60, 180, 300, 600, 900, 1200, 1500, 1800, 2400, 3000, 3600)
SETUP_EDGES_MS = (0, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000)

City = tuple[str, float | None, float | None]


@dataclass(slots=True)
class Figures:
    """What was counted; everything adds up over disjoint stretches of time. Buckets count from 0."""

    statuses: Counter[tuple[date, str]] = field(default_factory=Counter)  # UTC day, colour
    durations: Counter[int] = field(default_factory=Counter)
    participants: Counter[int] = field(default_factory=Counter)
    issues: Counter[str] = field(default_factory=Counter)
    media_errors: Counter[str] = field(default_factory=Counter)
    # Of each media error its first message, with the instant at which it was seen.
    messages: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    relayed: Counter[bool] = field(default_factory=Counter)
    setups: Counter[int] = field(default_factory=Counter)
    browsers: Counter[str] = field(default_factory=Counter)
    systems: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    cities: Counter[City] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        """Take in the figures of another stretch of time."""
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for name, message in other.messages.items():
            self.tell(name, message)

    def tell(self, name: str, message: tuple[str, str | None]) -> None:
        """Keep the message of a media error if it is the first."""
        known = self.messages.get(name)
        if known is None or message[0] < known[0]:
            self.messages[name] = message

    def stored(self) -> dict[str, Any]:
        """As JSON can hold it; only of one day."""
        lists = {
            name: [[*_parts(key), count] for key, count in getattr(self, name).items()]
            for name in _COUNTERS
        }
        return {**lists, "messages": [[name, *told] for name, told in self.messages.items()]}


_COUNTERS = (
    "statuses",
    "durations",
    "participants",
    "issues",
    "media_errors",
    "relayed",
    "setups",
    "browsers",
    "systems",
    "countries",
    "cities",
)


def _parts(key: Any) -> Sequence[Any]:
    if not isinstance(key, tuple):
        return (key,)
    return [part.isoformat() if isinstance(part, date) else part for part in key]


def restored(day: Mapping[str, Any]) -> Figures:
    """The opposite of `stored`."""
    figures = Figures()
    for name in _COUNTERS:
        counter = getattr(figures, name)
        for *key, count in day[name]:
            counter[tuple(key) if len(key) > 1 else key[0]] = count
    figures.statuses = Counter(
        {(date.fromisoformat(on), colour): n for on, colour, n in day["statuses"]}
    )
    figures.messages = {name: (at, message) for name, at, message in day["messages"]}
    return figures


@dataclass(frozen=True, slots=True)
class Stretch:
    """From an instant on and before another; None is open."""

    begin: datetime | None
    end: datetime | None


def midnight(day: date) -> datetime:
    """The beginning of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def split(begin: datetime, end: datetime | None, settled: date) -> tuple[list[date], list[Stretch]]:
    """The whole UTC days before `settled` between two instants, and what remains before and behind them."""
    first = begin.astimezone(UTC).date()
    if midnight(first) < begin:
        first += timedelta(days=1)
    last = settled if end is None else min(settled, end.astimezone(UTC).date())
    if first >= last:
        return [], [Stretch(begin, end)]
    days = [first + timedelta(days=number) for number in range((last - first).days)]
    rest = [Stretch(begin, midnight(first)), Stretch(midnight(last), end)]
    return days, [part for part in rest if part.begin != part.end]


def by_day(figures: Figures) -> list[dict[str, Any]]:
    """Conferences by UTC day and colour, ascending."""
    days: dict[date, Counter[str]] = {}
    for (day, colour), count in figures.statuses.items():
        days.setdefault(day, Counter())[colour] += count
    colours = ("success", "warning", "error", "ongoing")
    return [
        {
            "date": day.isoformat(),
            **{colour: days[day][colour] for colour in colours},
            "total": days[day].total(),
        }
        for day in sorted(days)
    ]


def by_duration(figures: Figures) -> list[dict[str, Any]]:
    """Conferences by their length, every bucket."""
    return [
        {
            "range": _label(low, high, 60, "m"),
            "min_sec": low,
            "max_sec": high,
            "count": figures.durations[number],
        }
        for number, (low, high) in enumerate(_spans(DURATION_EDGES_S))
    ]


def by_participants(figures: Figures) -> list[dict[str, int]]:
    """Conferences by their number of participants, ascending."""
    return [
        {"participants": number, "conferences": figures.participants[number]}
        for number in sorted(figures.participants)
    ]


def by_setup(figures: Figures, ids: Mapping[int, Sequence[Any]]) -> list[dict[str, Any]]:
    """Connections by the time that their first negotiation took, every bucket, with conferences to look at."""
    return [
        {
            "range": _label(low, high, 1, "ms"),
            "min_ms": low,
            "max_ms": high,
            "count": figures.setups[number],
            "conference_ids": ids.get(number, ()),
        }
        for number, (low, high) in enumerate(_spans(SETUP_EDGES_MS))
    ]


def most_first(counter: Mapping[Any, int]) -> list[tuple[Any, int]]:
    """Entries, the most frequent first, equal ones by name."""
    return sorted(counter.items(), key=lambda entry: (-entry[1], _sortable(entry[0])))


def _sortable(key: Any) -> Sequence[tuple[bool, Any]]:
    return [(part is None, part) for part in (key if isinstance(key, tuple) else (key,))]


def _spans(edges: Sequence[int]) -> Iterable[tuple[int, int | None]]:
    return zip(edges, [*edges[1:], None], strict=True)


def _label(low: int, high: int | None, unit: int, name: str) -> str:
    if high is None:
        return f"> {low // unit} {name}"
    if low == 0:
        return f"< {high // unit} {name}"
    return f"{low // unit} - {high // unit} {name}"
