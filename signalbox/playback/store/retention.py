"""What is over goes: whole months where everything in them is, else a thousand sessions at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from signalbox.core.partitions import following, partition_start, partitions_of
from signalbox.playback.rules.retention import Keep

Row = dict[str, Any]

AT_ONCE: Final = 1000
KEYS_AT_ONCE: Final = 10_000
_MARGIN: Final = timedelta(days=1)
_POLICY_COLUMNS: Final = (
    "id, app_id, stream_type, content_prefix, sessions_days, payload_days, timeline_days, events_days,"
    " created_at, updated_at"
)
# How many days a session (a row `s`) is kept: the first limit that fits it, else what holds for all.
_DAYS: Final = """coalesce((
    SELECT l.days FROM unnest(%(streams)s::text[], %(prefixes)s::text[], %(days)s::int[]) WITH ORDINALITY AS l (stream, prefix, days, place)
    WHERE (l.stream IS NULL OR l.stream = s.stream_type) AND (l.prefix IS NULL OR starts_with(s.content_id, l.prefix))
    ORDER BY l.place LIMIT 1), %(otherwise)s)"""
_OVER: Final = f"""s.app_id = %(app)s AND s."timestamp" < %(newest)s
    AND s."timestamp" < %(at)s - make_interval(days => {_DAYS})"""

# Lines of CMCD go by the time at which they came; of single streams and contents they do not tell. Found by the sessions of the app.
_LINES_OVER: Final = """
    FROM playback.cmcd_sessions s JOIN playback.cmcd_events e ON e.session = s.id
    WHERE s.app_id = %(app)s AND e.received_at < %(at)s - make_interval(days => %(otherwise)s)"""
_COUNT: Final[Mapping[str, str]] = {
    "events": f"SELECT count(*) {_LINES_OVER}",
    "sessions": f"SELECT count(*) FROM playback.sessions s WHERE {_OVER}",
    "payload": f"SELECT count(*) FROM playback.sessions s WHERE s.payload IS NOT NULL AND {_OVER}",
    "timeline": f"""
        SELECT count(*) FROM playback.sessions s
        JOIN playback.session_timeline t USING (app_id, session_id, partition_ts) WHERE {_OVER}""",
}
# Whoever reports holds the key of its session: what is reported now is left for the next run.
_SESSIONS: Final = f"""
    WITH old AS (
        SELECT s.app_id, s.session_id, s.partition_ts FROM playback.sessions s WHERE {_OVER} LIMIT {AT_ONCE}),
    locked AS (
        SELECT k.app_id, k.session_id, k.partition_ts FROM playback.session_keys k JOIN old USING (app_id, session_id, partition_ts)
        ORDER BY k.app_id, k.session_id FOR UPDATE OF k SKIP LOCKED),
    timeline AS (DELETE FROM playback.session_timeline t USING locked l
        WHERE t.app_id = l.app_id AND t.session_id = l.session_id AND t.partition_ts = l.partition_ts),
    sessions AS (DELETE FROM playback.sessions s USING locked l
        WHERE s.app_id = l.app_id AND s.session_id = l.session_id AND s.partition_ts = l.partition_ts),
    keys AS (DELETE FROM playback.session_keys k USING locked l WHERE k.app_id = l.app_id AND k.session_id = l.session_id)
    SELECT count(*) FROM locked"""
_PAYLOAD: Final = f"""
    WITH old AS (
        SELECT s.app_id, s.session_id, s.partition_ts FROM playback.sessions s WHERE s.payload IS NOT NULL AND {_OVER} LIMIT {AT_ONCE}),
    locked AS (
        SELECT k.app_id, k.session_id, k.partition_ts FROM playback.session_keys k JOIN old USING (app_id, session_id, partition_ts)
        ORDER BY k.app_id, k.session_id FOR UPDATE OF k SKIP LOCKED),
    emptied AS (UPDATE playback.sessions s SET payload = NULL FROM locked l
        WHERE s.app_id = l.app_id AND s.session_id = l.session_id AND s.partition_ts = l.partition_ts)
    SELECT count(*) FROM locked"""
_TIMELINE: Final = f"""
    WITH old AS (
        SELECT t.app_id, t.session_id, t.partition_ts, t.elapsed_ms, t.timestamp_ms, t.playback_state
        FROM playback.sessions s JOIN playback.session_timeline t USING (app_id, session_id, partition_ts) WHERE {_OVER} LIMIT {AT_ONCE}),
    gone AS (DELETE FROM playback.session_timeline t USING old o
        WHERE (t.app_id, t.session_id, t.partition_ts, t.elapsed_ms, t.timestamp_ms, t.playback_state)
            = (o.app_id, o.session_id, o.partition_ts, o.elapsed_ms, o.timestamp_ms, o.playback_state) RETURNING 1)
    SELECT count(*) FROM gone"""
_LINES: Final = f"""
    WITH old AS (SELECT e.tableoid AS part, e.ctid AS place {_LINES_OVER} LIMIT {AT_ONCE}),
    gone AS (DELETE FROM playback.cmcd_events e USING old o WHERE e.tableoid = o.part AND e.ctid = o.place RETURNING 1)
    SELECT count(*) FROM gone"""
_REMOVE: Final[Mapping[str, str]] = {
    "sessions": _SESSIONS,
    "payload": _PAYLOAD,
    "timeline": _TIMELINE,
    "events": _LINES,
}
# Waits for whoever reports on one of them, and sees what came of it: a session that goes on keeps its key.
_KEYS_OF_MONTH: Final = """
    WITH gone AS (
        SELECT k.app_id, k.session_id FROM playback.session_keys k JOIN {month} s USING (app_id, session_id, partition_ts)
        WHERE s."timestamp" < %(before)s LIMIT %(most)s FOR UPDATE OF k, s)
    DELETE FROM playback.session_keys k USING gone o WHERE k.app_id = o.app_id AND k.session_id = o.session_id"""
_HAS_NEWER: Final = """
    SELECT EXISTS (SELECT FROM unnest(%(apps)s::uuid[]) AS a (id) WHERE EXISTS (
        SELECT FROM {month} s WHERE s.app_id = a.id AND s."timestamp" >= %(before)s))"""
_WITHOUT_KEY: Final = """
    DELETE FROM {month} s WHERE s."timestamp" < %(before)s AND NOT EXISTS (
        SELECT FROM playback.session_keys k WHERE k.app_id = s.app_id AND k.session_id = s.session_id AND k.partition_ts = s.partition_ts)"""


def _values(app_id: UUID, keep: Keep, at: datetime) -> dict[str, Any]:
    return {
        "app": app_id,
        "at": at,
        "newest": at - timedelta(days=keep.shortest),
        "streams": [limit.stream_type for limit in keep.limits],
        "prefixes": [limit.content_prefix for limit in keep.limits],
        "days": [limit.days for limit in keep.limits],
        "otherwise": keep.otherwise,
    }


async def count_over(
    connection: AsyncConnection[Any], kind: str, app_id: UUID, keep: Keep, *, at: datetime
) -> int:
    """How many sessions, payloads or timeline entries of an app are over."""
    cursor = await connection.execute(_COUNT[kind], _values(app_id, keep, at))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def remove_some(
    connection: AsyncConnection[Any], kind: str, app_id: UUID, keep: Keep, *, at: datetime
) -> int:
    """Remove at most `AT_ONCE` of them; answers how many. Fewer than that means that no more are there, or some are locked."""
    cursor = await connection.execute(_REMOVE[kind], _values(app_id, keep, at))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def apps_with_sessions(connection: AsyncConnection[Any]) -> list[UUID]:
    """Apps of which anything is stored, found by jumping from one to the next in the index of keys."""
    cursor = await connection.execute("""
        WITH RECURSIVE apps AS (
            (SELECT app_id FROM playback.session_keys ORDER BY app_id LIMIT 1)
            UNION ALL
            SELECT (SELECT k.app_id FROM playback.session_keys k WHERE k.app_id > a.app_id ORDER BY k.app_id LIMIT 1)
            FROM apps a WHERE a.app_id IS NOT NULL)
        SELECT app_id FROM apps WHERE app_id IS NOT NULL""")
    return [row[0] for row in await cursor.fetchall()]


async def months_over(
    connection: AsyncConnection[Any], apps: Sequence[UUID], *, before: datetime
) -> list[str]:
    """Names of the monthly partitions of sessions that are over and hold none that ended at `before` or later."""
    found: list[str] = []
    for name in await partitions_of(connection, "playback.sessions"):
        start = partition_start("sessions", name, "calendar")
        is_past = start is not None and following(start, "calendar") <= before.date()
        if is_past and not await _has_newer(connection, name, apps, before):
            found.append(name)
    return found


async def _has_newer(
    connection: AsyncConnection[Any], month: str, apps: Sequence[UUID], before: datetime
) -> bool:
    values = {"apps": list(apps), "before": before}
    cursor = await connection.execute(_of_month(_HAS_NEWER, month), values)
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def forget_keys(connection: AsyncConnection[Any], month: str, *, before: datetime) -> int:
    """Remove some keys of the sessions of a month that ended before an instant; answers how many, 0 when none is left."""
    values = {"before": before, "most": KEYS_AT_ONCE}
    cursor = await connection.execute(_of_month(_KEYS_OF_MONTH, month), values)
    return cursor.rowcount


async def drop_month(
    connection: AsyncConnection[Any], month: str, apps: Sequence[UUID], *, before: datetime
) -> bool:
    """Drop a month of sessions without keys, and of their timelines, in the caller's transaction.

    False if one of its sessions has gone on meanwhile: then only those without a key go.
    """
    await connection.execute("SET LOCAL lock_timeout = '2s'")
    if await _has_newer(connection, month, apps, before):
        await connection.execute(_of_month(_WITHOUT_KEY, month), {"before": before})
        return False
    timelines = month.replace("sessions_", "session_timeline_", 1)
    for name in (timelines, month):
        await connection.execute(
            SQL("DROP TABLE IF EXISTS {}").format(Identifier("playback", name))
        )
    return True


def _of_month(statement: LiteralString, month: str) -> Composed:
    return SQL(statement).format(month=Identifier("playback", month))


async def rows_beside(connection: AsyncConnection[Any], table: str) -> int:
    """How many rows of a table ("schema.name") lie in its default partition, where none should be; at most ten thousand are counted."""
    schema, name = table.split(".")
    cursor = await connection.execute(
        SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT 10000) s").format(
            Identifier(schema, f"{name}_default")
        )
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def forget_tombstones(connection: AsyncConnection[Any], *, at: datetime) -> int:
    """Remove the keys of erased sessions that have been refused for long enough."""
    cursor = await connection.execute(
        "DELETE FROM playback.session_keys WHERE state = 'erased' AND erased_until <= %s", [at]
    )
    return cursor.rowcount


async def ensure_live_indexes(connection: AsyncConnection[Any], *, today: date) -> list[str]:
    """Index who was heard of lately, in the months in which sessions can be that go on: the last one, this one and the next.

    Older months lose it. `connection` is in autocommit: writers are not held up. Answers what was made.
    """
    this = today.replace(day=1)
    last = (this - _MARGIN).replace(day=1)
    wanted = {last, this, following(this, "calendar")}
    made: list[str] = []
    for name in await partitions_of(connection, "playback.sessions"):
        start = partition_start("sessions", name, "calendar")
        if start is None:
            continue
        index = name.replace("sessions_", "idx_sessions_live_", 1)
        if start < last:
            await connection.execute(
                SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(Identifier("playback", index))
            )
        elif start in wanted and await _lacks(connection, index):
            await _index(connection, name, index)
            made.append(index)
    return made


async def ensure_payload_indexes(connection: AsyncConnection[Any], *, wanted: bool) -> None:
    """Index the members of stored payloads in every month, or in none. `connection` is in autocommit."""
    for name in await partitions_of(connection, "playback.sessions"):
        index = name.replace("sessions_", "idx_sessions_payload_", 1)
        lacks = await _lacks(connection, index)
        if lacks or not wanted:
            await connection.execute(
                SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(Identifier("playback", index))
            )
        if lacks and wanted:
            await connection.execute(
                SQL("CREATE INDEX CONCURRENTLY {} ON {} USING gin (payload jsonb_path_ops)").format(
                    Identifier(index), Identifier("playback", name)
                )
            )


async def _lacks(connection: AsyncConnection[Any], index: str) -> bool:
    cursor = await connection.execute(
        "SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass(%s)",
        [f"playback.{index}"],
    )
    row = await cursor.fetchone()
    return row is None or not row[0]


async def _index(connection: AsyncConnection[Any], partition: str, index: str) -> None:
    """What an interrupted run has left is made again."""
    name, table = Identifier("playback", index), Identifier("playback", partition)
    await connection.execute(SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
    await connection.execute(
        SQL("CREATE INDEX CONCURRENTLY {} ON {} (app_id, last_received_at DESC)").format(
            Identifier(index), table
        )
    )


async def policies(connection: AsyncConnection[Any], app_id: UUID | None = None) -> list[Row]:
    """The policies of an app, or of all, the oldest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {_POLICY_COLUMNS} FROM playback.retention_policies"
            " WHERE %(app)s::uuid IS NULL OR app_id = %(app)s ORDER BY created_at, id",
            {"app": app_id},
        )
        return await cursor.fetchall()


