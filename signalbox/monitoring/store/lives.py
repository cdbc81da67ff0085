"""Loading and locking what a batch touches, and writing back what the folding changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.monitoring.rules.calls import SessionFact, instant, micros
from signalbox.monitoring.rules.connection import Fact, Life, Negotiation, fold
from signalbox.monitoring.rules.identities import SessionKey

RECENT_EVENTS = 64
SAME_INSTANT_MS = 100
_RECENT = Struct("<QI")
_WRAP = 1 << 32


def is_repeated(recent: bytes, digest: int, at_us: int) -> bool:
    """Whether an event with this digest and nearly this instant is among the recent ones."""
    at_ms = at_us // 1000 % _WRAP
    for known, known_ms in _RECENT.iter_unpack(recent):
        if (
            known == digest
            and min((at_ms - known_ms) % _WRAP, (known_ms - at_ms) % _WRAP) <= SAME_INSTANT_MS
        ):
            return True
    return False


def remember(recent: bytes, digest: int, at_us: int) -> bytes:
    """The recent events with one more; the oldest fall out."""
    return (recent + _RECENT.pack(digest, at_us // 1000 % _WRAP))[-RECENT_EVENTS * _RECENT.size :]


@dataclass(slots=True)
class SessionLife:
    """A session with its facts, locked."""

    key: SessionKey
    end_time: datetime | None
    facts: list[SessionFact]
    recent: bytes
    counted: dict[str, int]
    before: list[SessionFact] = field(default_factory=list)
    touched: bool = False
    judged: bool = False  # facts changed: fold again


@dataclass(slots=True)
class ConnectionLife:
    """A connection with its facts, locked."""

    id: UUID
    session: SessionKey
    peer: UUID
    start_us: int
    initial: str
    facts: list[Fact]
    recent: bytes
    before: list[Fact] = field(default_factory=list)
    life: Life | None = None
    new: bool = False
    touched: bool = False
    changed: bool = False


_LOCK_CONFERENCES = (
    "SELECT id FROM monitoring.conferences WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
)
_LOCK_SESSIONS = """
    SELECT s.id, s.app_id, s.organization_id, s.conference_id, s.participant_id, s.end_time FROM monitoring.sessions s
    WHERE s.id = ANY(%s) ORDER BY s.id FOR NO KEY UPDATE"""
_SESSION_LIVES = "SELECT session_id, facts, recent, counted FROM monitoring.session_lives WHERE session_id = ANY(%s)"
_LOCK_CONNECTIONS = """
    SELECT id, session_id, app_id, organization_id, conference_id, participant_id, peer_id, start_time FROM monitoring.connections
    WHERE (id = ANY(%(ids)s) OR session_id = ANY(%(sessions)s)) AND is_active ORDER BY id FOR NO KEY UPDATE"""
_CONNECTION_LIVES = """
    SELECT connection_id, initial_state, CASE WHEN connection_id = ANY(%s) THEN facts ELSE '[]' END, recent
    FROM monitoring.connection_lives WHERE connection_id = ANY(%s)"""


async def lock_conferences(connection: AsyncConnection[Any], ids: Iterable[UUID]) -> None:
    """Lock conferences whose state may change."""
    wanted = sorted(set(ids))
    if wanted:
        await connection.execute(_LOCK_CONFERENCES, (wanted,))


async def lock_sessions(
    connection: AsyncConnection[Any], ids: Iterable[UUID]
) -> dict[UUID, SessionLife]:
    """Lock and load sessions with their facts; unknown ids are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    locked = await (await connection.execute(_LOCK_SESSIONS, (wanted,))).fetchall()
    lives = {
        row[0]: row[1:]
        for row in await (await connection.execute(_SESSION_LIVES, (wanted,))).fetchall()
    }
    loaded = {}
    for session, app, organization, conference, participant, end_time in locked:
        facts, recent, counted = lives.get(session, ([], b"", {}))
        key = SessionKey(session, app, organization, conference, participant)
        known = [SessionFact(*fact) for fact in facts]
        loaded[session] = SessionLife(
            key, end_time, known, bytes(recent), counted, before=list(known)
        )
    return loaded


