"""Hours and days of figures, added up once they are over, so that charts of a month need not read its minutes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from signalbox.core.db import Database
from signalbox.core.sketches import Sketch, held, packed, unpacked
from signalbox.monitoring.queries import measured
from signalbox.monitoring.queries.measured import (
    ALL,
    DIMENSIONS,
    META,
    TIME,
    Row,
    Span,
    Subject,
)
from signalbox.monitoring.rules.measures import CONNECTION
from signalbox.monitoring.rules.overview import UNKNOWN
from signalbox.monitoring.store import minutes, rollups
from signalbox.monitoring.store.rollups import Rollup

log = structlog.get_logger(__name__)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SETTLED = timedelta(
    minutes=5
)  # most late reports have come by then; others make the hour due again
HOURS_AT_ONCE = 60
DAYS_AT_ONCE = 60
LOOKS_BACK = timedelta(days=400)
MOST_META_KEYS = 96  # of all sessions of an hour
KEYS_AT_ONCE = 24  # PostgreSQL tells at most 31 groupings apart
MOST_VALUES = 100  # of a property in an hour; the rest is added up
OTHER = "Other"
EVERY_FLOW = tuple(range(CONNECTION + 1))

Key = tuple[str, str, int]  # dimension, value, flow


async def roll_up(db: Database, *, at: datetime) -> int:
    """Make the rollups of hours that are over and have changed, and of days that are complete; answers how many hours."""
    async with db.read() as tx:
        before = at - HOUR - SETTLED
        due = await rollups.due_hours(tx.psycopg, before=before, most=HOURS_AT_ONCE)
    made = 0
    for app, hour in due:
        async with db.begin() as tx:
            if not await minutes.claim(tx.psycopg):
                break
            await rollups.forget_change(tx.psycopg, app, hour)
            subject, span = Subject(app_id=app, flows=EVERY_FLOW), Span(hour, hour + HOUR)
            keys = await measured.meta_keys(tx, subject, span, most=MOST_META_KEYS)
            rows = await measured.from_minutes(tx, subject, span, list(DIMENSIONS))
            for first in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[first : first + KEYS_AT_ONCE]
                more = await measured.from_minutes(tx, subject, span, some)
                rows += [row for row in more if row.dimension != ALL]
            await rollups.replace_hour(tx.psycopg, app, hour, rollups_of(rows))
        made += 1
    if made:
        log.info("figures.rolled_up", hours=made)
        await finish_days(db, at=at)
    return made


async def finish_days(db: Database, *, at: datetime) -> int:
    """Add up the hours of days that are over; answers how many."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    async with db.begin() as tx:
        if not await minutes.claim(tx.psycopg):
            return 0
        days = await rollups.unfinished_days(
            tx.psycopg, since=midnight - LOOKS_BACK, before=midnight, most=DAYS_AT_ONCE
        )
        for app, day in days:
            hours = await rollups.hours_of_day(tx.psycopg, app, day)
            await rollups.write_day(tx.psycopg, app, day, added_up(hours))
    return len(days)


def rollups_of(rows: Iterable[Row]) -> list[Rollup]:
    """Counted rows as rollups; rare values of a property are added up."""
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        by_key[row.dimension, row.value, row.flow].append(row)
    kept = _frequent(by_key)
    folded: dict[Key, list[Row]] = defaultdict(list)
    for (dimension, value, flow), some in by_key.items():
        shown = value if dimension == ALL or (dimension, value) in kept else OTHER
        folded[dimension, shown, flow] += some
    return [_rollup(key, some) for key, some in sorted(folded.items())]


def _frequent(by_key: dict[Key, list[Row]]) -> set[tuple[str, str]]:
    """The values of each property that were seen for the longest time."""
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (dimension, value, _), some in by_key.items():
        seconds[dimension][value] += sum(row.seconds for row in some if row.place == TIME)
    return {
        (dimension, value)
        for dimension, values in seconds.items()
        for value in sorted(values, key=lambda name: (-values[name], name))[:MOST_VALUES]
    }


def _rollup(key: Key, rows: Sequence[Row]) -> Rollup:
    sessions, sketches = 0, dict[int, Sketch]()
    for row in rows:
        sketch = sketches.setdefault(row.place, Sketch())
        if row.place == TIME:
            sessions += row.bucket
            sketch.add(Sketch(row.seconds, 1.0))
        else:
            sketch.add(Sketch(row.total, row.weight, *held({row.bucket: row.seconds})))
    return Rollup(
        *key, sessions, [packed(place, found) for place, found in sorted(sketches.items())]
    )


def _completed(hours: Iterable[tuple[datetime, Rollup]]) -> list[Rollup]:
    """Where no session of an hour had a key that those of another hour have, all of them are without it."""
    found = list(hours)
    by_hour: dict[datetime, list[Rollup]] = defaultdict(list)
    for at, rollup in found:
        by_hour[at].append(rollup)
    keys = {rollup.dimension for _, rollup in found if rollup.dimension.startswith(META)}
    made = [rollup for _, rollup in found]
    for some in by_hour.values():
        for key in keys - {rollup.dimension for rollup in some}:
            made += [
                rollup._replace(dimension=key, value=UNKNOWN)
                for rollup in some
                if rollup.dimension == ALL
            ]
    return made


def added_up(hours: Iterable[tuple[datetime, Rollup]]) -> list[Rollup]:
    """Rollups of the hours of a day as one of the day for each property, value and flow."""
    sums: dict[Key, tuple[int, dict[int, Sketch]]] = {}
    for hour in _completed(hours):
        key = (hour.dimension, hour.value, hour.flow)
        sessions, sketches = sums.get(key, (0, {}))
        for stored in hour.sketches:
            place, sketch = unpacked(stored)
            sketches.setdefault(place, Sketch()).add(sketch)
        sums[key] = (sessions + hour.sessions, sketches)
    return [
        Rollup(*key, sessions, [packed(place, found) for place, found in sorted(sketches.items())])
        for key, (sessions, sketches) in sorted(sums.items())
    ]
