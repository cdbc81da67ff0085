"""Events: repetitions are refused, facts are added, and all that follows from them is folded anew."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.batch import Again
from signalbox.core.errors import AppError
from signalbox.core.ids import new_id
from signalbox.monitoring.errors import (
    ConferenceNotFound,
    ConnectionEnded,
    ConnectionNotFound,
    ParticipantEqualPeer,
    ParticipantNotFound,
)
from signalbox.monitoring.rules.calls import LEAVES, MAX_FACTS, SessionFact
from signalbox.monitoring.rules.connection import with_fact
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.store.consequences import draw_consequences
from signalbox.monitoring.store.entering import Person, ensure_participants, link
from signalbox.monitoring.store.lives import (
    SAME_INSTANT_MS,
    ConnectionLife,
    SessionLife,
    deleted_sessions,
    is_repeated,
    lock_connections,
    lock_recent,
    lock_sessions,
    remember,
)
from signalbox.monitoring.store.messages import EndSessions, Event, StopConference
from signalbox.monitoring.store.news import News
from signalbox.monitoring.store.rows import copy_events, event_row
from signalbox.monitoring.store.tracks import apply_tracks, find_tracks
from signalbox.monitoring.wire import uuid_or_none


class Touched:
    """What one batch of events has loaded."""

    def __init__(self) -> None:
        self.sessions: dict[UUID, SessionLife] = {}
        self.connections: dict[UUID, ConnectionLife] = {}
        self.peers: dict[tuple[UUID, str], UUID] = {}
        self.gone: set[UUID] = set()
        self.devices: dict[UUID, bytes] = {}


async def apply_events(
    connection: AsyncConnection[Any],
    events: list[Event],
    outcomes: dict[int, Any],
    news: News,
    *,
    now_us: int,
) -> None:
    """Store the events of a batch and everything that follows from them."""
    if not events:
        return
    touched = Touched()
    await _load(connection, events, touched)
    events = _of_living(events, touched, outcomes)
    await _resolve_peers(connection, events, touched)
    sightings = await find_tracks(connection, [event for event in events if event.tracks])
    rows: list[bytes] = []
    for event in sorted(events, key=lambda event: event.at_us):
        refusal = _refusal(event, touched) or sightings.refusal(event)
        if refusal is not None:
            outcomes[id(event)] = refusal
            continue
        if _is_repetition(event, touched):
            outcomes[id(event)] = sightings.answer(event)
            continue
        peer, target = _take_in(event, touched)
        track = sightings.see(event)
        rows.append(event_row(event, peer=peer, connection=target, track=track, received_us=now_us))
        outcomes[id(event)] = (peer, target) if event.add else sightings.answer(event)
    await draw_consequences(
        connection, touched.sessions, touched.connections, touched.devices, news, now_us=now_us
    )
    await apply_tracks(connection, sightings)
    if rows:
        await copy_events(connection, rows)


async def _load(connection: AsyncConnection[Any], events: list[Event], touched: Touched) -> None:
    """Lock in the order conferences, sessions, connections. What concerns one running connection alone locks nothing else."""
    settling = {event.session.id for event in events if event.settles}
    light = {event.session.id for event in events if event.connection is None} - settling
    if settling:
        touched.sessions = await lock_sessions(connection, settling)
    if light:
        touched.sessions |= await lock_recent(connection, light)
    touched.connections = await lock_connections(
        connection,
        ids={event.connection for event in events if event.connection is not None},
        heavy={event.connection for event in events if event.fact and event.connection},
        sessions={e.session.id for e in events if e.settles and (e.session_facts or e.remove_peer)},
    )
    unknown = {
        event.session.id
        for event in events
        if event.session.id not in touched.sessions and event.connection not in touched.connections
    }
    touched.gone = await deleted_sessions(connection, unknown)
    _escalate(events, touched)


def _escalate(events: list[Event], touched: Touched) -> None:
    """Facts of a connection that has ended, or began after its session was left, may concern the session: begin again with that locked too."""
    again = False
    for event in events:
        target = touched.connections.get(event.connection) if event.connection else None
        if target is None or event.fact is None or event.settles:
            continue
        if (target.ended or target.rejoined) and event.session.id not in touched.sessions:
            event.escalated = again = True
    if again:
        raise Again


def _of_living(events: list[Event], touched: Touched, outcomes: dict[int, Any]) -> list[Event]:
    """Those whose session is still there; the others' clients are told to stop, before anything is linked to it."""
    for event in events:
        if event.session.id in touched.gone:
            outcomes[id(event)] = ConnectionEnded()
    return [event for event in events if event.session.id not in touched.gone]


