"""GET /apps/<id>/usage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from signalbox.accounts import queries as accounts_queries
from signalbox.accounts.errors import AppNotFound
from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.http.answers import Answer, json_answer, one_of, printed
from signalbox.monitoring.queries.usage import usage
from signalbox.monitoring.queries.volumes import DayVolume, monthly_seconds, volumes
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb

DAYS: Final = 31
MONTHS: Final = 12
_NOTHING: Final = DayVolume(0, 0, 0)


class UsageDay(msgspec.Struct, kw_only=True):
    """A UTC day: participant minutes that ended on it, and what arrived on it and is still stored."""

    day: str
    minutes: int
    events: int
    samples: int
    bytes: int


class UsageMonth(msgspec.Struct, kw_only=True):
    """A UTC month: participant minutes that ended in it."""

    month: str
    minutes: int


class UsageItem(msgspec.Struct, kw_only=True):
    """What an app has used. `quota_participant_minutes_monthly` null: no limit, then `minutes_left` is null too.

    Events, samples and bytes are counted hourly (`counted_at`, null before the first count); bytes are an estimate of the disk they take, indexes included.
    """

    app: UUID
    quota_participant_minutes_monthly: int | None
    minutes_left: int | None
    days: list[UsageDay]
    months: list[UsageMonth]
    stored: dict[str, int]
    counted_at: str | None


async def usage_of(db: Database, actor: Actor, app_id: UUID, at: datetime) -> UsageItem:
    """The last 31 days and 12 months of an app, oldest first. Raises AppNotFound."""
    today = at.astimezone(UTC).date()
    first_day = today - timedelta(days=DAYS - 1)
    months = _months(today)
    async with db.read() as tx:
        app = await accounts_queries.app(tx, actor, app_id)
        if app is None:
            raise AppNotFound
        seconds = await usage(tx, actor, [app_id], from_day=first_day, to_day=today)
        by_month = await monthly_seconds(tx, actor, app_id, from_month=months[0])
        stored, counted_at = await volumes(tx, actor, app_id)
    quota = app["quota_participant_minutes_monthly"]
    used = by_month.get(_name(months[-1]), 0) // 60
    own = seconds.get(app_id, {})
    days = [first_day + timedelta(days=ahead) for ahead in range(DAYS)]
    return UsageItem(
        app=app_id,
        quota_participant_minutes_monthly=quota,
        minutes_left=None if quota is None else max(0, quota - used),
        days=[_day(day, own.get(day, 0), stored.get(day, _NOTHING)) for day in days],
        months=[
            UsageMonth(month=_name(month), minutes=by_month.get(_name(month), 0) // 60)
            for month in months
        ],
        stored={
            name: sum(getattr(volume, name) for volume in stored.values())
            for name in DayVolume._fields
        },
        counted_at=None if counted_at is None else printed(counted_at),
    )


def _day(day: date, seconds: int, volume: DayVolume) -> UsageDay:
    return UsageDay(
        day=day.isoformat(),
        minutes=seconds // 60,
        events=volume.events,
        samples=volume.samples,
        bytes=volume.bytes,
    )


def _name(month: date) -> str:
    return f"{month:%Y-%m}"


def _months(today: date) -> list[date]:
    """The first days of the last 12 months, this one included, oldest first."""
    number = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - MONTHS + 1, number + 1)]


@get("/apps/{app_id:uuid}/usage", responses=one_of(UsageItem), summary="What an app has used")
async def get_usage(
    db: GivenDb, actor: GivenActor, clock: GivenClock, app_id: FromPath[UUID]
) -> Answer:
    """Participant minutes by day and month, the quota, and what is stored."""
    return json_answer({"data": await usage_of(db, actor, app_id, clock.now())})


HANDLERS: tuple[Any, ...] = (get_usage,)
