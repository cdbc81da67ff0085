"""The benchmark of lines of CMCD: batches of 20, as players send them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from bench.copying import bare_copy
from bench.pages import LINES
from bench.rig import Rig, cpu_s
from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.playback.settings import PlaybackSettings
from signalbox.site.cmcd import cmcd_jobs

_LINES = "SELECT count(*) FROM playback.cmcd_events"
_SESSIONS = "SELECT count(*) FROM playback.sessions"
_SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'playback' AND c.relkind = 'r' AND c.relname LIKE 'cmcd%'"""
_APP = "SELECT id FROM accounts.apps ORDER BY created_at LIMIT 1"


def cmcd(rig: Rig, seconds: float) -> dict[str, Any]:
    """Lines/s at 16 and 64 connections and the bare COPY of the same rows; then how fast a worker makes their sessions anew from them, as one that was away must, and writes them."""
    key = asyncio.run(_key(rig))
    found: dict[str, Any] = {}
    for connections in (16, 64):
        before: list[int] = []
        result = rig.load(
            "cmcd",
            connections=connections,
            seconds=seconds,
            key=key,
            prepared=lambda: before.extend((rig.sql(_LINES), rig.sql(_SIZE))),  # noqa: B023
        )
        stored, size = rig.sql(_LINES) - before[0], rig.sql(_SIZE) - before[1]
        result["stored_once"] = stored == result["acknowledged_in_all"] * LINES
        result["disk_bytes_per_line"] = size / max(1, stored)
        result["posts_per_s"] = result["per_s"]
        for name in ("per_s",):
            result[name] *= LINES
        for name in ("serve_cpu_us", "postgres_cpu_us", "generator_cpu_us"):
            result[name] /= LINES
        found[f"lines, {connections} connections"] = result
    copy = bare_copy(rig, seconds=min(5.0, seconds), table="playback.cmcd_events")
    for result in found.values():
        result["ratio_to_copy"] = result["per_s"] / copy["rows_per_s"]
    return found | {"bare COPY": copy, "sessions made anew and written": asyncio.run(_written(rig))}


async def _key(rig: Rig) -> str:
    db = Database(rig.postgres.url)
    await db.open()
    made: dict[str, Any] = {"by": SYSTEM, "at": datetime.now(UTC)}
    _, key = await accounts.create_key(db, app_id=rig.sql(_APP), scopes=("ingest",), **made)
    await db.close()
    return key


async def _written(rig: Rig) -> dict[str, Any]:
    """All sessions are due: one worker writes them."""
    db = Database(rig.postgres.url)
    await db.open()
    (write,) = [job for job in cmcd_jobs(db, PlaybackSettings()) if job.name == "playback.cmcd"]
    used, own, began = cpu_s(rig.postgres.pid), time.process_time(), time.perf_counter()
    await write.run(datetime.now(UTC))
    took_s, sessions = time.perf_counter() - began, rig.sql(_SESSIONS)
    await db.close()
    return {
        "sessions": sessions,
        "per_s": sessions / took_s,
        "postgres_cpu_us": (cpu_s(rig.postgres.pid) - used) / sessions * 1e6,
        "serve_cpu_us": (time.process_time() - own) / sessions * 1e6,
    }


BENCHES = {"cmcd": cmcd}
