"""Taking a person out of what is stored, a few rows at a time; each function is one short transaction's work.

Rows that others count by (sessions, connections, issues) stay without anything personal, and are closed to reports by `erased_at`. What was
only about the person (events, reports, tracks) is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.monitoring.rules.identities import SessionKey

_PATIENCE: Final = "SET LOCAL lock_timeout = '2s'"


class Erasure(NamedTuple):
    """A person to be taken out. `words` are the application's id and name of the person."""

    id: UUID
    app: UUID
    organization: UUID
    participant: UUID
    requested_at: datetime
    words: list[str]


class OpenSession(NamedTuple):
    """A session that nobody has ended, and when it was last heard of."""

    key: SessionKey
    seen_at: datetime


async def anonymize(connection: AsyncConnection[Any], participant: UUID, at: datetime) -> list[str]:
    """Take id and name from a participant; answers them. Empty when that was done before."""
    cursor = await connection.execute(
        "SELECT participant_id, participant_name, erased_at FROM monitoring.participants WHERE id = %s FOR UPDATE",
        (participant,),
    )
    row = await cursor.fetchone()
    if row is None or row[2] is not None:
        return []
    await connection.execute(
        "UPDATE monitoring.participants SET participant_id = %s, participant_name = NULL, erased_at = %s WHERE id = %s",
        (pseudonym(participant), at, participant),
    )
    return [word for word in row[:2] if word]


# A trace names the other ends of its page after it: `alice/PC_0`. They are nobody else.
_NAMED_AFTER: Final = """
    UPDATE monitoring.participants p
    SET participant_id = 'erased-' || replace(p.id::text, '-', ''), participant_name = NULL, erased_at = %(at)s
    FROM (SELECT DISTINCT k.peer_id FROM monitoring.sessions s JOIN monitoring.connections k ON k.session_id = s.id
        WHERE s.participant_id = %(participant)s) AS seen
    WHERE p.id = seen.peer_id AND p.erased_at IS NULL AND starts_with(p.participant_id, %(word)s || '/')
        AND NOT EXISTS (SELECT FROM monitoring.sessions own WHERE own.participant_id = p.id)"""


async def anonymize_named_after(
    connection: AsyncConnection[Any], participant: UUID, words: Sequence[str], at: datetime
) -> None:
    """Take their names from peers of a participant that are named after one of the words."""
    for word in words:
        values = {"participant": participant, "word": word, "at": at}
        await connection.execute(_NAMED_AFTER, values)


def pseudonym(participant: UUID) -> str:
    """What stands for the application's id of an erased participant."""
    return f"erased-{participant.hex}"


async def add(connection: AsyncConnection[Any], erasure: Erasure) -> None:
    """Note what the worker has to do."""
    await connection.execute(
        "INSERT INTO monitoring.erasures (id, app_id, organization_id, participant_id, requested_at, words)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        erasure,
    )


async def unfinished(connection: AsyncConnection[Any], *, most: int) -> list[Erasure]:
    """The oldest erasures that are not done."""
    cursor = await connection.execute(
        "SELECT id, app_id, organization_id, participant_id, requested_at, coalesce(words, '{}')"
        " FROM monitoring.erasures WHERE done_at IS NULL ORDER BY requested_at LIMIT %s",
        (most,),
    )
    return [Erasure(*row) for row in await cursor.fetchall()]


async def finish(connection: AsyncConnection[Any], erasure: UUID, at: datetime) -> None:
    """Note that nothing is left, and forget how the person was called."""
    await connection.execute(
        "UPDATE monitoring.erasures SET done_at = %s, words = NULL WHERE id = %s AND done_at IS NULL",
        (at, erasure),
    )


_NEXT: Final = """
    SELECT id, conference_id FROM monitoring.sessions WHERE participant_id = %s AND erased_at IS NULL
    ORDER BY created_at LIMIT %s"""
_LOCK_CONFERENCES: Final = (
    "SELECT id FROM monitoring.conferences WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
)
_LOCK_SESSIONS: Final = "SELECT id FROM monitoring.sessions WHERE id = ANY(%s) AND erased_at IS NULL ORDER BY id FOR NO KEY UPDATE"
_OPEN: Final = """
    SELECT s.id, s.app_id, s.organization_id, s.conference_id, s.participant_id, greatest(s.last_seen_at, max(k.last_seen_at))
    FROM monitoring.sessions s LEFT JOIN monitoring.connections k ON k.session_id = s.id AND k.is_active
    WHERE s.id = ANY(%s) AND s.is_active
    GROUP BY s.id HAVING s.end_time IS NULL OR bool_or(k.id IS NOT NULL AND k.end_time IS NULL)
    ORDER BY s.id"""


async def lock_next_sessions(
    connection: AsyncConnection[Any], participant: UUID, *, most: int
) -> tuple[list[UUID], list[OpenSession]]:
    """Lock up to `most` sessions that still hold something; answers them, and which of them are open."""
    await connection.execute(_PATIENCE)
    found = await (await connection.execute(_NEXT, (participant, most))).fetchall()
    if not found:
        return [], []
    await connection.execute(_LOCK_CONFERENCES, (sorted({row[1] for row in found}),))
    locked = await (
        await connection.execute(_LOCK_SESSIONS, ([row[0] for row in found],))
    ).fetchall()
    sessions = [row[0] for row in locked]
    rows = await (await connection.execute(_OPEN, (sessions,))).fetchall()
    return sessions, [OpenSession(SessionKey(*row[:5]), row[5]) for row in rows]


