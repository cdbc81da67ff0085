"""The benchmarks of playback's ingest."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.players import body_of
from bench.rig import Rig
from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database

CONNECTIONS = 16
STEADY_PER_S = 500
STEADY_CONNECTIONS = 50
_SESSIONS = "SELECT count(*) FROM playback.sessions"
# Limits are counted and every request is logged, as in production; only the limit itself is out of reach.
AS_IN_PRODUCTION = {
    "SIGNALBOX_RATE_LIMITS": "on",
    "SIGNALBOX_PLAYBACK_RATE_LIMIT": "10000000",
    "SIGNALBOX_LOG_LEVEL": "info",
}


@contextmanager
def _players(rig: Rig) -> Iterator[tuple[Rig, str, UUID]]:
    """A site for players: the rig with it, a key, and its app."""
    key, app = asyncio.run(_key(rig))
    with rig.second(**AS_IN_PRODUCTION) as (serve, port):
        yield replace(rig, serve=serve, port=port), key, app


async def _key(rig: Rig) -> tuple[str, UUID]:
    db, at = Database(rig.postgres.url), datetime.now(UTC)
    await db.open()
    organization = await accounts.create_organization(db, name="bench", by=SYSTEM, at=at)
    app = await accounts.create_app(
        db, organization_id=organization["id"], name="bench", by=SYSTEM, at=at
    )
    _, key = await accounts.create_key(db, app_id=app["id"], scopes=["ingest"], by=SYSTEM, at=at)
    await db.close()
    return key, app["id"]


def upsert(rig: Rig, seconds: float) -> dict[str, Any]:
    """Reports of new sessions, of known ones and of a single one; and the two statements of a plain upsert."""
    found: dict[str, Any] = {}
    with _players(rig) as (players, key, app):
        for script, name in (("distinct", "new sessions"), ("returning", "known sessions"), ("hot", "one session")):  # fmt: skip
            before = rig.sql(_SESSIONS)
            result = players.load(script, connections=CONNECTIONS, seconds=seconds, key=key)
            if script == "distinct":
                stored = rig.sql(_SESSIONS) - before
                result["stored_once"] = stored == result["acknowledged_in_all"]
            found[name] = result
        plain = asyncio.run(_plain(rig, app, seconds))
    found["plain upsert, new sessions"] = plain
    found["new sessions"]["of_plain"] = found["new sessions"]["per_s"] / plain["per_s"]
    return found


_KEY = """INSERT INTO playback.session_keys AS k (app_id, session_id, partition_ts) VALUES (%s, %s, now())
    ON CONFLICT (app_id, session_id) DO UPDATE SET state = k.state RETURNING partition_ts"""
_ROW = """INSERT INTO playback.sessions (app_id, session_id, partition_ts, source, dialect, "timestamp", client_ts_ms, duration_ms, play_time_ms,
        payload, payload_hash, outcome, revision, created_at, updated_at, first_received_at, last_received_at)
    VALUES (%s, %s, %s, 'media3watch', 'D3', now(), %s, 45000, 42000, %s, %s, 'played', 1, now(), now(), now(), now())
    ON CONFLICT (app_id, session_id, partition_ts) DO UPDATE SET client_ts_ms = excluded.client_ts_ms, payload = excluded.payload,
        revision = playback.sessions.revision + 1 WHERE excluded.client_ts_ms >= playback.sessions.client_ts_ms"""


async def _plain(rig: Rig, app: UUID, seconds: float) -> dict[str, Any]:
    """One transaction of two statements per report on as many connections, without HTTP, validation, timelines or figures."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    async def work() -> None:
        connection = await psycopg.AsyncConnection.connect(rig.postgres.url)
        async with connection:
            while (began := time.perf_counter()) < until:
                name = str(uuid4())
                body = body_of(name, 1).decode()
                digest = hashlib.sha256(body.encode()).digest()
                async with connection.transaction():
                    cursor = await connection.execute(_KEY, (app, name))
                    row = await cursor.fetchone()
                    assert row is not None
                    await connection.execute(_ROW, (app, name, row[0], 1, body, digest))
                latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    latencies.sort()
    return {
        "per_s": len(latencies) / seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


def steady(rig: Rig, seconds: float) -> dict[str, Any]:
    """500 reports a second of known sessions, for a minute or as long as was asked when that is longer."""
    interval_s = STEADY_CONNECTIONS / STEADY_PER_S
    with _players(rig) as (players, key, _):
        result = players.load(
            "returning",
            connections=STEADY_CONNECTIONS,
            seconds=max(60.0, seconds),
            interval_s=interval_s,
            key=key,
        )
    return {f"{STEADY_PER_S} reports/s": result}


BENCHES = {"playback-upsert": upsert, "playback-steady": steady}
