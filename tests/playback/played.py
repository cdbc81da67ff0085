"""Sessions for the tests of reading, stored as the doors store them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.db import Database
from signalbox.core.partitions import ensure, maintain
from signalbox.playback.rules.times import Belief
from signalbox.playback.store import Applier
from signalbox.playback.store.messages import Applied, SessionReport
from signalbox.playback.wire.bodies import decode_object
from signalbox.playback.wire.sdk import read_report
from signalbox.site.partitions import playback_policies
from signalbox.site.settings import Settings, load_settings

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GOOD: Mapping[str, float] = {"good_startup_ms": 4000, "good_ratio": 0.01}
SETTINGS: Settings = load_settings({})


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def body(name: str, end: datetime, duration_ms: int, **changes: Any) -> dict[str, Any]:
    """A report of a D3 player that ended at an instant."""
    start = end - timedelta(milliseconds=duration_ms)
    return {
        "sessionId": name,
        "timestamp": ms(end),
        "sessionStartDateIso": start.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sessionDurationMs": duration_ms,
        "startupTimeMs": None,
        "playTimeMs": 0,
        "rebufferTimeMs": 0,
        "rebufferCount": 0,
        "errorCount": 0,
        "deviceModel": "Tab X",
        "osVersion": 34,
        "sdkVersion": "0.4.0",
        "connectionType": "Wi-Fi",
    } | changes


def sample() -> list[dict[str, Any]]:
    """The sessions A to F of the reference; A begins at ten."""
    second = timedelta(seconds=1)
    return [
        body("A", TEN + 45 * second, 45_000, startupTimeMs=450, playTimeMs=42_000, rebufferTimeMs=1_200, rebufferCount=2,
             totalDroppedFrames=12, meanVideoFormatBitrate=2_500_000),
        body("B", TEN + 630 * second, 600_000, startupTimeMs=1_200, playTimeMs=600_000),
        body("C", TEN + 80 * second, 40_000, startupTimeMs=3_000, playTimeMs=12_000, rebufferTimeMs=8_000, rebufferCount=3, errorCount=1),
        body("D", TEN + 1200 * second, 6_000, errorCount=1),
        body("E", TEN + 1210 * second, 4_200),
        body("F", TEN + 1220 * second, 400),
    ]  # fmt: skip


async def store(
    db: Database, app: UUID, bodies: Iterable[Mapping[str, Any]], *, at: datetime
) -> list[Applied]:
    """Store reports that came at an instant, in one batch."""
    connection: AsyncConnection[Any] = await db.connect()
    try:
        await maintain(connection, playback_policies(SETTINGS), at=at)
        for policy in playback_policies(SETTINGS):
            await ensure(connection, policy, at.date(), at.date())
        applier = Applier(lambda: ms(at) * 1000, Belief())
        messages = [
            SessionReport(
                app, read_report(decode_object(json.dumps(one).encode()), received_ms=ms(at))
            )
            for one in bodies
        ]
        async with connection.transaction():
            return await applier(connection, messages)
    finally:
        await connection.close()
