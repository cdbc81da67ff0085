"""A span is read from hours and minutes where they are whole, and from sessions at its ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from signalbox.playback.rules.spans import (
    DAY,
    HOUR,
    MINUTE,
    Part,
    ceiling,
    floor,
    oldest_partition,
    parts,
    points,
)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute, second, tzinfo=UTC)


def test_whole_steps_lie_on_both_sides_of_an_instant() -> None:
    assert (floor(at(10, 7, 3), MINUTE), ceiling(at(10, 7, 3), MINUTE)) == (at(10, 7), at(10, 8))
    assert floor(at(10), HOUR) == ceiling(at(10), HOUR) == at(10)
    assert floor(at(10), DAY) == at(0)


def test_a_long_span_has_all_kinds_of_parts() -> None:
    assert parts(at(9, 58, 30), at(12, 1, 30)) == [
        Part("sessions", at(9, 58, 30), at(9, 59)),
        Part("1m", at(9, 59), at(10)),
        Part("1h", at(10), at(12)),
        Part("1m", at(12), at(12, 1)),
        Part("sessions", at(12, 1), at(12, 1, 30)),
    ]


def test_hours_are_left_out_where_minutes_are_asked_for() -> None:
    assert parts(at(9), at(12), hours=False) == [Part("1m", at(9), at(12))]
    assert parts(at(9), at(12)) == [Part("1h", at(9), at(12))]
    assert parts(at(9, 1), at(9, 59)) == [Part("1m", at(9, 1), at(9, 59))]


def test_within_a_minute_only_sessions_are_read() -> None:
    assert parts(at(9, 0, 1), at(9, 0, 59)) == [Part("sessions", at(9, 0, 1), at(9, 0, 59))]
    assert parts(at(9), at(9)) == []


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        (at(9), at(9), 0),
        (at(9), at(10), 60),
        (at(9, 0, 1), at(9, 0, 2), 1),
        (at(9, 0, 59), at(9, 1, 1), 2),
    ],
)
def test_points_are_the_steps_that_a_span_touches(
    begin: datetime, end: datetime, count: int
) -> None:
    assert points(begin, end, MINUTE) == count


def test_partitions_are_looked_at_from_the_month_of_the_day_before() -> None:
    assert oldest_partition(at(9)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert oldest_partition(at(9) - timedelta(days=1)) == datetime(2026, 2, 1, tzinfo=UTC)
