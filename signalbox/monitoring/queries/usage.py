"""Participant seconds of apps, by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import select

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.monitoring.queries.scope import own_apps
from signalbox.monitoring.tables import AppUsage


async def usage(
    tx: Tx, actor: Actor, app_ids: Collection[UUID], *, from_day: date, to_day: date
) -> Mapping[UUID, dict[date, int]]:
    """Seconds by app and UTC day, both ends included; an app or a day without any is absent."""
    seconds: dict[UUID, dict[date, int]] = defaultdict(dict)
    if not app_ids:
        return seconds
    statement = select(AppUsage.app_id, AppUsage.day, AppUsage.seconds).where(
        AppUsage.app_id.in_(app_ids),
        AppUsage.app_id.in_(own_apps(actor)),
        AppUsage.day.between(from_day, to_day),
    )
    for row in await tx.rows(statement):
        seconds[row["app_id"]][row["day"]] = row["seconds"]
    return seconds
