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


@dataclass(slots=True)
class _Change:
    """What became of the stays of one session or conference: from which instant on, and those that are new."""

    since_us: int
    added: list[Stay] = field(default_factory=list)
    only_added: bool = True


Changes = dict[UUID, _Change]
_EMPTY = Timeline()


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


def _changes(connections: Iterable[ConnectionLife]) -> tuple[Changes, Changes]:
    """Which stays are others than they were, by session and by conference."""
    sessions: Changes = {}
    conferences: Changes = {}
    for one in connections:
        if not one.changed or one.life is None:
            continue
        before = None if one.new else Stay(one.start_us, one.end_us)
        stay = Stay(one.start_us, one.life.end_us)
        at_us = changed_from(before, stay)
        if at_us is not None:
            _note(sessions, one.session.id, at_us, stay, is_new=one.new)
            _note(conferences, one.session.conference, at_us, stay, is_new=one.new)
    return sessions, conferences


def _note(changes: Changes, key: UUID, at_us: int, stay: Stay, *, is_new: bool) -> None:
    change = changes.setdefault(key, _Change(at_us))
    change.since_us = min(at_us, change.since_us)
    change.only_added = change.only_added and is_new
    change.added.append(stay)


def _own(session: SessionLife) -> Timeline | None:
    """The session's timeline if it agrees with what is stored beside it: an older version of this program keeps none."""
    known, was = session.timeline, session.was
    if known is None or was is None or known.state().call_start_us != _micros(was.call_start):
        return None
    return known


def _of_conference(session: SessionLife) -> Timeline | None:
    """As `_own`, of the conference. Before the first connection there is none, and none is needed."""
    known, was = session.conference_timeline, session.was
    if known is None and was is not None and was.conference_start is None:
        known = _EMPTY
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


def _goes_on(known: Timeline | None, change: _Change | None) -> bool:
    return known is not None and (change is None or known.reaches(change.since_us))


async def _continued(
    connection: AsyncConnection[Any],
    statement: str,
    known: Mapping[UUID, Timeline | None],
    changes: Changes,
) -> dict[UUID, Timeline]:
    """Each as it was, extended, continued, or made from all stays; only the latter two ask for any."""
    found: dict[UUID, Timeline] = {}
    asked: dict[UUID, int | None] = {}
    for key, one in known.items():
        change = changes.get(key)
        if one is None or not _goes_on(one, change):
            asked[key] = None
        elif change is None:
            found[key] = one
        elif change.only_added:
            found[key] = one.extended(change.added)
        else:
            asked[key] = change.since_us
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
