"""The figures behind the charts of an app: buckets, labels, order, and that days add up."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules.overview import (
    DURATION_EDGES_S,
    SETUP_EDGES_MS,
    Figures,
    Stretch,
    by_day,
    by_duration,
    by_participants,
    by_setup,
    midnight,
    most_first,
    restored,
    split,
)

DAY = date(2026, 2, 3)


def figures(seed: int = 1) -> Figures:
    """Something of everything."""
    made = Figures()
    made.statuses[DAY, "success"] += 3 * seed
    made.statuses[DAY + timedelta(seed), "ongoing"] += 1
    made.durations[seed] += 2
    made.participants[0] += 1
    made.participants[2] += seed
    made.issues["ice_failed"] += seed
    made.media_errors["NotAllowedError"] += seed
    made.tell("NotAllowedError", (f"2026-02-0{seed}", f"message {seed}"))
    made.relayed[True] += seed
    made.setups[4] += seed
    made.browsers["Chrome"] += seed
    made.systems["Linux"] += seed
    made.countries["NL"] += seed
    made.cities["Utrecht", 52.1, 5.1] += seed
    made.cities["Nowhere", None, None] += 1
    return made


# --- adding up --------------------------------------------------------------------------------------


def test_figures_of_two_days_add_up() -> None:
    both = figures(1)
    both.add(figures(2))

    assert both.statuses == {
        (DAY, "success"): 9, (DAY + timedelta(1), "ongoing"): 1, (DAY + timedelta(2), "ongoing"): 1,
    }  # fmt: skip
    assert (both.durations, both.participants) == ({1: 2, 2: 2}, {0: 2, 2: 3})
    assert (both.relayed[True], both.cities["Utrecht", 52.1, 5.1]) == (3, 3)


def test_of_messages_at_one_instant_the_known_one_is_kept() -> None:
    told = figures(1)
    told.tell("NotAllowedError", ("2026-02-01", "another"))

    assert told.messages == {"NotAllowedError": ("2026-02-01", "message 1")}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_first_message_of_a_media_error_is_kept(order: tuple[int, int]) -> None:
    both = figures(order[0])
    both.add(figures(order[1]))

    assert both.messages == {"NotAllowedError": ("2026-02-01", "message 1")}


def test_a_day_comes_back_from_storage_as_it_was() -> None:
    of_a_day = figures(2)

    assert restored(json.loads(json.dumps(of_a_day.stored()))) == of_a_day
    assert restored(json.loads(json.dumps(Figures().stored()))) == Figures()


# --- days and what remains --------------------------------------------------------------------------


def on(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "end", "days", "rest"),
    [
        (on(1), on(4), [1, 2, 3], []),
        (on(1, 12), on(4, 6), [2, 3], [Stretch(on(1, 12), on(2)), Stretch(on(4), on(4, 6))]),
        (on(1), None, [1, 2, 3, 4], [Stretch(on(5), None)]),
        (on(1), on(9), [1, 2, 3, 4], [Stretch(on(5), on(9))]),
        (on(2, 1), on(2, 3), [], [Stretch(on(2, 1), on(2, 3))]),
        (on(1, 12), on(2, 12), [], [Stretch(on(1, 12), on(2, 12))]),
        (on(6), None, [], [Stretch(on(6), None)]),
        (on(4, 12), on(6), [], [Stretch(on(4, 12), on(6))]),
    ],
)
def test_whole_days_are_taken_from_storage(
    begin: datetime, end: datetime | None, days: list[int], rest: list[Stretch]
) -> None:
    assert split(begin, end, settled=date(2026, 2, 5)) == (
        [date(2026, 2, day) for day in days],
        rest,
    )


def test_days_are_those_of_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    begin, end = on(1).astimezone(tokyo), on(3, 1).astimezone(tokyo)

    days, rest = split(begin, end, settled=date(2026, 2, 5))

    assert days == [date(2026, 2, 1), date(2026, 2, 2)]
    assert rest == [Stretch(on(3), on(3, 1))]


HOURS = st.integers(0, 24 * 10).map(lambda hour: on(1) + timedelta(hours=hour))


@given(HOURS, st.one_of(st.none(), HOURS), st.integers(0, 12))
def test_days_and_rest_cover_every_hour_once(
    begin: datetime, end: datetime | None, settled: int
) -> None:
    days, rest = split(begin, end, settled=date(2026, 2, 1) + timedelta(settled))
    parts = [*rest, *(Stretch(midnight(day), midnight(day) + timedelta(1)) for day in days)]

    for number in range(24 * 14):
        hour = on(1) + timedelta(hours=number)
        wanted = begin <= hour and (end is None or hour < end)
        times = sum(
            (part.begin is None or part.begin <= hour) and (part.end is None or hour < part.end)
            for part in parts
        )
        assert times == wanted


# --- charts -----------------------------------------------------------------------------------------


def test_conferences_by_day_and_colour() -> None:
    assert by_day(figures()) == [
        {"date": "2026-02-03", "success": 3, "warning": 0, "error": 0, "ongoing": 0, "total": 3},
        {"date": "2026-02-04", "success": 0, "warning": 0, "error": 0, "ongoing": 1, "total": 1},
    ]
    assert by_day(Figures()) == []


def test_conferences_by_length() -> None:
    rows = by_duration(figures())

    edges = [0, 60, 180, 300, 600, 900, 1200, 1500, 1800, 2400, 3000, 3600, None]
    assert [row["min_sec"] for row in rows] == edges[:-1] == list(DURATION_EDGES_S)
    assert [row["max_sec"] for row in rows] == edges[1:]
    assert [row["range"] for row in rows] == [
        "< 1 m", "1 - 3 m", "3 - 5 m", "5 - 10 m", "10 - 15 m", "15 - 20 m", "20 - 25 m", "25 - 30 m", "30 - 40 m", "40 - 50 m",
        "50 - 60 m", "> 60 m",
    ]  # fmt: skip
    assert [row["count"] for row in rows] == [0, 2] + [0] * 10


def test_connections_by_setup_time() -> None:
    rows = by_setup(figures(), {4: ["a", "b"]})

    edges = [0, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, None]
    assert [row["min_ms"] for row in rows] == edges[:-1] == list(SETUP_EDGES_MS)
    assert [row["max_ms"] for row in rows] == edges[1:]
    assert (rows[0]["range"], rows[4]["range"], rows[-1]["range"]) == (
        "< 250 ms",
        "1000 - 1500 ms",
        "> 5000 ms",
    )
    assert [(row["count"], row["conference_ids"]) for row in rows[3:6]] == [
        (0, ()),
        (1, ["a", "b"]),
        (0, ()),
    ]


def test_conferences_by_participants() -> None:
    assert by_participants(figures(3)) == [
        {"participants": 0, "conferences": 1},
        {"participants": 2, "conferences": 3},
    ]


@pytest.mark.parametrize(
    ("counts", "ordered"),
    [
        ({}, []),
        ({"b": 1, "a": 1, "c": 5}, [("c", 5), ("a", 1), ("b", 1)]),
        ({None: 2, "a": 2}, [("a", 2), (None, 2)]),
        (
            {("X", None, None): 1, ("X", 1.0, 2.0): 1},
            [(("X", 1.0, 2.0), 1), (("X", None, None), 1)],
        ),
    ],
)
def test_the_most_frequent_comes_first_and_equal_ones_by_name(
    counts: dict[Any, int], ordered: list[tuple[Any, int]]
) -> None:
    assert most_first(counts) == ordered
