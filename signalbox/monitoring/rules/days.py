"""A UTC day of an app as columns of bytes: made once it is over, then counted under any filters without looking at its rows. Pure.

There are four families of rows: conferences, sessions, connections and issues, each in the order of creation; and connections once more, the slowest to be set up
first (`slow`). A filter is on sessions, so every family has the properties of its session beside its own; a conference has several and stands behind them, see `columns.closing`. Of metadata only hashes are kept.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import blake2b
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.columns import (
    CHOSEN,
    NOTHING,
    Column,
    all_of,
    between,
    chosen,
    closing,
    column,
    count,
    instants,
    value_at,
    where,
    within,
)
from signalbox.monitoring.rules.overview import MAX_CONFERENCE_IDS, UNKNOWN, Figures

VERSION: Final = 3  # of the stored form; another one makes stored columns void
TRAITS: Final = ("app_version", "browser", "os", "country", "webrtc_sdk")
META: Final = "meta."
AT: Final = "at"
# By family what is counted.
COUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    "conferences": ("status", "duration", "people"),
    "issues": ("code", "media", "message", AT),
    "connections": ("relayed", "setup"),
    "sessions": ("browser", "os", "country", "place"),
}
SLOW: Final = "slow"
SLOW_COLUMNS: Final = ("setup", "setup_ms", "conference")
MOST_KEYS: Final = 96  # of metadata, of the sessions of a day: the most frequent
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)

Filters = Sequence[tuple[str, str]]  # names of traits, or `meta.` and a key; values
Columns = dict[
    str, Column | bytes
]  # by name without the family; bytes are eight or sixteen for each row


class Stay(NamedTuple):
    """Properties of a session that filters go by."""

    traits: tuple[str | None, ...]
    meta: Mapping[str, str]


class ConferenceFact(NamedTuple):
    """A conference, and its sessions that count."""

    created_at: datetime
    status: str
    duration: int  # bucket
    people: int
    stays: Sequence[UUID]


class SessionFact(NamedTuple):
    """A session; `place` None when nothing is known of it."""

    created_at: datetime
    id: UUID
    place: tuple[str | None, float | None, float | None] | None


class ConnectionFact(NamedTuple):
    """A connection; `setup` is the bucket of `setup_ms`, None together."""

    created_at: datetime
    session: UUID
    conference: UUID
    relayed: bool | None
    setup: int | None
    setup_ms: float | None


class IssueFact(NamedTuple):
    """An issue; `media` names why media was refused, None for all other issues."""

    created_at: datetime
    session: UUID | None
    code: str
    media: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All rows of a day, each family by time of creation; of sessions that do not count there is no stay."""

    conferences: Sequence[ConferenceFact]
    sessions: Sequence[SessionFact]
    connections: Sequence[ConnectionFact]
    issues: Sequence[IssueFact]
    stays: Mapping[UUID, Stay]


class Day(NamedTuple):
    """A day as columns by family; keys of metadata that have some, and whether these are all; how many conferences there were."""

    keys: Sequence[str]
    is_complete: bool
    families: Mapping[str, Columns]
    conferences: int


def hashed(value: str) -> bytes:
    """What stands for a value of metadata."""
    return blake2b(value.encode(), digest_size=12).digest()


def micros(at: datetime) -> int:
    """Microseconds since the Unix epoch."""
    return (at - _EPOCH) // _US


def day_of(facts: Facts) -> Day:
    """The columns of a day."""
    slow = _slowest_first(facts.connections)
    keys = Counter(key for stay in facts.stays.values() for key in stay.meta)
    kept = sorted(sorted(keys), key=lambda key: -keys[key])[:MOST_KEYS]
    families = {
        "conferences": _conferences(facts.conferences),
        "sessions": _sessions(facts.sessions),
        "connections": _connections(facts.connections),
        "issues": _issues(facts.issues),
        SLOW: _slow(slow),
    }
    own: Mapping[str, Sequence[UUID | None]] = {
        "conferences": [s for fact in facts.conferences for s in (*fact.stays, None)],
        "sessions": [fact.id for fact in facts.sessions],
        "connections": [fact.session for fact in facts.connections],
        "issues": [fact.session for fact in facts.issues],
        SLOW: [fact.session for fact in slow],
    }
    for family, ids in own.items():
        stays = [None if key is None else facts.stays.get(key) for key in ids]
        for name, of in _properties(kept):
            families[family][name] = column(NOTHING if stay is None else of(stay) for stay in stays)
    return Day(kept, len(kept) == len(keys), families, len(facts.conferences))


