"""Figures of an app: rollups where they hold, minutes for the rest, all of it remembered for a minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from signalbox.core.clock import Clock
from signalbox.core.db import Database, Tx
from signalbox.core.sketches import Sketch, held, unpacked
from signalbox.monitoring.cache import Remembered
from signalbox.monitoring.queries import measured
from signalbox.monitoring.queries.measured import ALL, TIME, Row, Span, Stored, Subject
from signalbox.monitoring.rules.comparison import Comparison, compare
from signalbox.monitoring.rules.measures import NAMES
from signalbox.monitoring.rules.overview import UNKNOWN

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REMEMBERED_S, MOST_REMEMBERED = 60.0, 200
MOST_GROUPS = 50
OTHER = "Other"
Series = Literal["none", "hour", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of an app: figures by their names, grouped by a property (ALL is not at all), over time."""

    subject: Subject
    span: Span
    names: frozenset[str]
    group_by: str = ALL
    series: Series = "none"


@dataclass(slots=True)
class FlowFigures:
    """Figures of a flow, by the place of the measure."""

    sessions: int = 0
    seconds: float = 0.0
    sketches: dict[int, Sketch] = field(default_factory=dict)

    def add(self, other: FlowFigures) -> None:
        """Take in the figures of other sessions, or of another time."""
        self.sessions += other.sessions
        self.seconds += other.seconds
        for place, sketch in other.sketches.items():
            self.sketches.setdefault(place, Sketch()).add(sketch)


Flows = dict[int, FlowFigures]