async def put_policy(connection: AsyncConnection[Any], values: Mapping[str, Any]) -> Row:
    """Add a policy, or change the one of the same app, stream type and contents."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "INSERT INTO playback.retention_policies AS p (id, app_id, stream_type, content_prefix, sessions_days, payload_days,"
            " timeline_days, events_days, created_at, updated_at)"
            " VALUES (%(id)s, %(app_id)s, %(stream_type)s, %(content_prefix)s, %(sessions_days)s, %(payload_days)s,"
            " %(timeline_days)s, %(events_days)s, %(at)s, %(at)s)"
            " ON CONFLICT (app_id, stream_type, content_prefix) DO UPDATE SET sessions_days = excluded.sessions_days,"
            " payload_days = excluded.payload_days, timeline_days = excluded.timeline_days, events_days = excluded.events_days,"
            f" updated_at = excluded.updated_at RETURNING {_POLICY_COLUMNS}",
            values,
        )
        row = await cursor.fetchone()
        assert row is not None
        return row


async def delete_policy(connection: AsyncConnection[Any], policy_id: UUID) -> Sequence[Row]:
    """Remove a policy; answers it, nothing when there is none."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"DELETE FROM playback.retention_policies WHERE id = %s RETURNING {_POLICY_COLUMNS}",
            [policy_id],
        )
        return await cursor.fetchall()