# Numbers and the error's kind say nothing of a person, and charts count by them.
_STRIP: Final = (
    """UPDATE monitoring.sessions SET erased_at = %(at)s, constraints = NULL, devices = NULL, platform = NULL, metadata = NULL,
        geo_ip = NULL, session_info = '{}' WHERE id = ANY(%(sessions)s)""",
    "UPDATE monitoring.session_lives SET facts = '[]', recent = '' WHERE session_id = ANY(%(sessions)s)",
    """DELETE FROM monitoring.samples WHERE connection_id = ANY(ARRAY(
        SELECT id FROM monitoring.connections WHERE session_id = ANY(%(sessions)s)))""",
    "DELETE FROM monitoring.events WHERE session_id = ANY(%(sessions)s)",
    "DELETE FROM monitoring.tracks WHERE session_id = ANY(%(sessions)s)",
    """UPDATE monitoring.issues SET events = '{}', track_id = NULL, data = CASE WHEN jsonb_typeof(data) = 'object' THEN (
            SELECT coalesce(jsonb_object_agg(part.key, part.value), '{}') FROM jsonb_each(data) AS part
            WHERE jsonb_typeof(part.value) = 'number' OR part.key = 'name') END
        WHERE session_id = ANY(%(sessions)s)""",
    """UPDATE monitoring.connection_lives SET facts = '[]', recent = '' WHERE connection_id IN (
        SELECT id FROM monitoring.connections WHERE session_id = ANY(%(sessions)s))""",
)
_CLOSE: Final = """
    WITH own AS MATERIALIZED (
        SELECT id FROM monitoring.connections WHERE session_id = ANY(%(sessions)s) ORDER BY id FOR NO KEY UPDATE)
    UPDATE monitoring.connections c SET erased_at = %(at)s, stats_seen = '' FROM own WHERE c.id = own.id"""


async def strip_sessions(
    connection: AsyncConnection[Any], sessions: Sequence[UUID], at: datetime
) -> None:
    """Take everything personal from sessions that are locked and ended, and close them to reports."""
    values = {"sessions": list(sessions), "at": at}
    for statement in (_CLOSE, *_STRIP):
        await connection.execute(statement, values)


async def conferences_of(connection: AsyncConnection[Any], participant: UUID) -> list[UUID]:
    """The conferences that a participant was part of."""
    cursor = await connection.execute(
        "SELECT conference_id FROM monitoring.conference_participants WHERE participant_id = %s ORDER BY 1",
        (participant,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def clean_conference(
    connection: AsyncConnection[Any], conference: UUID, participant: UUID
) -> None:
    """Forget the evidence of what was said of the person in a conference, and how others labelled the person's tracks. No sentence holds a name."""
    await connection.execute(
        "UPDATE monitoring.diagnoses SET events = '{}' WHERE conference_id = %s AND participant_id = %s",
        (conference, participant),
    )
    await connection.execute(
        """UPDATE monitoring.tracks SET label = NULL WHERE label IS NOT NULL AND connection_id = ANY(ARRAY(
            SELECT id FROM monitoring.connections WHERE conference_id = %s AND peer_id = %s)) AND direction = 'inbound'""",
        (conference, participant),
    )


class Payload(NamedTuple):
    """A packed payload of another participant's row."""

    created_at: datetime
    id: UUID
    packed: bytes


_COLUMNS: Final = {"events": "data", "samples": "report"}
Position = tuple[datetime, UUID]


async def payloads_about(
    connection: AsyncConnection[Any],
    table: str,
    conference: UUID,
    participant: UUID,
    *,
    after: Position | None,
    most: int,
) -> list[Payload]:
    """What others reported in a conference of their connections to a participant, by time; the next `most` rows of "events" or "samples"."""
    column = _COLUMNS[table]
    behind = "" if after is None else " AND (created_at, id) > (%(at)s, %(id)s)"
    cursor = await connection.execute(
        f"SELECT created_at, id, {column} FROM monitoring.{table} WHERE conference_id = %(conference)s{behind}"
        f" AND peer_id = %(participant)s AND {column} IS NOT NULL ORDER BY created_at, id LIMIT %(most)s",
        {
            "conference": conference,
            "participant": participant,
            "most": most,
            "at": after and after[0],
            "id": after and after[1],
        },
    )
    return [Payload(at, key, bytes(packed)) for at, key, packed in await cursor.fetchall()]


async def replace_payloads(
    connection: AsyncConnection[Any], table: str, conference: UUID, changed: Iterable[Payload]
) -> None:
    """Store payloads in place of those of the same rows."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            f"UPDATE monitoring.{table} SET {_COLUMNS[table]} = %s WHERE conference_id = %s AND created_at = %s AND id = %s",
            [(row.packed, conference, row.created_at, row.id) for row in changed],
        )