def _properties(keys: Iterable[str]) -> list[tuple[str, Callable[[Stay], Hashable]]]:
    def trait(place: int, stay: Stay) -> Hashable:
        return stay.traits[place]

    def meta(key: str, stay: Stay) -> Hashable:
        value = stay.meta.get(key)
        return None if value is None else hashed(value)

    found: list[tuple[str, Callable[[Stay], Hashable]]] = [
        (name, partial(trait, place)) for place, name in enumerate(TRAITS)
    ]
    return found + [(META + key, partial(meta, key)) for key in keys]


def _times(rows: Iterable[datetime]) -> bytes:
    return array("q", map(micros, rows)).tobytes()


def _some(given: Iterable[Hashable]) -> Column:
    return column(NOTHING if value is None else value for value in given)


def _conferences(facts: Sequence[ConferenceFact]) -> Columns:
    def behind(of: Callable[[ConferenceFact], Hashable]) -> Column:
        return column(v for fact in facts for v in (*([NOTHING] * len(fact.stays)), of(fact)))

    return {
        AT: _times(fact.created_at for fact in facts for _ in (*fact.stays, None)),
        "status": behind(lambda fact: fact.status),
        "duration": behind(lambda fact: fact.duration),
        "people": behind(lambda fact: fact.people),
    }


def _sessions(facts: Sequence[SessionFact]) -> Columns:
    return {AT: _times(f.created_at for f in facts), "place": _some(f.place for f in facts)}


def _connections(facts: Sequence[ConnectionFact]) -> Columns:
    return {
        AT: _times(fact.created_at for fact in facts),
        "relayed": _some(fact.relayed for fact in facts),
        "setup": _some(fact.setup for fact in facts),
    }


def _slowest_first(facts: Iterable[ConnectionFact]) -> list[ConnectionFact]:
    return sorted(
        (fact for fact in facts if fact.setup_ms is not None),
        key=lambda fact: fact.setup_ms or 0.0,
        reverse=True,
    )


def _slow(facts: Sequence[ConnectionFact]) -> Columns:
    return {
        AT: _times(fact.created_at for fact in facts),
        "setup": _some(fact.setup for fact in facts),
        "setup_ms": array("d", (fact.setup_ms or 0.0 for fact in facts)).tobytes(),
        "conference": b"".join(fact.conference.bytes for fact in facts),
    }


def _issues(facts: Sequence[IssueFact]) -> Columns:
    return {
        AT: _times(fact.created_at for fact in facts),
        "code": column(fact.code for fact in facts),
        "media": _some(fact.media for fact in facts),
        "message": _some(fact.message for fact in facts),
    }


class Part(NamedTuple):
    """From an instant of a day on and before another; None is open."""

    begin: datetime | None
    end: datetime | None


def names_of(counted: Iterable[str], filters: Filters, *, is_cut: bool) -> set[str]:
    """Columns that are needed; of a day that is cut by bounds also the times."""
    # Who is without a key of metadata is told by a trait that everybody has.
    return {*counted, *(name for name, _ in filters), TRAITS[0], *([AT] if is_cut else [])}


def choice(columns: Columns, filters: Filters, part: Part, *, in_order: bool = True) -> int:
    """The rows whose session meets all filters, of a conference its sessions and not yet itself; without filters all rows.

    `in_order` says that rows stand in the order of their times.
    """
    if TRAITS[0] not in columns:  # the family has no rows
        return 0
    everybody = _column(columns, TRAITS[0])
    found = where(everybody, lambda _: True) if filters else all_of(everybody)
    for name, value in filters:
        rows = columns.get(name)
        wanted = partial(_meets, value, name.startswith(META))
        if isinstance(rows, Column):
            found &= where(rows, wanted)
        elif not wanted(None):
            return 0
    if part.begin is not None or part.end is not None:
        times = instants(_bytes(columns, AT))
        bounds = (None if at is None else micros(at) for at in part)
        found &= (between if in_order else within)(times, *bounds)
    return found


