"""GET /search."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from signalbox.http.answers import REFUSALS, Answer, json_answer
from signalbox.monitoring.errors import InvalidParameters
from signalbox.monitoring.queries.search import search
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.given import GivenActor, GivenDb

MAX_QUERY = 64


class Hit(msgspec.Struct, kw_only=True):
    """Something found. `id` is the application's own, "" for an app or organization; `type` is conference, participant, app or organization."""

    name: str
    id: str
    url: str
    type: str


class Hits(msgspec.Struct):
    """At most five, the most alike first."""

    matches: list[Hit]


_FOUND = ResponseSpec(Hits, generate_examples=False, description="What was found.")


@get("/search", responses={200: _FOUND, **REFUSALS}, summary="Search by name or id")
async def find(
    db: GivenDb,
    actor: GivenActor,
    given: Annotated[
        str | None, QueryParameter(name="query", description="1 to 64 characters")
    ] = None,
) -> Answer:
    """Names and ids that are alike the text, small mistakes allowed; of an app also its whole public key, for owners."""
    if not given or len(given) > MAX_QUERY:
        raise InvalidParameters(field="query")
    text = filters.text_of(given, "query") or ""
    async with db.read() as tx:
        found = await search(tx, actor, text)
    hits = [Hit(name=match.name, id=match.id, url=match.url, type=match.kind) for match in found]
    return json_answer(Hits(hits))


HANDLERS = (find,)
