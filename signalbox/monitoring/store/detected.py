"""What rules have found of a conference: findings that open, change and close."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.detection import Detected
from signalbox.monitoring.rules.issues import MAX_EVIDENCE
from signalbox.monitoring.store.observing import Loaded

# One process looks at a conference at a time; another one leaves it.
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('monitoring.diagnose/' || %s::text, 0))"
_UPSERT = """
    INSERT INTO monitoring.issues AS known (id, app_id, organization_id, conference_id, participant_id, session_id, connection_id, track_id,
        created_at, updated_at, ended_at, source, type, code, data, count, events)
    SELECT id, %s, %s, %s, participant, session, connection, track, at, updated, ended, 'rule', type, code, data, count, events::uuid[]
    FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        AS new (id, participant, session, connection, track, at, updated, ended, type, code, data, count, events)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, updated_at = excluded.updated_at, ended_at = excluded.ended_at,
        data = excluded.data, count = excluded.count, events = excluded.events, is_active = true
    WHERE (known.created_at, known.updated_at, known.ended_at, known.data, known.count, known.events, known.is_active)
        IS DISTINCT FROM (excluded.created_at, excluded.updated_at, excluded.ended_at, excluded.data, excluded.count, excluded.events, true)
    RETURNING id"""
_WITHDRAW = """
    UPDATE monitoring.issues SET is_active = false
    WHERE conference_id = %s AND source = 'rule' AND is_active AND id <> ALL(%s)
    RETURNING id"""
_DONE = """
    UPDATE monitoring.conferences SET diagnosed_at = %s WHERE id = %s"""


def issue_id(detected: Detected) -> UUID:
    """The id of the issue that a finding is: the same every time it is found."""
    return derived_id(detected.about, detected.rule.code)


async def try_lock(connection: AsyncConnection[Any], conference: UUID) -> bool:
    """Whether this transaction may look at the conference."""
    row = await (await connection.execute(_LOCK, (conference,))).fetchone()
    return bool(row and row[0])


async def write_detected(
    connection: AsyncConnection[Any], loaded: Loaded, found: Sequence[Detected]
) -> list[UUID]:
    """Store findings, new or changed, and withdraw those that are none any more; answers the ids of what changed."""
    conference = loaded.observed.id
    ids = [issue_id(one) for one in found]
    changed: list[UUID] = []
    if found:
        cursor = await connection.execute(
            _UPSERT,
            (loaded.app, loaded.organization, conference,
             p.uuids(ids), p.uuids(one.participant for one in found), p.uuids(one.session for one in found),
             p.uuids(one.connection for one in found), p.uuids(one.track for one in found), p.instants(one.start_us for one in found),
             p.instants(one.updated_us for one in found), p.instants(one.end_us for one in found), p.texts(one.rule.type for one in found),
             p.texts(one.rule.code for one in found), p.jsons(json.dumps(one.data).encode() for one in found),
             p.ints(one.count for one in found),
             p.texts("{" + ",".join(map(str, one.events[:MAX_EVIDENCE])) + "}" for one in found)),
        )  # fmt: skip
        changed = [row[0] for row in await cursor.fetchall()]
    cursor = await connection.execute(_WITHDRAW, (conference, p.uuids(ids)))
    return changed + [row[0] for row in await cursor.fetchall()]


async def mark_diagnosed(
    connection: AsyncConnection[Any], conference: UUID, *, at: datetime
) -> None:
    """The conference was looked at; taken back by whatever changes it."""
    await connection.execute(_DONE, (at, conference))
