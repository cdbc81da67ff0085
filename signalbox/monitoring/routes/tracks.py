"""GET /tracks, /tracks/<id>."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from signalbox.http.answers import Answer, list_of, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.queries.refusals import TrackMissing
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import listing, single
from signalbox.monitoring.routes.given import GivenActor, GivenDb, GivenOrder, GivenPage, GivenSpan


@get("/tracks", responses=list_of(shapes.Track), summary="Tracks")
async def list_tracks(
    db: GivenDb,
    actor: GivenActor,
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    conference_id: filters.ConferenceId = None,
    session_id: filters.SessionId = None,
    connection_id: filters.ConnectionId = None,
) -> Answer:
    """Tracks of a conference, session or connection."""
    ids = {
        "conference_id": filters.uuid_of(conference_id, "conferenceId"),
        "session_id": filters.uuid_of(session_id, "sessionId"),
        "connection_id": filters.uuid_of(connection_id, "connectionId"),
    }
    filters.require_some(*ids.values())
    async with db.read() as tx:
        await queries.require_known(tx, actor, **ids)
    question = queries.tracks(actor, span=span, **ids)
    return await listing(db, question, shapes.track, page, newest=newest)


@get("/tracks/{track_id:uuid}", responses=one_of(shapes.Track), summary="One track")
async def get_track(db: GivenDb, actor: GivenActor, track_id: FromPath[UUID]) -> Answer:
    """A track."""
    return await single(db, queries.tracks(actor), track_id, shapes.track, TrackMissing)


HANDLERS = (list_tracks, get_track)
