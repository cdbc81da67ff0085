"""What an app has used and what is stored of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.monitoring.queries.scope import own_apps
from signalbox.monitoring.tables import AppUsage, AppVolume


class DayVolume(NamedTuple):
    """Rows that arrived on a day and are still stored, and the bytes that they take."""

    events: int
    samples: int
    bytes: int


async def volumes(
    tx: Tx, actor: Actor, app_id: UUID
) -> tuple[Mapping[date, DayVolume], datetime | None]:
    """By UTC day what is stored of an app, and when the newest count was made; empty and None before the first."""
    columns: Any = (
        AppVolume.day,
        AppVolume.events,
        AppVolume.samples,
        AppVolume.byte_count,
        AppVolume.counted_at,
    )
    found = await tx.rows(
        select(*columns).where(AppVolume.app_id == app_id, AppVolume.app_id.in_(own_apps(actor)))
    )
    days = {row["day"]: DayVolume(row["events"], row["samples"], row["bytes"]) for row in found}
    return days, max((row["counted_at"] for row in found), default=None)


async def monthly_seconds(
    tx: Tx, actor: Actor, app_id: UUID, *, from_month: date
) -> Mapping[str, int]:
    """Participant seconds by UTC month ("2026-03"), ascending; a month without any is absent."""
    month = func.to_char(AppUsage.day, "YYYY-MM")
    statement = (
        select(month.label("month"), func.sum(AppUsage.seconds).label("seconds"))
        .where(
            AppUsage.app_id == app_id,
            AppUsage.app_id.in_(own_apps(actor)),
            AppUsage.day >= from_month,
        )
        .group_by(month)
        .order_by(month)
    )
    return {row["month"]: int(row["seconds"]) for row in await tx.rows(statement)}
