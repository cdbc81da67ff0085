"""A process that stores lines of CMCD, and what then is in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from signalbox.core.batch import GroupCommitWriter
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.playback.rules.cmcd.lines import Line, read_line
from signalbox.playback.store.cmcd import CmcdApplier, CmcdBatch, Taken

START = datetime(2026, 3, 2, 23, 59, 50, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1000) * 1000


class Collector:
    """A process that stores lines."""

    def __init__(self, db: Database, clock: ManualClock, app_id: UUID) -> None:
        self.db, self.clock, self.app_id = db, clock, app_id
        self.writer: GroupCommitWriter[CmcdBatch] = GroupCommitWriter(
            db.connect, CmcdApplier(lambda: micros(clock.now()))
        )

    async def send(self, *sent: str) -> Taken:
        received_us = micros(self.clock.now())
        lines = [read_line(text, received_ms=received_us // 1000) for text in sent]
        batch = CmcdBatch(
            app_id=self.app_id,
            received_us=received_us,
            lines=[line for line in lines if isinstance(line, Line)],
        )
        taken = await self.writer.commit_sample(batch)
        assert isinstance(taken, Taken)
        return taken

    async def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        async with self.db.read() as tx:
            cursor = await tx.psycopg.execute(statement, values)
            return await cursor.fetchall()

    async def stored(self) -> Sequence[Any]:
        return await self.rows(
            "SELECT session_id, sn, event, state, line, received_at FROM playback.v_cmcd_events WHERE app_id = %s "
            "ORDER BY session_id, sn, line",
            self.app_id,
        )

    async def session(self, session_id: str) -> Any:
        rows = await self.rows(
            "SELECT fold, due_at, received_first_at, received_last_at FROM playback.cmcd_sessions "
            "WHERE app_id = %s AND session_id = %s",
            self.app_id,
            session_id,
        )
        return rows[0]


@asynccontextmanager
async def opened(db: Database, clock: ManualClock, app_id: UUID) -> AsyncIterator[Collector]:
    collector = Collector(db, clock, app_id)
    await collector.writer.open()
    yield collector
    await collector.writer.close()
