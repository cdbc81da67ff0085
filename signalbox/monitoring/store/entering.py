"""Entering a conference: conferences, participants and sessions come into being."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.ids import new_id
from signalbox.monitoring.errors import ConnectionEnded, InvalidToken
from signalbox.monitoring.rules.calls import SessionFact
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.rules.issues import once
from signalbox.monitoring.rules.timeline import Timeline
from signalbox.monitoring.store.findings import Owner, write_findings
from signalbox.monitoring.store.lives import encode
from signalbox.monitoring.store.messages import Initialize, StartSession, UpdateSession
from signalbox.monitoring.store.news import News

_CONFERENCES = """
    INSERT INTO monitoring.conferences AS known (id, app_id, organization_id, created_at, last_seen_at, conference_id, conference_name)
    SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (app_id, conference_id) DO UPDATE
        SET conference_name = coalesce(excluded.conference_name, known.conference_name), is_active = true
    RETURNING app_id, conference_id, id, xmax = 0"""
# Most are known and nothing about them is new: those rows, an SFU's above all, are not written again with every call.
_PARTICIPANTS = """
    WITH wanted AS (
        SELECT id, app, org, at, name, shown, sfu FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s) AS new (id, app, org, at, name, shown, sfu, by)
        WHERE NOT EXISTS (SELECT FROM monitoring.participants own WHERE own.id = by AND own.app_id = app AND own.participant_id = name)
    ), unchanged AS (
        SELECT p.app_id, p.participant_id, p.id FROM wanted JOIN monitoring.participants p ON p.app_id = app AND p.participant_id = name
        WHERE p.is_active AND (shown IS NULL OR p.participant_name IS NOT DISTINCT FROM shown) AND (p.is_sfu OR NOT sfu)
    ), written AS (
        INSERT INTO monitoring.participants AS known (id, app_id, organization_id, created_at, participant_id, participant_name, is_sfu)
        SELECT * FROM wanted WHERE NOT EXISTS (SELECT 1 FROM unchanged WHERE app_id = app AND participant_id = name)
        ON CONFLICT (app_id, participant_id) DO UPDATE
            SET participant_name = coalesce(excluded.participant_name, known.participant_name),
                is_sfu = known.is_sfu OR excluded.is_sfu, is_active = true
        RETURNING app_id, participant_id, id
    ) SELECT * FROM unchanged UNION ALL SELECT * FROM written"""
_LINKS = """
    INSERT INTO monitoring.conference_participants (conference_id, participant_id)
    SELECT * FROM unnest(%s, %s) AS link (conference, participant) ORDER BY 1, 2 ON CONFLICT DO NOTHING"""

Key = tuple[UUID, str]


async def ensure_conferences(
    connection: AsyncConnection[Any], wanted: dict[Key, Initialize], news: News
) -> dict[Key, UUID]:
    """Ids of the conferences, made where missing; a given name replaces the stored one."""
    rows = [wanted[key] for key in sorted(wanted)]
    at = p.instants(row.at_us for row in rows)
    cursor = await connection.execute(
        _CONFERENCES,
        (p.uuids(new_id() for _ in rows), p.uuids(r.app for r in rows), p.uuids(r.organization for r in rows), at, at,
         p.texts(r.conference_id for r in rows), p.texts(r.conference_name for r in rows)),
        binary=True,
    )  # fmt: skip
    ids = {}
    for app, name, found, is_new in await cursor.fetchall():  # no row before it: nothing to lock
        ids[app, name] = found
        if is_new:
            news.conference_created(wanted[app, name], found)
    return ids


class Person:
    """A participant to be found or made, unless it is the one who names it: `by`, None if several or nobody do."""

    __slots__ = ("app", "at_us", "by", "is_sfu", "name", "organization", "participant_id")

    def __init__(
        self,
        app: UUID,
        organization: UUID,
        participant_id: str,
        name: str | None,
        is_sfu: bool,
        at_us: int,
        by: UUID | None = None,
    ) -> None:
        self.app, self.organization, self.participant_id = app, organization, participant_id
        self.name, self.is_sfu, self.at_us, self.by = name, is_sfu, at_us, by

    def merge(self, other: Person) -> None:
        """Join two mentions of the same participant."""
        self.name = other.name or self.name
        self.is_sfu = self.is_sfu or other.is_sfu
        self.by = self.by if self.by == other.by else None


async def ensure_participants(
    connection: AsyncConnection[Any], wanted: dict[Key, Person]
) -> dict[Key, UUID]:
    """Ids of the participants, made where missing; without those who only named themselves. Once an SFU, always an SFU."""
    if not wanted:
        return {}
    rows = [wanted[key] for key in sorted(wanted)]
    cursor = await connection.execute(
        _PARTICIPANTS,
        (p.uuids(new_id() for _ in rows), p.uuids(r.app for r in rows), p.uuids(r.organization for r in rows),
         p.instants(r.at_us for r in rows), p.texts(r.participant_id for r in rows), p.texts(r.name for r in rows),
         p.booleans([r.is_sfu for r in rows]), p.uuids(r.by for r in rows)),
        binary=True,
    )  # fmt: skip
    return {(app, name): found for app, name, found in await cursor.fetchall()}


async def link(connection: AsyncConnection[Any], pairs: set[tuple[UUID, UUID]]) -> None:
    """Link conferences and participants; known links stay."""
    if pairs:
        ordered = sorted(pairs)
        await connection.execute(
            _LINKS, (p.uuids(pair[0] for pair in ordered), p.uuids(pair[1] for pair in ordered))
        )


async def initialize(
    connection: AsyncConnection[Any],
    messages: list[Initialize],
    outcomes: dict[int, Any],
    news: News,
) -> None:
    """Find or make conference and participant of each message. Two calls at once give one conference: the unique constraint decides."""
    if not messages:
        return
    rooms: dict[Key, Initialize] = {}
    people: dict[Key, Person] = {}
    for message in messages:
        key = (message.app, message.conference_id)
        known = rooms.setdefault(key, message)
        known.conference_name = message.conference_name or known.conference_name
        person = Person(
            message.app,
            message.organization,
            message.participant_id,
            message.participant_name,
            False,
            message.at_us,
        )
        people.setdefault((message.app, message.participant_id), person).merge(person)
    conferences = await ensure_conferences(connection, rooms, news)
    participants = await ensure_participants(connection, people)
    pairs = set()
    for message in messages:
        pair = (
            conferences[message.app, message.conference_id],
            participants[message.app, message.participant_id],
        )
        outcomes[id(message)] = pair
        pairs.add(pair)
    await link(connection, pairs)


# Not `p.app_id = c.app_id`: that would offer the planner a way through all participants of the app.
_SOURCES = """
    SELECT c.id, p.id, c.app_id, c.organization_id
    FROM unnest(%s, %s) AS wanted (conference, participant)
    JOIN monitoring.conferences c ON c.id = wanted.conference AND c.is_active
    JOIN monitoring.participants p ON p.id = wanted.participant AND p.is_active AND p.erased_at IS NULL
        AND p.app_id IS NOT DISTINCT FROM c.app_id"""
_SESSIONS = """
    WITH started AS (
        INSERT INTO monitoring.sessions (id, app_id, organization_id, conference_id, participant_id, created_at, last_seen_at,
            platform, constraints, devices, metadata, geo_ip, app_version, webrtc_sdk)
        SELECT id, app, org, conference, participant, at, at, platform, constraints, devices, metadata, geo, version, sdk
        FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            AS new (id, app, org, conference, participant, at, platform, constraints, devices, metadata, geo, version, sdk)
    )
    INSERT INTO monitoring.session_lives (session_id, facts, timeline)
    SELECT id, facts, %s::text::jsonb FROM unnest(%s, %s) AS new (id, facts)"""
# As long as nobody is connected; then it need not be made from all connections.
_NO_TIMELINE = encode(Timeline()).decode()
# Counting on the link's row makes two simultaneous entries of one participant see each other.
_COUNT = """
    INSERT INTO monitoring.conference_participants AS link (conference_id, participant_id, sessions)
    SELECT * FROM unnest(%s, %s, %s) AS new (conference, participant, sessions) ORDER BY 1, 2
    ON CONFLICT (conference_id, participant_id) DO UPDATE SET sessions = link.sessions + excluded.sessions
    RETURNING conference_id, participant_id, sessions"""


async def start_sessions(
    connection: AsyncConnection[Any],
    messages: list[StartSession],
    outcomes: dict[int, Any],
    news: News,
) -> None:
    """Insert sessions; a participant's second one in a conference raises `multiple_rejoins`."""
    if not messages:
        return
    cursor = await connection.execute(
        _SOURCES,
        (p.uuids(m.conference for m in messages), p.uuids(m.participant for m in messages)),
        binary=True,
    )
    sources = {
        (conference, participant): (app, org)
        for conference, participant, app, org in await cursor.fetchall()
    }
    good = []
    for message in messages:
        if (message.conference, message.participant) in sources:
            good.append(message)
            app, organization = sources[message.conference, message.participant]
            key = SessionKey(message.id, app, organization, message.conference, message.participant)
            outcomes[id(message)] = key
            news.session_began(message, key)
        else:
            outcomes[id(message)] = InvalidToken()
    if good:
        await _insert_sessions(connection, good, sources, news)