_EXISTING = "SELECT id FROM monitoring.sessions WHERE id = ANY(%s)"


async def deleted_sessions(connection: AsyncConnection[Any], ids: set[UUID]) -> set[UUID]:
    """Those of the sessions that retention has deleted, while a process still remembers them."""
    if not ids:
        return set()
    rows = await (await connection.execute(_EXISTING, (sorted(ids),))).fetchall()
    return ids - {row[0] for row in rows}


async def lock_connections(
    connection: AsyncConnection[Any], *, ids: set[UUID], sessions: set[UUID], heavy: set[UUID]
) -> dict[UUID, ConnectionLife]:
    """Lock and load connections by id and all of some sessions. The facts come only for `heavy` ones and for those of `sessions`."""
    if not ids and not sessions:
        return {}
    cursor = await connection.execute(
        _LOCK_CONNECTIONS, {"ids": sorted(ids), "sessions": sorted(sessions)}
    )
    locked = await cursor.fetchall()
    with_facts = [row[0] for row in locked if row[0] in heavy or row[1] in sessions]
    cursor = await connection.execute(_CONNECTION_LIVES, (with_facts, [row[0] for row in locked]))
    lives = {row[0]: row[1:] for row in await cursor.fetchall()}
    loaded = {}
    for found, session, app, organization, conference, participant, peer, start in locked:
        initial, facts, recent = lives[found]
        key = SessionKey(session, app, organization, conference, participant)
        known = [Fact(*fact) for fact in facts]
        loaded[found] = ConnectionLife(
            found, key, peer, micros(start), initial, known, bytes(recent), before=list(known)
        )
    return loaded


def refold(connection: ConnectionLife, facts: list[Fact], left_us: int | None) -> Life:
    """Fold a connection with the end that its session gave it, if any."""
    ended = facts if left_us is None else [*facts, Fact(left_us, "end")]
    return fold(
        connection.id, start_us=connection.start_us, initial=connection.initial, facts=ended
    )


_INSERT = """
    INSERT INTO monitoring.connections (id, session_id, app_id, organization_id, conference_id, participant_id, peer_id, created_at,
        last_seen_at, start_time, state, connection_info)
    SELECT id, session, app, org, conference, participant, peer, at, at, at, 'new', '{}'
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[])
        AS new (id, session, app, org, conference, participant, peer, at)"""
_INSERT_LIVES = """
    INSERT INTO monitoring.connection_lives (connection_id, initial_state) SELECT * FROM unnest(%s::uuid[], %s::text[])"""
_UPDATE = """
    UPDATE monitoring.connections AS c SET state = new.state, state_changed_at = new.changed, connection_info = new.info::jsonb,
        end_time = new.ended, duration = new.duration, established = new.established, last_seen_at = greatest(c.last_seen_at, new.seen)
    FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::integer[], %s::boolean[], %s::timestamptz[])
        AS new (id, state, changed, info, ended, duration, established, seen)
    WHERE c.id = new.id"""
_UPDATE_FACTS = """
    UPDATE monitoring.connection_lives AS l SET facts = new.facts::jsonb, recent = new.recent
    FROM unnest(%s::uuid[], %s::text[], %s::bytea[]) AS new (id, facts, recent) WHERE l.connection_id = new.id"""
_UPDATE_RECENT = """
    UPDATE monitoring.connection_lives AS l SET recent = new.recent
    FROM unnest(%s::uuid[], %s::bytea[]) AS new (id, recent) WHERE l.connection_id = new.id"""


async def insert_connections(connection: AsyncConnection[Any], added: list[ConnectionLife]) -> None:
    """Insert new connections; their state follows with `write_connections`."""
    if not added:
        return
    keys = [life.session for life in added]
    await connection.execute(
        _INSERT,
        ([life.id for life in added], [k.id for k in keys], [k.app for k in keys], [k.organization for k in keys],
         [k.conference for k in keys], [k.participant for k in keys], [life.peer for life in added],
         [instant(life.start_us) for life in added]),
    )  # fmt: skip
    await connection.execute(
        _INSERT_LIVES, ([life.id for life in added], [life.initial for life in added])
    )


