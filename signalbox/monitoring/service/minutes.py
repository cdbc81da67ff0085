"""Minutes of flows, worked out anew from stored reports wherever new reports have come in.

Reports become visible some time after they are received, late ones belong to minutes long past, and two workers may run: so each look goes back a little,
and what is touched is worked out again from everything that is stored of it. Doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import structlog

from signalbox.core.db import Database, Tx
from signalbox.monitoring.queries import readings as stored
from signalbox.monitoring.queries.readings import NewReport, Owner, Window, instant, micros
from signalbox.monitoring.rules.intervals import MOST_S, intervals
from signalbox.monitoring.rules.measures import MINUTE_US, minutes
from signalbox.monitoring.store import minutes as store
from signalbox.monitoring.store.minutes import Stretch
from signalbox.monitoring.store.retention import daily_partitions

log = structlog.get_logger(__name__)
STEP = "minutes"
# How long after it was received a report may become visible: longer than a statement of the writer may take.
OVERLAP = timedelta(minutes=2)
LOOK = timedelta(minutes=10)  # of reports at once while catching up
MOST_LOOKS = 300  # of one run: two days
CONNECTIONS_AT_ONCE = 50
_MOST = timedelta(seconds=MOST_S)
_MINUTE = timedelta(minutes=1)

# What else is to be done with conferences of which reports have come in: ids, and since when something is new.
Step = Callable[[Database, Mapping[UUID, datetime], datetime], Awaitable[None]]


class Minutes:
    """Keeps the minutes of flows up to date. One per worker: it remembers which reports of the last minutes it has seen."""

    def __init__(self, db: Database, *, emos_version: int, steps: Sequence[Step] = ()) -> None:
        self._db = db
        self._emos_version = emos_version
        self._steps = steps
        self._seen: set[UUID] = set()

    async def advance(self, *, at: datetime) -> int:
        """Take in all reports received up to `at`, or as many as fit into one run; answers how many minutes were written."""
        written, touched = 0, dict[UUID, datetime]()
        for _ in range(MOST_LOOKS):
            found = await self._look(at, touched)
            if found is None:
                break
            written += found
        for step in self._steps:
            if touched:
                await step(self._db, touched, at)
        if written:
            log.info("figures.minutes_written", minutes=written, conferences=len(touched))
        return written

    async def _look(self, at: datetime, touched: dict[UUID, datetime]) -> int | None:
        """Take in the next reports; None when there are no more, or another process does it."""
        async with self._db.begin() as tx:
            if not await store.claim(tx.psycopg):
                return None
            known = await store.received_through(tx.psycopg, STEP)
            after = await _beginning(tx) if known is None else known
            if after is None or after >= at:
                return None
            through = min(at, after + LOOK)
            new = await stored.new_reports(tx, after=after - OVERLAP, through=through)
            written = await self._take(tx, [r for r in new if r.id not in self._seen], touched)
            await store.advance(tx.psycopg, STEP, through)
        # Only of what is looked at again; another process may have gone on meanwhile.
        self._seen = {report.id for report in new}
        return written

    async def _take(self, tx: Tx, new: Iterable[NewReport], touched: dict[UUID, datetime]) -> int:
        spans: dict[UUID, tuple[datetime, datetime]] = {}
        for report in new:
            low, high = spans.get(report.connection, (report.created_at, report.created_at))
            spans[report.connection] = (min(low, report.created_at), max(high, report.created_at))
        written, ids = 0, sorted(spans)
        for first in range(0, len(ids), CONNECTIONS_AT_ONCE):
            some = {key: spans[key] for key in ids[first : first + CONNECTIONS_AT_ONCE]}
            stretches = []
            async for owner, rows in stored.windows(
                tx, [_window(key, *s) for key, s in some.items()]
            ):
                span = some[owner.connection]
                stretches.append(stretch_of(owner, rows, span, emos_version=self._emos_version))
                since = touched.get(owner.conference, span[0])
                touched[owner.conference] = min(since, span[0])
            written += await store.write_minutes(tx.psycopg, stretches)
        return written


def _window(connection: UUID, low: datetime, high: datetime) -> Window:
    """What a stretch may depend on: its minutes reach to the neighbours of the new reports, and their intervals beyond."""
    margin = 2 * _MOST + 2 * _MINUTE
    return Window(connection, low - margin, high + margin)


def stretch_of(
    owner: Owner,
    rows: Sequence[Mapping[str, Any]],
    span: tuple[datetime, datetime],
    *,
    emos_version: int,
) -> Stretch:
    """The minutes of a connection that reports from `span` have a part in, from all reports around."""
    times = [row["created_at"] for row in rows]
    before = [at for at in times if span[0] - _MOST <= at < span[0]]
    behind = [at for at in times if span[1] < at <= span[1] + _MOST]
    begin = _whole_minute(max(before, default=span[0]))
    end = _whole_minute(min(behind, default=span[1])) + _MINUTE
    # The report before the first minute and the one behind the last close the intervals at the edges.
    low = max((at for at in times if at <= begin), default=begin)
    high = min((at for at in times if at >= end), default=end)
    found = intervals(
        (stored.reading(row) for row in rows if low <= row["created_at"] <= high),
        emos_version=emos_version,
    )
    made = minutes(found, begin_us=micros(begin), end_us=micros(end))
    return Stretch(*owner, begin, end, [(instant(m.minute_us), m) for m in made])


def _whole_minute(at: datetime) -> datetime:
    return instant(micros(at) // MINUTE_US * MINUTE_US)


async def _beginning(tx: Tx) -> datetime | None:
    """When the first stored reports were received; None when there is nothing to begin with."""
    partitions = await daily_partitions(tx.psycopg, "samples")
    if not partitions:
        return None
    return datetime.combine(partitions[0][0], time(), tzinfo=UTC)
