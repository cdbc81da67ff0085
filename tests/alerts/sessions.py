"""Stored sessions for tests of alerts, many at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from signalbox.core.db import Database

_PLAYED = """
    INSERT INTO playback.sessions (app_id, session_id, partition_ts, source, dialect, "timestamp", client_ts_ms, payload_hash, outcome, revision,
        created_at, updated_at, first_received_at, last_received_at, player_startup_ms, play_time_ms, rebuffer_time_ms, error_count, device_model,
        content_id, stream_type, sdk_version, cdn, score)
    SELECT %(app)s, %(name)s || number, at, 'media3watch', 'D3', at, 0, '', %(outcome)s, 1, at, at, at, at, %(startup_ms)s,
        %(play_ms)s, %(rebuffer_ms)s, CASE WHEN %(outcome)s LIKE '%%failure' THEN 1 ELSE 0 END, %(device)s, %(content)s, %(stream_type)s, %(sdk)s, %(cdn)s, %(score)s
    FROM generate_series(0, %(count)s - 1) AS number
    CROSS JOIN LATERAL (SELECT %(begin)s::timestamptz + %(span)s::interval * number / %(count)s) AS x (at)"""
_TRAITS: Mapping[str, Any] = {
    "outcome": "played",
    "startup_ms": 800,
    "play_ms": 60_000,
    "rebuffer_ms": 0,
    "device": None,
    "content": None,
    "stream_type": None,
    "sdk": None,
    "cdn": None,
    "score": 90.0,
}


async def played(
    db: Database, app_id: UUID, count: int, *, begin: datetime, minutes: float, **traits: Any
) -> None:
    """So many sessions whose ends lie evenly from `begin` on; `traits` as in `_TRAITS`."""
    values = {
        "app": app_id,
        "count": count,
        "begin": begin,
        "span": timedelta(minutes=minutes),
        "name": f"{uuid4().hex[:8]}-",
        **_TRAITS,
        **traits,
    }
    async with db.begin() as tx:
        await tx.psycopg.execute(_PLAYED, values)
