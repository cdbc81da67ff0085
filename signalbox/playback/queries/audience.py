"""How many watched at the same time, and who watches now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.db import Tx
from signalbox.playback.queries.selecting import Selection
from signalbox.playback.rules.spans import EPOCH, oldest_partition

NOT_SEEN: Final = "('no_attempt', 'unknown')"  # nobody was watching
LONGEST: Final = timedelta(days=31)  # that a session's start is believed to lie back
STUCK: Final = timedelta(seconds=300)  # who has buffered for so long is not counted as watching
MOST_LIVE: Final = 500


class Audience(NamedTuple):
    """Sessions open in a step of time: on average over the step, and at most at the same instant; `n` touched it."""

    starts: datetime
    average: float
    peak: int
    n: int


# Open from the start to the end: one more at each start, one less at each end; between two such instants the number stands. The
# bounds of the steps are instants, too, at which nothing changes, so that no stretch belongs to two steps.
_OPEN: Final = """
    WITH open AS (
        SELECT greatest(s.started_at, %(begin)s) AS begins, least(s."timestamp", %(end)s) AS ends
        FROM playback.sessions s
        WHERE s.app_id = %(app)s AND s."timestamp" > %(begin)s AND s."timestamp" < %(latest)s AND s.started_at < %(end)s
            AND s.started_at < s."timestamp" AND s.partition_ts >= %(prune)s AND s.outcome NOT IN {not_seen}{more}),
    steps AS (
        SELECT greatest(at, %(begin)s) AS starts
        FROM generate_series(date_bin(%(step)s, %(begin)s, %(origin)s), %(end)s - interval '1 microsecond', %(step)s) AS at),
    changes AS (
        SELECT at, sum(change) AS change, sum(greatest(change, 0)) AS began FROM (
            SELECT begins, 1 FROM open UNION ALL SELECT ends, -1 FROM open UNION ALL SELECT starts, 0 FROM steps) c (at, change)
        GROUP BY at),
    stretches AS (
        SELECT at, began, sum(change) OVER (ORDER BY at) AS people, lead(at, 1, %(end)s) OVER (ORDER BY at) AS until FROM changes WHERE at < %(end)s)
    SELECT greatest(step, %(begin)s) AS starts, sum(people * extract(epoch FROM until - at))::double precision
            / extract(epoch FROM least(step + %(step)s, %(end)s) - greatest(step, %(begin)s))::double precision,
        max(people)::int, ((array_agg(people - began ORDER BY at))[1] + sum(began))::int
    FROM (SELECT *, date_bin(%(step)s, at, %(origin)s) AS step FROM stretches) t GROUP BY step ORDER BY step"""


async def concurrency(
    tx: Tx, chosen: Selection, step: timedelta, *, origin: datetime = EPOCH
) -> list[Audience]:
    """Sessions open at the same time in each step (counted from `origin`) of a span, the first and last cut by it."""
    narrower, values = chosen.narrowing()
    more = "".join(f" AND {text}" for text in narrower)
    values |= {"step": step, "origin": origin, "begin": chosen.begin, "end": chosen.end}
    values |= {"latest": chosen.end + LONGEST, "prune": oldest_partition(chosen.begin)}
    cursor = await tx.psycopg.execute(_OPEN.format(not_seen=NOT_SEEN, more=more), values)
    return [Audience(*row) for row in await cursor.fetchall()]


# A D2 player reports at its end: it is never live. Others are by their last timeline entry.
_LIVE: Final = """
    FROM playback.sessions s
    WHERE s.app_id = ANY(%(apps)s) AND s.last_received_at > %(since)s AND s.partition_ts >= %(prune)s
        AND s.dialect NOT IN ('D1', 'D2')
        AND (s.last_state = 'PLAYING' OR (s.last_state = 'BUFFERING' AND s.state_since >= %(stuck)s))"""
_LISTED: Final = """
    SELECT s.session_id, s.started_at, s.last_received_at, s.last_state, s.state_since, s.content_id, s.stream_type, s.device_model,
        s.sdk_version, s.connection_type, s.player_startup_ms, s.rebuffer_count, s.mean_bitrate_bps"""


def _live(apps: Sequence[UUID], at: datetime, window_s: int) -> dict[str, Any]:
    since = at - timedelta(seconds=window_s)
    prune = oldest_partition(since - LONGEST)
    return {"apps": list(apps), "since": since, "stuck": at - STUCK, "prune": prune}


async def watching(tx: Tx, apps: Sequence[UUID], *, at: datetime, window_s: int) -> dict[UUID, int]:
    """How many watch now, by app; an app that nobody watches is left out."""
    statement = f"SELECT s.app_id, count(*) {_LIVE} GROUP BY s.app_id"
    cursor = await tx.psycopg.execute(statement, _live(apps, at, window_s))
    return {app: int(count) for app, count in await cursor.fetchall()}


async def live_sessions(
    tx: Tx, app_id: UUID, *, at: datetime, window_s: int, most: int
) -> list[dict[str, Any]]:
    """Who watches now, the newest first."""
    statement = f"{_LISTED} {_LIVE} ORDER BY s.last_received_at DESC, s.session_id LIMIT %(most)s"
    async with tx.psycopg.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, _live([app_id], at, window_s) | {"most": most})
        return await cursor.fetchall()