def _is_known_peer(event: Event, touched: Touched) -> bool:
    """Whether the peer is the one that the connection itself names; then nothing needs to be asked."""
    target = touched.connections.get(event.connection) if event.connection else None
    return target is not None and event.peer_uuid == target.peer


# Two look-ups, each by one key: with OR between them, all participants of the app are read.
_FIND_PEERS = """
    SELECT DISTINCT ON (app, peer) app, peer, id FROM (
        SELECT wanted.app, wanted.peer, p.id, 1 AS rank FROM unnest(%(apps)s, %(peers)s) AS wanted (app, peer)
        JOIN monitoring.participants p ON p.app_id = wanted.app AND p.participant_id = wanted.peer WHERE p.is_active
        UNION ALL
        SELECT wanted.app, wanted.peer, p.id, 0 FROM unnest(%(apps)s, %(peers)s, %(uuids)s) AS wanted (app, peer, peer_uuid)
        JOIN monitoring.participants p ON p.id = wanted.peer_uuid AND p.app_id = wanted.app WHERE p.is_active) AS found
    ORDER BY app, peer, rank"""


async def _resolve_peers(
    connection: AsyncConnection[Any], events: list[Event], touched: Touched
) -> None:
    people: dict[tuple[UUID, str], Person] = {}
    asked: set[tuple[UUID, str]] = set()
    for event in events:
        key = event.session
        if event.add is not None:
            add = event.add
            person = Person(
                key.app,
                key.organization,
                add.peer_id,
                add.peer_name,
                add.is_sfu,
                event.at_us,
                key.participant,
            )
            people.setdefault((key.app, add.peer_id), person).merge(person)
        elif event.peer is not None and not _is_known_peer(event, touched):
            asked.add((key.app, event.peer))
    touched.peers = await ensure_participants(connection, people)
    if asked:
        ordered = sorted(asked)
        cursor = await connection.execute(
            _FIND_PEERS,
            {
                "apps": p.uuids(app for app, _ in ordered),
                "peers": p.texts(peer for _, peer in ordered),
                "uuids": p.uuids(uuid_or_none(peer) for _, peer in ordered),
            },
        )
        touched.peers.update({(app, peer): found for app, peer, found in await cursor.fetchall()})
    pairs = {
        (e.session.conference, peer)
        for e in events
        if e.add is not None and (peer := touched.peers.get((e.session.app, e.add.peer_id)))
    }
    await link(connection, pairs)


def _peer(event: Event, touched: Touched) -> UUID | None:
    if event.add is not None:
        return touched.peers.get((event.session.app, event.add.peer_id))
    if event.peer is None:
        return None
    if _is_known_peer(event, touched) and event.connection is not None:
        return touched.connections[event.connection].peer
    return touched.peers.get((event.session.app, event.peer))


def _refusal(event: Event, touched: Touched) -> AppError | None:
    """Why the event cannot be stored; None if it can."""
    peer = _peer(event, touched)
    if event.peer is not None and peer is None:
        return ParticipantNotFound(field="peerId")
    if peer == event.session.participant or (event.add is not None and peer is None):
        return ParticipantEqualPeer()
    if event.connection is None:
        return ConnectionNotFound(field="connectionId") if event.needs_connection else None
    target = touched.connections.get(event.connection)
    if target is None or target.session.id != event.session.id:
        return ConnectionNotFound(field="connectionId")
    return None


def _is_repetition(event: Event, touched: Touched) -> bool:
    if event.add is not None or event.digest == 0:
        return False
    holder = (
        touched.connections[event.connection]
        if event.connection
        else touched.sessions[event.session.id]
    )
    if is_repeated(holder.recent, event.digest, event.at_us):
        _date_back(event, touched)
        return True
    holder.recent = remember(holder.recent, event.digest, event.at_us)
    holder.touched = True
    return False


