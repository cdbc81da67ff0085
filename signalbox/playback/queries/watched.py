"""Figures of playback that rules look at every minute: sessions by where their end lies, and reports by when they came."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from signalbox.core.actor import Actor
from signalbox.core.cohorts import Family
from signalbox.core.db import Tx
from signalbox.playback.queries.sums import bounded

ATTEMPTS: Final = "s.outcome IN ('start_failure', 'ebvs', 'playback_failure', 'played')"
PLAYS: Final = "s.outcome IN ('playback_failure', 'played')"
_PLAY_MS, _REBUFFER_MS = bounded("s.play_time_ms"), bounded("s.rebuffer_time_ms")
_MEASURED: Final = f"{PLAYS} AND s.play_time_ms IS NOT NULL AND s.rebuffer_time_ms IS NOT NULL"
# Partitions are by first receipt, which lies before the end of a session but rarely by more than a day.
_ENDED: Final = """s.app_id = %(app)s AND s."timestamp" >= %(begin)s AND s."timestamp" < %(end)s
    AND s.partition_ts >= %(begin)s - interval '24 hours'"""

SESSIONS: Final = Family(
    tables="playback.sessions s",
    where=_ENDED,
    at='s."timestamp"',
    columns={
        "attempts": f"count(*) FILTER (WHERE {ATTEMPTS})",
        "plays": f"count(*) FILTER (WHERE {PLAYS})",
        "errors": "count(*) FILTER (WHERE s.outcome IN ('start_failure', 'playback_failure'))",
        "start_failures": "count(*) FILTER (WHERE s.outcome = 'start_failure')",
        "playback_failures": "count(*) FILTER (WHERE s.outcome = 'playback_failure')",
        "ebvs": "count(*) FILTER (WHERE s.outcome = 'ebvs')",
        "measured": f"count(*) FILTER (WHERE {_MEASURED})",
        "rebuffer_ms": f"coalesce(sum({_REBUFFER_MS}) FILTER (WHERE {_MEASURED}), 0)",
        "watch_ms": f"coalesce(sum({_PLAY_MS} + {_REBUFFER_MS}) FILTER (WHERE {_MEASURED}), 0)",
    },
    dimensions={
        "stream_type": "s.stream_type",
        "content": "s.content_id",
        "device": "s.device_model",
        "sdk": "s.sdk_version",
        "cdn": "s.cdn",
        "connection": "s.connection_type",
        "app_version": "s.app_version",
    },
    values={
        "startup_ms": f"CASE WHEN {PLAYS} THEN s.player_startup_ms END",
        "score": "s.score",
    },
    id="s.session_id",
    examples={
        "errors": ("s.outcome IN ('start_failure', 'playback_failure')", 'max(s."timestamp") DESC'),
        "start_failures": ("s.outcome = 'start_failure'", 'max(s."timestamp") DESC'),
        "playback_failures": ("s.outcome = 'playback_failure'", 'max(s."timestamp") DESC'),
        "ebvs": ("s.outcome = 'ebvs'", 'max(s."timestamp") DESC'),
        "rebuffer_ms": (f"{PLAYS} AND s.rebuffer_time_ms > 0", "max(s.rebuffer_time_ms) DESC"),
        "startup_ms": (
            f"{PLAYS} AND s.player_startup_ms IS NOT NULL",
            "max(s.player_startup_ms) DESC",
        ),
        "score": ("s.score IS NOT NULL", "min(s.score)"),
    },
)

# Reports themselves are not kept: a session tells how many there were between its first and its last.
_REPORTS: Final = """
    SELECT coalesce(sum(CASE WHEN s.last_received_at = s.first_received_at THEN s.revision
        ELSE s.revision * extract(epoch FROM least(s.last_received_at, %(end)s) - greatest(s.first_received_at, %(begin)s))
            / extract(epoch FROM s.last_received_at - s.first_received_at) END), 0)::float8
    FROM playback.sessions s WHERE s.app_id = %(app)s AND s."timestamp" >= %(begin)s - interval '1 hour'
        AND s.partition_ts >= %(begin)s - interval '25 hours' AND s.first_received_at < %(end)s AND s.last_received_at >= %(begin)s"""
_LAST_REPORT: Final = """
    SELECT count(*)::float8 FROM playback.sessions s WHERE s.app_id = %(app)s AND s."timestamp" >= %(begin)s - interval '1 hour'
        AND s.partition_ts >= %(begin)s - interval '25 hours' AND s.first_received_at < %(end)s AND s.last_received_at >= %(begin)s"""
_ACTIVE: Final = """
    SELECT a.id FROM unnest(%(apps)s::uuid[]) AS a (id) WHERE EXISTS (SELECT FROM playback.sessions s
        WHERE s.app_id = a.id AND s."timestamp" >= %(begin)s AND s."timestamp" < %(end)s AND s.partition_ts >= %(begin)s - interval '24 hours')"""


def may_see(actor: Actor, app_id: UUID) -> bool:
    """Whether a key that is bound to an app asks for that one; whose the app is was checked before."""
    return actor.app_id is None or actor.app_id == app_id


async def active_apps(
    tx: Tx, actor: Actor, apps: Collection[UUID], *, begin: datetime, end: datetime
) -> set[UUID]:
    """Those of the actor's apps in which a session ended in between."""
    mine = [app for app in apps if may_see(actor, app)]
    cursor = await tx.psycopg.execute(_ACTIVE, {"apps": mine, "begin": begin, "end": end})
    return {row[0] for row in await cursor.fetchall()}


async def reports(tx: Tx, actor: Actor, app_id: UUID, *, begin: datetime, end: datetime) -> float:
    """About how many reports of an app came in between; none of another's."""
    return await _number(tx, _REPORTS, actor, app_id, begin, end)


async def reporting(tx: Tx, actor: Actor, app_id: UUID, *, begin: datetime, end: datetime) -> float:
    """How many sessions of an app were heard of since `begin`."""
    return await _number(tx, _LAST_REPORT, actor, app_id, begin, end)


async def report_minutes(
    tx: Tx, actor: Actor, app_id: UUID, *, begin: datetime, end: datetime
) -> dict[datetime, float]:
    """About how many reports came in each minute that had any, for looking back."""
    if not may_see(actor, app_id):
        return {}
    asked = {"app": app_id, "begin": begin, "end": end}
    cursor = await tx.psycopg.execute(_REPORT_MINUTES, asked, prepare=False)
    return dict(await cursor.fetchall())


_REPORT_MINUTES: Final = """
    SELECT minute, sum(s.revision / greatest(1, 1 + floor(extract(epoch FROM date_trunc('minute', s.last_received_at) - date_trunc('minute', s.first_received_at)) / 60)))::float8
    FROM playback.sessions s
    CROSS JOIN LATERAL generate_series(date_trunc('minute', greatest(s.first_received_at, %(begin)s)), least(s.last_received_at, %(end)s), interval '1 minute') AS minute
    WHERE s.app_id = %(app)s AND s."timestamp" >= %(begin)s - interval '1 hour' AND s.partition_ts >= %(begin)s - interval '25 hours'
        AND s.first_received_at < %(end)s AND s.last_received_at >= %(begin)s GROUP BY 1"""


async def _number(
    tx: Tx, statement: str, actor: Actor, app_id: UUID, begin: datetime, end: datetime
) -> float:
    if not may_see(actor, app_id):
        return 0.0
    cursor = await tx.psycopg.execute(
        statement, {"app": app_id, "begin": begin, "end": end}, prepare=False
    )
    row = await cursor.fetchone()
    return float(row[0]) if row else 0.0
