"""Files that were imported: each once by its content into a conference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb


class Import(NamedTuple):
    """A file that was imported."""

    id: UUID
    app: UUID
    organization: UUID
    digest: bytes
    format: str
    conference: UUID
    created_at: datetime
    summary: Mapping[str, Any]


@asynccontextmanager
async def alone(connection: AsyncConnection[Any], app: UUID, digest: bytes) -> AsyncIterator[None]:
    """Hold off others that import the same file; `connection` is in autocommit and nobody else's."""
    key = int.from_bytes(digest[:4] + app.bytes[:4], "big", signed=True)
    await connection.execute("SELECT pg_advisory_lock(%s)", (key,))
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock(%s)", (key,))


async def known(
    connection: AsyncConnection[Any], app: UUID, digest: bytes, conference: str
) -> Import | None:
    """The earlier import of a file into the conference that the app calls so; None when there is none."""
    cursor = await connection.execute(
        """SELECT i.id, i.app_id, i.organization_id, i.digest, i.format, i.conference_id, i.created_at, i.summary
        FROM monitoring.imports i JOIN monitoring.conferences c ON c.id = i.conference_id
        WHERE i.app_id = %s AND i.digest = %s AND c.conference_id = %s""",
        (app, digest, conference),
    )
    row = await cursor.fetchone()
    return Import(*row) if row else None


async def add(connection: AsyncConnection[Any], done: Import) -> None:
    """Remember a file."""
    await connection.execute(
        """INSERT INTO monitoring.imports (id, app_id, organization_id, digest, format, conference_id, created_at, summary)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (*done[:-1], Jsonb(dict(done.summary))),
    )
