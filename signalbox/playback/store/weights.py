"""What the parts of a score count, for apps that have chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

PARTS: Final = ("success", "smoothness", "startup", "quality")
_COLUMNS: Final = f"{', '.join(PARTS)}, version"
# Every other choice has a number of its own, so that scores of different weights are told apart for ever.
_PUT: Final = f"""
    INSERT INTO playback.score_weights AS w (app_id, {_COLUMNS})
    VALUES (%(app)s, %(success)s, %(smoothness)s, %(startup)s, %(quality)s, 2)
    ON CONFLICT (app_id) DO UPDATE SET success = excluded.success, smoothness = excluded.smoothness, startup = excluded.startup,
        quality = excluded.quality, version = w.version + (
            (w.success, w.smoothness, w.startup, w.quality) IS DISTINCT FROM (excluded.success, excluded.smoothness, excluded.startup, excluded.quality))::int
    RETURNING {_COLUMNS}"""


async def put_weights(
    connection: AsyncConnection[Any], app_id: UUID, weights: Mapping[str, float]
) -> dict[str, Any]:
    """Choose the weights of an app; the version rises when they are others than before."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_PUT, {"app": app_id, **weights})
        row = await cursor.fetchone()
        assert row is not None
        return row