def connection_info(life: Life) -> dict[str, Any]:
    """The documented description of a connection's set-up."""
    return {
        "detected_tcp": life.tcp,
        "detected_turn": life.turn,
        "negotiations": [_negotiation(item) for item in life.negotiations],
    }


def _negotiation(item: Negotiation) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "start_time": stamp(item.start_us),
        "status": item.status,
        "type": item.type,
        "end_time": None if item.end_us is None else stamp(item.end_us),
        "duration": item.duration_s,
    }
    if item.inferred:
        shown["inferred"] = True
    return shown


def stamp(at_us: int) -> str:
    """An instant as clients read it: ISO 8601, six digits, Z."""
    return instant(at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def write_connections(
    connection: AsyncConnection[Any], lives: Iterable[ConnectionLife], *, seen_us: int
) -> None:
    """Write back folded connections, and the recent events of those that were only touched."""
    touched = [life for life in lives if life.touched or life.changed]
    folded = [(life, life.life) for life in touched if life.changed and life.life is not None]
    if folded:
        seen = instant(seen_us)
        await connection.execute(
            _UPDATE,
            ([c.id for c, _ in folded], [f.state for _, f in folded], [instant(f.changed_us) for _, f in folded],
             [json.dumps(connection_info(f)) for _, f in folded], [None if f.end_us is None else instant(f.end_us) for _, f in folded],
             [f.duration_s for _, f in folded], [f.established for _, f in folded], [seen for _ in folded]),
        )  # fmt: skip
        await connection.execute(
            _UPDATE_FACTS,
            (
                [c.id for c, _ in folded],
                [json.dumps(c.facts) for c, _ in folded],
                [c.recent for c, _ in folded],
            ),
        )
    light = [life for life in touched if not life.changed]
    if light:
        await connection.execute(
            _UPDATE_RECENT, ([life.id for life in light], [life.recent for life in light])
        )


_UPDATE_SESSIONS = """
    UPDATE monitoring.sessions AS s SET end_time = new.ended, call_start = new.call_start, devices = coalesce(new.devices::jsonb, s.devices),
        duration = coalesce(greatest(0, floor(extract(epoch FROM new.ended - s.created_at)))::integer, 0)
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[]) AS new (id, ended, call_start, devices)
    WHERE s.id = new.id"""
_UPDATE_SESSION_LIVES = """
    UPDATE monitoring.session_lives AS l SET facts = new.facts::jsonb, recent = new.recent, counted = new.counted::jsonb
    FROM unnest(%s::uuid[], %s::text[], %s::bytea[], %s::text[]) AS new (id, facts, recent, counted) WHERE l.session_id = new.id"""


@dataclass(slots=True)
class SessionUpdate:
    """New columns of a session; instants in µs."""

    session: SessionLife
    end_us: int | None
    call_start_us: int | None


async def write_sessions(
    connection: AsyncConnection[Any], updates: list[SessionUpdate], devices: dict[UUID, str]
) -> None:
    """Write back the columns of sessions."""
    if updates:
        await connection.execute(
            _UPDATE_SESSIONS,
            ([u.session.key.id for u in updates], [_maybe(u.end_us) for u in updates], [_maybe(u.call_start_us) for u in updates],
             [devices.get(u.session.key.id) for u in updates]),
        )  # fmt: skip


async def write_session_lives(
    connection: AsyncConnection[Any], sessions: Iterable[SessionLife]
) -> None:
    """Write back facts and recent events of the touched sessions."""
    touched = [session for session in sessions if session.touched]
    if touched:
        await connection.execute(
            _UPDATE_SESSION_LIVES,
            ([s.key.id for s in touched], [json.dumps(s.facts) for s in touched], [s.recent for s in touched],
             [json.dumps(s.counted) for s in touched]),
        )  # fmt: skip


def _maybe(at_us: int | None) -> datetime | None:
    return None if at_us is None else instant(at_us)
