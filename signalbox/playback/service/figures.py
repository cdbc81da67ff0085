"""Figures of an app's sessions: counted from the sessions while they are few, from minutes and hours when they are many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from signalbox.core.db import Tx
from signalbox.core.sketches import counted_percentile
from signalbox.playback.queries import audience, figures
from signalbox.playback.queries.audience import Audience
from signalbox.playback.queries.figures import MOST_GROUPS, Counted, Value
from signalbox.playback.queries.selecting import ROLLED_UP, Selection
from signalbox.playback.rules import figures as rules
from signalbox.playback.rules.figures import METRICS, SHARES
from signalbox.playback.rules.rates import Figure
from signalbox.playback.rules.spans import EXACT_ROWS, HOUR, MINUTE, floor, parts

Source = Literal["auto", "sessions", "rollups"]
AUDIENCE: Final = ("concurrentViewers", "peakConcurrentViewers")
NAMES: Final = (*METRICS, *SHARES, *AUDIENCE)


@dataclass(frozen=True, slots=True)
class Made:
    """Figures of some sessions, and how many ended how."""

    figures: Mapping[str, Figure]
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Point:
    """A figure in a step of time."""

    starts: datetime
    figure: Figure


async def summary(
    tx: Tx, chosen: Selection, good: Mapping[str, float], *, source: Source
) -> tuple[Made, Source]:
    """Every figure of all sessions, and what it was counted from."""
    counted, used = await _counted(tx, chosen, good, by=None, source=source)
    made = _made(counted.get(None, Counted()))
    span = chosen.end - chosen.begin
    [everybody] = await audience.concurrency(tx, chosen, span, origin=chosen.begin)
    return Made({**made.figures, **_of_audience(everybody)}, made.outcomes), used


async def groups(
    tx: Tx, chosen: Selection, good: Mapping[str, float], *, by: str, source: Source
) -> list[tuple[str | None, Made]]:
    """Figures for each value of a property, those with the most attempts first; None: without one."""
    counted, _ = await _counted(tx, chosen, good, by=by, source=source)
    ordered = sorted(
        counted.items(),
        key=lambda item: (-item[1].sums.attempts, -item[1].sums.rows, str(item[0] or "")),
    )
    return [
        (value if isinstance(value, str) else None, _made(some))
        for value, some in ordered[:MOST_GROUPS]
    ]


async def series(
    tx: Tx,
    chosen: Selection,
    good: Mapping[str, float],
    *,
    metric: str,
    step: timedelta,
    source: Source,
) -> list[Point]:
    """One figure in each step of a span, the empty ones, too."""
    begin = floor(chosen.begin, step)
    starts = [begin + step * number for number in range(-((begin - chosen.end) // step))]
    if metric in AUDIENCE:
        steps = await audience.concurrency(tx, chosen, step)
        return [Point(at, _of_audience(one)[metric]) for at, one in zip(starts, steps, strict=True)]
    counted, _ = await _counted(tx, chosen, good, by=step, source=source)
    by_start = {at: some for at, some in counted.items() if isinstance(at, datetime)}
    return [Point(at, _made(by_start.get(at, Counted())).figures[metric]) for at in starts]


async def _counted(
    tx: Tx,
    chosen: Selection,
    good: Mapping[str, float],
    *,
    by: str | timedelta | None,
    source: Source,
) -> tuple[dict[Value, Counted], Source]:
    if await _from_sessions(tx, chosen, by, source):
        return await figures.exactly(tx, chosen, good, by=by), "sessions"
    found: dict[Value, Counted] = {}
    # Hours do not tell the minutes in them apart.
    hours = not isinstance(by, timedelta) or by >= HOUR
    for part in parts(chosen.begin, chosen.end, hours=hours):
        await figures.add_part(tx, chosen, good, part, by=by, into=found)
    return found, "rollups"


async def _from_sessions(
    tx: Tx, chosen: Selection, by: str | timedelta | None, source: Source
) -> bool:
    told_apart = not isinstance(by, str) or by in ROLLED_UP or by == "contentId"
    if source == "sessions" or not (chosen.is_rolled_up and told_apart):
        return True
    if source == "rollups" or chosen.end - chosen.begin < MINUTE:
        return source != "rollups"
    return await figures.rows_up_to(tx, chosen, EXACT_ROWS) <= EXACT_ROWS


def _made(counted: Counted) -> Made:
    n = counted.sums.startup_n
    if counted.exact is not None:
        percentiles = {
            name: Figure(value, n) for name, value in zip(SHARES, counted.exact, strict=True)
        }
    else:
        percentiles = {
            name: Figure(counted_percentile(counted.startups, share), n, approx=bool(n))
            for name, share in SHARES.items()
        }
    return Made({**rules.figures(counted.sums), **percentiles}, counted.sums.outcomes)


def _of_audience(step: Audience) -> dict[str, Figure]:
    shown = step.n > 0
    return {
        "concurrentViewers": Figure(step.average if shown else None, step.n),
        "peakConcurrentViewers": Figure(step.peak if shown else None, step.n),
    }
