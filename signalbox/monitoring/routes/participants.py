"""GET /participants, /participants/<id>."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from signalbox.http.answers import Answer, list_of, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.queries.refusals import ParticipantMissing
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import listing, single
from signalbox.monitoring.routes.given import GivenActor, GivenDb, GivenOrder, GivenPage, GivenSpan


@get("/participants", responses=list_of(shapes.Participant), summary="Participants")
async def list_participants(
    db: GivenDb,
    actor: GivenActor,
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    app_id: filters.AppId = None,
    conference_id: filters.ConferenceId = None,
) -> Answer:
    """Participants of an app or conference, SFUs included."""
    app = filters.uuid_of(app_id, "appId")
    conference = filters.uuid_of(conference_id, "conferenceId")
    filters.require_some(app, conference, span)
    async with db.read() as tx:
        await queries.require_known(tx, actor, app_id=app, conference_id=conference)
    question = queries.participants(actor, app_id=app, conference_id=conference, span=span)
    return await listing(db, question, shapes.participant, page, newest=newest)


@get(
    "/participants/{participant_id:uuid}",
    responses=one_of(shapes.Participant),
    summary="One participant",
)
async def get_participant(db: GivenDb, actor: GivenActor, participant_id: FromPath[UUID]) -> Answer:
    """A participant."""
    question = queries.participants(actor)
    return await single(db, question, participant_id, shapes.participant, ParticipantMissing)


HANDLERS = (list_participants, get_participant)
