"""What was: the minutes around an alert for a chart, and what a rule would have done over a stretch of stored data."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from signalbox.alerts.clients import FIGURES, source_of
from signalbox.alerts.errors import InvalidParameters
from signalbox.alerts.rules.definitions import TOP, Rule
from signalbox.alerts.rules.figures import (
    Cohort,
    Figure,
    Histogram,
    Question,
    Seen,
    Tally,
    seen_values,
)
from signalbox.alerts.rules.spikes import band
from signalbox.alerts.rules.tracks import APART, DAY, WEEK, Firing, Track, ValueTrack, replay
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx

MINUTE: Final = timedelta(minutes=1)
BEFORE: Final = timedelta(hours=1)  # that a chart shows before an alert
SHOWN: Final = timedelta(hours=24)  # of an alert at most
RANGE_MOST: Final = timedelta(days=31)
RANGE_MOST_OF_VALUES: Final = timedelta(days=2)
LOOKS_MOST: Final = 250_000  # some ten seconds
POINTS_MOST: Final = 480  # steps of the chart of a back-test
_POOL: Final = ThreadPoolExecutor(1, thread_name_prefix="backtest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A minute of a chart: what the window that ends with it shows, and between what it usually lies (None where that cannot be told)."""

    at: datetime
    seen: Seen
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What a rule would have done: alerts by cohort, the cohorts that were looked at, and how many of them were too many.

    `points` show the figure of the first cohort in the stretch: of the shortest window, or of what lies between two points where that is longer.
    """

    firings: Sequence[tuple[Cohort, Firing]]
    cohorts: Sequence[Cohort]
    left_out: int
    points: Sequence[Point] = ()


async def series(tx: Tx, actor: Actor, alert: Mapping[str, Any], *, at: datetime) -> list[Point]:
    """The figure of an alert minute by minute, from an hour before it until its end or now, for a day at most."""
    rule = msgspec.convert(alert["definition"], Rule)
    figure = FIGURES.get(rule.figure)
    if figure is None:
        return []
    window = min(rule.windows)
    begin = alert["started_at"] - BEFORE
    end = min(alert["cleared_at"] or at, alert["started_at"] + SHOWN) + MINUTE
    question = Question(
        app_id=alert["app_id"],
        figure=figure,
        begin=begin - window * MINUTE,
        end=end,
        cohorts=[Cohort(alert["dimension"], alert["value"])],
    )
    shown = await _windows(tx, actor, question, window)
    return [_point(moment, seen, alert) for moment, seen in shown]


async def _windows(
    tx: Tx, actor: Actor, question: Question, window: int, step: int = 1
) -> list[tuple[datetime, Seen]]:
    """What windows saw that end within a question's span: at every `step`th minute, from the first that has one whole before it."""
    figure, source = question.figure, source_of(question.figure)
    count = round((question.end - question.begin) / MINUTE)
    ends = range(window, count, step)
    moments = [question.begin + number * MINUTE for number in ends]
    if figure.kind == "values":
        found = await source.minute_values(tx, actor, question)
        return [(moment, seen_values(figure, _merged(found, moment, window))) for moment in moments]
    track = _track(figure, await source.minutes(tx, actor, question), question.begin, count)
    return [
        (moment, track.tally(number - window, number).of(figure))
        for number, moment in zip(ends, moments, strict=True)
    ]


def _merged(found: Mapping[datetime, Histogram], moment: datetime, window: int) -> Histogram:
    merged: Counter[float] = Counter()
    for back in range(1, window + 1):
        merged.update(found.get(moment - back * MINUTE, {}))
    return merged


def _point(moment: datetime, seen: Seen, alert: Mapping[str, Any]) -> Point:
    low = high = None
    if alert["certainty"] is not None:
        low, high = band(alert["baseline"], alert["certainty"], seen.n)
    return Point(at=moment, seen=seen, low=low, high=high)


