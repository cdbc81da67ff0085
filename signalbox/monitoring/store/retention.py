"""Deleting what is past its time, in small batches: each call is one short transaction's work.

Whole days of one app are deleted by walking through the blocks of a partition, each block once: no
index is kept for that, which every stored report would pay for. Old calls are deleted session by session.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from signalbox.core.partitions import partition_start, partitions_of

BLOCKS: Final = 1024  # 8 MB of a partition at a time
SCHEMA: Final = "monitoring"
# Shorter than PostgreSQL's deadlock_timeout: where two wait for each other it is we who give way, not a report.
_PATIENCE: Final = "SET LOCAL lock_timeout = '500ms'"


async def daily_partitions(connection: AsyncConnection[Any], table: str) -> list[tuple[date, str]]:
    """Day and name of the daily partitions of "events" or "samples", oldest first."""
    names = await partitions_of(connection, f"{SCHEMA}.{table}")
    days = [(partition_start(table, name, "day"), name) for name in names]
    return sorted((day, name) for day, name in days if day is not None)


async def deleted_through(connection: AsyncConnection[Any], table: str) -> dict[UUID, date]:
    """The last day of each app whose rows were deleted."""
    cursor = await connection.execute(
        "SELECT app_id, through FROM monitoring.retention WHERE table_name = %s", (table,)
    )
    return dict(await cursor.fetchall())


async def remember_deleted(
    connection: AsyncConnection[Any], table: str, apps: list[UUID], day: date
) -> None:
    """The rows of these apps are gone up to and including `day`."""
    await connection.execute(
        """INSERT INTO monitoring.retention AS known (app_id, table_name, through)
        SELECT app, %s, %s FROM unnest(%s::uuid[]) AS given (app) ORDER BY app
        ON CONFLICT (app_id, table_name) DO UPDATE SET through = greatest(known.through, excluded.through)""",
        (table, day, apps),
    )


async def blocks_of(connection: AsyncConnection[Any], partition: str) -> int:
    """Size of a partition in blocks; 0 if it is gone."""
    cursor = await connection.execute(
        "SELECT coalesce(pg_relation_size(to_regclass(%s)) / current_setting('block_size')::integer, 0)",
        (f"{SCHEMA}.{partition}",),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def delete_rows(
    connection: AsyncConnection[Any], partition: str, apps: list[UUID], first_block: int
) -> int:
    """Delete the rows of apps in the next `BLOCKS` blocks of a partition; answers how many."""
    cursor = await connection.execute(
        SQL("DELETE FROM {} WHERE ctid >= %s::tid AND ctid < %s::tid AND app_id = ANY(%s)").format(
            Identifier(SCHEMA, partition)
        ),
        (f"({first_block},0)", f"({first_block + BLOCKS},0)", apps),
    )
    return cursor.rowcount


# An hour of the biggest apps has some 100 000 rows.
MINUTES_AT_ONCE: Final = timedelta(minutes=10)
_FIRST_MINUTE: Final = """
    SELECT min(first.minute) FROM generate_series(0, 4) AS f (flow) CROSS JOIN LATERAL (
        SELECT m.minute FROM monitoring.track_minutes m WHERE m.app_id = %(app)s AND m.flow = f.flow AND m.minute < %(before)s
        ORDER BY m.minute LIMIT 1) AS first"""
_EMPTY_MINUTES: Final = """
    DELETE FROM monitoring.track_minutes
    WHERE app_id = %s AND flow = ANY('{0,1,2,3,4}') AND minute >= %s AND minute < %s"""
_FIRST_ROLLUP: Final = """
    SELECT min(starts) FROM monitoring.figure_rollups WHERE app_id = %s AND span = %s AND starts < %s"""
_EMPTY_ROLLUPS: Final = (
    "DELETE FROM monitoring.figure_rollups WHERE app_id = %s AND span = %s AND starts = %s"
)


async def delete_minutes(connection: AsyncConnection[Any], app: UUID, *, before: datetime) -> int:
    """Delete the oldest ten minutes of an app's figures from before an instant; answers how many rows, 0 when none is left.

    No hour is marked as changed: its rollup goes as well.
    """
    await connection.execute(_PATIENCE)
    cursor = await connection.execute(_FIRST_MINUTE, {"app": app, "before": before})
    row = await cursor.fetchone()
    if row is None or row[0] is None:
        return 0
    last = min(row[0] + MINUTES_AT_ONCE, before)
    return (await connection.execute(_EMPTY_MINUTES, (app, row[0], last))).rowcount


async def delete_rollups(
    connection: AsyncConnection[Any], app: UUID, span: str, *, before: datetime
) -> int:
    """Delete the oldest hour ("h") or day ("d") of an app's rollups from before an instant; answers how many rows, 0 when none is left."""
    await connection.execute(_PATIENCE)
    row = await (await connection.execute(_FIRST_ROLLUP, (app, span, before))).fetchone()
    if row is None or row[0] is None:
        return 0
    return (await connection.execute(_EMPTY_ROLLUPS, (app, span, row[0]))).rowcount


