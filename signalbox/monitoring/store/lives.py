"""Loading and locking what a batch touches, and writing back what the folding changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.monitoring.rules.calls import FINAL_LEAVES, SessionFact, micros, stamp
from signalbox.monitoring.rules.connection import Fact, Life, Negotiation, fold
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.rules.timeline import Timeline

RECENT_EVENTS = 64
SAME_INSTANT_MS = 100
_RECENT = Struct("<QI")
_WRAP = 1 << 32
_NO_FACTS = "[]"
_facts = msgspec.json.Decoder(list[Fact])
_session_facts = msgspec.json.Decoder(list[SessionFact])
_counted = msgspec.json.Decoder(dict[str, int])
_timeline = msgspec.json.Decoder(Timeline)
encode = msgspec.json.Encoder().encode


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


class SessionWas(NamedTuple):
    """Session and conference as they stood before the batch."""

    ended: datetime | None
    call_start: datetime | None
    ongoing: bool
    conference_start: datetime | None
    conference_call_start: datetime | None
    conference_end: datetime | None
    conference_duration_s: int


class ConnectionWas(NamedTuple):
    """A connection as it stood before the batch."""

    state: str
    established: bool


@dataclass(slots=True)
class SessionLife:
    """A session with its facts, locked. Of a `light` one only the recent events are loaded."""

    key: SessionKey
    facts: list[SessionFact]
    recent: bytes
    counted: dict[str, int]
    before: list[SessionFact] = field(default_factory=list)
    light: bool = False
    touched: bool = False
    judged: bool = False  # facts changed: fold again
    was: SessionWas | None = None  # None of a light one
    timeline: Timeline | None = None  # None: not known, its connections tell
    conference_timeline: Timeline | None = None

    @property
    def was_left(self) -> bool:
        """Whether its participant has gone for good; what is added later is a return."""
        return any(fact.kind in FINAL_LEAVES for fact in self.facts)


@dataclass(slots=True)
class ConnectionLife:
    """A connection with its facts, locked.

    As long as it has no end and did not begin after its session was left (`rejoined`), what it does concerns itself alone; then its session
    and conference need not be locked.
    """

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
    end_us: int | None = None  # as it was before the batch
    rejoined: bool = False
    touched: bool = False
    changed: bool = False
    was: ConnectionWas | None = None  # None of a new one

    @property
    def ended(self) -> bool:
        """Whether it had ended before the batch."""
        return self.end_us is not None


# One statement for all, so that everybody locks in one order: by conference, then by session.
_LOCK_SESSIONS = """
    SELECT s.id, s.app_id, s.organization_id, s.conference_id, s.participant_id, l.facts::text, l.recent, l.counted::text,
        l.timeline::text, c.timeline::text, s.end_time, s.call_start, c.ongoing, c.start_time, c.call_start, c.end_time, c.duration
    FROM monitoring.sessions s JOIN monitoring.conferences c ON c.id = s.conference_id
    JOIN monitoring.session_lives l ON l.session_id = s.id
    WHERE s.id = ANY(%s) AND s.erased_at IS NULL ORDER BY c.id, s.id FOR NO KEY UPDATE OF c, s, l"""
_LOCK_RECENT = """
    SELECT s.id, s.app_id, s.organization_id, s.conference_id, s.participant_id, l.recent
    FROM monitoring.session_lives l JOIN monitoring.sessions s ON s.id = l.session_id
    WHERE l.session_id = ANY(%s) AND s.erased_at IS NULL ORDER BY l.session_id FOR NO KEY UPDATE OF l"""
_CONNECTION = """
    SELECT c.id, c.session_id, c.app_id, c.organization_id, c.conference_id, c.participant_id, c.peer_id, c.start_time,
        c.end_time, l.initial_state, {facts}, l.recent, l.rejoined, c.state, c.established
    FROM monitoring.connections c JOIN monitoring.connection_lives l ON l.connection_id = c.id"""
_LOCK_OWN = f"""{_CONNECTION.format(facts="CASE WHEN c.id = ANY(%s) THEN l.facts::text END")}
    WHERE c.id = ANY(%s) AND c.is_active AND c.erased_at IS NULL ORDER BY c.id FOR NO KEY UPDATE OF c, l"""
_LOCK_ALL = f"""{_CONNECTION.format(facts="CASE WHEN c.id = ANY(%s) OR c.session_id = ANY(%s) THEN l.facts::text END")}
    WHERE (c.id = ANY(%s) OR c.session_id = ANY(%s)) AND c.is_active AND c.erased_at IS NULL ORDER BY c.id FOR NO KEY UPDATE OF c, l"""
_LOCK_LIGHT = f"""{_CONNECTION.format(facts="NULL")}
    WHERE c.id = ANY(%s) AND c.is_active AND c.erased_at IS NULL ORDER BY c.id FOR NO KEY UPDATE OF l"""


async def lock_sessions(
    connection: AsyncConnection[Any], ids: Iterable[UUID]
) -> dict[UUID, SessionLife]:
    """Lock and load sessions with their facts, and lock their conferences; unknown ids are left out."""
    wanted = p.uuids(sorted(set(ids)))
    cursor = await connection.execute(_LOCK_SESSIONS, (wanted,), binary=True)
    loaded = {}
    for row in await cursor.fetchall():
        key, (facts, recent, counted) = SessionKey(*row[:5]), row[5:8]
        known = _session_facts.decode(facts)
        life = SessionLife(key, known, recent, _counted.decode(counted), before=list(known))
        life.timeline, life.conference_timeline = map(_timeline_or_none, row[8:10])
        life.was = SessionWas(*row[10:])
        loaded[life.key.id] = life
    return loaded


def _timeline_or_none(stored: str | None) -> Timeline | None:
    return None if stored is None else _timeline.decode(stored)


_EXISTING = "SELECT id FROM monitoring.sessions WHERE id = ANY(%s) AND erased_at IS NULL"


async def deleted_sessions(connection: AsyncConnection[Any], ids: set[UUID]) -> set[UUID]:
    """Those of the sessions that retention has deleted, while a process still remembers them, or whose participant was erased."""
    if not ids:
        return set()
    rows = await (await connection.execute(_EXISTING, (p.uuids(ids),))).fetchall()
    return ids - {row[0] for row in rows}


async def lock_recent(
    connection: AsyncConnection[Any], ids: Iterable[UUID]
) -> dict[UUID, SessionLife]:
    """Lock only the recent events of sessions; unknown ids are left out."""
    wanted = p.uuids(sorted(set(ids)))
    cursor = await connection.execute(_LOCK_RECENT, (wanted,), binary=True)
    return {
        key[0]: SessionLife(SessionKey(*key), [], recent, {}, light=True)
        for *key, recent in await cursor.fetchall()
    }


async def lock_connections(
    connection: AsyncConnection[Any],
    *,
    ids: set[UUID],
    heavy: set[UUID],
    sessions: Iterable[UUID] = (),
) -> dict[UUID, ConnectionLife]:
    """Lock and load connections by id and all of some sessions. The facts come only for `heavy` ones and for those of `sessions`."""
    own, full, whole = p.uuids(sorted(ids)), p.uuids(heavy), p.uuids(sessions)
    arguments: tuple[p.Uuids, ...]
    if sessions:
        statement, arguments = _LOCK_ALL, (full, whole, own, whole)
    elif heavy:
        statement, arguments = _LOCK_OWN, (full, own)
    elif ids:
        statement, arguments = _LOCK_LIGHT, (own,)
    else:
        return {}
    cursor = await connection.execute(statement, arguments, binary=True)
    return {row[0]: _loaded(*row) for row in await cursor.fetchall()}


def _loaded(
    found: UUID, session: UUID, app: UUID, organization: UUID, conference: UUID, participant: UUID, peer: UUID, start: Any,
    end: Any, initial: str, facts: str | None, recent: bytes, rejoined: bool, state: str, established: bool,
) -> ConnectionLife:  # fmt: skip
    known = _facts.decode(facts or _NO_FACTS)
    key = SessionKey(session, app, organization, conference, participant)
    return ConnectionLife(
        found, key, peer, micros(start), initial, known, recent, before=list(known),
        end_us=None if end is None else micros(end), rejoined=rejoined,
        was=ConnectionWas(state, established),
    )  # fmt: skip


def refold(connection: ConnectionLife, facts: list[Fact], left_us: int | None) -> Life:
    """Fold a connection with the end that its session gave it, if any."""
    ended = facts if left_us is None else [*facts, Fact(left_us, "end")]
    return fold(
        connection.id, start_us=connection.start_us, initial=connection.initial, facts=ended
    )


_INSERT = """
    WITH added AS (
        INSERT INTO monitoring.connections (id, session_id, app_id, organization_id, conference_id, participant_id, peer_id, created_at,
            start_time, state, state_changed_at, connection_info, end_time, duration, established, last_seen_at)
        SELECT id, session, app, org, conference, participant, peer, at, at, state, changed, info, ended, duration, established, seen
        FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            AS new (id, session, app, org, conference, participant, peer, at, state, changed, info, ended, duration, established, seen)
    )
    INSERT INTO monitoring.connection_lives (connection_id, initial_state, facts, recent, rejoined)
    SELECT * FROM unnest(%s, %s, %s, %s, %s)"""
_UPDATE = """
    WITH lives AS (
        UPDATE monitoring.connection_lives AS l SET facts = new.facts, recent = new.recent, rejoined = new.rejoined
        FROM unnest(%s, %s, %s, %s) AS new (id, facts, recent, rejoined) WHERE l.connection_id = new.id
    )
    UPDATE monitoring.connections AS c SET state = new.state, state_changed_at = new.changed, connection_info = new.info,
        end_time = new.ended, duration = new.duration, established = new.established, last_seen_at = greatest(c.last_seen_at, new.seen)
    FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s) AS new (id, state, changed, info, ended, duration, established, seen)
    WHERE c.id = new.id"""
_UPDATE_RECENT = """
    UPDATE monitoring.connection_lives AS l SET recent = new.recent FROM unnest(%s, %s) AS new (id, recent) WHERE l.connection_id = new.id"""

Folded = tuple[ConnectionLife, Life]


def _connection_columns(folded: list[Folded], seen_us: int) -> tuple[Any, ...]:
    return (
        p.texts(life.state for _, life in folded), p.instants(life.changed_us for _, life in folded),
        p.jsons(encode(connection_info(life)) for _, life in folded), p.instants(life.end_us for _, life in folded),
        p.ints(life.duration_s for _, life in folded), p.booleans([life.established for _, life in folded]),
        p.instants(seen_us for _ in folded),
    )  # fmt: skip


async def write_connections(
    connection: AsyncConnection[Any], lives: Iterable[ConnectionLife], *, seen_us: int
) -> None:
    """Insert new connections, write back the folded ones, and the recent events of those that were only touched."""
    added: list[Folded] = []
    folded: list[Folded] = []
    light: list[ConnectionLife] = []
    for one in lives:
        if one.changed and one.life is not None:
            (added if one.new else folded).append((one, one.life))
        elif one.touched:
            light.append(one)
    if added:
        await connection.execute(_INSERT, _new_columns(added, seen_us))
    if folded:
        ids = p.uuids(one.id for one, _ in folded)
        lives_columns = (
            ids, p.jsons(encode(one.facts) for one, _ in folded), p.payloads(one.recent for one, _ in folded),
            p.booleans([one.rejoined for one, _ in folded]),
        )  # fmt: skip
        await connection.execute(
            _UPDATE, (*lives_columns, ids, *_connection_columns(folded, seen_us))
        )
    if light:
        await connection.execute(
            _UPDATE_RECENT, (p.uuids(one.id for one in light), p.payloads(one.recent for one in light))
        )  # fmt: skip


def _new_columns(added: list[Folded], seen_us: int) -> tuple[Any, ...]:
    keys = [one.session for one, _ in added]
    ids = p.uuids(one.id for one, _ in added)
    return (
        ids, p.uuids(k.id for k in keys), p.uuids(k.app for k in keys), p.uuids(k.organization for k in keys),
        p.uuids(k.conference for k in keys), p.uuids(k.participant for k in keys), p.uuids(one.peer for one, _ in added),
        p.instants(one.start_us for one, _ in added), *_connection_columns(added, seen_us),
        ids, p.texts(one.initial for one, _ in added), p.jsons(encode(one.facts) for one, _ in added),
        p.payloads(one.recent for one, _ in added), p.booleans([one.rejoined for one, _ in added]),
    )  # fmt: skip


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


_UPDATE_SESSIONS = """
    WITH lives AS (
        UPDATE monitoring.session_lives AS l SET facts = new.facts, recent = new.recent, counted = new.counted, timeline = new.timeline
        FROM unnest(%s, %s, %s, %s, %s) AS new (id, facts, recent, counted, timeline) WHERE l.session_id = new.id
    )
    UPDATE monitoring.sessions AS s SET end_time = new.ended, call_start = new.call_start, devices = coalesce(new.devices, s.devices),
        duration = coalesce(greatest(0, floor(extract(epoch FROM new.ended - s.created_at)))::integer, 0)
    FROM unnest(%s, %s, %s, %s) AS new (id, ended, call_start, devices)
    WHERE s.id = new.id"""
_UPDATE_SESSION_RECENT = """
    UPDATE monitoring.session_lives AS l SET recent = new.recent FROM unnest(%s, %s) AS new (id, recent) WHERE l.session_id = new.id"""


@dataclass(slots=True)
class SessionUpdate:
    """New columns of a session; instants in µs."""

    session: SessionLife
    end_us: int | None
    call_start_us: int | None
    timeline: Timeline


async def write_sessions(
    connection: AsyncConnection[Any], updates: list[SessionUpdate], devices: dict[UUID, bytes]
) -> None:
    """Write back sessions that were folded again."""
    if not updates:
        return
    lives = [update.session for update in updates]
    ids = p.uuids(life.key.id for life in lives)
    await connection.execute(
        _UPDATE_SESSIONS,
        (ids, p.jsons(encode(life.facts) for life in lives), p.payloads(life.recent for life in lives),
         p.jsons(encode(life.counted) for life in lives), p.jsons(encode(u.timeline) for u in updates),
         ids, p.instants(u.end_us for u in updates), p.instants(u.call_start_us for u in updates),
         p.jsons(devices.get(life.key.id) for life in lives)),
    )  # fmt: skip
    for life in lives:
        life.touched = False


async def write_recent(connection: AsyncConnection[Any], sessions: Iterable[SessionLife]) -> None:
    """Write back the recent events of the sessions that were only touched."""
    touched = [session for session in sessions if session.touched]
    if touched:
        await connection.execute(
            _UPDATE_SESSION_RECENT,
            (p.uuids(s.key.id for s in touched), p.payloads(s.recent for s in touched)),
        )
