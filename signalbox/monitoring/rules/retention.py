"""How long an app's data is kept. Pure: days in, days out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Days that an app's rows are kept, after the day on which they arrived.

    `everything_days` is for calls as a whole, counted from their end; None keeps them for ever.
    """

    app: UUID
    since: date  # no row of the app is older
    events_days: int
    samples_days: int
    rollups_days: int  # after the day that was measured
    everything_days: int | None


def longest(days: int, chosen: Iterable[int | None]) -> int:
    """The longest of the installation's days and those that apps chose: partitions live that long."""
    return max([days, *(choice for choice in chosen if choice is not None)])


def expired_apps(
    day: date,
    days: Mapping[UUID, int],
    since: Mapping[UUID, date],
    through: Mapping[UUID, date],
    *,
    today: date,
) -> list[UUID]:
    """Apps whose rows of `day` are past their time and may still be there; sorted.

    `days` says how long each app keeps them, `through` up to which day they were deleted before.
    """
    return sorted(
        app
        for app, kept in days.items()
        if day < today - timedelta(kept) and day >= since[app] and day > through.get(app, date.min)
    )
