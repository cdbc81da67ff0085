"""The timelines of conferences and sessions, brought up to date from as few connections as will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.monitoring.rules.calls import ConferenceState, Stay, micros
from signalbox.monitoring.rules.timeline import Timeline, changed_from, whole
from signalbox.monitoring.store.lives import ConnectionLife, SessionLife, SessionWas

# Stays that ended since an instant, all of them without one, and the earliest of those that are open. The order tells the planner to take
# the first entry of an index instead of sorting all open ones.
_STAYS = """
    SELECT wanted.id, stay.start_time, stay.end_time FROM unnest(%(ids)s, %(since)s) AS wanted (id, since) CROSS JOIN LATERAL (
        SELECT start_time, end_time FROM monitoring.connections
        WHERE {owner} = wanted.id AND is_active AND end_time >= coalesce(wanted.since, '-infinity')
        UNION ALL (
        SELECT start_time, end_time FROM monitoring.connections
        WHERE {owner} = wanted.id AND is_active AND end_time IS NULL ORDER BY end_time, start_time LIMIT 1)) AS stay"""
_STAYS_OF_CONFERENCES = _STAYS.format(owner="conference_id")
_STAYS_OF_SESSIONS = _STAYS.format(owner="session_id")
Since = Mapping[UUID, int]


@dataclass(slots=True)
class Timelines:
    """Timelines after the batch, by session and by conference. `known` ones of sessions could be continued."""

    sessions: dict[UUID, Timeline] = field(default_factory=dict)
    conferences: dict[UUID, Timeline] = field(default_factory=dict)
    known: dict[UUID, Timeline | None] = field(default_factory=dict)


async def continue_timelines(
    connection: AsyncConnection[Any],
    judged: Iterable[SessionLife],
    connections: Iterable[ConnectionLife],
) -> Timelines:
    """The timelines of the sessions and of their conferences. The changed connections are written already."""
    of_sessions, of_conferences = _changes(connections)
    sessions, conferences = {}, {}
    for session in judged:
        sessions[session.key.id] = _own(session)
        conferences[session.key.conference] = _of_conference(session)
    found = Timelines()
    found.sessions = await _continued(connection, _STAYS_OF_SESSIONS, sessions, of_sessions)
    found.conferences = await _continued(
        connection, _STAYS_OF_CONFERENCES, conferences, of_conferences
    )
    found.known = {
        key: known if _goes_on(known, of_sessions.get(key)) else None
        for key, known in sessions.items()
    }
    return found


def _changes(connections: Iterable[ConnectionLife]) -> tuple[Since, Since]:
    """From which instant on stays are others than they were, by session and by conference."""
    sessions: dict[UUID, int] = {}
    conferences: dict[UUID, int] = {}
    for one in connections:
        if not one.changed or one.life is None:
            continue
        before = None if one.new else Stay(one.start_us, one.end_us)
        at_us = changed_from(before, Stay(one.start_us, one.life.end_us))
        if at_us is not None:
            for key, since in ((one.session.id, sessions), (one.session.conference, conferences)):
                since[key] = min(at_us, since.get(key, at_us))
    return sessions, conferences


def _own(session: SessionLife) -> Timeline | None:
    """The session's timeline if it agrees with what is stored beside it: an older version of this program keeps none."""
    known, was = session.timeline, session.was
    if known is None or was is None or known.state().call_start_us != _micros(was.call_start):
        return None
    return known


def _of_conference(session: SessionLife) -> Timeline | None:
    """As `_own`, of the conference."""
    known, was = session.conference_timeline, session.was
    if known is None or was is None or known.state() != _stored_state(was):
        return None
    return known


def _stored_state(was: SessionWas) -> ConferenceState:
    return ConferenceState(
        ongoing=was.ongoing,
        start_us=_micros(was.conference_start),
        call_start_us=_micros(was.conference_call_start),
        end_us=_micros(was.conference_end),
        duration_s=was.conference_duration_s,
    )


def _micros(at: Any) -> int | None:
    return None if at is None else micros(at)


def _goes_on(known: Timeline | None, since_us: int | None) -> bool:
    return known is not None and (since_us is None or known.reaches(since_us))


async def _continued(
    connection: AsyncConnection[Any],
    statement: str,
    known: Mapping[UUID, Timeline | None],
    changes: Since,
) -> dict[UUID, Timeline]:
    """Each as it was, continued, or made from all stays."""
    found = {key: one for key, one in known.items() if one is not None and key not in changes}
    asked: dict[UUID, int | None] = {
        key: changes[key] if _goes_on(one, changes.get(key)) else None
        for key, one in known.items()
        if key not in found
    }
    stays = await _stays(connection, statement, asked)
    for key, since_us in asked.items():
        one = known[key]
        if since_us is None or one is None:
            found[key] = whole(stays[key])
        else:
            found[key] = one.continued(since_us, stays[key])
    return found


async def _stays(
    connection: AsyncConnection[Any], statement: str, asked: Mapping[UUID, int | None]
) -> dict[UUID, list[Stay]]:
    stays: dict[UUID, list[Stay]] = {key: [] for key in asked}
    if asked:
        values = {"ids": p.uuids(asked), "since": p.instants(asked.values())}
        cursor = await connection.execute(statement, values, binary=True)
        for key, start, end in await cursor.fetchall():
            stays[key].append(Stay(micros(start), _micros(end)))
    return stays
