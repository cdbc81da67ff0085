"""How much is stored of each app, by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from psycopg import errors

from signalbox.core.db import Database
from signalbox.monitoring.store import retention, volumes

log = structlog.get_logger(__name__)

TABLES: Final = ("events", "samples")
RECENT: Final = timedelta(days=1)


async def count_volumes(db: Database, *, everything: bool, at: datetime) -> int:
    """Count the days that still grow, or all of them; answers how many days were counted. One partition after the other, outside of any transaction of reports."""
    first = date.min if everything else at.astimezone(UTC).date() - RECENT
    amounts: dict[tuple[UUID, date], list[int]] = defaultdict(lambda: [0, 0, 0])
    days: set[date] = set()
    for place, table in enumerate(TABLES):
        async with db.read() as tx:
            partitions = await retention.daily_partitions(tx.psycopg, table)
        for day, name in partitions:
            if day < first:
                continue
            days.add(day)
            try:
                async with db.read() as tx:
                    found = await volumes.count_partition(tx.psycopg, table, name)
            except errors.UndefinedTable:  # dropped meanwhile
                continue
            for volume in found:
                amount = amounts[volume.app, day]
                amount[place] += volume.rows
                amount[2] += volume.bytes
    async with db.begin() as tx:
        await volumes.replace_days(tx.psycopg, sorted(days), amounts, others=not everything, at=at)
    log.info("volumes.counted", days=len(days), apps=len({app for app, _ in amounts}))
    return len(days)
