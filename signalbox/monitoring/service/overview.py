"""The figures behind the charts of an app: whole days that are over from the store, the rest counted now, all of it remembered for a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast
from uuid import UUID

from signalbox.core.clock import Clock
from signalbox.core.db import Database, Tx
from signalbox.monitoring.cache import Remembered
from signalbox.monitoring.queries import overview as counted
from signalbox.monitoring.queries.overview import Chosen
from signalbox.monitoring.rules.days import (
    COUNTED,
    SLOW,
    SLOW_COLUMNS,
    Slowest,
    slowest,
    slowest_of,
    tally,
)
from signalbox.monitoring.rules.overview import (
    VERSION,
    Figures,
    Stretch,
    midnight,
    restored,
    split,
)
from signalbox.monitoring.service import columns
from signalbox.monitoring.store.overview import claim_days, keep_days

REMEMBERED_S = 60.0
MOST_REMEMBERED = 500
MOST_DAYS_AT_ONCE = 31

T = TypeVar("T")


class Overviews:
    """Figures of apps, remembered in this process by app, filters and bounds cut to the minute.

    Who asks must have been allowed to see the app before: nothing else of the asker decides what there is to see.
    """

    def __init__(self) -> None:
        self._remembered: Remembered[Any] = Remembered(REMEMBERED_S, MOST_REMEMBERED)

    async def figures(
        self, db: Database, clock: Clock, chosen: Chosen, stretch: Stretch, family: str
    ) -> Figures:
        """At least the figures of the family: conferences, issues, connections or sessions.

        Without filters those of all families, made once for all charts that are asked for at the same time.
        """
        if chosen.all:
            return await self._once(
                clock, chosen, stretch, "all", lambda: whole_overview(db, chosen, stretch)
            )
        return await self._once(
            clock, chosen, stretch, family, lambda: part_of_overview(db, chosen, stretch, family)
        )

    async def slow_conferences(
        self, db: Database, clock: Clock, chosen: Chosen, stretch: Stretch
    ) -> Mapping[int, Sequence[UUID]]:
        """By bucket of set-up time the conferences to look at."""

        async def ask() -> Mapping[int, Sequence[UUID]]:
            found = await slow_connections(db, chosen, stretch)
            return {
                bucket: [UUID(bytes=key) for key in dict.fromkeys(key for _, key in some)]
                for bucket, some in found.items()
            }

        return await self._once(clock, chosen, stretch, "slow", ask)

    async def _once(
        self,
        clock: Clock,
        chosen: Chosen,
        stretch: Stretch,
        what: str,
        ask: Callable[[], Awaitable[T]],
    ) -> T:
        key = (chosen, _minute(stretch.begin), _minute(stretch.end), what)
        return cast("T", await self._remembered.get(key, ask, at=clock.now()))


def _minute(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(second=0, microsecond=0)


async def part_of_overview(db: Database, chosen: Chosen, stretch: Stretch, family: str) -> Figures:
    """The figures of one family: of days that are over from their columns, the rest counted now."""
    async with db.read() as tx:
        await counted.through_indexes(tx)
        tallies, total = await _part(tx, chosen, stretch, family)
    await asyncio.to_thread(_take_in, total, tallies)
    return total


Tally = Callable[[], Figures]


async def _part(
    tx: Tx, chosen: Chosen, stretch: Stretch, family: str
) -> tuple[list[Tally], Figures]:
    """What is to be counted from columns, for a thread, and the figures of what has none."""
    held, rest = await columns.held(tx, chosen, stretch, family, COUNTED[family])
    total = Figures()
    for part in rest:
        total.add(await _count(tx, chosen, part, [family]))
    return [
        partial(tally, family, piece.day, found, chosen.filters, piece.part)
        for piece, found in held
    ], total


def _take_in(total: Figures, tallies: Iterable[Tally]) -> None:
    for ask in tallies:
        total.add(ask())


async def slow_connections(
    db: Database, chosen: Chosen, stretch: Stretch
) -> Mapping[int, Sequence[Slowest]]:
    """By bucket of set-up time the slowest connections."""
    async with db.read() as tx:
        await counted.through_indexes(tx)
        if chosen.all and not await _is_recent(tx, stretch):  # an index has them in this order
            return await counted.slow_conferences(tx, chosen, stretch, by_time=False)
        held, rest = await columns.held(tx, chosen, stretch, SLOW, SLOW_COLUMNS)
        counted_now = [
            await counted.slow_conferences(tx, chosen, part, by_time=True) for part in rest
        ]

    def slowest_held() -> Mapping[int, Sequence[Slowest]]:
        found = [slowest(some, chosen.filters, piece.part) for piece, some in held]
        return slowest_of([*found, *counted_now])

    return await asyncio.to_thread(slowest_held)


async def _is_recent(tx: Tx, stretch: Stretch) -> bool:
    """Whether nearly all of it is younger than days that are kept."""
    if stretch.begin is None:
        return False
    return stretch.begin >= midnight(await counted.settled(tx)) - timedelta(days=1)


async def whole_overview(db: Database, chosen: Chosen, stretch: Stretch) -> Figures:
    """The figures of all families of a whole app: stored days where they hold, else counted and then stored."""
    total = Figures()
    async with db.read() as tx:
        await counted.through_indexes(tx)
        begin = await _first_day(tx, chosen.app_id)
        if begin is None:
            return total
        # Days in which there was nothing yet, as many as are asked for, are not counted.
        begin = begin if stretch.begin is None else max(begin, stretch.begin)
        days, rest = split(begin, stretch.end, await counted.settled(tx))
        stored = await counted.kept(tx, chosen.app_id, days)
        tallies: list[Tally] = []
        for part in rest:
            for family in counted.FAMILIES:
                some, found = await _part(tx, chosen, part, family)
                tallies += some
                total.add(found)
    _take_in(total, tallies)  # two days at most
    for day in stored.values():
        total.add(restored(day))
    missing = [day for day in days if day not in stored]
    for first in range(0, len(missing), MOST_DAYS_AT_ONCE):
        for figures in (await _make(db, chosen, missing[first:][:MOST_DAYS_AT_ONCE])).values():
            total.add(figures)
    return total


async def _first_day(tx: Tx, app_id: UUID) -> datetime | None:
    """The beginning of the whole day on which there was something for the first time."""
    at = await counted.oldest(tx, app_id)
    return None if at is None else midnight(at.astimezone(UTC).date())


async def _count(tx: Tx, chosen: Chosen, stretch: Stretch, families: Collection[str]) -> Figures:
    total = Figures()
    for family in families:
        found = await counted.FAMILIES[family](tx, chosen, stretch, daily=False)
        for figures in found.values():
            total.add(figures)
    return total


async def _make(db: Database, chosen: Chosen, days: Sequence[date]) -> Mapping[date, Figures]:
    """Count whole days, ascending, and store them unless another process is just doing so."""
    made = {day: Figures() for day in days}
    async with db.begin() as tx:
        await counted.through_indexes(tx)
        claimed = await claim_days(tx.psycopg, chosen.app_id, days)
        for part in _runs(days):
            for ask in counted.FAMILIES.values():
                for day, figures in (await ask(tx, chosen, part, daily=True)).items():
                    assert day is not None
                    made[day].add(figures)
        if claimed:
            stored = {day: figures.stored() for day, figures in made.items()}
            await keep_days(tx.psycopg, chosen.app_id, stored, version=VERSION)
    return made


def _runs(days: Sequence[date]) -> list[Stretch]:
    """Days in a row as one stretch each."""
    runs: list[list[date]] = []
    for day in days:
        if runs and runs[-1][-1] + timedelta(days=1) == day:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [Stretch(midnight(run[0]), midnight(run[-1] + timedelta(days=1))) for run in runs]
