"""What narrows the lists of an app, and in what order conferences come, beside their age.

A filter on sessions means what it means for the charts: a conference counts when one of its sessions meets all of them, an issue when its own session does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, text

from signalbox.core.db import Tx
from signalbox.monitoring.queries.lists import PARTICIPANTS_COUNT, diagnosed
from signalbox.monitoring.queries.scope import Question
from signalbox.monitoring.rules.overview import UNKNOWN
from signalbox.monitoring.tables import (
    Conference,
    ConferenceParticipant,
    Diagnosis,
    Issue,
    Participant,
    Session,
)

SORTS: Final = ("duration", "score", "participants")
STATUSES: Final = ("ongoing", "error", "warning", "success")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Values that a session has, by name of trait and by key of its metadata. `Unknown` also finds what is missing."""

    traits: tuple[tuple[str, str], ...] = ()
    meta: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.traits or self.meta)

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on sessions."""
        pairs = [(getattr(Session, name), value) for name, value in self.traits]
        pairs += [(Session.meta[key].astext, value) for key, value in self.meta]
        return [_is(expression, value) for expression, value in pairs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What conferences of an app are looked for: `words` is a part of the id or the name; None is no filter."""

    traits: Traits = Traits()
    words: str | None = None
    cause: str | None = None
    status: str | None = None

    def __bool__(self) -> bool:
        return bool(self.traits or self.words or self.cause or self.status)


def _is(expression: Any, value: str) -> ColumnElement[bool]:
    if value == UNKNOWN:
        return func.coalesce(expression, "").in_(("", UNKNOWN))
    equal: ColumnElement[bool] = expression == value
    return equal


def narrowed(question: Question, app_id: UUID, narrowing: Narrowing) -> Question:
    """The conferences of an app, asked for already, that are looked for."""
    conditions: list[ColumnElement[bool]] = []
    if narrowing.traits:
        conditions.append(
            Conference.id.in_(_sessions(Session.conference_id, app_id, narrowing.traits))
        )
    if narrowing.words is not None:
        names = (Conference.conference_id, Conference.conference_name)
        conditions.append(
            or_(*(name.icontains(narrowing.words, autoescape=True) for name in names))
        )
    if narrowing.cause is not None:
        conditions.append(diagnosed(Diagnosis.cause) == narrowing.cause)
    if narrowing.status is not None:
        conditions += _with_status(app_id, narrowing.status)
    return question.where(*conditions)


def _with_status(app_id: UUID, status: str) -> list[ColumnElement[bool]]:
    """Conferences of a status, as `rules.issues.colour` gives it."""

    def has(kind: str) -> ColumnElement[bool]:
        # By its app, too: then the planner may also gather the app's issues from the index, which many conferences are quicker with.
        of = select(Issue.id).where(
            Issue.conference_id == Conference.id,
            Issue.app_id == app_id,
            Issue.type == kind,
            Issue.is_active,
        )
        return exists(of)

    if status == "ongoing":
        return [Conference.ongoing.is_(True)]
    found = [Conference.ongoing.is_(False)]
    if status == "error":
        return [*found, has("error")]
    return [*found, ~has("error"), has("warning") if status == "warning" else ~has("warning")]


def issues_of_sessions(question: Question, app_id: UUID, traits: Traits) -> Question:
    """The issues of an app, asked for already, whose own session has the traits."""
    return question.where(Issue.session_id.in_(_sessions(Session.id, app_id, traits)))


def _sessions(column: Any, app_id: UUID, traits: Traits) -> Any:
    own = select(column).where(Session.app_id == app_id, Session.is_active)
    return own.where(*traits.conditions())


def in_order(question: Question, sort: str, app_id: UUID | None) -> Question:
    """Conferences, perhaps of one app, in one of the orders of `SORTS`; the newest first among equals."""
    if sort == "duration":
        order = Conference.duration.desc()
    elif sort == "score":
        order = diagnosed(Diagnosis.score).asc().nulls_last()
    else:
        order = (PARTICIPANTS_COUNT if app_id is None else _people(app_id)).desc()
    return replace(question, order=(order,))


def _people(app_id: UUID) -> Any:
    """As `PARTICIPANTS_COUNT`. Who does not count is gathered once, instead of looking up everybody of every conference."""
    unusual = select(Participant.id).where(
        Participant.app_id == app_id, or_(Participant.is_sfu, ~Participant.is_active)
    )
    links = ConferenceParticipant
    counted = select(func.count()).where(
        links.conference_id == Conference.id,
        links.sessions > 0,
        links.participant_id.not_in(unusual),
    )
    return counted.correlate(Conference).scalar_subquery()


async def by_index(tx: Tx) -> None:
    """Of an app that has most of a table no planner is to read it whole: that is a little quicker for the one, and slow for all beside."""
    await tx.execute(text("SET LOCAL enable_seqscan = off"))
