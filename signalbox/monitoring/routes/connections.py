"""GET /connections, /connections/<id>."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from signalbox.http.answers import Answer, list_of, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.queries.refusals import ConnectionMissing
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import listing, single
from signalbox.monitoring.routes.given import GivenActor, GivenDb, GivenOrder, GivenPage, GivenSpan


@get("/connections", responses=list_of(shapes.Connection), summary="Connections")
async def list_connections(
    db: GivenDb,
    actor: GivenActor,
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    app_id: filters.AppId = None,
    conference_id: filters.ConferenceId = None,
    participant_id: filters.ParticipantId = None,
    session_id: filters.SessionId = None,
) -> Answer:
    """Connections; the participant is the end that reported."""
    ids = {
        "app_id": filters.uuid_of(app_id, "appId"),
        "conference_id": filters.uuid_of(conference_id, "conferenceId"),
        "participant_id": filters.uuid_of(participant_id, "participantId"),
        "session_id": filters.uuid_of(session_id, "sessionId"),
    }
    filters.require_some(*ids.values(), span)
    async with db.read() as tx:
        await queries.require_known(tx, actor, **ids)
    question = queries.connections(actor, span=span, **ids)
    return await listing(db, question, shapes.connection, page, newest=newest)


@get(
    "/connections/{connection_id:uuid}",
    responses=one_of(shapes.Connection),
    summary="One connection",
)
async def get_connection(db: GivenDb, actor: GivenActor, connection_id: FromPath[UUID]) -> Answer:
    """A connection."""
    question = queries.connections(actor)
    return await single(db, question, connection_id, shapes.connection, ConnectionMissing)


HANDLERS = (list_connections, get_connection)
