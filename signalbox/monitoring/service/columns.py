"""Days of apps as columns: made by the worker once they are over, counted whenever charts are asked for under filters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

import msgspec
import structlog

from signalbox.core.compression import pack
from signalbox.core.db import Database, Tx
from signalbox.monitoring.queries import columns as stored
from signalbox.monitoring.queries import overview as counted
from signalbox.monitoring.queries.columns import ABOUT
from signalbox.monitoring.queries.overview import Chosen
from signalbox.monitoring.rules.columns import Column
from signalbox.monitoring.rules.days import VERSION, Columns, Day, Part, day_of, names_of
from signalbox.monitoring.rules.overview import Stretch, midnight
from signalbox.monitoring.store.overview import claim_days, keep_columns, keep_empty_days

log = structlog.get_logger(__name__)
LOOKS_BACK = timedelta(days=400)
MOST_DUE = 5_000
DAYS_AT_ONCE = 50
DAY = timedelta(days=1)


async def make_columns(db: Database, *, at: datetime) -> int:
    """Make columns of days that have none, or that have changed; answers of how many on which there was something."""
    async with db.read() as tx:
        settled = await counted.settled(tx)
        since = at.date() - LOOKS_BACK
        due = await stored.due_days(tx, since=since, settled=settled, most=MOST_DUE)
    busy: list[tuple[UUID, date]] = []
    for app, some in groupby(due, key=itemgetter(0)):
        days = [day for _, day in some]
        async with db.begin() as tx:
            empty = await keep_empty_days(
                tx.psycopg, app, days, name=ABOUT, packed=_about([], True, 0), version=VERSION
            )
        busy += [(app, day) for day in days if day not in empty]
    made = 0
    for app, day in busy[:DAYS_AT_ONCE]:
        made += await _make(db, app, day)
    if made:
        log.info("overview.columns_made", days=made)
    return made


def _about(keys: Sequence[str], is_complete: bool, conferences: int) -> bytes:
    return pack(msgspec.msgpack.encode((keys, is_complete, conferences)), version=0)


async def _make(db: Database, app: UUID, day: date) -> int:
    async with db.begin() as tx:
        await counted.through_indexes(tx)
        if not await claim_days(tx.psycopg, app, [day]):
            return 0
        facts = await stored.facts(tx, app, Stretch(midnight(day), midnight(day + DAY)))
        packed = await asyncio.to_thread(lambda: packed_day(day_of(facts)))
        await keep_columns(tx.psycopg, app, day, packed, version=VERSION)
    return 1


def packed_day(day: Day) -> dict[str, bytes]:
    """The columns of a day as they are stored, by family and name; of families without rows there are none."""
    encode = msgspec.msgpack.Encoder().encode
    found = {ABOUT: _about(day.keys, day.is_complete, day.conferences)}
    for family, columns in day.families.items():
        for name, rows in columns.items():
            if rows.planes[0] if isinstance(rows, Column) else rows:
                found[f"{family}.{name}"] = pack(encode(rows), version=0)
    return found


class Piece(NamedTuple):
    """A day, or what bounds leave of it."""

    day: date
    part: Part

    @property
    def is_cut(self) -> bool:
        """Whether it is less than the day."""
        return self.part != Part(None, None)

    @property
    def stretch(self) -> Stretch:
        """From when to when it goes."""
        begin, end = self.part
        return Stretch(begin or midnight(self.day), end or midnight(self.day + DAY))


def pieces(
    begin: datetime, end: datetime | None, settled: date
) -> tuple[list[Piece], list[Stretch]]:
    """The days before `settled` between two instants, the first and the last perhaps cut, and what remains behind them."""
    last = midnight(settled) if end is None else min(midnight(settled), end)
    found, day = [], begin.astimezone(UTC).date()
    while midnight(day) < last:
        low = begin if midnight(day) < begin else None
        high = last if last < midnight(day + DAY) else None
        found.append(Piece(day, Part(low, high)))
        day += DAY
    behind = max(begin, last)
    return found, [Stretch(behind, end)] if end is None or behind < end else []


def runs(some: Iterable[Piece]) -> list[Stretch]:
    """Pieces that follow each other as one stretch each."""
    found: list[Stretch] = []
    for piece in some:
        begin, end = piece.stretch.begin, piece.stretch.end
        if found and found[-1].end == begin:
            found[-1] = Stretch(found[-1].begin, end)
        else:
            found.append(Stretch(begin, end))
    return found


Held = list[tuple[Piece, Columns]]


async def held(
    tx: Tx, chosen: Chosen, stretch: Stretch, family: str, names: Sequence[str]
) -> tuple[Held, list[Stretch]]:
    """The columns of a family that a choice needs, by day, and the stretches of which there are none."""
    begin = await counted.oldest(tx, chosen.app_id)
    if begin is None:
        return [], []
    # Days in which there was nothing yet, as many as are asked for, are not looked at.
    begin = begin if stretch.begin is None else max(begin, stretch.begin)
    if stretch.end is not None and stretch.end <= begin:
        return [], []
    whole, rest = pieces(begin, stretch.end, await counted.settled(tx))
    found: dict[date, Columns] = {}
    # The times of all days are only wanted for those that are cut; they are the biggest columns.
    for some in _alike(whole):
        wanted = names_of(names, chosen.filters, is_cut=some[0].is_cut)
        found |= await stored.stored(
            tx,
            chosen.app_id,
            [piece.day for piece in some],
            family,
            wanted,
            [key for key, _ in chosen.meta],
        )
    missing = [piece for piece in whole if piece.day not in found]
    return [(piece, found[piece.day]) for piece in whole if piece.day in found], [
        *runs(missing),
        *rest,
    ]


async def conferences_made(tx: Tx, app_id: UUID, stretch: Stretch) -> int:
    """How many conferences of an app were made in a stretch of time: of days that are over it is known, the rest is counted now.

    Exact, whatever is known: a day that has changed since is counted.
    """
    await counted.through_indexes(tx)
    begin = await counted.oldest(tx, app_id)
    if begin is None:
        return 0
    begin = midnight(begin.astimezone(UTC).date())  # before, there was nothing
    begin = begin if stretch.begin is None else max(begin, stretch.begin)
    whole, rest = pieces(begin, stretch.end, await counted.settled(tx))
    known: dict[date, int] = {}
    if whole:
        days = [piece.day for piece in whole]
        known = await stored.conferences_of_days(tx, app_id, days[0], days[-1])
    held_days = {piece.day for piece in whole if piece.day in known and not piece.is_cut}
    unknown = [*runs(piece for piece in whole if piece.day not in held_days), *rest]
    found = sum(known[day] for day in held_days)
    return found + (await stored.conferences_made(tx, app_id, unknown) if unknown else 0)


def _alike(whole: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that follow each other and are whole days, or are not."""
    return [list(some) for _, some in groupby(whole, key=lambda piece: piece.is_cut)]
