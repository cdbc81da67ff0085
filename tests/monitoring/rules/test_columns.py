"""Columns of bytes choose and count as a loop over the rows would."""

from __future__ import annotations

from array import array
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import eq
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules import days
from signalbox.monitoring.rules.columns import (
    NOTHING,
    Column,
    all_of,
    between,
    chosen,
    closing,
    column,
    count,
    instants,
    value_at,
    where,
    within,
)
from signalbox.monitoring.rules.days import (
    COUNTED,
    MOST_KEYS,
    SLOW,
    SLOW_COLUMNS,
    ConferenceFact,
    ConnectionFact,
    Day,
    Facts,
    IssueFact,
    Part,
    SessionFact,
    Stay,
    choice,
    day_of,
    names_of,
    slowest,
    slowest_of,
    tally,
)
from signalbox.monitoring.rules.overview import MAX_CONFERENCE_IDS, Figures

VALUES = st.lists(
    st.one_of(st.just(NOTHING), st.none(), st.sampled_from("abc"), st.integers(0, 700)), max_size=60
)


def places(choice_: int, rows: int) -> list[int]:
    return [place for place, byte in enumerate(chosen(choice_, rows)) if byte]


def many(number: int) -> Column:
    """So many values, and each once more."""
    return column([*range(number), NOTHING, *range(number)])


@given(VALUES)
def test_a_column_tells_the_value_of_each_row(values: list[Any]) -> None:
    made = column(values)

    assert made.rows == len(values)
    assert [value_at(made, row) for row in range(made.rows)] == [
        None if value is NOTHING else value for value in values
    ]


@pytest.mark.parametrize(
    ("number", "planes"), [(0, 1), (12, 1), (13, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3)]
)
def test_many_values_take_several_planes(number: int, planes: int) -> None:
    made = many(number)

    assert len(made.planes) == planes
    assert value_at(made, number) is None
    assert count(made, all_of(made)) == Counter(dict.fromkeys(range(number), 2))
    for value in {0, 254, 255, 256, 65_534, 65_535, number - 1} & set(range(number)):
        found = where(made, partial(eq, value))
        assert places(found, made.rows) == [value, number + 1 + value]
        assert count(made, found) == {value: 2}
    # A value whose number has a zero byte is not taken for a row without one.
    assert places(where(made, lambda _: True), made.rows) == [
        *range(number),
        *range(number + 1, 2 * number + 1),
    ]


@given(VALUES, st.data())
def test_choices_meet_and_are_counted(values: list[Any], data: st.DataObject) -> None:
    rows = column(values)
    other = column(data.draw(st.permutations(values)))
    wanted = set(data.draw(st.lists(st.sampled_from([v for v in values if v is not NOTHING] or [None]))))  # fmt: skip
    both = where(rows, wanted.__contains__) & where(other, lambda value: value is not None)
    seen = [
        row
        for row in range(rows.rows)
        if values[row] is not NOTHING and values[row] in wanted and value_at(other, row) is not None
    ]

    assert places(both, rows.rows) == seen
    assert count(rows, both) == Counter(values[row] for row in seen)


@given(st.lists(st.integers(0, 5)), st.none() | st.integers(-1, 6), st.none() | st.integers(-1, 6))
def test_bounds_choose_rows_by_their_times(
    times: list[int], begin: int | None, end: int | None
) -> None:
    ordered = instants(array("q", sorted(times)).tobytes())

    found = places(between(ordered, begin, end), len(ordered))

    assert found == [
        row
        for row, at in enumerate(ordered)
        if (begin is None or at >= begin) and (end is None or at < end)
    ]


@given(st.lists(st.integers(0, 5)), st.none() | st.integers(-1, 6), st.none() | st.integers(-1, 6))
def test_bounds_choose_rows_in_any_order(
    times: list[int], begin: int | None, end: int | None
) -> None:
    assert places(within(times, begin, end), len(times)) == [
        row
        for row, at in enumerate(times)
        if (begin is None or at >= begin) and (end is None or at < end)
    ]


