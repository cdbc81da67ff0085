"""What rules have found of a conference: findings that open, change and close, and what they say of it all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.detection import Detected
from signalbox.monitoring.rules.diagnosis import VERSION, Diagnosis
from signalbox.monitoring.rules.issues import MAX_EVIDENCE
from signalbox.monitoring.store.news import News, Owner
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
    RETURNING id, (SELECT old.is_active AND old.ended_at IS NULL FROM monitoring.issues old WHERE old.id = known.id)"""
# What was found of somebody who was erased cannot be found again, and stays: others count by it.
_NOT_ERASED = "NOT EXISTS (SELECT FROM monitoring.participants p WHERE p.id = o.participant_id AND p.erased_at IS NOT NULL)"
_WITHDRAW = f"""
    UPDATE monitoring.issues AS o SET is_active = false
    WHERE conference_id = %s AND source = 'rule' AND is_active AND id <> ALL(%s) AND {_NOT_ERASED}
    RETURNING id, app_id, organization_id, conference_id, participant_id, session_id, connection_id, type, code"""
_DONE = "UPDATE monitoring.conferences SET diagnosed_at = %s WHERE id = %s AND last_seen_at = %s"


def issue_id(detected: Detected) -> UUID:
    """The id of the issue that a finding is: the same every time it is found."""
    return derived_id(detected.about, detected.rule.code)


async def try_lock(connection: AsyncConnection[Any], conference: UUID) -> bool:
    """Whether this transaction may look at the conference."""
    row = await (await connection.execute(_LOCK, (conference,))).fetchone()
    return bool(row and row[0])


async def write_detected(
    connection: AsyncConnection[Any], loaded: Loaded, found: Sequence[Detected], news: News
) -> list[UUID]:
    """Store findings, new or changed, and withdraw those that are none any more; answers the ids of what changed."""
    by_id = {issue_id(one): one for one in found}
    changed: list[UUID] = []
    for key, was_open in await _upsert(connection, loaded, by_id):
        changed.append(key)
        one = by_id[key]
        news.detected(_owner(loaded, one), _change(one, was_open), key, one)
    cursor = await connection.execute(_WITHDRAW, (loaded.observed.id, p.uuids(by_id)))
    for key, *owner, kind, code in await cursor.fetchall():
        changed.append(key)
        news.withdrawn(Owner(*owner), key, kind, code)
    return changed


async def _upsert(
    connection: AsyncConnection[Any], loaded: Loaded, by_id: Mapping[UUID, Detected]
) -> list[tuple[UUID, bool | None]]:
    """What was new or changed, and whether it had been there and open; None: it had not been there."""
    if not by_id:
        return []
    found = by_id.values()
    cursor = await connection.execute(
        _UPSERT,
        (loaded.app, loaded.organization, loaded.observed.id,
         p.uuids(by_id), p.uuids(one.participant for one in found), p.uuids(one.session for one in found),
         p.uuids(one.connection for one in found), p.uuids(one.track for one in found), p.instants(one.start_us for one in found),
         p.instants(one.updated_us for one in found), p.instants(one.end_us for one in found), p.texts(one.rule.type for one in found),
         p.texts(one.rule.code for one in found), p.jsons(json.dumps(one.data).encode() for one in found),
         p.ints(one.count for one in found), p.texts(_array(one.events[:MAX_EVIDENCE]) for one in found)),
    )  # fmt: skip
    return await cursor.fetchall()


def _change(one: Detected, was_open: bool | None) -> str:
    if one.end_us is None:
        return "updated" if was_open else "opened"
    if was_open is None:
        return "opened"
    return "closed" if was_open else "updated"


def _owner(loaded: Loaded, one: Detected) -> Owner:
    return Owner(
        loaded.app,
        loaded.organization,
        loaded.observed.id,
        one.participant,
        one.session,
        one.connection,
    )


_DIAGNOSES = """
    INSERT INTO monitoring.diagnoses (id, app_id, organization_id, conference_id, participant_id, cause, culprit_id, sentence, score, parts,
        events, issues, version, computed_at)
    SELECT id, %s, %s, %s, participant, cause, culprit, sentence, score, parts, events::uuid[], issues::uuid[], %s, %s
    FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s) AS new (id, participant, cause, culprit, sentence, score, parts, events, issues)
    ORDER BY id
    ON CONFLICT (conference_id, participant_id) DO UPDATE SET id = excluded.id, cause = excluded.cause, culprit_id = excluded.culprit_id, sentence = excluded.sentence,
        score = excluded.score, parts = excluded.parts, events = excluded.events, issues = excluded.issues, version = excluded.version,
        computed_at = excluded.computed_at"""
_OUTDATED = f"DELETE FROM monitoring.diagnoses AS o WHERE conference_id = %s AND id <> ALL(%s) AND {_NOT_ERASED}"


async def write_diagnoses(
    connection: AsyncConnection[Any],
    loaded: Loaded,
    found: Sequence[Detected],
    diagnoses: Sequence[Diagnosis],
    *,
    at: datetime,
) -> None:
    """Store what is said of a conference and its participants, in place of what was said before."""
    conference = loaded.observed.id
    ids = [derived_id(conference, "diagnosis", one.participant) for one in diagnoses]
    issues = [_issues_behind(one, found) for one in diagnoses]
    await connection.execute(
        _DIAGNOSES,
        (loaded.app, loaded.organization, conference, VERSION, at, p.uuids(ids), p.uuids(one.participant for one in diagnoses),
         p.texts(one.cause for one in diagnoses), p.uuids(one.culprit for one in diagnoses), p.texts(one.sentence for one in diagnoses),
         p.ints(one.score for one in diagnoses), p.jsons(json.dumps(one.parts).encode() for one in diagnoses),
         p.texts(_array(one.events[:MAX_EVIDENCE]) for one in diagnoses), p.texts(map(_array, issues))),
    )  # fmt: skip
    await connection.execute(_OUTDATED, (conference, p.uuids(ids)))


def _issues_behind(diagnosis: Diagnosis, found: Sequence[Detected]) -> list[UUID]:
    """Findings of rules that the cause rests on: the participant's own, or for a conference everybody's."""
    return [
        issue_id(one)
        for one in found
        if one.rule.code in diagnosis.codes and diagnosis.participant in (None, one.participant)
    ]


def _array(ids: Iterable[UUID]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


# Locked by id, as everybody does.
_LOOK_AGAIN = """
    WITH over AS (
        SELECT id FROM monitoring.conferences WHERE id = ANY(%s) AND NOT ongoing AND diagnosed_at IS NOT NULL ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE monitoring.conferences AS c SET diagnosed_at = NULL FROM over WHERE c.id = over.id"""


async def look_again(connection: AsyncConnection[Any], conferences: Iterable[UUID]) -> None:
    """There is more to read of these conferences than there was; those that are over are looked at once more."""
    await connection.execute(_LOOK_AGAIN, (p.uuids(conferences),))


async def mark_diagnosed(connection: AsyncConnection[Any], loaded: Loaded, *, at: datetime) -> None:
    """The conference was looked at, unless it has changed meanwhile; taken back by whatever changes it. The last statement: reports wait for the row."""
    await connection.execute(_DONE, (at, loaded.observed.id, loaded.seen_at))
