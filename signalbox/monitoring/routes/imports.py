"""POST /imports: a trace of another tool."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidationMarker

from signalbox.http.answers import Answer, json_answer, one_of, printed
from signalbox.monitoring.errors import MissingParameters, PayloadTooLarge
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb
from signalbox.monitoring.service.imports import Feeder, Imported, import_trace, may_import
from signalbox.monitoring.wire.traces import read_trace

_thread: Final = ThreadPoolExecutor(
    max_workers=1, thread_name_prefix="imports"
)  # files take memory
MAX_FILE_BYTES = 64 * 1024 * 1024
GivenFeeder = Annotated[NamedDependency[Feeder], SkipValidationMarker()]


class ImportItem(msgspec.Struct, kw_only=True):
    """A file that was taken. `refused` counts by error code what the rules did not take; `repeated`: it was here already, nothing was stored."""

    id: UUID
    format: str
    conference: UUID
    conference_id: str
    created_at: str
    session: str
    participant: str
    events: int
    samples: int
    refused: dict[str, int]
    repeated: bool


@post(
    "/imports",
    status_code=200,
    responses=one_of(ImportItem),
    request_max_body_size=None,
    summary="Import a trace",
)
async def create_import(
    request: Request[Any, Any, Any],
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    feeder: GivenFeeder,
    app_id: filters.AppId = None,
    conference: Annotated[str | None, QueryParameter(name="conference")] = None,
    user: Annotated[str | None, QueryParameter(name="user")] = None,
) -> Answer:
    """Store a dump of chrome://webrtc-internals or a trace of rtcstats, the file being the body, gzipped or not, at most 64 MB. The same file is taken once."""
    app = filters.uuid_of(app_id, "appId")
    if app is None:
        raise MissingParameters(field="appId")
    await may_import(db, actor, app)  # before anything is read
    content = await _file(request)
    trace = await asyncio.get_running_loop().run_in_executor(_thread, read_trace, content)
    done = await import_trace(
        db,
        feeder,
        trace,
        content,
        app_id=app,
        conference=_name(conference),
        user=_name(user),
        by=actor,
        at=clock.now(),
    )
    return json_answer({"data": shown(done)})


def shown(done: Imported) -> ImportItem:
    """What became of a file, as the API and the command line print it."""
    return ImportItem(
        id=done.id,
        format=done.format,
        conference=done.conference,
        conference_id=done.conference_id,
        created_at=printed(done.created_at),
        repeated=done.repeated,
        **done.summary,
    )


def _name(given: str | None) -> str | None:
    return None if given is None else given.replace("\x00", "").strip()[:64] or None


async def _file(request: Request[Any, Any, Any]) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_FILE_BYTES:
            raise PayloadTooLarge(limit_bytes=MAX_FILE_BYTES)
    return bytes(content)


HANDLERS = (create_import,)