@given(st.lists(st.lists(st.booleans(), max_size=4)))
def test_a_run_is_closed_when_one_of_its_rows_is_chosen(runs: list[list[bool]]) -> None:
    ends = column(value for run in runs for value in (*([NOTHING] * len(run)), "end"))
    flags = bytes(255 if flag else 0 for run in runs for flag in (*run, False))

    found = places(closing(ends, int.from_bytes(flags, "little")), ends.rows)

    closes = [row for row in range(ends.rows) if value_at(ends, row) == "end"]
    assert found == [row for row, run in zip(closes, runs, strict=True) if any(run)]


# --- days -------------------------------------------------------------------------------------------

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 1, tzinfo=UTC)
STAYS = {
    UUID(int=1): Stay(("3.1", "Chrome", "Linux", "DE", None), {"plan": "pro", "seats": "3"}),
    UUID(int=2): Stay(("3.1", None, None, None, "livekit"), {"plan": ""}),
    UUID(int=3): Stay(("", "Firefox", "Linux", "FR", None), {}),
}
ONE, TWO, THREE, GONE = (UUID(int=n) for n in (1, 2, 3, 9))
CALL = UUID(int=77)


def at(minutes: int) -> datetime:
    return AT + timedelta(minutes=minutes)


FACTS = Facts(
    conferences=[
        ConferenceFact(at(0), "success", 2, 2, [ONE, TWO]),
        ConferenceFact(at(10), "error", 0, 0, []),
        ConferenceFact(at(20), "error", 3, 1, [THREE]),
        ConferenceFact(at(30), "ongoing", 3, 1, [GONE]),
    ],
    sessions=[
        SessionFact(at(0), ONE, ("Berlin", 52.5, 13.4)),
        SessionFact(at(1), TWO, None),
        SessionFact(at(20), THREE, (None, 48.8, 2.3)),
    ],
    connections=[
        ConnectionFact(at(0), ONE, CALL, True, 1, 300.5),
        ConnectionFact(at(1), TWO, CALL, False, None, None),
        ConnectionFact(at(2), THREE, CALL, None, 1, 400.0),
        ConnectionFact(at(3), GONE, CALL, True, 2, 600.0),
    ],
    issues=[
        IssueFact(at(0), ONE, "getusermedia_error", "NotAllowedError", "first"),
        IssueFact(at(1), TWO, "getusermedia_error", "NotAllowedError", None),
        IssueFact(at(2), None, "ice_failed", None, None),
    ],
    stays=STAYS,
)
WHOLE = Part(None, None)
MADE = day_of(FACTS)


def told(family: str, *filters: tuple[str, str], part: Part = WHOLE) -> Figures:
    return tally(family, DAY, dict(MADE.families[family]), filters, part)


def test_a_conference_counts_when_one_of_its_sessions_meets_the_filters() -> None:
    figures = told("conferences", ("os", "Linux"))

    assert figures.statuses == {(DAY, "success"): 1, (DAY, "error"): 1}
    assert figures.durations == {2: 1, 3: 1}
    assert figures.participants == {2: 1, 1: 1}
    # One session has the version, another the country: none has both.
    assert not told("conferences", ("browser", "Chrome"), ("webrtc_sdk", "livekit")).statuses


def test_without_filters_everything_counts() -> None:
    assert told("conferences").statuses == {
        (DAY, "success"): 1,
        (DAY, "error"): 2,
        (DAY, "ongoing"): 1,
    }
    assert told("connections").relayed == {True: 2, False: 1}
    assert told("issues").issues == {"getusermedia_error": 2, "ice_failed": 1}


@pytest.mark.parametrize(
    ("filters", "browsers"),
    [
        ([("browser", "Chrome")], {"Chrome": 1}),
        ([("browser", "Unknown")], {"Unknown": 1}),
        ([("app_version", "Unknown")], {"Firefox": 1}),
        ([("meta.plan", "pro")], {"Chrome": 1}),
        ([("meta.plan", "Unknown")], {"Unknown": 1, "Firefox": 1}),
        ([("meta.none", "Unknown")], {"Chrome": 1, "Unknown": 1, "Firefox": 1}),
        ([("meta.none", "x")], {}),
        ([("meta.plan", "Unknown"), ("os", "Linux")], {"Firefox": 1}),
    ],
)
def test_filters_meet_properties_of_sessions(
    filters: list[tuple[str, str]], browsers: dict[str, int]
) -> None:
    assert told("sessions", *filters).browsers == browsers


