"""What tests of playback share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.partitions import ensure_daily
from signalbox.playback.store.cmcd import TABLE
from tests.playback.collecting import START, Collector, opened


@pytest.fixture
async def collector(db: Database) -> AsyncIterator[Collector]:
    connection: AsyncConnection[Any] = await db.connect()
    await ensure_daily(connection, TABLE, START.date(), START.date() + timedelta(days=2))
    await connection.close()
    async with opened(db, ManualClock(START), uuid4()) as one:
        yield one