async def backtest(
    db: Database,
    app_id: UUID,
    rule: Rule,
    *,
    begin: datetime,
    end: datetime,
    every_cohort: bool,
    by: Actor,
) -> Backtest:
    """Run a rule over stored data, look by look, in a thread beside the others; whose the app is was checked.

    With `every_cohort` also over the largest cohorts of the stretch, as many as there is time for. Raises InvalidParameters for a stretch that is empty or too long.
    """
    figure = FIGURES[rule.figure]
    begin, end = begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    most = RANGE_MOST_OF_VALUES if figure.kind == "values" else RANGE_MOST
    if not timedelta() < end - begin <= most:
        raise InvalidParameters(field="to", problem=f"lies up to {most.days} days after from")
    async with db.read() as tx:
        cohorts = [rule.parent]
        if every_cohort and rule.only is None:
            cohorts += await _largest(tx, by, app_id, rule, figure, begin, end)
        affordable = max(1, LOOKS_MOST // round((end - begin) / MINUTE))
        looked_at = cohorts[:affordable]
        firings: list[tuple[Cohort, Firing]] = []
        tested = max(1, len(cohorts) - 1)
        for cohort in looked_at:
            question = Question(
                app_id=app_id, figure=figure, begin=begin, end=end, cohorts=[cohort]
            )
            found = await _replayed(tx, by, rule, question, 1 if cohort == rule.parent else tested)
            firings += [(cohort, firing) for firing in found]
        shown = await _course(tx, by, app_id, rule, begin, end)
    return Backtest(
        firings=sorted(firings, key=lambda found: found[1].opened_at),
        cohorts=looked_at,
        left_out=len(cohorts) - len(looked_at),
        points=shown,
    )


async def _course(
    tx: Tx, by: Actor, app_id: UUID, rule: Rule, begin: datetime, end: datetime
) -> list[Point]:
    """A rule's figure over a stretch, in so few points that a chart can show them; the last window ends with the stretch."""
    minutes = round((end - begin) / MINUTE)
    step = -(-minutes // POINTS_MOST)
    window = max(step, min(rule.windows))
    question = Question(
        app_id=app_id,
        figure=FIGURES[rule.figure],
        begin=begin + (minutes % step - window) * MINUTE,
        end=end + MINUTE,
        cohorts=[rule.parent],
    )
    found = await _windows(tx, by, question, window, step)
    return [Point(at=moment, seen=seen, low=None, high=None) for moment, seen in found]


async def _largest(
    tx: Tx, by: Actor, app_id: UUID, rule: Rule, figure: Figure, begin: datetime, end: datetime
) -> list[Cohort]:
    window = round((end - begin) / MINUTE)
    question = Question(app_id=app_id, figure=figure, begin=begin, end=end)
    tallies = await source_of(figure).tallies(
        tx, by, question, windows=[window], dimensions=rule.dimensions, most=TOP
    )
    sizes = {cohort: max(tally.sums.values(), default=0) for (cohort, _), tally in tallies.items()}
    return sorted((c for c in sizes if c != rule.parent and rule.looks_at(c)), key=lambda c: (-sizes[c], c))  # fmt: skip


async def _replayed(tx: Tx, by: Actor, rule: Rule, question: Question, tested: int) -> list[Firing]:
    """The looks of one cohort."""
    source, figure = source_of(question.figure), question.figure
    start = question.begin - _memory(rule) * MINUTE
    earlier = Question(
        app_id=question.app_id,
        figure=figure,
        begin=start,
        end=question.end,
        cohorts=question.cohorts,
    )
    count = round((question.end - start) / MINUTE)
    track: Track | ValueTrack
    if figure.kind == "values":
        values = await source.minute_values(tx, by, earlier)
        track = ValueTrack(start, {_number(moment, start): one for moment, one in values.items()})
    else:
        track = _track(figure, await source.minutes(tx, by, earlier), start, count)
    looks = {"begin": _number(question.begin, start), "end": count}
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        _POOL, lambda: list(replay(rule, figure, track, tested=tested, **looks))
    )


def _memory(rule: Rule) -> int:
    """How many minutes before its first look a rule looks back to."""
    longest = max(rule.windows)
    if rule.kind == "drop":
        return 4 * WEEK + longest
    return longest + {"spike": 7 * DAY + APART, "growth": DAY + APART, "shift": DAY + APART}.get(rule.kind, DAY)  # fmt: skip


def _track(figure: Figure, minutes: Mapping[datetime, Tally], start: datetime, count: int) -> Track:
    names = [name for name in (figure.whole, figure.part, figure.volume) if name]
    columns = {name: [0.0] * count for name in names}
    for moment, tally in minutes.items():
        number = _number(moment, start)
        if 0 <= number < count:
            for name in names:
                columns[name][number] = tally.sums[name]
    return Track(start, columns)


def _number(moment: datetime, start: datetime) -> int:
    return round((moment - start) / MINUTE)