def _meets(wanted: str, is_hashed: bool, value: Hashable) -> bool:
    unknown: tuple[Hashable, ...] = ("", UNKNOWN)
    if is_hashed:
        unknown, own = tuple(hashed(str(text)) for text in unknown), hashed(wanted)
        return value in (None, *unknown) if wanted == UNKNOWN else value == own
    return value in (None, *unknown) if wanted == UNKNOWN else value == wanted


def _column(columns: Columns, name: str) -> Column:
    found = columns[name]
    assert isinstance(found, Column)
    return found


def _bytes(columns: Columns, name: str) -> bytes:
    found = columns[name]
    assert isinstance(found, bytes)
    return found


def tally(family: str, day: date, columns: Columns, filters: Filters, part: Part) -> Figures:
    """The figures of a family of a day under filters."""
    figures = Figures()
    rows = choice(columns, filters, part)
    if rows and family == "conferences":
        if filters:
            rows = closing(_column(columns, "status"), rows)
        colours = count(_column(columns, "status"), rows)
        figures.statuses = Counter({(day, colour): n for colour, n in colours.items()})
    if rows:
        _TALLIES[family](figures, columns, rows)
    return figures


def _tally_conferences(figures: Figures, columns: Columns, rows: int) -> None:
    figures.durations = count(_column(columns, "duration"), rows)
    figures.participants = count(_column(columns, "people"), rows)


def _tally_sessions(figures: Figures, columns: Columns, rows: int) -> None:
    for counter, name in (
        (figures.browsers, "browser"),
        (figures.systems, "os"),
        (figures.countries, "country"),
    ):
        for value, n in count(_column(columns, name), rows).items():
            counter[UNKNOWN if value is None else value] += n
    for (city, north, east), n in count(_column(columns, "place"), rows).items():
        figures.cities[city or UNKNOWN, north, east] += n


def _tally_connections(figures: Figures, columns: Columns, rows: int) -> None:
    figures.relayed = count(_column(columns, "relayed"), rows)
    figures.setups = count(_column(columns, "setup"), rows)


def _tally_issues(figures: Figures, columns: Columns, rows: int) -> None:
    figures.issues = count(_column(columns, "code"), rows)
    media, messages = _column(columns, "media"), _column(columns, "message")
    figures.media_errors = count(media, rows)
    times = instants(_bytes(columns, AT))
    for name in figures.media_errors:
        only = chosen(where(media, partial(_is, name)) & rows, media.rows)
        first = only.index(CHOSEN)
        at = _EPOCH + timedelta(microseconds=times[first])
        figures.tell(name, (at.strftime("%Y-%m-%dT%H:%M:%S.%f"), value_at(messages, first)))


def _is(wanted: Hashable, value: Hashable) -> bool:
    return value == wanted


_TALLIES: Final[Mapping[str, Callable[[Figures, Columns, int], None]]] = {
    "conferences": _tally_conferences,
    "sessions": _tally_sessions,
    "connections": _tally_connections,
    "issues": _tally_issues,
}
Slowest = tuple[float, bytes]  # time of set-up, and the sixteen bytes of the conference's id
Slow = Mapping[int, Iterable[Slowest]]  # by bucket, the slowest first


def slowest(columns: Columns, filters: Filters, part: Part) -> Slow:
    """The connections of a day by bucket of set-up time, looked for only as far as they are asked for."""
    rows = choice(columns, filters, part, in_order=False)
    if not rows:
        return {}
    setups = _column(columns, "setup")
    times, ids = array("d", _bytes(columns, "setup_ms")), _bytes(columns, "conference")
    return {
        bucket: _following(
            chosen(rows & where(setups, partial(_is, bucket)), setups.rows), times, ids
        )
        for bucket in setups.values
    }


def _following(rows: bytes, times: Sequence[float], ids: bytes) -> Iterator[Slowest]:
    row = rows.find(CHOSEN)
    while row >= 0:
        yield times[row], ids[16 * row : 16 * row + 16]
        row = rows.find(CHOSEN, row + 1)


def slowest_of(parts: Sequence[Slow]) -> dict[int, list[Slowest]]:
    """The slowest of several stretches of time, as many as are shown."""
    buckets = {bucket for part in parts for bucket in part}
    found: dict[int, list[Slowest]] = {}
    for bucket in buckets:
        lists = [part[bucket] for part in parts if bucket in part]
        merged = merge(*lists, key=itemgetter(0), reverse=True)
        found[bucket] = list(islice(merged, MAX_CONFERENCE_IDS))
    return found