# Over for that long: it ended then, or nothing ever began; and no connection of it was heard of since.
_OLD: Final = """
    s.created_at < %(before)s AND s.last_seen_at < %(before)s AND coalesce(s.end_time, s.created_at) < %(before)s
    AND (s.end_time IS NOT NULL OR NOT EXISTS (SELECT FROM monitoring.conferences c WHERE c.id = s.conference_id AND c.ongoing))
    AND NOT EXISTS (SELECT FROM monitoring.connections k WHERE k.session_id = s.id AND k.last_seen_at >= %(before)s)"""
_CANDIDATES: Final = f"""
    SELECT s.id, s.conference_id FROM monitoring.sessions s WHERE s.app_id = %(app)s AND {_OLD}
    ORDER BY s.created_at LIMIT %(most)s"""
_LOCK_CONFERENCES: Final = (
    "SELECT id FROM monitoring.conferences WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
)
_LOCK_SESSIONS: Final = f"""
    SELECT s.id, s.conference_id, s.participant_id FROM monitoring.sessions s
    WHERE s.id = ANY(%(ids)s) AND {_OLD} ORDER BY s.id FOR UPDATE"""
_CONNECTIONS: Final = (
    "SELECT id, conference_id, peer_id FROM monitoring.connections"
    " WHERE session_id = ANY(%s) ORDER BY id FOR UPDATE"
)
# Figures of which they were a part are made anew.
_DELETE_MINUTES: Final = """
    WITH gone AS (
        DELETE FROM monitoring.track_minutes WHERE conference_id = ANY(%s) AND session_id = ANY(%s) RETURNING app_id, minute
    )
    INSERT INTO monitoring.figure_changes SELECT DISTINCT app_id, date_trunc('hour', minute, 'UTC') FROM gone"""
# What is left tells when the next thing happens.
_FORGET_TIMELINES: Final = (
    "UPDATE monitoring.conferences SET timeline = NULL WHERE id = ANY(%s) AND timeline IS NOT NULL"
)
_DELETE_LINKS: Final = """
    DELETE FROM monitoring.conference_participants l
    USING (SELECT DISTINCT * FROM unnest(%s::uuid[], %s::uuid[]) AS given (conference, participant)) AS gone
    WHERE l.conference_id = gone.conference AND l.participant_id = gone.participant
        AND NOT EXISTS (SELECT FROM monitoring.sessions s WHERE s.conference_id = l.conference_id AND s.participant_id = l.participant_id)
        AND NOT EXISTS (SELECT FROM monitoring.connections k WHERE k.conference_id = l.conference_id AND k.peer_id = l.participant_id)"""


