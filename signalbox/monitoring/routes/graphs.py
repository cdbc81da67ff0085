"""GET /conferences/<id>/graphs: the points of a conference, straight from the stored reports, while it runs and afterwards."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath
from litestar.response import Stream

from signalbox.core.db import Database
from signalbox.http.answers import MISSING, REFUSALS, Answer, Instant
from signalbox.http.guards import JSON, PACKS_ITSELF
from signalbox.http.negotiation import best_coding
from signalbox.monitoring import queries
from signalbox.monitoring.queries import samples
from signalbox.monitoring.queries.refusals import ConferenceMissing
from signalbox.monitoring.routes.given import GivenActor, GivenDb
from signalbox.monitoring.routes.shapes import Json

CHUNK = 500
# Points are made of text that hardly differs: more effort saves a tenth of the size and takes twice the time.
PACKING_LEVEL: Final = 1
_GZIP: Final = zlib.MAX_WBITS + 16
_threads: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="graphs")

Rows = Sequence[Mapping[str, Any]]
Fetch = Callable[[samples.Position | None], Awaitable[Rows]]


class GraphPoint(msgspec.Struct, kw_only=True):
    """One stats post. `data` holds the pair's counters, `remote` as sent, and audio and video inbound and outbound with theirs."""

    id: UUID
    app: UUID
    session: UUID
    conference: UUID
    participant: UUID
    peer: UUID
    connection: UUID
    created_at: Instant
    type: str
    data: dict[str, Json]


class GraphSummary(msgspec.Struct):
    """All points so far, in the order in which they happened."""

    data: list[GraphPoint]


class Graphs(msgspec.Struct):
    """The points; `ongoing` is there, and true, while the conference runs."""

    summary: GraphSummary
    ongoing: bool | msgspec.UnsetType = msgspec.UNSET


_ANSWERS: Final = {
    200: ResponseSpec(Graphs, generate_examples=False, description="The points."),
    **REFUSALS,
    **MISSING,
}


@get(
    "/conferences/{conference_id:uuid}/graphs",
    responses=_ANSWERS,
    summary="Points of a conference's graphs",
    opt={PACKS_ITSELF: True},
)
async def get_graphs(
    request: Request[Any, Any, Any], db: GivenDb, actor: GivenActor, conference_id: FromPath[UUID]
) -> Answer:
    """One point for each stats post. There is nothing to be built first, so this never answers that it is."""
    async with db.read() as tx:
        row = await queries.first(tx, queries.conferences(actor), conference_id)
    if row is None:
        raise ConferenceMissing
    app_id, begin = row["app"], b'{"summary":{"data":['
    if row["ongoing"]:
        begin = b'{"ongoing":true,"summary":{"data":['

    async def fetch(after: samples.Position | None) -> Rows:
        return await _fetch(db, app_id, conference_id, after)

    # Fetched before the answer begins: a failure still has a status.
    first = await fetch(None)
    headers = {"Vary": "Accept-Encoding"}
    if best_coding(request.headers.get("accept-encoding"), ("gzip",)) is None:
        return Stream(_plain(begin, first, fetch), media_type=JSON, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Stream(_packed(begin, first, fetch), media_type=JSON, headers=headers)


async def _fetch(
    db: Database, app_id: UUID, conference_id: UUID, after: samples.Position | None
) -> Rows:
    async with db.read() as tx:
        return await samples.reports(
            tx, app_id=app_id, conference_id=conference_id, after=after, size=CHUNK
        )


async def _plain(begin: bytes, rows: Rows, fetch: Fetch) -> AsyncIterator[bytes]:
    """The whole text. While a thread writes the points of some rows, the database looks for the next."""
    loop = asyncio.get_running_loop()
    yield begin
    joint = b""
    while rows:
        following = asyncio.ensure_future(_following(rows, fetch))
        try:
            made = await loop.run_in_executor(_threads, samples.points, rows)
            yield joint + made
            rows = await following
        finally:
            following.cancel()
        joint = b","
    yield b"]}}"


async def _following(rows: Rows, fetch: Fetch) -> Rows:
    if len(rows) < CHUNK:
        return ()
    return await fetch((rows[-1]["created_at"], rows[-1]["id"]))


async def _packed(begin: bytes, rows: Rows, fetch: Fetch) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    packer = zlib.compressobj(PACKING_LEVEL, zlib.DEFLATED, _GZIP)
    async for piece in _plain(begin, rows, fetch):
        packed = await loop.run_in_executor(_threads, packer.compress, piece)
        if packed:
            yield packed
    yield packer.flush()


HANDLERS = (get_graphs,)
