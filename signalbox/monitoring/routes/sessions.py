"""GET /sessions, /sessions/<id>."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from litestar import get
from litestar.params import FromPath

from signalbox.http.answers import Answer, list_of, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.queries import Span
from signalbox.monitoring.queries.refusals import SessionMissing
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import listing, single
from signalbox.monitoring.routes.given import (
    GivenActor,
    GivenClock,
    GivenDb,
    GivenOrder,
    GivenPage,
    GivenSpan,
)

LISTED_DAYS = 30


@get("/sessions", responses=list_of(shapes.Session), summary="Sessions")
async def list_sessions(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    app_id: filters.AppId = None,
    conference_id: filters.ConferenceId = None,
    participant_id: filters.ParticipantId = None,
) -> Answer:
    """Sessions of the last 30 days. The app counts only without the other filters."""
    conference = filters.uuid_of(conference_id, "conferenceId")
    participant = filters.uuid_of(participant_id, "participantId")
    app = filters.uuid_of(app_id, "appId")
    if conference is not None or participant is not None:
        app = None
    filters.require_some(conference, participant, app, span)
    async with db.read() as tx:
        await queries.require_known(
            tx, actor, conference_id=conference, participant_id=participant, app_id=app
        )
    question = queries.sessions(
        actor, app_id=app, conference_id=conference, participant_id=participant, span=span
    )
    oldest = Span(gte=clock.now() - timedelta(days=LISTED_DAYS))
    question = question.where(*oldest.conditions(question.entity.created_at))
    return await listing(db, question, shapes.session, page, newest=newest)


@get("/sessions/{session_id:uuid}", responses=one_of(shapes.SessionDetail), summary="One session")
async def get_session(db: GivenDb, actor: GivenActor, session_id: FromPath[UUID]) -> Answer:
    """A session of any age, with its constraints."""
    question = queries.session(actor)
    return await single(db, question, session_id, shapes.session_detail, SessionMissing)


HANDLERS = (list_sessions, get_session)