def _date_back(event: Event, touched: Touched) -> None:
    """Of two that are the same the earlier instant counts, whichever arrived first."""
    if event.fact is None or event.connection is None:
        return
    target = touched.connections[event.connection]
    kind, value = event.fact.kind, event.fact.value
    for index, known in enumerate(target.facts):
        same = (known.kind, known.value) == (kind, value)
        if same and 0 < known.at_us - event.at_us <= SAME_INSTANT_MS * 1000:
            target.facts[index] = known._replace(at_us=event.at_us)
            target.changed = True
            return


def _take_in(event: Event, touched: Touched) -> tuple[UUID | None, UUID | None]:
    """Add the event's facts; answers (peer, connection)."""
    peer = _peer(event, touched)
    if event.add is not None and peer is not None:
        return peer, _add_connection(event, peer, touched)
    _take_session_facts(event, peer, touched)
    if event.connection is not None:
        target = touched.connections[event.connection]
        if event.fact is not None and with_fact(target.facts, event.fact):
            target.changed = True
        return peer or target.peer, target.id
    return peer, None


def _has_room(session: SessionLife, fact: SessionFact) -> bool:
    """All facts are folded again with each new one, so a page that reports without end is not heard for ever; ends are, for longer."""
    if fact.kind == "stop":
        return True
    return len(session.facts) < (2 * MAX_FACTS if fact.kind in LEAVES else MAX_FACTS)


def _take_session_facts(event: Event, peer: UUID | None, touched: Touched) -> None:
    session = touched.sessions.get(event.session.id)
    if session is None:
        return
    facts = list(event.session_facts)
    if event.remove_peer and peer is not None:
        facts.append(SessionFact(event.at_us, "remove_peer", str(peer), str(event.id)))
    facts = [fact for fact in facts if _has_room(session, fact)]
    if facts:
        session.facts.extend(facts)
        session.touched = session.judged = True
    if event.devices is not None:
        touched.devices[session.key.id] = event.devices
        session.touched = session.judged = True


def _add_connection(event: Event, peer: UUID, touched: Touched) -> UUID:
    add = event.add
    assert add is not None
    session = touched.sessions[event.session.id]
    touched.connections[add.id] = ConnectionLife(
        add.id, event.session, peer, event.at_us, add.state, [], b"", new=True, changed=True
    )
    session.judged = True
    return add.id


_STOPPED = """
    SELECT s.id, s.app_id, s.organization_id, s.conference_id, s.participant_id
    FROM monitoring.conferences c LEFT JOIN monitoring.sessions s ON s.conference_id = c.id AND s.is_active AND (s.end_time IS NULL
        OR EXISTS (SELECT FROM monitoring.connections k WHERE k.session_id = s.id AND k.is_active AND k.end_time IS NULL))
    WHERE c.app_id = %s AND c.conference_id = %s AND c.is_active"""


async def endings_of_stop(
    connection: AsyncConnection[Any], message: StopConference, outcomes: dict[int, Any]
) -> list[Event]:
    """A leave for every session that is still open, or was left by a `beforeunload` only, which ends no connection. ConferenceNotFound is answered for an unknown conference."""
    found = await (
        await connection.execute(_STOPPED, (message.app, message.conference_id))
    ).fetchall()
    outcomes[id(message)] = None if found else ConferenceNotFound()
    return [_leave(SessionKey(*row), message.at_us) for row in found if row[0] is not None]


def endings_of_sweep(message: EndSessions, outcomes: dict[int, Any]) -> list[Event]:
    """A leave for each of the sessions."""
    outcomes[id(message)] = None
    return [_leave(session, message.at_us) for session in message.sessions]


def _leave(session: SessionKey, at_us: int) -> Event:
    event = new_id()
    return Event(
        id=event, session=session, name="stopConference", category="B", at_us=at_us, data=None, digest=0,
        session_facts=[SessionFact(at_us, "stop", None, str(event))],
    )  # fmt: skip
