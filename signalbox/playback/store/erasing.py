"""A session is erased: nothing of it stays but the word that it is not to be stored again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

_LOCK = """
    SELECT partition_ts FROM playback.session_keys WHERE app_id = %(app)s AND session_id = %(session)s AND state = 'live' FOR UPDATE"""
_BURY = """
    UPDATE playback.session_keys SET state = 'erased', erased_until = %(until)s WHERE app_id = %(app)s AND session_id = %(session)s"""
_TIMELINE = """
    DELETE FROM playback.session_timeline WHERE app_id = %(app)s AND session_id = %(session)s AND partition_ts = %(partition)s"""
_SESSION = """
    WITH gone AS (
        DELETE FROM playback.sessions WHERE app_id = %(app)s AND session_id = %(session)s AND partition_ts = %(partition)s
        RETURNING app_id, "timestamp")
    INSERT INTO playback.dirty_minutes (app_id, minute, marked_at)
    SELECT app_id, date_trunc('minute', "timestamp", 'UTC'), %(at)s::timestamptz FROM gone"""


async def erase(
    connection: AsyncConnection[object],
    app_id: UUID,
    session_id: str,
    *,
    until: datetime,
    at: datetime,
) -> bool:
    """Erase a session and refuse it until an instant; False when there is none. Its minute is counted again.

    The key is the lock that all who report on it take first.
    """
    values = {"app": app_id, "session": session_id, "until": until, "at": at}
    cursor = await connection.execute(_LOCK, values)
    row = await cursor.fetchone()
    if row is None:
        return False
    values["partition"] = row[0]  # type: ignore[index]
    for statement in (_TIMELINE, _SESSION, _BURY):
        await connection.execute(statement, values)
    return True
