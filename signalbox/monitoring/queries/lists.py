"""The lists and singles of monitoring, each as a `Question` for an actor.

Column labels are the names of the answers: a foreign key goes by its field (`conference`, not `conference_id`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Double, case, cast, func, select

from signalbox.core.actor import Actor
from signalbox.monitoring.queries.scope import Question, Span, visible
from signalbox.monitoring.tables import (
    Conference,
    ConferenceParticipant,
    Connection,
    Diagnosis,
    Issue,
    Owned,
    Participant,
    Session,
    Track,
)


def _equal(pairs: Sequence[tuple[Any, UUID | str | None]]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _ask(
    actor: Actor,
    entity: type[Owned],
    columns: Sequence[Any],
    span: Span | None,
    equal: Sequence[tuple[Any, UUID | str | None]],
) -> Question:
    bounds = [] if span is None else span.conditions(entity.created_at)
    return Question(entity, columns, [visible(actor, entity), *bounds, *_equal(equal)])


def has_issue(kind: str) -> ColumnElement[bool]:
    """Whether a conference has an active issue that is a `warning` or `error`."""
    # A scalar with LIMIT, not EXISTS: that the planner may answer by hashing every issue there is.
    found = (
        select(Issue.id)
        .where(Issue.conference_id == Conference.id, Issue.type == kind, Issue.is_active)
        .limit(1)
    )
    return found.scalar_subquery().is_not(None)


def _issue_ids(reference: Any, key: Any) -> Any:
    found = select(Issue.id).where(reference == key, Issue.is_active)
    return func.array(found.order_by(Issue.created_at, Issue.id).scalar_subquery())


PARTICIPANTS_COUNT = (
    select(func.count())
    .select_from(ConferenceParticipant)
    .join(Participant, Participant.id == ConferenceParticipant.participant_id)
    .where(
        ConferenceParticipant.conference_id == Conference.id,
        ConferenceParticipant.sessions > 0,
        Participant.is_active,
        ~Participant.is_sfu,
    )
    .scalar_subquery()
)


def diagnosed(column: Any) -> Any:
    """Of the diagnosis of a conference as a whole; NULL before there is one."""
    own = select(column).where(
        Diagnosis.conference_id == Conference.id, Diagnosis.participant_id.is_(None)
    )
    return own.correlate(Conference).scalar_subquery()


_CONFERENCE = (
    Conference.id,
    Conference.app_id.label("app"),
    Conference.created_at,
    Conference.conference_id,
    Conference.conference_name,
    Conference.conference_info,
    Conference.start_time,
    Conference.call_start,
    Conference.end_time,
    Conference.ongoing,
    Conference.duration,
    has_issue("error").label("has_errors"),
    has_issue("warning").label("has_warnings"),
    PARTICIPANTS_COUNT.label("participants_count"),
    diagnosed(Diagnosis.cause).label("cause"),
    diagnosed(Diagnosis.score).label("score"),
)

_PARTICIPANT = (
    Participant.id,
    Participant.app_id.label("app"),
    Participant.created_at,
    Participant.participant_id,
    Participant.participant_name,
    Participant.is_sfu,
)

_SESSION = (
    Session.id,
    Session.conference_id.label("conference"),
    Session.participant_id.label("participant"),
    Session.created_at,
    Session.end_time,
    Session.duration,
    Session.call_start,
    Session.devices,
    Session.platform,
    Session.meta.label("metadata"),
    Session.geo_ip,
    Session.session_info,
    Session.app_version,
    Session.webrtc_sdk,
    _issue_ids(Issue.session_id, Session.id).label("issues"),
)

_CONNECTION = (
    Connection.id,
    Connection.session_id.label("session"),
    Connection.conference_id.label("conference"),
    Connection.participant_id.label("participant"),
    Connection.peer_id.label("peer"),
    Connection.created_at,
    Connection.type,
    Connection.state,
    Connection.connection_info,
    Connection.start_time,
    Connection.end_time,
    Connection.duration,
)

_TRACK = (
    Track.id,
    Track.session_id.label("session"),
    Track.connection_id.label("connection"),
    Track.created_at,
    Track.track_id,
    Track.kind,
    Track.direction,
    Track.label.label("label"),
    Track.track_info,
)

_ISSUE = (
    Issue.id,
    Issue.session_id.label("session"),
    Issue.conference_id.label("conference"),
    Issue.participant_id.label("participant"),
    Issue.connection_id.label("connection"),
    Issue.track_id.label("track"),
    Issue.created_at,
    Issue.type,
    Issue.code,
    Issue.data,
    Issue.count,
    Issue.events,
    func.coalesce(Issue.updated_at, Issue.created_at).label("updated_at"),
    # Those of single events are over at once; rows from before this was stored do not say so.
    case(
        (Issue.source == "event", func.coalesce(Issue.ended_at, Issue.created_at)),
        else_=Issue.ended_at,
    ).label("ended_at"),
    Issue.source,
)


def conferences(
    actor: Actor,
    *,
    app_id: UUID | None = None,
    participant_id: UUID | None = None,
    span: Span | None = None,
    duration_gte: float | None = None,
    duration_lt: float | None = None,
    issue_code: str | None = None,
    conference_ids: Sequence[UUID] | None = None,
) -> Question:
    """Conferences; durations in seconds; `issue_code` keeps those with an active issue of that code."""
    question = _ask(actor, Conference, _CONFERENCE, span, [(Conference.app_id, app_id)])
    if participant_id is not None:
        links = select(ConferenceParticipant.conference_id)
        question = question.where(
            Conference.id.in_(links.where(ConferenceParticipant.participant_id == participant_id))
        )
    if duration_gte is not None:
        question = question.where(Conference.duration >= cast(duration_gte, Double))
    if duration_lt is not None:
        question = question.where(Conference.duration < cast(duration_lt, Double))
    if issue_code is not None:
        found = select(Issue.conference_id).where(Issue.code == issue_code, visible(actor, Issue))
        question = question.where(Conference.id.in_(found))
    if conference_ids is not None:
        question = question.where(Conference.id.in_(conference_ids))
    return question


def conference(actor: Actor) -> Question:
    """One conference, with the ids of its participants and issues."""
    linked = (
        select(Participant.id)
        .join(ConferenceParticipant, ConferenceParticipant.participant_id == Participant.id)
        .where(ConferenceParticipant.conference_id == Conference.id, Participant.is_active)
        .order_by(Participant.created_at, Participant.id)
    )
    extra = (
        func.array(linked.scalar_subquery()).label("participants"),
        _issue_ids(Issue.conference_id, Conference.id).label("issues"),
    )
    return _ask(actor, Conference, (*_CONFERENCE, *extra), None, ())


def participants(
    actor: Actor,
    *,
    app_id: UUID | None = None,
    conference_id: UUID | None = None,
    span: Span | None = None,
) -> Question:
    """Participants, SFUs included."""
    question = _ask(actor, Participant, _PARTICIPANT, span, [(Participant.app_id, app_id)])
    if conference_id is None:
        return question
    links = select(ConferenceParticipant.participant_id)
    return question.where(
        Participant.id.in_(links.where(ConferenceParticipant.conference_id == conference_id))
    )


def sessions(
    actor: Actor,
    *,
    app_id: UUID | None = None,
    conference_id: UUID | None = None,
    participant_id: UUID | None = None,
    span: Span | None = None,
) -> Question:
    """Sessions without their constraints."""
    equal = [
        (Session.app_id, app_id),
        (Session.conference_id, conference_id),
        (Session.participant_id, participant_id),
    ]
    return _ask(actor, Session, _SESSION, span, equal)


def session(actor: Actor) -> Question:
    """One session, with its constraints."""
    return _ask(actor, Session, (*_SESSION, Session.constraints), None, ())


def connections(
    actor: Actor,
    *,
    app_id: UUID | None = None,
    conference_id: UUID | None = None,
    participant_id: UUID | None = None,
    session_id: UUID | None = None,
    span: Span | None = None,
) -> Question:
    """Connections; `participant_id` is the end that reported it."""
    equal = [
        (Connection.app_id, app_id),
        (Connection.conference_id, conference_id),
        (Connection.participant_id, participant_id),
        (Connection.session_id, session_id),
    ]
    return _ask(actor, Connection, _CONNECTION, span, equal)


def tracks(
    actor: Actor,
    *,
    conference_id: UUID | None = None,
    session_id: UUID | None = None,
    connection_id: UUID | None = None,
    span: Span | None = None,
) -> Question:
    """Tracks."""
    equal = [
        (Track.conference_id, conference_id),
        (Track.session_id, session_id),
        (Track.connection_id, connection_id),
    ]
    return _ask(actor, Track, _TRACK, span, equal)


def issues(
    actor: Actor,
    *,
    app_id: UUID | None = None,
    conference_id: UUID | None = None,
    participant_id: UUID | None = None,
    session_id: UUID | None = None,
    code: str | None = None,
    kind: str | None = None,
    span: Span | None = None,
) -> Question:
    """Issues; `kind` is `warning` or `error`."""
    equal: list[tuple[Any, UUID | str | None]] = [
        (Issue.app_id, app_id),
        (Issue.conference_id, conference_id),
        (Issue.participant_id, participant_id),
        (Issue.session_id, session_id),
        (Issue.code, code),
        (Issue.type, kind),
    ]
    return _ask(actor, Issue, _ISSUE, span, equal)
