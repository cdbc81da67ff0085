"""Figures of one conference: a line per flow and connection, and what they come to for each participant and the whole."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.core.db import Database, Tx
from signalbox.core.sketches import Spread
from signalbox.monitoring.errors import InvalidParameters
from signalbox.monitoring.queries import figures as stored
from signalbox.monitoring.queries import readings
from signalbox.monitoring.queries.figures import Part
from signalbox.monitoring.queries.readings import Owner, instant, micros
from signalbox.monitoring.rules.intervals import MOST_S, FlowInterval, Interval, intervals
from signalbox.monitoring.rules.measures import (
    CONNECTION,
    MINUTE_US,
    NAMES,
    Sum,
    minutes,
    sums_of_flow,
    sums_of_link,
)
from signalbox.monitoring.rules.readings import FLOWS

_MOST = timedelta(seconds=MOST_S)
MOST_POINTS = 100_000  # of one answer by reports: 60 MB of text
_PLACES = {"start_us", "end_us", "key", "kind", "direction", "track"}


@dataclass(slots=True)
class Line:
    """One flow of a connection, or the connection: points in time order."""

    owner: Owner
    flow: int
    key: str
    track: UUID | None = None
    points: list[dict[str, Any]] = field(default_factory=list)
    sums: list[tuple[float, Sequence[Sum | None]]] = field(default_factory=list)  # with seconds


class Level(NamedTuple):
    """Whose figures are summed up: of the conference, a participant or a connection."""

    participant: UUID | None
    connection: UUID | None
    flow: int


@dataclass(slots=True)
class Total:
    """Figures of a level, by the place of the measure."""

    seconds: float = 0.0
    spreads: dict[int, Spread] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConferenceFigures:
    """The answer: `step_us` None is one point for each interval."""

    part: Part
    step_us: int | None
    lines: list[Line]
    totals: dict[Level, Total]


async def conference_figures(
    db: Database, part: Part, *, step_us: int | None, emos_version: int
) -> ConferenceFigures:
    """Figures of a part of a conference; whole minutes from the store, all else from its reports.

    Raises:
        InvalidParameters: too many reports to be worked out for one answer, or too many points.
    """
    lines = await lines_of(db, part, step_us=step_us, emos_version=emos_version)
    return ConferenceFigures(part, step_us, lines, _totals(lines))


async def lines_of(
    db: Database, part: Part, *, step_us: int | None, emos_version: int
) -> list[Line]:
    """The same without what they come to."""
    async with db.read() as tx:
        if step_us is not None and step_us % MINUTE_US == 0:
            return _coarse(await stored.minutes_of(tx, part), step_us)
        if await stored.too_many_reports(tx, part):
            raise InvalidParameters(field="resolution", limit_reports=stored.MOST_REPORTS)
        groups = [group async for group in _groups(tx, part)]
        # Decoding thousands of reports takes seconds: others are served meanwhile.
        return await asyncio.to_thread(_fine, groups, part, step_us, emos_version)


Group = tuple[Owner, list[Mapping[str, Any]]]


async def _groups(tx: Tx, part: Part) -> Any:
    connections = () if part.connection is None else (part.connection,)
    found = readings.of_conference(
        tx, part.conference, begin=part.begin - _MOST, end=part.end + _MOST, connections=connections
    )
    async for owner, rows in found:
        if part.participant in (None, owner.participant):
            yield owner, rows


def _fine(
    groups: Iterable[Group], part: Part, step_us: int | None, emos_version: int
) -> list[Line]:
    begin_us, end_us = micros(part.begin), micros(part.end)
    lines: list[Line] = []
    points = 0
    for owner, rows in groups:
        found = intervals(map(readings.reading, rows), emos_version=emos_version)
        points += sum(_points(interval, step_us) for interval in found)
        if points > MOST_POINTS:
            raise InvalidParameters(field="resolution", limit_points=MOST_POINTS)
        if step_us is None:
            inside = [i for i in found if begin_us < i.end_us and i.start_us < end_us]
            lines += _by_interval(owner, inside)
        else:
            lines += _by_step(owner, found, begin_us, end_us, step_us)
    return [line for line in lines if _wanted(line, part)]


def _points(interval: Interval, step_us: int | None) -> int:
    """How many points an interval is shared out to, about."""
    steps = 1 if step_us is None else (interval.end_us - interval.start_us) // step_us + 1
    return steps * (len(interval.flows) + (interval.link is not None))


def _wanted(line: Line, part: Part) -> bool:
    in_flows = not part.flows or line.flow in part.flows
    return in_flows and part.track in (None, line.track)


def _by_interval(owner: Owner, found: Sequence[Interval]) -> list[Line]:
    lines: dict[tuple[int, str], Line] = {}
    for interval in found:
        if interval.link is not None:
            line = lines.setdefault((CONNECTION, ""), Line(owner, CONNECTION, ""))
            line.points.append(_point(interval, interval.link))
            line.sums.append((interval.link.seconds, sums_of_link(interval.link)))
        for flow in interval.flows:
            code = FLOWS.index((flow.kind, flow.direction))
            line = lines.setdefault((code, flow.key), Line(owner, code, flow.key))
            line.track = flow.track or line.track
            line.points.append(_point(interval, flow))
            line.sums.append((flow.seconds, sums_of_flow(flow)))
    return [lines[key] for key in sorted(lines)]


def _point(interval: Interval, figures: Any) -> dict[str, Any]:
    known = {
        name: getattr(figures, name)
        for name in _names(type(figures))
        if getattr(figures, name) is not None
    }
    return {"from": instant(interval.start_us), "to": instant(interval.end_us), **known}


def _names(kind: type[Any]) -> Iterator[str]:
    return (found.name for found in dataclasses.fields(kind) if found.name not in _PLACES)


def _by_step(
    owner: Owner, found: Sequence[Interval], begin_us: int, end_us: int, step_us: int
) -> list[Line]:
    first_us = begin_us // step_us * step_us
    made = minutes(found, begin_us=first_us, end_us=end_us, step_us=step_us)
    lines: dict[tuple[int, str], Line] = {}
    for part in made:
        line = lines.setdefault((part.flow, part.key), Line(owner, part.flow, part.key))
        line.track = part.track or line.track
        _add(line, instant(part.minute_us), step_us, part.seconds, part.sums)
    return [lines[key] for key in sorted(lines)]


def _add(
    line: Line, at: datetime, step_us: int, seconds: float, sums: Sequence[Sum | None]
) -> None:
    figures = {
        name: found[0] / found[1]
        for name, found in zip(NAMES[line.flow], sums, strict=True)
        if found is not None and found[1] > 0
    }
    end = at + timedelta(microseconds=step_us)
    line.points.append({"from": at, "to": end, "seconds": seconds, **figures})
    line.sums.append((seconds, sums))


def _coarse(rows: Iterable[stored.StoredMinute], step_us: int) -> list[Line]:
    """Lines of stored minutes, several of them added up where the step is longer."""
    lines = []
    for (owner, flow, key), part in groupby(rows, lambda row: (row.owner, row.flow, row.key)):
        line = Line(owner, flow, key)
        for at_us, some in groupby(part, lambda row: micros(row.minute) // step_us * step_us):
            seconds, sums = 0.0, list[Sum | None]([None] * len(NAMES[flow]))
            for row in some:
                line.track = row.track or line.track
                seconds += row.seconds
                sums = [_plus(*three) for three in zip(sums, row.totals, row.weights, strict=True)]
            _add(line, instant(at_us), step_us, seconds, sums)
        lines.append(line)
    return lines


def _plus(known: Sum | None, total: float | None, weight: float | None) -> Sum | None:
    if total is None or weight is None:
        return known
    return (total, weight) if known is None else (known[0] + total, known[1] + weight)


def _totals(lines: Iterable[Line]) -> dict[Level, Total]:
    totals: dict[Level, Total] = {}
    for line in lines:
        owner = line.owner
        levels = (
            Level(None, None, line.flow),
            Level(owner.participant, None, line.flow),
            Level(owner.participant, owner.connection, line.flow),
        )
        for level in levels:
            total = totals.setdefault(level, Total())
            for seconds, sums in line.sums:
                total.seconds += seconds
                for place, found in enumerate(sums):
                    if found is not None:
                        total.spreads.setdefault(place, Spread()).add(*found, seconds)
    return totals


def flow_names() -> tuple[str, ...]:
    """Everything that a point of a flow may tell."""
    measured = [name for names in NAMES[:CONNECTION] for name in names]
    return tuple(dict.fromkeys([*_names(FlowInterval), *measured]))
