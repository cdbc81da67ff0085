"""Sessions that lines of CMCD tell are written beside those of SDKs: some seconds after a line, at their end, and when nothing comes any more.

Any number of workers may do it: a session that one is at, the others leave out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection

from signalbox.core.db import Database
from signalbox.playback.rules.cmcd.figures import (
    TimelineRow,
    idle_after_ms,
    timeline,
    whole_timeline,
)
from signalbox.playback.rules.cmcd.folding import Fold, again, is_to_be_remade
from signalbox.playback.rules.cmcd.lines import Line
from signalbox.playback.rules.cmcd.reporting import ending_of, report_of
from signalbox.playback.rules.reports import Report
from signalbox.playback.rules.timelines import thinned
from signalbox.playback.store import cmcd_sessions as store
from signalbox.playback.store.cmcd import micros
from signalbox.playback.store.cmcd_sessions import Due, Written
from signalbox.playback.store.messages import Applied

SESSIONS_AT_ONCE = 100
MOST_ROUNDS = 200
FORGET_AT_ONCE = 1000
ERASED_FOR = timedelta(days=30)
AGAIN_AFTER = timedelta(hours=1)  # that one could not be written
log = structlog.get_logger(__name__)

# Stores reports inside an open transaction; answers what became of each.
Tell = Callable[[AsyncConnection[Any], Sequence[tuple[UUID, Report]]], Awaitable[Sequence[Applied]]]


async def write_due(db: Database, tell: Tell, *, at: datetime) -> int:
    """Write the sessions that are due at `at`; answers how many. Doing it twice changes nothing."""
    done = 0
    for _ in range(MOST_ROUNDS):
        found = await _write_some(db, tell, at)
        done += found
        if found < SESSIONS_AT_ONCE:
            break
    if done:
        log.debug("cmcd.sessions_written", sessions=done)
    return done


async def _write_some(db: Database, tell: Tell, at: datetime) -> int:
    async with db.begin() as tx:
        connection = tx.psycopg
        due = await store.claim(connection, at=at, most=SESSIONS_AT_ONCE)
        if not due:
            return 0
        try:
            async with connection.transaction():
                await _write(connection, due, tell, at)
        except psycopg.DataError:
            await _one_by_one(connection, tell, at)
    return len(due)


async def _one_by_one(connection: AsyncConnection[Any], tell: Tell, at: datetime) -> None:
    """What the database does not take must not hold up its neighbours: it is left for later, and they are written."""
    for one in await store.claim(connection, at=at, most=SESSIONS_AT_ONCE):
        try:
            async with connection.transaction():
                await _write(connection, [one], tell, at)
        except psycopg.DataError as error:
            log.error("cmcd.session_not_written", app_id=str(one.app_id), id=one.id, exc_info=error)
            await store.postpone(connection, one.id, until=at + AGAIN_AFTER)


async def _write(
    connection: AsyncConnection[Any], due: list[Due], tell: Tell, at: datetime
) -> None:
    due.sort(key=lambda one: (one.app_id.bytes, one.session_id))
    by_sdk = await store.told_by_sdk(connection, due)
    made = [await _made(connection, one, at) for one in due]
    changed = [(m.due, m.since_ms) for m in made if m.since_ms is not None]
    await store.remove_outdated(connection, changed)
    reports = [(one.due.app_id, one.report(with_timeline=one.key not in by_sdk)) for one in made]
    told = await tell(connection, reports)
    await store.written(connection, [one.written() for one in made], at=at)
    for one, applied in zip(made, told, strict=True):
        if applied.result == "erased":
            await store.erase_cmcd(
                connection, one.due.app_id, [one.due.session_id], until=at + ERASED_FOR
            )


class _Made:
    """What a due session has become: its fold, the rows of its timeline that changed, and what is to happen next."""

    def __init__(self, due: Due, fold: Fold, rows: list[TimelineRow], at: datetime) -> None:
        self.due, self.fold, self.rows = due, fold, rows
        self.since_ms = fold.changed_ms
        self.ending = ending_of(fold)
        self.idle_at = due.last_at + timedelta(milliseconds=idle_after_ms(fold))
        self.is_idle = self.ending is None and self.idle_at <= at

    @property
    def key(self) -> tuple[UUID, str]:
        """App and session."""
        return self.due.app_id, self.due.session_id

    def report(self, *, with_timeline: bool) -> Report:
        """As the store of sessions takes it."""
        return report_of(
            self.due.session_id,
            self.fold,
            received_ms=micros(self.due.last_at) // 1000,
            idle=self.is_idle,
            rows=list(thinned(self.rows)) if with_timeline else [],
        )

    def written(self) -> Written:
        """The session once it is written."""
        self.fold.changed_ms = None
        ending = "idle" if self.is_idle else self.ending
        return Written(self.due.id, self.fold, self.idle_at if ending is None else None, ending)


async def _made(connection: AsyncConnection[Any], due: Due, at: datetime) -> _Made:
    fold = due.fold
    last_time = ending_of(fold) is not None or (
        due.last_at + timedelta(milliseconds=idle_after_ms(fold)) <= at
    )
    if is_to_be_remade(fold, last_time=last_time):
        lines = [line async for line in _lines(connection, due)]
        if (
            len(lines) == fold.lines
        ):  # else some are gone by their age, and the fold knows more than they do
            anew, marks = again(lines)
            return _Made(due, anew, whole_timeline(anew, marks), at)
        fold.remade, fold.late = fold.lines, False
    rows = [] if fold.changed_ms is None else timeline(fold, fold.changed_ms)
    return _Made(due, fold, rows, at)


def _lines(connection: AsyncConnection[Any], due: Due) -> AsyncIterator[Line]:
    return store.stored_lines(connection, due)


async def forget_gone(db: Database, *, keep: timedelta, at: datetime) -> int:
    """Remove what is remembered of sessions that were purged, once nothing came for `keep`; answers how many."""
    gone = 0
    while True:
        async with db.begin() as tx:
            found = await store.forget_cmcd(
                tx.psycopg, before=at - keep, at=at, most=FORGET_AT_ONCE
            )
        gone += found
        if found < FORGET_AT_ONCE:
            return gone
