"""GET on the addresses that ingest posts to: lists of the events of that category."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.http.answers import Answer, list_of
from signalbox.http.errors import MethodNotAllowed
from signalbox.http.paging import Page
from signalbox.monitoring import queries
from signalbox.monitoring.queries import EventFilter
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import Position, complete, page_answer
from signalbox.monitoring.routes.given import GivenActor, GivenDb, GivenOrder, GivenPage, GivenSpan

CHUNK = 200  # stored rows; a report of four tracks makes five events of them
_BY_PATH = {
    "/connection": "C",
    "/stats": "S",
    "/events/browser": "B",
    "/events/get-user-media": "M",
}


async def event_list(
    db: Database, actor: Actor, wanted: EventFilter, page: Page | None, *, newest: bool
) -> Answer:
    """Events as a page, or all of them piece by piece."""
    if page is not None:
        async with db.read() as tx:
            found = await queries.events.window(
                tx, actor, wanted, limit=page.limit, offset=page.offset, newest=newest
            )
            count = await queries.events.count(tx, actor, wanted)
        return page_answer(map(shapes.event, found), count)

    async def fetch(after: Position | None) -> tuple[list[msgspec.Struct], Position | None]:
        async with db.read() as tx:
            items, position = await queries.events.following(
                tx, actor, wanted, after=after, size=CHUNK, newest=newest
            )
        return [shapes.event(item) for item in items], position

    return await complete(fetch)


def _category_route(path: str, category: str) -> HTTPRouteHandler:
    @get(path, responses=list_of(shapes.Event), summary=f"Events of {path}")
    async def list_events(
        db: GivenDb,
        actor: GivenActor,
        page: GivenPage,
        newest: GivenOrder,
        span: GivenSpan,
        conference_id: filters.ConferenceId = None,
        participant_id: filters.ParticipantId = None,
        kind: filters.Kind = None,
    ) -> Answer:
        """Events of this category; a conference or a participant must be named."""
        conference = filters.uuid_of(conference_id, "conferenceId")
        participant = filters.uuid_of(participant_id, "participantId")
        filters.require_some(conference, participant)
        wanted = EventFilter(
            conference_id=conference,
            participant_id=participant,
            kind=filters.text_of(kind, "type"),
            category=category,
            span=span,
        )
        async with db.read() as tx:
            await queries.require_known(
                tx, actor, conference_id=conference, participant_id=participant
            )
        return await event_list(db, actor, wanted, page, newest=newest)

    return list_events


@get("/connection/batch", include_in_schema=False)
async def refuse_batch() -> Answer:
    """Batches are only ever sent."""
    raise MethodNotAllowed


HANDLERS: tuple[Any, ...] = (
    *(_category_route(path, category) for path, category in _BY_PATH.items()),
    refuse_batch,
)
