"""Counting what is stored, a partition at a time; nothing on the hot path keeps such counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from signalbox.monitoring.store.retention import SCHEMA

# What a row takes beside its payload, about: only the shares of the apps depend on it.
_ROW_BYTES: Final = 250
_PAYLOADS: Final = {"events": "data", "samples": "report"}
# The size of a payload is told without reading it: those that lie outside the row are not fetched.
_COUNT: Final = """
    SELECT app_id, count(*), (count(*) * {row} + coalesce(sum(pg_column_size({payload})), 0))::bigint
    FROM {partition} GROUP BY app_id"""


class Volume(NamedTuple):
    """Rows of one app in one partition, and the disk that they take with their indexes, in bytes."""

    app: UUID
    rows: int
    bytes: int


async def count_partition(
    connection: AsyncConnection[Any], table: str, partition: str
) -> list[Volume]:
    """The shares of all apps in a partition of "events" or "samples"."""
    counting = SQL(_COUNT).format(
        row=_ROW_BYTES,
        payload=Identifier(_PAYLOADS[table]),
        partition=Identifier(SCHEMA, partition),
    )
    found = await (await connection.execute(counting)).fetchall()
    sized = await connection.execute(
        "SELECT pg_total_relation_size(to_regclass(%s))", (f"{SCHEMA}.{partition}",)
    )
    row = await sized.fetchone()
    total, weights = (row[0] or 0) if row else 0, sum(weight for *_, weight in found)
    return [Volume(app, count, total * int(weight) // int(weights)) for app, count, weight in found]


async def replace_days(
    connection: AsyncConnection[Any],
    days: Sequence[date],
    amounts: Mapping[tuple[UUID, date], Sequence[int]],
    *,
    others: bool,
    at: datetime,
) -> None:
    """Store events, samples and bytes by app and day in place of those of the days; `others` False drops all other days."""
    wanted = "day = ANY(%s)" if others else "%s::date[] IS NOT NULL"
    await connection.execute(f"DELETE FROM monitoring.app_volumes WHERE {wanted}", (list(days),))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO monitoring.app_volumes AS known (app_id, day, events, samples, bytes, counted_at) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (app_id, day) DO UPDATE SET events = excluded.events, samples = excluded.samples, bytes = excluded.bytes,
                counted_at = excluded.counted_at""",
            [(app, day, *counts, at) for (app, day), counts in sorted(amounts.items())],
        )