async def delete_sessions(
    connection: AsyncConnection[Any], app: UUID, *, before: datetime, most: int
) -> int:
    """Delete up to `most` sessions that were over before an instant, with all that belongs to them; answers how many."""
    await connection.execute(_PATIENCE)
    when: Mapping[str, Any] = {"app": app, "before": before, "most": most}
    found = await (await connection.execute(_CANDIDATES, when)).fetchall()
    if not found:
        return 0
    await connection.execute(_LOCK_CONFERENCES, (sorted({row[1] for row in found}),))
    locked = await (
        await connection.execute(
            _LOCK_SESSIONS, {"before": before, "ids": [row[0] for row in found]}
        )
    ).fetchall()
    sessions = [row[0] for row in locked]
    ends = await (await connection.execute(_CONNECTIONS, (sessions,))).fetchall()
    await connection.execute(
        "DELETE FROM monitoring.samples WHERE connection_id = ANY(%s)", ([row[0] for row in ends],)
    )
    await connection.execute(_DELETE_MINUTES, (sorted({row[1] for row in locked}), sessions))
    for table in ("events", "issues", "tracks", "connections"):
        await connection.execute(
            SQL("DELETE FROM {} WHERE session_id = ANY(%s)").format(Identifier(SCHEMA, table)),
            (sessions,),
        )
    await connection.execute("DELETE FROM monitoring.sessions WHERE id = ANY(%s)", (sessions,))
    await connection.execute(_FORGET_TIMELINES, (sorted({row[1] for row in locked}),))
    parts = [(row[1], row[2]) for row in (*locked, *ends)]
    await connection.execute(_DELETE_LINKS, ([p[0] for p in parts], [p[1] for p in parts]))
    return len(sessions)


_LOCK_EMPTY: Final = """
    SELECT c.id FROM monitoring.conferences c
    WHERE c.app_id = %(app)s AND NOT c.ongoing AND c.created_at < %(before)s AND c.last_seen_at < %(before)s
        AND coalesce(c.end_time, c.created_at) < %(before)s
        AND NOT EXISTS (SELECT FROM monitoring.sessions s WHERE s.conference_id = c.id)
    ORDER BY c.created_at LIMIT %(most)s FOR UPDATE SKIP LOCKED"""
_DELETE_EMPTY: Final = """
    DELETE FROM monitoring.conferences c
    WHERE c.id = ANY(%s) AND NOT EXISTS (SELECT FROM monitoring.sessions s WHERE s.conference_id = c.id)"""
_LOCK_LONELY: Final = """
    SELECT p.id FROM monitoring.participants p WHERE p.app_id = %(app)s AND p.created_at < %(before)s
        AND NOT EXISTS (SELECT FROM monitoring.conference_participants l WHERE l.participant_id = p.id)
        AND NOT EXISTS (SELECT FROM monitoring.sessions s WHERE s.participant_id = p.id)
    ORDER BY p.created_at LIMIT %(most)s FOR UPDATE SKIP LOCKED"""
# Looked at once more, now that nobody can link to the locked rows.
_DELETE_LONELY: Final = """
    DELETE FROM monitoring.participants p WHERE p.id = ANY(%s)
        AND NOT EXISTS (SELECT FROM monitoring.conference_participants l WHERE l.participant_id = p.id)
        AND NOT EXISTS (SELECT FROM monitoring.sessions s WHERE s.participant_id = p.id)"""


async def delete_empty_conferences(
    connection: AsyncConnection[Any], app: UUID, *, before: datetime, most: int
) -> int:
    """Delete up to `most` conferences that were over before an instant and have no session left; answers how many."""
    await connection.execute(_PATIENCE)
    cursor = await connection.execute(_LOCK_EMPTY, {"app": app, "before": before, "most": most})
    ids = [row[0] for row in await cursor.fetchall()]
    await connection.execute("DELETE FROM monitoring.issues WHERE conference_id = ANY(%s)", (ids,))
    await connection.execute(_DELETE_EMPTY, (ids,))
    return len(ids)


async def delete_lonely_participants(
    connection: AsyncConnection[Any], app: UUID, *, before: datetime, most: int
) -> int:
    """Delete up to `most` participants that are part of nothing any more; answers how many."""
    await connection.execute(_PATIENCE)
    cursor = await connection.execute(_LOCK_LONELY, {"app": app, "before": before, "most": most})
    ids = [row[0] for row in await cursor.fetchall()]
    await connection.execute(_DELETE_LONELY, (ids,))
    return len(ids)
