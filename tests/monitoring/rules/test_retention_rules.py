"""Which days of which apps are past their time."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from signalbox.monitoring.rules.retention import expired_apps, longest

A, B = UUID(int=1), UUID(int=2)
TODAY = date(2026, 3, 31)


def expired(day: date, *, through: dict[UUID, date] | None = None) -> list[UUID]:
    since = {A: date(2026, 3, 1), B: date(2026, 3, 20)}
    return expired_apps(day, {B: 10, A: 20}, since, through or {}, today=TODAY)


def test_a_partition_lives_as_long_as_the_longest_wish() -> None:
    assert longest(90, []) == 90
    assert longest(90, [None, 7]) == 90
    assert longest(90, [None, 400, 7]) == 400


def test_days_count_after_the_day_of_arrival() -> None:
    assert expired(date(2026, 3, 11)) == []
    assert expired(date(2026, 3, 10)) == [A]
    assert expired(date(2026, 3, 21)) == []
    assert expired(date(2026, 3, 20)) == [B]


def test_no_row_is_older_than_its_app() -> None:
    assert expired(date(2026, 2, 28)) == []
    assert expired(date(2026, 3, 1)) == [A]


def test_what_was_deleted_is_not_looked_at_again() -> None:
    assert expired(date(2026, 3, 5), through={A: date(2026, 3, 5)}) == []
    assert expired(date(2026, 3, 6), through={A: date(2026, 3, 5)}) == [A]
