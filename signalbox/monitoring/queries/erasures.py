"""What became of requests to erase somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, select

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.monitoring.queries.scope import own_apps
from signalbox.monitoring.tables import Erasure


class ErasureRow(NamedTuple):
    """An erasure; `done_at` None while the worker is at it."""

    id: UUID
    participant: UUID
    requested_at: datetime
    done_at: datetime | None


async def of_participant(tx: Tx, actor: Actor, participant_id: UUID) -> ErasureRow | None:
    """The erasure of a participant; None when there is none, or it is somebody else's."""
    return await _one(tx, actor, Erasure.participant_id == participant_id)


async def erasure(tx: Tx, actor: Actor, erasure_id: UUID) -> ErasureRow | None:
    """An erasure by its id; None likewise."""
    return await _one(tx, actor, Erasure.id == erasure_id)


async def _one(tx: Tx, actor: Actor, condition: ColumnElement[bool]) -> ErasureRow | None:
    columns: Any = (
        Erasure.id,
        Erasure.participant_id,
        Erasure.requested_at,
        Erasure.done_at,
    )
    row = await tx.row(select(*columns).where(condition, Erasure.app_id.in_(own_apps(actor))))
    return ErasureRow(*row.values()) if row else None