async def _insert_sessions(
    connection: AsyncConnection[Any],
    messages: list[StartSession],
    sources: dict[tuple[UUID, UUID], tuple[UUID, UUID]],
    news: News,
) -> None:
    earlier = await _count_entries(connection, messages)
    owners = [sources[m.conference, m.participant] for m in messages]
    facts: list[bytes] = []
    findings = []
    for message, (app, organization) in zip(messages, owners, strict=True):
        pair = (message.conference, message.participant)
        rejoin = earlier[pair] > 0
        earlier[pair] += 1
        facts.append(encode([SessionFact(message.at_us, "rejoin")]) if rejoin else b"[]")
        if rejoin:
            owner = Owner(app, organization, message.conference, message.participant, message.id)
            findings.append((owner, once("multiple_rejoins", message.id, at_us=message.at_us)))
    ids = p.uuids(m.id for m in messages)
    await connection.execute(
        _SESSIONS,
        (ids, p.uuids(o[0] for o in owners), p.uuids(o[1] for o in owners), p.uuids(m.conference for m in messages),
         p.uuids(m.participant for m in messages), p.instants(m.at_us for m in messages), p.jsons(m.platform for m in messages),
         p.jsons(m.constraints for m in messages), p.jsons(m.devices for m in messages),
         p.jsons(json.dumps(m.metadata).encode() for m in messages),
         p.jsons(json.dumps(m.geo).encode() if m.geo else None for m in messages), p.texts(m.app_version for m in messages),
         p.texts(m.webrtc_sdk for m in messages), _NO_TIMELINE, ids, p.jsons(facts)),
    )  # fmt: skip
    await write_findings(connection, findings, [], news)