@dataclass(slots=True)
class Group:
    """Figures of the sessions with a value of a property, in all and by hour or day."""

    flows: Flows = field(default_factory=dict)
    series: dict[datetime, Flows] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long all its flows were looked at."""
        return sum(flow.seconds for flow in self.flows.values())


Groups = dict[str, Group]


class Figures:
    """Figures of apps, remembered in this process. Who asks must have been allowed to see the app before."""

    def __init__(self) -> None:
        self._remembered: Remembered[Any] = Remembered(REMEMBERED_S, MOST_REMEMBERED)

    async def groups(self, db: Database, clock: Clock, asked: Asked) -> Groups:
        """Figures by the value of the property; '' when they are not grouped."""
        found: Groups = await self._remembered.get(
            asked, lambda: groups_of(db, asked), at=clock.now()
        )
        return found

    async def compare(
        self, db: Database, clock: Clock, a: Asked, b: Asked
    ) -> dict[tuple[int, int], Comparison]:
        """Each figure, by flow and place, of two sides that ask for the same figures."""
        found: dict[tuple[int, int], Comparison] = await self._remembered.get(
            (a, b), lambda: comparisons(db, a, b), at=clock.now()
        )
        return found


def places_of(flow: int, names: frozenset[str]) -> list[int]:
    """Places of the measures of a flow that are asked for; all without names."""
    return [place for place, name in enumerate(NAMES[flow]) if not names or name in names]


async def comparisons(db: Database, a: Asked, b: Asked) -> dict[tuple[int, int], Comparison]:
    """Worked out now, from the minutes of all conferences of both sides."""
    found: dict[tuple[int, int], Comparison] = {}
    async with db.read() as tx:
        for flow in a.subject.flows:
            places = places_of(flow, a.names)
            if not places:
                continue
            sides = [await _by_conference(tx, side, flow, places) for side in (a, b)]
            for place, left, right in zip(places, *sides, strict=True):
                found[flow, place] = compare(NAMES[flow][place], left, right)
    return found


async def _by_conference(
    tx: Tx, asked: Asked, flow: int, places: Sequence[int]
) -> list[list[float]]:
    subject = Subject(app_id=asked.subject.app_id, flows=(flow,), traits=asked.subject.traits)
    return await measured.by_conference(tx, subject, asked.span, places)


async def groups_of(db: Database, asked: Asked) -> Groups:
    """Worked out now."""
    groups: Groups = defaultdict(Group)
    async with db.read() as tx:
        dimension, value = _dimension(asked)
        if dimension is None:
            unit = "hour" if asked.series == "hour" else "day"
            await _count(tx, asked, [asked.span], groups, unit=unit)
        else:
            await _add_up(tx, asked, dimension, value, groups)
    return _folded(groups)


def _dimension(asked: Asked) -> tuple[str | None, str | None]:
    """By which property rollups can answer, and of which of its values; None when only minutes can."""
    traits = asked.subject.traits
    if not traits:
        return asked.group_by, None
    if len(traits) == 1 and asked.group_by in (ALL, traits[0][0]):
        return traits[0]
    return None, None


async def _add_up(tx: Tx, asked: Asked, dimension: str, value: str | None, groups: Groups) -> None:
    whole = Span(_ceil(asked.span.begin, HOUR), _floor(asked.span.end, HOUR))
    if whole.begin >= whole.end:
        await _count(tx, asked, [asked.span], groups)
        return
    changed = await measured.changed_hours(tx, asked.subject.app_id, whole)
    days = set[datetime]()
    if asked.series != "hour":
        inside = Span(_ceil(whole.begin, DAY), _floor(whole.end, DAY))
        days = await measured.finished_days(tx, asked.subject.app_id, inside)
        days -= {_floor(hour, DAY) for hour in changed}
    hours = {
        hour for hour in _every(whole) if hour not in changed and _floor(hour, DAY) not in days
    }
    for kind, starts in (("d", days), ("h", hours)):
        for row in await _stored(tx, asked, dimension, kind, starts, value):
            _take_stored(groups, asked, row)
    edges = [Span(asked.span.begin, whole.begin), Span(whole.end, asked.span.end)]
    await _count(tx, asked, [*edges, *_runs(changed)], groups)


async def _stored(
    tx: Tx, asked: Asked, dimension: str, kind: str, starts: set[datetime], value: str | None
) -> list[Stored]:
    """Rollups by a property. Where no session had a key, nothing is stored by it: then all of them are without it."""
    is_key = dimension.startswith(measured.META)
    wanted = None if is_key else value
    rows = await measured.stored(
        tx, asked.subject, dimension, kind=kind, starts=starts, value=wanted
    )
    if is_key and value in (None, UNKNOWN):
        bare = starts - {row.starts for row in rows}
        others = await measured.stored(tx, asked.subject, ALL, kind=kind, starts=bare)
        rows += [row._replace(value=UNKNOWN) for row in others]
    return [row for row in rows if value in (None, row.value)]


def _take_stored(groups: Groups, asked: Asked, row: Stored) -> None:
    found = FlowFigures(sessions=row.sessions)
    wanted = set(places_of(row.flow, asked.names))
    for packed in row.sketches:
        if packed[0] == TIME:
            found.seconds = packed[1]
        elif packed[0] in wanted:
            place, sketch = unpacked(packed)
            found.sketches[place] = sketch
    _take(groups[_name(asked, row.value)], asked, row.starts, row.flow, found)


def _name(asked: Asked, value: str) -> str:
    """The group of a value; all are one when nothing is grouped."""
    return value if asked.group_by != ALL else ALL


def _take(group: Group, asked: Asked, at: datetime, flow: int, found: FlowFigures) -> None:
    group.flows.setdefault(flow, FlowFigures()).add(found)
    if asked.series != "none":
        start = _floor(at, HOUR if asked.series == "hour" else DAY)
        flows = group.series.setdefault(start, {})
        known = flows.setdefault(flow, found)
        if known is not found:
            known.add(found)


async def _count(
    tx: Tx, asked: Asked, spans: Iterable[Span], groups: Groups, *, unit: str = "hour"
) -> None:
    dimensions = [] if asked.group_by == ALL else [asked.group_by]
    for span in spans:
        if span.begin < span.end:
            rows = await measured.from_minutes(tx, asked.subject, span, dimensions, unit=unit)
            for (value, hour, flow), found in _counted(rows, asked).items():
                _take(groups[value], asked, hour, flow, found)


Counted = dict[tuple[str, datetime, int], FlowFigures]


def _counted(rows: Iterable[Row], asked: Asked) -> Counted:
    """Rows of single buckets put together by value, hour and flow."""
    wanted = {flow: set(places_of(flow, asked.names)) for flow in asked.subject.flows}
    found: Counted = {}
    buckets: dict[tuple[str, datetime, int, int], tuple[Sketch, dict[int, float]]] = {}
    for row in rows:
        if row.dimension != asked.group_by:
            continue
        if row.place == TIME:
            figures = found.setdefault((row.value, row.hour, row.flow), FlowFigures())
            figures.sessions, figures.seconds = row.bucket, row.seconds
        elif row.place in wanted[row.flow]:
            key = (row.value, row.hour, row.flow, row.place)
            sketch, seconds = buckets.setdefault(key, (Sketch(), {}))
            sketch.total += row.total
            sketch.weight += row.weight
            seconds[row.bucket] = row.seconds
    for (value, hour, flow, place), (sketch, seconds) in buckets.items():
        sketch.first, sketch.buckets = held(seconds)
        found.setdefault((value, hour, flow), FlowFigures()).sketches[place] = sketch
    return found


def _folded(groups: Groups) -> Groups:
    """The groups that were looked at for the longest time first; the rest added up."""
    names = sorted(groups, key=lambda name: (name == OTHER, -groups[name].seconds, name))
    kept = {name: groups[name] for name in names[:MOST_GROUPS]}
    for name in names[MOST_GROUPS:]:
        other = kept.setdefault(OTHER, Group())
        for flow, found in groups[name].flows.items():
            other.flows.setdefault(flow, FlowFigures()).add(found)
        for at, flows in groups[name].series.items():
            for flow, found in flows.items():
                other.series.setdefault(at, {}).setdefault(flow, FlowFigures()).add(found)
    return kept


def _floor(at: datetime, step: timedelta) -> datetime:
    hour = 0 if step == DAY else at.hour
    return at.replace(hour=hour, minute=0, second=0, microsecond=0)


def _ceil(at: datetime, step: timedelta) -> datetime:
    start = _floor(at, step)
    return start if start == at else start + step


def _every(span: Span) -> Iterator[datetime]:
    at = span.begin
    while at < span.end:
        yield at
        at += HOUR


def _runs(hours: Iterable[datetime]) -> list[Span]:
    """Hours in a row as one span each."""
    runs: list[Span] = []
    for hour in sorted(hours):
        if runs and runs[-1].end == hour:
            runs[-1] = Span(runs[-1].begin, hour + HOUR)
        else:
            runs.append(Span(hour, hour + HOUR))
    return runs
