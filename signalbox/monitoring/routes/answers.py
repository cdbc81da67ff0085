"""Answers of the reading routes: a page, a complete list sent piece by piece, a single."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar.response import Stream

from signalbox.core.db import Database
from signalbox.core.errors import AppError
from signalbox.http.answers import Answer, encode, json_answer
from signalbox.http.guards import JSON
from signalbox.http.paging import Page
from signalbox.monitoring import queries
from signalbox.monitoring.queries import Question, Tally

Position = tuple[datetime, UUID]
Shape = Callable[[Mapping[Any, Any]], msgspec.Struct]
Fetch = Callable[[Position | None], Awaitable[tuple[list[msgspec.Struct], Position | None]]]

CHUNK = 500


def page_answer(items: Iterable[msgspec.Struct], count: int) -> Answer:
    """One page of a list."""
    return json_answer({"results": list(items), "count": count})


async def complete(fetch: Fetch) -> Answer:
    """The whole list. The first piece is fetched before the answer begins, so refusals and failures still have a status."""
    items, position = await fetch(None)
    if position is None:
        return json_answer({"data": items})
    return Stream(_pieces(fetch, items, position), media_type=JSON)


async def _pieces(
    fetch: Fetch, items: list[msgspec.Struct], position: Position | None
) -> AsyncIterator[bytes]:
    yield b'{"data":[' + _joined(items)
    while position is not None:
        items, position = await fetch(position)
        if items:
            yield b"," + _joined(items)
    yield b"]}"


def _joined(items: Iterable[msgspec.Struct]) -> bytes:
    return b",".join(map(encode, items))


async def listing(
    db: Database,
    question: Question,
    shape: Shape,
    page: Page | None,
    *,
    newest: bool,
    by_index: bool = False,
    tally: Tally | None = None,
) -> Answer:
    """A list, as a page when one is asked for, else complete. `by_index`: its conditions may hold for most of a table, which is not read whole even then.

    `tally` knows how many there are without looking at each.
    """
    if page is not None:
        async with db.read() as tx:
            if by_index:
                await queries.by_index(tx)
            rows, count = await queries.window(
                tx,
                question,
                limit=page.limit,
                offset=page.offset,
                newest=newest,
                tally=tally,
            )
        return page_answer(map(shape, rows), count)

    async def fetch(after: Position | None) -> tuple[list[msgspec.Struct], Position | None]:
        async with db.read() as tx:
            if by_index:
                await queries.by_index(tx)
            rows = await queries.following(tx, question, after=after, size=CHUNK, newest=newest)
        items = [shape(row) for row in rows]
        if len(rows) < CHUNK:
            return items, None
        return items, (rows[-1]["created_at"], rows[-1]["id"])

    return await complete(fetch)


async def single(
    db: Database, question: Question, key: UUID, shape: Shape, missing: type[AppError]
) -> Answer:
    """One thing, or the error `missing`."""
    async with db.read() as tx:
        row = await queries.first(tx, question, key)
    if row is None:
        raise missing()
    return json_answer({"data": shape(row)})
