"""GET /conferences, /conferences/<id>, /conferences/<id>/events."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter

from signalbox.http.answers import Answer, list_of, one_of
from signalbox.http.paging import Page
from signalbox.monitoring import queries
from signalbox.monitoring.errors import InvalidParameters, MissingParameters
from signalbox.monitoring.queries import EventFilter, Narrowing, Question
from signalbox.monitoring.queries.narrowing import SORTS
from signalbox.monitoring.queries.refusals import ConferenceMissing
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import listing, single
from signalbox.monitoring.routes.events import event_list
from signalbox.monitoring.routes.given import GivenActor, GivenDb, GivenOrder, GivenPage, GivenSpan
from signalbox.monitoring.routes.looked_for import provide_narrowing
from signalbox.monitoring.routes.overview import stretch_of
from signalbox.monitoring.service import conferences_made

_Text = str | None


@get(
    "/conferences",
    responses=list_of(shapes.Conference),
    summary="Conferences",
    dependencies={"narrowing": Provide(provide_narrowing)},
)
async def list_conferences(
    db: GivenDb,
    actor: GivenActor,
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    narrowing: NamedDependency[Narrowing],
    app_id: filters.AppId = None,
    participant_id: filters.ParticipantId = None,
    duration_gte: Annotated[_Text, QueryParameter(description="seconds, at least")] = None,
    duration_lt: Annotated[_Text, QueryParameter(description="seconds, less than")] = None,
    issue_code: Annotated[_Text, QueryParameter(description="has an issue of this code")] = None,
    conference_ids: Annotated[
        _Text, QueryParameter(description="uuids with commas between")
    ] = None,
    sort: Annotated[
        _Text,
        QueryParameter(
            description="newest, oldest, duration (longest), score (worst) or participants (most) first; the last three need limit or offset"
        ),
    ] = None,
) -> Answer:
    """Conferences under at least one filter. Those on sessions, `query`, `cause` and `status` need `appId`."""
    app = filters.uuid_of(app_id, "appId")
    participant = filters.uuid_of(participant_id, "participantId")
    at_least = filters.seconds_of(duration_gte, "duration_gte")
    below = filters.seconds_of(duration_lt, "duration_lt")
    code = filters.text_of(issue_code, "issue_code")
    ids = filters.uuids_of(conference_ids, "conference_ids")
    filters.require_some(app, participant, at_least, below, code, ids, span, narrowing or None)
    async with db.read() as tx:
        await queries.require_known(tx, actor, app_id=app, participant_id=participant)
    question = queries.conferences(
        actor,
        app_id=app,
        participant_id=participant,
        span=span,
        duration_gte=at_least,
        duration_lt=below,
        issue_code=code,
        conference_ids=ids,
    )
    if narrowing:
        if app is None:
            raise MissingParameters(field="appId")
        question = queries.narrowed(question, app, narrowing)
    whole = not any((participant, at_least is not None, below is not None, code, ids, narrowing))
    tally = (
        partial(conferences_made, app_id=app, stretch=stretch_of(span)) if app and whole else None
    )
    question, newest = _sorted(question, app, page, newest, filters.text_of(sort, "sort"))
    wide = bool(narrowing or question.order or tally)  # of a whole app, too
    return await listing(
        db, question, shapes.conference, page, newest=newest, by_index=wide, tally=tally
    )


def _sorted(
    question: Question, app: UUID | None, page: Page | None, newest: bool, sort: str | None
) -> tuple[Question, bool]:
    """The list in the order of `sort`, and whether the newest comes first among equals. Raises MissingParameters without a page, where one is needed."""
    if sort is None:
        return question, newest
    if sort in ("newest", "oldest"):
        return question, sort == "newest"
    if sort not in SORTS:
        raise InvalidParameters(field="sort")
    if page is None:
        raise MissingParameters(field="limit")
    return queries.in_order(question, sort, app), True


@get(
    "/conferences/{conference_id:uuid}",
    responses=one_of(shapes.ConferenceDetail),
    summary="One conference",
)
async def get_conference(db: GivenDb, actor: GivenActor, conference_id: FromPath[UUID]) -> Answer:
    """A conference with the ids of its participants and issues."""
    question = queries.conference(actor)
    return await single(db, question, conference_id, shapes.conference_detail, ConferenceMissing)


@get(
    "/conferences/{conference_id:uuid}/events",
    responses=list_of(shapes.Event),
    summary="Events of a conference",
)
async def list_conference_events(
    db: GivenDb,
    actor: GivenActor,
    conference_id: FromPath[UUID],
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    kind: filters.Kind = None,
    participant_id: filters.ParticipantId = None,
    connection_id: filters.ConnectionId = None,
    event_ids: Annotated[_Text, QueryParameter(description="uuids with commas between")] = None,
) -> Answer:
    """All events of a conference in the order in which they happened; a report is one event and one for each of its tracks."""
    wanted = EventFilter(
        conference_id=conference_id,
        participant_id=filters.uuid_of(participant_id, "participantId"),
        connection_id=filters.uuid_of(connection_id, "connectionId"),
        kind=filters.text_of(kind, "type"),
        ids=filters.uuids_of(event_ids, "event_ids"),
        span=span,
    )
    async with db.read() as tx:
        if await queries.first(tx, queries.conferences(actor), conference_id) is None:
            raise ConferenceMissing
        await queries.require_known(
            tx,
            actor,
            participant_id=wanted.participant_id,
            connection_id=wanted.connection_id,
        )
        wanted = await queries.events.with_reports(tx, actor, wanted)
    return await event_list(db, actor, wanted, page, newest=newest)


HANDLERS = (list_conferences, get_conference, list_conference_events)
