"""What the reading routes answer, field by field; the API reference and the dashboard's types come from here.

Instants are text, `2026-01-15T10:30:00.123456Z`, always with six decimals; durations are whole seconds; foreign keys are uuids under the
field's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from signalbox.http.answers import Instant, printed
from signalbox.monitoring.rules.codes import describe
from signalbox.monitoring.rules.issues import colour

Json = Any


def printable(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with its instants printed."""
    return {
        name: printed(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


class Conference(msgspec.Struct, kw_only=True, omit_defaults=False):
    """An observed call. `status` is ongoing, error, warning or success; `cause` and `score` are of its diagnosis, null before there is one."""

    id: UUID
    app: UUID
    created_at: Instant
    conference_id: str
    conference_name: str | None
    conference_info: Json
    start_time: Instant | None
    call_start: Instant | None
    end_time: Instant | None
    ongoing: bool
    duration: int
    has_errors: bool
    has_warnings: bool
    participants_count: int
    cause: str | None
    score: int | None
    status: str


class ConferenceDetail(Conference, kw_only=True):
    """An observed call with the ids of its participants and issues."""

    participants: list[UUID]
    issues: list[UUID]


class Participant(msgspec.Struct, kw_only=True):
    """A person, or an SFU."""

    id: UUID
    app: UUID
    created_at: Instant
    participant_id: str
    participant_name: str | None
    is_sfu: bool


class Session(msgspec.Struct, kw_only=True):
    """One participant's stay in one conference."""

    id: UUID
    conference: UUID
    participant: UUID
    created_at: Instant
    end_time: Instant | None
    duration: int
    call_start: Instant | None
    devices: Json
    platform: Json
    metadata: Json
    geo_ip: Json
    session_info: Json
    app_version: str | None
    webrtc_sdk: str | None
    issues: list[UUID]


class SessionDetail(Session, kw_only=True):
    """A stay with the media constraints that the browser supports."""

    constraints: Json


class Connection(msgspec.Struct, kw_only=True):
    """One RTCPeerConnection, as seen from one end."""

    id: UUID
    session: UUID
    conference: UUID
    participant: UUID
    peer: UUID
    created_at: Instant
    type: str | None
    state: str
    connection_info: Json
    start_time: Instant
    end_time: Instant | None
    duration: int | None


class Track(msgspec.Struct, kw_only=True):
    """One audio or video flow in one direction."""

    id: UUID
    session: UUID
    connection: UUID | None
    created_at: Instant
    track_id: str
    kind: str | None
    direction: str
    label: str | None
    track_info: Json


class Issue(msgspec.Struct, kw_only=True):
    """A finding; `events` are the ids of the events that show it, `count` how often it was seen. `ended_at` is null while it lasts;
    `source` is `event` for what a single event says, over at once, and `rule` for what was found by looking at the whole call."""

    id: UUID
    session: UUID | None
    conference: UUID | None
    participant: UUID | None
    connection: UUID | None
    track: UUID | None
    created_at: Instant
    type: str
    code: str
    title: str
    explanation: str
    data: Json
    count: int
    events: list[UUID]
    updated_at: Instant
    ended_at: Instant | None
    source: str


class Event(msgspec.Struct, kw_only=True):
    """Something that was reported. `category`: B browser, M getUserMedia, C connection, T track, S stats."""

    id: UUID
    app: UUID
    conference: UUID
    participant: UUID
    session: UUID
    peer: UUID | None
    connection: UUID | None
    track: UUID | None
    type: str
    category: str
    category_name: str
    data: Json
    created_at: Instant


def _status(row: Mapping[Any, Any]) -> str:
    return colour(ongoing=row["ongoing"], errors=row["has_errors"], warnings=row["has_warnings"])


def conference(row: Mapping[Any, Any]) -> Conference:
    """A conference of a list."""
    return Conference(**printable(row), status=_status(row))


def conference_detail(row: Mapping[Any, Any]) -> ConferenceDetail:
    """A conference by itself."""
    return ConferenceDetail(**printable(row), status=_status(row))


def participant(row: Mapping[Any, Any]) -> Participant:
    """A participant."""
    return Participant(**printable(row))


def session(row: Mapping[Any, Any]) -> Session:
    """A session of a list."""
    return Session(**printable(row))


def session_detail(row: Mapping[Any, Any]) -> SessionDetail:
    """A session by itself."""
    return SessionDetail(**printable(row))


def connection(row: Mapping[Any, Any]) -> Connection:
    """A connection."""
    return Connection(**printable(row))


def track(row: Mapping[Any, Any]) -> Track:
    """A track."""
    return Track(**printable(row))


def issue(row: Mapping[Any, Any]) -> Issue:
    """An issue with its words."""
    title, explanation = describe(row["code"])
    return Issue(**printable(row), title=title, explanation=explanation)


def event(item: Mapping[Any, Any]) -> Event:
    """An event."""
    return Event(**printable(item))
