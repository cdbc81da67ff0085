"""Minutes and hours of figures, always counted again from what they are made of: nothing is ever added to a stored sum."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.partitions import PartitionPolicy, ensure
from signalbox.playback.queries.sums import BUCKET, OF_ROLLUPS, OF_SESSIONS, STARTUPS, listed
from signalbox.playback.rules.figures import SUMMED
from signalbox.playback.rules.retention import ROLLUP_TABLES
from signalbox.playback.rules.spans import oldest_partition

TOP_CONTENTS: Final = 500
_LOCK: Final = 0x51670011
_DIMENSIONS: Final = ("stream_type", "device_model", "sdk_version", "connection_type")
_SAME: Final = ", ".join(f"s.{name}" for name in _DIMENSIONS)
_COLUMNS: Final = f"""app_id, starts, {", ".join(_DIMENSIONS)}, content_id, rest, {", ".join(SUMMED)}, startup_buckets, startup_counts"""

_TAKE: Final = """
    WITH taken AS (SELECT DISTINCT app_id, minute FROM playback.dirty_minutes ORDER BY minute DESC LIMIT %s)
    DELETE FROM playback.dirty_minutes d USING taken t WHERE d.app_id = t.app_id AND d.minute = t.minute
    RETURNING d.app_id, d.minute"""
_DELETE: Final = "DELETE FROM playback.{table} WHERE app_id = %(app)s AND starts = ANY(%(starts)s)"
# The most frequent contents of each bucket keep their names; of those equally frequent, the first by name.
_TOP: Final = """
    top AS (
        SELECT starts, content_id FROM (
            SELECT starts, content_id, row_number() OVER (PARTITION BY starts ORDER BY {weight} DESC, content_id COLLATE "C") AS place
            FROM seen WHERE content_id IS NOT NULL GROUP BY starts, content_id) r
        WHERE place <= %(top)s)"""
_MINUTES: Final = f"""
    WITH seen AS MATERIALIZED (
        SELECT m.minute AS starts, s.* FROM unnest(%(starts)s) AS m (minute)
        JOIN playback.sessions s ON s.app_id = %(app)s AND s."timestamp" >= m.minute AND s."timestamp" < m.minute + interval '1 minute'
            AND s.partition_ts >= %(prune)s),
    {_TOP.format(weight="count(*)")},
    summed AS (
        SELECT s.starts, {_SAME}, top.content_id, s.content_id IS NOT NULL AND top.content_id IS NULL AS rest,
            {listed(OF_SESSIONS)}, {STARTUPS} AS startups
        FROM seen s LEFT JOIN top ON top.starts = s.starts AND top.content_id = s.content_id
        GROUP BY s.starts, {_SAME}, top.content_id, rest)
    INSERT INTO playback.rollup_1m ({_COLUMNS})
    SELECT %(app)s, s.starts, {_SAME}, s.content_id, s.rest, {", ".join(f"s.{name}" for name in SUMMED)}, b.buckets, b.counts
    FROM summed s CROSS JOIN LATERAL (
        SELECT array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts FROM (
            SELECT {BUCKET.format("x")} AS bucket, count(*) AS n FROM unnest(s.startups) AS x GROUP BY 1) g) b"""
# A row of properties as a text tells NULL from empty, so that it can be joined by.
_HOURS: Final = f"""
    WITH seen AS MATERIALIZED (
        SELECT date_trunc('hour', r.starts, 'UTC') AS hour, r.* FROM playback.rollup_1m r
        JOIN unnest(%(starts)s) AS h (hour) ON r.starts >= h.hour AND r.starts < h.hour + interval '1 hour'
        WHERE r.app_id = %(app)s),
    {_TOP.format(weight="sum(rows)").replace("starts", "hour")},
    named AS MATERIALIZED (
        SELECT s.*, top.content_id AS kept, s.rest OR (s.content_id IS NOT NULL AND top.content_id IS NULL) AS other,
            ROW(s.hour, {_SAME}, top.content_id, s.rest OR (s.content_id IS NOT NULL AND top.content_id IS NULL))::text AS same
        FROM seen s LEFT JOIN top ON top.hour = s.hour AND top.content_id = s.content_id),
    summed AS (
        SELECT s.same, s.hour AS starts, {_SAME}, s.kept AS content_id, s.other AS rest, {listed(OF_ROLLUPS)}
        FROM named s GROUP BY s.same, s.hour, {_SAME}, s.kept, s.other),
    counted AS (
        SELECT same, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts FROM (
            SELECT s.same, u.bucket, sum(u.n)::bigint AS n FROM named s CROSS JOIN LATERAL unnest(s.startup_buckets, s.startup_counts) AS u (bucket, n)
            GROUP BY s.same, u.bucket) g GROUP BY same)
    INSERT INTO playback.rollup_1h ({_COLUMNS})
    SELECT %(app)s, s.starts, {_SAME}, s.content_id, s.rest, {", ".join(f"s.{name}" for name in SUMMED)}, c.buckets, c.counts
    FROM summed s LEFT JOIN counted c USING (same)"""
_MARK: Final = """
    INSERT INTO playback.dirty_minutes (app_id, minute, marked_at)
    SELECT DISTINCT app_id, date_trunc('minute', "timestamp", 'UTC'), %(at)s::timestamptz FROM playback.sessions
    WHERE app_id = %(app)s AND "timestamp" >= %(begin)s AND "timestamp" < %(end)s AND partition_ts >= %(prune)s"""


async def claim(connection: AsyncConnection[Any]) -> bool:
    """Be the one who rolls up, until the transaction ends; False while another process is at it."""
    cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def take_dirty(connection: AsyncConnection[Any], *, most: int) -> dict[UUID, set[datetime]]:
    """Minutes of apps that must be counted again, the newest first; their marks go with this transaction."""
    cursor = await connection.execute(_TAKE, [most])
    found: dict[UUID, set[datetime]] = {}
    for app, minute in await cursor.fetchall():
        found.setdefault(app, set()).add(minute)
    return found


async def count_minutes(
    connection: AsyncConnection[Any],
    app_id: UUID,
    minutes: Collection[datetime],
    good: Mapping[str, float],
) -> None:
    """Count minutes of an app from its sessions; `good` is what a good session must keep to."""
    await _make_room(connection, minutes)
    values = {"app": app_id, "starts": sorted(minutes), "top": TOP_CONTENTS, **good}
    values["prune"] = oldest_partition(min(minutes))
    await connection.execute(_DELETE.format(table="rollup_1m"), values)
    await connection.execute(_MINUTES, values)


async def count_hours(
    connection: AsyncConnection[Any], app_id: UUID, hours: Collection[datetime]
) -> None:
    """Add up hours of an app from its minutes."""
    values = {"app": app_id, "starts": sorted(hours), "top": TOP_CONTENTS}
    await connection.execute(_DELETE.format(table="rollup_1h"), values)
    await connection.execute(_HOURS, values)


async def mark_span(
    connection: AsyncConnection[Any], app_id: UUID, begin: datetime, end: datetime, *, at: datetime
) -> int:
    """Have all minutes of a span that hold a session counted again; answers how many."""
    values = {"app": app_id, "begin": begin, "end": end, "at": at}
    cursor = await connection.execute(_MARK, values | {"prune": oldest_partition(begin)})
    return cursor.rowcount


async def _make_room(connection: AsyncConnection[Any], minutes: Collection[datetime]) -> None:
    """Partitions for the months of these minutes: a session may have ended long before it is heard of."""
    months: Sequence[datetime] = sorted({at.replace(day=1, hour=0, minute=0) for at in minutes})
    for table in ROLLUP_TABLES:
        policy = PartitionPolicy(table=table, keep_days=None, every="calendar")
        for month in months:
            day = (month + timedelta(hours=1)).date()
            await ensure(connection, policy, day, day)
