"""Figures of one conference as columns, for charts: short to send and to read, without sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from signalbox.core.db import Database
from signalbox.monitoring.queries import figures as stored
from signalbox.monitoring.queries.figures import Part, StoredLine
from signalbox.monitoring.queries.readings import Owner, micros
from signalbox.monitoring.rules.measures import MINUTE_US, NAMES
from signalbox.monitoring.service.series import Line, lines_of

# Digits behind the point that a chart can show, by the unit in which a name ends; of all others six.
_DIGITS: Final = {"bps": 0, "ms": 3, "seconds": 3, "min": 3, "fps": 3, "emos": 4}
_PLACES: Final = ("from", "to")


@dataclass(frozen=True, slots=True)
class Columns:
    """A line: when its points begin and end, in ms since the Unix epoch, and of each figure a value or None for each point."""

    owner: Owner
    flow: int
    key: str
    track: UUID | None
    begins_ms: Sequence[int]
    ends_ms: Sequence[int]
    figures: dict[str, Sequence[Any]]


async def conference_columns(
    db: Database, part: Part, *, step_us: int | None, emos_version: int
) -> list[Columns]:
    """Lines of a part of a conference, as `conference_figures` has them.

    Raises:
        InvalidParameters: too many reports to be worked out for one answer, or too many points.
    """
    if step_us != MINUTE_US:
        lines = await lines_of(db, part, step_us=step_us, emos_version=emos_version)
        return [_of_points(line) for line in lines]
    async with db.read() as tx:
        return [_of_minutes(line) for line in await stored.lines_of(tx, part)]


def _of_minutes(line: StoredLine) -> Columns:
    sums = zip(NAMES[line.flow], zip(*line.totals, strict=True), zip(*line.weights, strict=True), strict=True)  # fmt: skip
    figures: dict[str, list[Any]] = {"seconds": [round(each, 3) for each in line.seconds]}
    for name, totals, weights in sums:
        figures[name] = _quotients(totals, weights, digits_of(name))
    return Columns(
        line.owner,
        line.flow,
        line.key,
        line.track,
        line.begins_ms,
        [at + MINUTE_US // 1000 for at in line.begins_ms],
        _told(figures),
    )


def _quotients(
    totals: Iterable[float | None], weights: Iterable[float | None], digits: int
) -> list[float | None]:
    return [
        round(total / weight, digits) if weight and weight > 0 and total is not None else None
        for total, weight in zip(totals, weights, strict=True)
    ]


def _of_points(line: Line) -> Columns:
    names = dict.fromkeys(name for point in line.points for name in point if name not in _PLACES)
    figures = {
        name: [_rounded(point.get(name), digits_of(name)) for point in line.points]
        for name in names
    }
    begins = [_ms(point["from"]) for point in line.points]
    ends = [_ms(point["to"]) for point in line.points]
    return Columns(line.owner, line.flow, line.key, line.track, begins, ends, _told(figures))


def _rounded(value: Any, digits: int) -> Any:
    return round(value, digits) if isinstance(value, float) else value


def _told(figures: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Figures that are known somewhere."""
    return {
        name: values
        for name, values in figures.items()
        if any(value is not None for value in values)
    }


def digits_of(name: str) -> int:
    """How many digits behind the point of a figure are told."""
    return _DIGITS.get(name.rpartition("_")[2], 6)


def _ms(at: datetime) -> int:
    return micros(at) // 1000