def test_sessions_tell_their_places() -> None:
    figures = told("sessions", ("os", "Linux"))

    assert figures.systems == {"Linux": 2}
    assert figures.countries == {"DE": 1, "FR": 1}
    assert figures.cities == {("Berlin", 52.5, 13.4): 1, ("Unknown", 48.8, 2.3): 1}


def test_connections_and_issues_go_by_their_own_session() -> None:
    connections, issues = told("connections", ("app_version", "3.1")), told("issues", ("os", "Linux"))  # fmt: skip

    assert (connections.relayed, connections.setups) == ({True: 1, False: 1}, {1: 1})
    assert issues.issues == {"getusermedia_error": 1}
    assert issues.messages == {"NotAllowedError": ("2026-03-01T00:00:00.000000", "first")}
    later = told("issues", ("webrtc_sdk", "livekit"))
    assert later.messages == {"NotAllowedError": ("2026-03-01T00:01:00.000000", None)}


@pytest.mark.parametrize(
    ("begin", "end", "versions"),
    [(at(1), None, 2), (None, at(20), 2), (at(1), at(20), 1), (at(21), at(22), 0)],
)
def test_bounds_cut_a_day(begin: datetime | None, end: datetime | None, versions: int) -> None:
    assert told("sessions", part=Part(begin, end)).browsers.total() == versions


def test_the_slowest_come_first_and_only_as_many_as_are_shown() -> None:
    facts = [
        ConnectionFact(AT + timedelta(seconds=n), ONE, UUID(int=n), None, 1 + n % 2, float(n))
        for n in range(2 * MAX_CONFERENCE_IDS + 20)
    ]
    facts.append(ConnectionFact(AT, ONE, CALL, True, None, None))
    made = day_of(Facts(conferences=[], sessions=[], connections=facts, issues=[], stays=STAYS))
    columns = dict(made.families[SLOW])
    chrome = [("browser", "Chrome")]

    found = slowest_of([slowest(columns, chrome, WHOLE)])
    both = slowest_of([slowest(columns, chrome, WHOLE), {1: [(1e6, CALL.bytes)]}])
    cut = slowest_of([slowest(columns, chrome, Part(at(1), at(2)))])

    assert [len(some) for some in found.values()] == [MAX_CONFERENCE_IDS] * 2
    assert found[1][:2] == [(418.0, UUID(int=418).bytes), (416.0, UUID(int=416).bytes)]
    assert both[1][:2] == [(1e6, CALL.bytes), (418.0, UUID(int=418).bytes)]
    assert len(both[1]) == MAX_CONFERENCE_IDS
    assert [ms for ms, _ in cut[2]] == [float(n) for n in range(119, 60, -2)]
    assert slowest(columns, [("browser", "Firefox")], WHOLE) == {}


def test_a_family_without_rows_has_no_figures() -> None:
    assert choice({}, [("os", "Linux")], WHOLE) == 0
    assert tally("issues", DAY, {}, [], WHOLE) == Figures()


def test_only_the_frequent_keys_of_metadata_are_kept() -> None:
    stays = {
        UUID(int=n): Stay((None,) * 5, {f"key{n}": "x", "all": "y"}) for n in range(MOST_KEYS + 9)
    }
    sessions = [SessionFact(AT, key, None) for key in stays]
    facts = Facts(conferences=[], sessions=sessions, connections=[], issues=[], stays=stays)

    made = day_of(facts)

    assert (len(made.keys), made.is_complete) == (MOST_KEYS, False)
    assert "all" in made.keys
    assert isinstance(MADE, Day)
    assert MADE.is_complete


def test_only_what_is_needed_is_read() -> None:
    assert names_of(SLOW_COLUMNS, [("meta.plan", "x")], is_cut=True) == {*SLOW_COLUMNS, "meta.plan", "at", days.TRAITS[0]}  # fmt: skip
    assert "at" not in names_of(COUNTED["sessions"], [], is_cut=False)