async def _count_entries(
    connection: AsyncConnection[Any], messages: list[StartSession]
) -> dict[tuple[UUID, UUID], int]:
    counts: dict[tuple[UUID, UUID], int] = {}
    for message in messages:
        pair = (message.conference, message.participant)
        counts[pair] = counts.get(pair, 0) + 1
    ordered = sorted(counts)
    cursor = await connection.execute(
        _COUNT,
        (p.uuids(pair[0] for pair in ordered), p.uuids(pair[1] for pair in ordered), p.ints(counts[pair] for pair in ordered)),
        binary=True,
    )  # fmt: skip
    return {
        (conference, participant): total - counts[conference, participant]
        for conference, participant, total in await cursor.fetchall()
    }


def text(raw: bytes | None) -> str | None:
    """JSON bytes as the text that the database casts to jsonb."""
    return None if raw is None else raw.decode("utf-8", "replace")


_UPDATE = """
    UPDATE monitoring.sessions SET platform = coalesce(%s::jsonb, platform), constraints = coalesce(%s::jsonb, constraints),
        devices = coalesce(%s::jsonb, devices), webrtc_sdk = coalesce(%s, webrtc_sdk)
    WHERE id = %s AND erased_at IS NULL
    RETURNING id, conference_id, participant_id, created_at, end_time, duration, call_start, constraints, devices, platform, metadata,
        geo_ip, session_info, app_version, webrtc_sdk"""


async def update_sessions(
    connection: AsyncConnection[Any], messages: list[UpdateSession], outcomes: dict[int, Any]
) -> None:
    """Overwrite the fields that came. Few of these come, so each is a statement of its own."""
    for message in sorted(messages, key=lambda message: message.session.id):
        cursor = await connection.execute(
            _UPDATE,
            (
                text(message.platform),
                text(message.constraints),
                text(message.devices),
                message.webrtc_sdk,
                message.session.id,
            ),
        )
        row = await cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
        outcomes[id(message)] = dict(zip(names, row, strict=True)) if row else ConnectionEnded()
