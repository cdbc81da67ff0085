"""Choosing what the parts of an app's scores count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from signalbox.accounts import service as accounts
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.playback.errors import InvalidSchema
from signalbox.playback.queries.keys import weights_of
from signalbox.playback.rules.scores import DEFAULT_WEIGHTS, Weights
from signalbox.playback.store.weights import PARTS, put_weights

MOST: Final = 1000.0


async def weights(db: Database, app_id: UUID) -> Weights:
    """What holds for an app that the caller may see."""
    async with db.read() as tx:
        found = await weights_of(tx.psycopg, [app_id])
    return found.get(app_id, DEFAULT_WEIGHTS)


async def choose_weights(
    db: Database, app_id: UUID, chosen: Mapping[str, float | None], *, by: Actor, at: datetime
) -> Mapping[str, Any]:
    """Change some of the weights; members only. Scores from now on carry another version, stored ones stay as they are.

    Raises AppNotFound, Forbidden, or InvalidSchema (no number from 0 to 1000, or all are 0).
    """
    problems = [
        (part, "out_of_range")
        for part, value in chosen.items()
        if value is not None and not 0 <= value <= MOST
    ]
    now = await weights(db, app_id)
    values: dict[str, float] = {}
    for part in PARTS:
        value = chosen.get(part)
        values[part] = getattr(now, part) if value is None else value
    if not problems and not any(values.values()):
        problems.append((PARTS[0], "out_of_range"))
    if problems:
        raise InvalidSchema(problems)
    async with db.begin() as tx:
        app = await accounts.member_app(tx, by, app_id)
        row = await put_weights(tx.psycopg, app_id, values)
        await audit.record(
            tx,
            by,
            "playback_weights_set",
            subject=app_id,
            subject_type="app",
            at=at,
            organization_id=app["organization_id"],
            facts=dict(row),
        )
    return row
