"""What follows from new facts: connection states, issues, the ends of sessions and conferences, used minutes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.calls import (
    ConferenceState,
    SessionState,
    fold_session,
    leaves_after,
    micros,
)
from signalbox.monitoring.rules.connection import can_raise
from signalbox.monitoring.rules.happenings import verb
from signalbox.monitoring.rules.issues import Finding
from signalbox.monitoring.rules.timeline import Timeline, counted_days
from signalbox.monitoring.store.findings import Owner, difference, write_findings
from signalbox.monitoring.store.lives import (
    ConnectionLife,
    SessionLife,
    SessionUpdate,
    encode,
    refold,
    write_connections,
    write_recent,
    write_sessions,
)
from signalbox.monitoring.store.news import News, stamp_or_none
from signalbox.monitoring.store.timelines import Timelines, continue_timelines

_JUDGED_AT_END = ("no_media_access", "no_connection")
# Of a session that was left, one connection that ever got somewhere tells as much as all of them; without one, any does.
_STATES = """
    SELECT wanted.id, one.state, one.established FROM unnest(%s) AS wanted (id) CROSS JOIN LATERAL ((
        SELECT state, established FROM monitoring.connections
        WHERE session_id = wanted.id AND is_active AND (established OR state NOT IN ('new', 'connecting', 'failed')) LIMIT 1)
        UNION ALL (
        SELECT state, established FROM monitoring.connections WHERE session_id = wanted.id AND is_active LIMIT 1)) AS one"""
_UPDATE_CONFERENCES = """
    UPDATE monitoring.conferences AS c SET ongoing = new.ongoing, start_time = new.started, call_start = new.call_start,
        end_time = new.ended, duration = new.duration, last_seen_at = greatest(c.last_seen_at, new.seen), judged_at = NULL,
        diagnosed_at = NULL, timeline = new.timeline
    FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s) AS new (id, ongoing, started, call_start, ended, duration, seen, timeline)
    WHERE c.id = new.id"""
_USAGE = """
    INSERT INTO monitoring.app_usage AS known (app_id, day, seconds)
    SELECT app, day::date, seconds FROM unnest(%s, %s, %s) AS new (app, day, seconds) ORDER BY 1, 2
    ON CONFLICT (app_id, day) DO UPDATE SET seconds = known.seconds + excluded.seconds"""


States = dict[UUID, list[tuple[str, bool]]]


async def draw_consequences(
    connection: AsyncConnection[Any],
    sessions: dict[UUID, SessionLife],
    connections: dict[UUID, ConnectionLife],
    devices: dict[UUID, bytes],
    news: News,
    *,
    now_us: int,
) -> None:
    """Fold everything that changed and write it."""
    found: list[tuple[Owner, Finding]] = []
    gone: list[UUID] = []
    for life in connections.values():
        if _is_affected(life, sessions):
            _fold_connection(life, sessions, found, gone)
    await write_connections(connection, connections.values(), seen_us=now_us)
    _tell_connections(connections.values(), news)
    changed = {life.session.id for life in connections.values() if life.changed}
    judged = [s for s in sessions.values() if s.judged or (s.key.id in changed and not s.light)]
    if judged:
        timelines = await continue_timelines(connection, judged, connections.values())
        await _settle_sessions(
            connection, judged, timelines, devices, found, gone, news, now_us=now_us
        )
        await _settle_conferences(connection, judged, timelines, news, now_us=now_us)
    await write_recent(connection, sessions.values())
    await write_findings(connection, found, gone, news)


def _tell_connections(connections: Iterable[ConnectionLife], news: News) -> None:
    for one in connections:
        life = one.life
        if not one.changed or life is None:
            continue
        if one.was is None:
            change = "added"
        else:
            ended = life.end_us is not None
            if ended == one.ended and one.was == (life.state, life.established):
                continue
            change = verb(was_running=not one.ended, runs=not ended)
        news.connection(one.session, one.id, one.peer, life, change)


def _is_affected(life: ConnectionLife, sessions: dict[UUID, SessionLife]) -> bool:
    if life.changed:
        return True
    session = sessions.get(life.session.id)
    if session is None or session.facts == session.before:
        return False
    return (
        _left(life, session.facts) != _left(life, session.before)
        or session.was_left is not life.rejoined
    )


def _left(life: ConnectionLife, facts: Iterable[Any]) -> int | None:
    return leaves_after(facts, life.start_us, peer=life.peer)


def _fold_connection(
    life: ConnectionLife,
    sessions: dict[UUID, SessionLife],
    found: list[tuple[Owner, Finding]],
    gone: list[UUID],
) -> None:
    """Fold one connection. Its session is not at hand when it cannot matter: the connection is open and no leave came before it."""
    session = sessions.get(life.session.id)
    facts, before = (session.facts, session.before) if session else ([], [])
    life.changed = True
    life.life = refold(life, life.facts, _left(life, facts))
    life.rejoined = session.was_left if session and not session.light else life.rejoined
    known: list[Finding] = []
    if not life.new and any(can_raise(fact) for fact in life.before):
        known = refold(life, life.before, _left(life, before)).findings
    changed, vanished = difference(known, life.life.findings)
    key = life.session
    owner = Owner(key.app, key.organization, key.conference, key.participant, key.id, life.id)
    found.extend((owner, finding) for finding in changed)
    gone.extend(vanished)


async def _states(connection: AsyncConnection[Any], judged: Iterable[SessionLife]) -> States:
    """State and whether it was ever established, of some connections of each session that was left for good."""
    left = [session.key.id for session in judged if session.was_left]
    states: States = {}
    if left:
        cursor = await connection.execute(_STATES, (p.uuids(left),), binary=True)
        for key, state, established in await cursor.fetchall():
            states.setdefault(key, []).append((state, established))
    return states


async def _settle_sessions(
    connection: AsyncConnection[Any],
    judged: list[SessionLife],
    timelines: Timelines,
    devices: dict[UUID, bytes],
    found: list[tuple[Owner, Finding]],
    gone: list[UUID],
    news: News,
    *,
    now_us: int,
) -> None:
    updates = []
    used: dict[tuple[UUID, str], int] = {}
    states = await _states(connection, judged)
    for session in judged:
        key = session.key.id
        state = fold_session(key, facts=session.facts, connections=states.get(key, []))
        _session_findings(session, state, found, gone)
        timeline = timelines.sessions[key]
        running = timeline.state().call_start_us
        updates.append(SessionUpdate(session, state.end_us, running, timeline.shortened()))
        _tell_session(session, state.end_us, running, news)
        before = timelines.known[key]
        days = counted_days(session.counted, before, timeline, now_us=now_us)
        _count_usage(session, days, used)
    await write_sessions(connection, updates, devices)
    if used:
        keys = sorted(used)
        await connection.execute(
            _USAGE,
            (p.uuids(app for app, _ in keys), p.texts(day for _, day in keys), p.bigints(used[key] for key in keys)),
        )  # fmt: skip


def _tell_session(
    session: SessionLife, end_us: int | None, call_start_us: int | None, news: News
) -> None:
    was = session.was
    if was is None or (_micros(was.ended), _micros(was.call_start)) == (end_us, call_start_us):
        return
    change = verb(was_running=was.ended is None, runs=end_us is None)
    data = {"end_time": stamp_or_none(end_us), "call_start": stamp_or_none(call_start_us)}
    news.session(session.key, change, data)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _session_findings(
    session: SessionLife, state: SessionState, found: list[tuple[Owner, Finding]], gone: list[UUID]
) -> None:
    key = session.key
    owner = Owner(key.app, key.organization, key.conference, key.participant, key.id)
    known = fold_session(key.id, facts=session.before, connections=[]).findings
    changed, vanished = difference(known, state.findings)
    gone.extend(vanished)
    found.extend((owner, finding) for finding in changed)
    if state.left_us is not None:
        raised = {finding.code for finding in state.findings}
        gone.extend(derived_id(key.id, code) for code in _JUDGED_AT_END if code not in raised)


def _count_usage(
    session: SessionLife, days: dict[str, int], used: dict[tuple[UUID, str], int]
) -> None:
    """Add what is not yet counted; facts that came late may move seconds between days or take some back."""
    for day in sorted({*days, *session.counted}):
        more = days.get(day, 0) - session.counted.get(day, 0)
        if more and (day in days or session.counted.get(day)):
            used[session.key.app, day] = used.get((session.key.app, day), 0) + more
    if days != session.counted:
        session.counted = days
        session.touched = True


async def _settle_conferences(
    connection: AsyncConnection[Any],
    judged: list[SessionLife],
    timelines: Timelines,
    news: News,
    *,
    now_us: int,
) -> None:
    one_of = {session.key.conference: session for session in judged}
    ordered = sorted(one_of)
    known: list[Timeline] = [timelines.conferences[conference] for conference in ordered]
    states = [timeline.state() for timeline in known]
    await connection.execute(
        _UPDATE_CONFERENCES,
        (p.uuids(ordered), p.booleans([s.ongoing for s in states]), p.instants(s.start_us for s in states),
         p.instants(s.call_start_us for s in states), p.instants(s.end_us for s in states), p.ints(s.duration_s for s in states),
         p.instants(now_us for _ in states), p.jsons(encode(timeline.shortened()) for timeline in known)),
    )  # fmt: skip
    for conference, state in zip(ordered, states, strict=True):
        _tell_conference(one_of[conference], state, news)


def _tell_conference(session: SessionLife, state: ConferenceState, news: News) -> None:
    was = session.was
    assert was is not None  # only locked sessions are judged
    before = (
        was.ongoing,
        _micros(was.conference_start),
        _micros(was.conference_call_start),
        _micros(was.conference_end),
    )
    if before == (state.ongoing, state.start_us, state.call_start_us, state.end_us):
        return
    data = {
        "ongoing": state.ongoing, "start_time": stamp_or_none(state.start_us), "call_start": stamp_or_none(state.call_start_us),
        "end_time": stamp_or_none(state.end_us), "duration": state.duration_s,
    }  # fmt: skip
    change = verb(was_running=was.ongoing, runs=state.ongoing)
    news.conference(session.key, change, data)
