"""Stored sessions: one, its timeline, lists of them, and their erasure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import delete, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter

from signalbox.http.answers import Answer, json_answer
from signalbox.playback.errors import NoSuchSession
from signalbox.playback.queries import sessions as stored
from signalbox.playback.queries.sessions import Position
from signalbox.playback.routes import shapes
from signalbox.playback.routes.asked import (
    Filters,
    at_us,
    cursor_of,
    limit_of,
    place_of,
    selection,
)
from signalbox.playback.routes.slashes import named
from signalbox.playback.routes.visiting import AnyRequest, Reader, Reading, reading_of
from signalbox.playback.service.erasing import erase_session

ID_MAX: Final = 128


@get(
    "/sessions",
    responses=shapes.answers(shapes.PlaybackSessionPage, "A part of the list."),
    summary="Playback sessions",
)
async def list_sessions(
    request: AnyRequest,
    reader: NamedDependency[Reader],
    filters: NamedDependency[Filters],
    limit: Annotated[str | None, QueryParameter(description="1 to 500; 100 without")] = None,
    cursor: Annotated[
        str | None, QueryParameter(description="`nextCursor` of the part before")
    ] = None,
) -> Answer:
    """Sessions by their end, the newest first, without their payloads. New ones do not shift what a cursor goes on with."""
    reading = reading_of(request)
    place, most = place_of(cursor), limit_of(limit)
    if place is not None:
        begin, end = at_us(place.begin_us), at_us(place.end_us)
        filters = filters._replace(begin=begin.isoformat(), end=end.isoformat())
    chosen = selection(filters, reader.app_id, now=reading.clock.now())
    after = None if place is None else Position(at_us(place.last_us), place.last_id)
    async with reading.db.read() as tx:
        rows = await stored.sessions(tx, chosen, after=after, most=most + 1)
    shown = rows[:most]
    more = len(rows) > most
    last = Position(shown[-1]["timestamp"], shown[-1]["id"]) if more else None
    items = [_item(row, reader, reading) for row in shown]
    return json_answer(
        shapes.PlaybackSessionPage(
            items=items, next_cursor=None if last is None else cursor_of(last, chosen)
        )
    )


@get(
    "/sessions/{session_id:str}",
    responses=shapes.answers(shapes.PlaybackSession, "The session."),
    summary="One playback session",
)
async def get_session(
    request: AnyRequest, reader: NamedDependency[Reader], session_id: FromPath[str]
) -> Answer:
    """A stored session with the report that won."""
    row = await _needed(request, reader, session_id)
    return json_answer(_item(row, reader, reading_of(request), with_payload=True))


@get(
    "/sessions/{session_id:str}/timeline",
    responses=shapes.answers(shapes.Items[shapes.PlaybackTimelineItem], "The timeline."),
    summary="The timeline of a playback session",
)
async def get_timeline(
    request: AnyRequest, reader: NamedDependency[Reader], session_id: FromPath[str]
) -> Answer:
    """What the player did, in the order of its own clock; empty for players that do not tell."""
    row = await _needed(request, reader, session_id)
    async with reading_of(request).db.read() as tx:
        rows = await stored.timeline(tx, reader.app_id, row["session_id"])
    return json_answer({"items": [shapes.timeline_item(row) for row in rows]})


@delete(
    "/sessions/{session_id:str}",
    status_code=204,
    responses={
        **shapes.REFUSALS,
        204: ResponseSpec(None, generate_examples=False, description="It is erased."),
    },
    summary="Erase a playback session",
)
async def erase(
    request: AnyRequest, eraser: NamedDependency[Reader], session_id: FromPath[str]
) -> None:
    """Erase a session with its timeline; for 30 days reports of it are answered and not stored. Scope `admin`, or an owner."""
    reading = reading_of(request)
    await erase_session(
        reading.db,
        eraser.app_id,
        _checked(request, session_id),
        organization_id=eraser.organization_id,
        by=eraser.actor,
        at=reading.clock.now(),
    )


def _checked(request: AnyRequest, session_id: str) -> str:
    session_id = named(request.scope, session_id)
    if len(session_id) > ID_MAX or "\x00" in session_id:
        raise NoSuchSession
    return session_id


async def _needed(request: AnyRequest, reader: Reader, session_id: str) -> Mapping[str, Any]:
    wanted = _checked(request, session_id)
    async with reading_of(request).db.read() as tx:
        row = await stored.session(tx, reader.app_id, wanted)
    if row is None:
        raise NoSuchSession
    return row


def _item(
    row: Mapping[str, Any], reader: Reader, reading: Reading, *, with_payload: bool = False
) -> shapes.PlaybackSession:
    idle = timedelta(seconds=reading.settings.session_idle_s)
    ended = row["last_received_at"] + idle <= reading.clock.now()
    return shapes.session_item(
        row, tenant=reader.tenant, app_id=reader.app_id, ended=ended, with_payload=with_payload
    )


HANDLERS = (list_sessions, get_session, get_timeline, erase)
