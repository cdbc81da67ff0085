"""All that is stored of one conference, loaded as the rules of detection and diagnosis read it; and which conferences are to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from signalbox.core.compression import UnreadablePayload, unpack
from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.rules.detection import (
    Attempt,
    Happening,
    ObservedConference,
    ObservedConnection,
    ObservedTrack,
    Person,
    Stay,
)
from signalbox.monitoring.rules.intervals import intervals
from signalbox.monitoring.rules.readings import Reading
from signalbox.monitoring.wire.reports import decode_reading, thinned_reading

Row = Mapping[str, Any]

# Session descriptions are large and tell the rules nothing.
EVENT_TYPES = (
    "addConnection", "beforeunload", "custom", "endCall", "ended", "getUserMedia", "mediaDeviceChange", "mute", "onconnectionstatechange", "onicecandidate",
    "onicecandidateerror", "oniceconnectionstatechange", "onicegatheringstatechange", "ontrack", "overconstrained", "peerDetails",
    "removeConnection", "stopConference", "tabFocus", "unload", "unmute",
)  # fmt: skip
MOST_REPORTS = 20_000  # of a conference; of a longer one the latest

_CONFERENCE = """
    SELECT id, app_id, organization_id, created_at, start_time, end_time, ongoing, last_seen_at FROM monitoring.conferences
    WHERE id = %s AND is_active"""
_PEOPLE = """
    SELECT p.id, coalesce(p.participant_name, p.participant_id) AS name, p.is_sfu
    FROM monitoring.conference_participants l JOIN monitoring.participants p ON p.id = l.participant_id
    WHERE l.conference_id = %s AND p.is_active ORDER BY p.created_at, p.id"""
_STAYS = """
    SELECT id, participant_id, created_at, end_time, last_seen_at FROM monitoring.sessions
    WHERE conference_id = %s AND is_active AND erased_at IS NULL ORDER BY created_at, id"""
_CONNECTIONS = """
    SELECT id, session_id, participant_id, peer_id, start_time, end_time, last_seen_at, state, established,
        connection_info->'negotiations' AS negotiations
    FROM monitoring.connections WHERE conference_id = %s AND is_active AND erased_at IS NULL ORDER BY start_time, id"""
_TRACKS = """
    SELECT id, session_id, connection_id, kind, direction FROM monitoring.tracks WHERE conference_id = %s AND is_active ORDER BY created_at, id"""
_EVENTS = """
    SELECT id, created_at, type, session_id, participant_id, connection_id, track_id, data FROM monitoring.events
    WHERE conference_id = %s AND type = ANY(%s) ORDER BY created_at, received_at, id"""
_SAMPLES = """
    SELECT id, connection_id, created_at, received_at, time_taken_ms, thinned, rtt_ms, available_bps, flows, tracks, bytes, packets, lost,
        jitter_ms, report
    FROM monitoring.samples WHERE conference_id = %s ORDER BY created_at DESC LIMIT %s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A conference with its owners. `reports` is how many reports there still are of it, `seen_at` tells whether it has changed since."""

    app: UUID
    organization: UUID
    observed: ObservedConference
    reports: int
    seen_at: datetime


async def load_conference(
    connection: AsyncConnection[Any], conference: UUID, *, at: datetime, emos_version: int
) -> Loaded | None:
    """The conference as it now is; None if there is none."""
    found = await _rows(connection, _CONFERENCE, conference)
    if not found:
        return None
    row = found[0]
    people = await _rows(connection, _PEOPLE, conference)
    stays = await _rows(connection, _STAYS, conference)
    links = await _rows(connection, _CONNECTIONS, conference)
    tracks = await _rows(connection, _TRACKS, conference)
    events = await _rows(connection, _EVENTS, conference, list(EVENT_TYPES))
    samples = await _rows(connection, _SAMPLES, conference, MOST_REPORTS)
    by_connection: dict[UUID, list[Row]] = {}
    for sample in samples:
        by_connection.setdefault(sample["connection_id"], []).append(sample)
    observed = ObservedConference(
        id=row["id"],
        start_us=micros(row["start_time"] or row["created_at"]),
        end_us=_us(row["end_time"]),
        ongoing=row["ongoing"],
        now_us=micros(at),
        people=tuple(Person(id=p["id"], name=p["name"], is_sfu=p["is_sfu"]) for p in people),
        stays=tuple(map(_stay, stays)),
        connections=tuple(
            _connection(link, by_connection.get(link["id"], []), emos_version) for link in links
        ),
        tracks=tuple(map(_track, tracks)),
        happenings=tuple(map(_happening, events)),
    )
    return Loaded(
        app=row["app_id"],
        organization=row["organization_id"],
        observed=observed,
        reports=len(samples),
        seen_at=row["last_seen_at"],
    )


async def _rows(
    connection: AsyncConnection[Any], statement: str, *parameters: object
) -> Sequence[Row]:
    async with connection.cursor(row_factory=dict_row, binary=True) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


def _us(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _stay(row: Row) -> Stay:
    return Stay(
        id=row["id"],
        participant=row["participant_id"],
        start_us=micros(row["created_at"]),
        end_us=_us(row["end_time"]),
        last_us=micros(row["last_seen_at"]),
    )


def _track(row: Row) -> ObservedTrack:
    return ObservedTrack(
        id=row["id"],
        session=row["session_id"],
        connection=row["connection_id"],
        kind=row["kind"],
        direction=row["direction"],
    )


def _connection(row: Row, samples: Iterable[Row], emos_version: int) -> ObservedConnection:
    rows = sorted(samples, key=lambda sample: sample["created_at"])
    late = ((r["received_at"] - r["created_at"]).total_seconds() for r in rows)
    return ObservedConnection(
        id=row["id"],
        session=row["session_id"],
        participant=row["participant_id"],
        peer=row["peer_id"],
        start_us=micros(row["start_time"]),
        end_us=_us(row["end_time"]),
        last_us=micros(rows[-1]["created_at"] if rows else row["start_time"]),
        state=row["state"],
        established=row["established"],
        attempts=tuple(map(_attempt, row["negotiations"] or ())),
        intervals=tuple(intervals(map(_reading, rows), emos_version=emos_version)),
        reports={micros(r["created_at"]): derived_id(r["id"], 0) for r in rows},
        late_s=max(late, default=0.0),
    )


def _attempt(shown: Mapping[str, Any]) -> Attempt:
    end = shown.get("end_time")
    return Attempt(
        type=shown["type"],
        status=shown["status"],
        start_us=micros(datetime.fromisoformat(shown["start_time"])),
        end_us=None if end is None else micros(datetime.fromisoformat(end)),
    )


def _reading(row: Row) -> Reading:
    at_us = micros(row["created_at"])
    if row["report"] is None:
        return thinned_reading(row, at_us=at_us)
    try:
        content = unpack(bytes(row["report"]))
    except UnreadablePayload:
        return Reading(at_us=at_us)
    return decode_reading(
        content, at_us=at_us, tracks=row["tracks"], time_taken_ms=row["time_taken_ms"]
    )


def _happening(row: Row) -> Happening:
    return Happening(
        id=row["id"],
        at_us=micros(row["created_at"]),
        type=row["type"],
        session=row["session_id"],
        participant=row["participant_id"],
        connection=row["connection_id"],
        track=row["track_id"],
        data=_data(row["data"]),
    )


def _data(stored: bytes | None) -> Any:
    if stored is None:
        return None
    try:
        return msgspec.json.decode(unpack(bytes(stored)))
    except (UnreadablePayload, msgspec.DecodeError, UnicodeDecodeError):
        return None


_FINISHED = """
    SELECT id FROM monitoring.conferences WHERE NOT ongoing AND diagnosed_at IS NULL AND is_active
        AND (end_time IS NOT NULL OR last_seen_at < %(at)s - interval '30 s') -- whoever comes first needs some time to connect
    ORDER BY end_time DESC LIMIT %(most)s"""
# The longer a call lasts, the more there is to read of it, and the less a further minute changes.
_RUNNING = """
    SELECT id FROM monitoring.conferences WHERE ongoing AND is_active
        AND (diagnosed_at IS NULL OR diagnosed_at < %(at)s - greatest(interval '10 s', (%(at)s - start_time) * 0.02))
    ORDER BY diagnosed_at NULLS FIRST LIMIT %(most)s"""


async def conferences_to_diagnose(
    connection: AsyncConnection[Any], *, at: datetime, most: int
) -> list[UUID]:
    """Conferences that have ended or changed since they were looked at, the latest first, then running ones whose time has come again."""
    found: list[UUID] = []
    for statement in (_FINISHED, _RUNNING):
        cursor = await connection.execute(statement, {"at": at, "most": most})
        found += [row[0] for row in await cursor.fetchall()]
    return found


_SINCE = """
    SELECT id FROM monitoring.conferences WHERE is_active AND created_at >= %(since)s AND (%(after)s::uuid IS NULL OR id > %(after)s)
    ORDER BY id LIMIT %(most)s"""


async def conferences_since(
    connection: AsyncConnection[Any], since: datetime, *, after: UUID | None, most: int
) -> list[UUID]:
    """Conferences that were made from an instant on, in the order of their ids, behind `after`."""
    cursor = await connection.execute(_SINCE, {"since": since, "after": after, "most": most})
    return [row[0] for row in await cursor.fetchall()]
