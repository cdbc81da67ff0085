"""What a report may hold."""

from __future__ import annotations

from typing import Any

import pytest

from signalbox.playback.rules.validation import (
    MAX_DEPTH,
    WHOLE_NUMBERS,
    NotWhole,
    Problem,
    id_problem,
    number_problem,
    problems_of,
    ratio_problem,
    shape_problem,
    start_problem,
    whole_number,
    with_whole_numbers,
)

GOOD = {"sessionId": "s", "timestamp": 1}
PAIR = {"sessionStartDateIso": "null", "sessionDurationMs": 1}


@pytest.mark.parametrize("value", [450, 450.0, "450"])
def test_a_whole_number_has_several_forms(value: object) -> None:
    assert whole_number(value) == 450


@pytest.mark.parametrize(
    "value", [450.5, "abc", True, None, [450], "450.0", " 450", "4_5", "", "9" * 41, float("inf")]
)
def test_other_things_are_no_whole_number(value: object) -> None:
    with pytest.raises(NotWhole):
        whole_number(value)


def test_numbers_are_made_whole_and_nulls_left() -> None:
    told = {"a": "1", "b": None, "c": "2"}

    assert with_whole_numbers(told, ["a", "b", "x"]) == {"a": 1, "b": None, "c": "2"}


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("startupTimeMs", 0, None),
        ("startupTimeMs", 2_147_483_647, None),
        ("startupTimeMs", 2_147_483_648, "out_of_range"),
        ("startupTimeMs", -1, "negative"),
        ("playTimeMs", 2**63 - 1, None),
        ("playTimeMs", 2**63, "out_of_range"),
        ("meanVideoFormatBitrate", -1, None),
        ("meanVideoFormatBitrate", -2, "negative"),
        ("avgBitrateKbps", -1, None),
        ("timestamp", 0, "out_of_range"),
        ("timestamp", 253_402_300_799_999, None),
        ("timestamp", 253_402_300_800_000, "out_of_range"),
        ("sessionDurationMs", 0, "out_of_range"),
        ("sessionDurationMs", -5, "negative"),
        ("sessionDurationMs", 315_360_000_001, "out_of_range"),
        ("errorCount", "x", "not_an_integer"),
    ],
)
def test_a_number_lies_within_its_bounds(field: str, value: object, problem: str | None) -> None:
    assert number_problem(value, WHOLE_NUMBERS[field]) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (0, None),
        (1, None),
        (0.5, None),
        (1.0001, "out_of_range"),
        (-0.1, "out_of_range"),
        (True, "not_a_number"),
        ("0.5", "not_a_number"),
    ],
)
def test_a_ratio_lies_between_nought_and_one(value: object, problem: str | None) -> None:
    assert ratio_problem(value) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("x" * 128, None),
        (" spaces stay ", None),
        ("ä/ø", None),
        (None, "missing"),
        (5, "not_a_string"),
        ("", "blank"),
        (" \t", "blank"),
        ("x" * 129, "too_long"),
        ("a\x00b", "control_character"),
        ("a\x85b", "control_character"),
        ("a\ud800b", "control_character"),
    ],
)
def test_an_id_is_a_text_without_control_characters(value: object, problem: str | None) -> None:
    assert id_problem(value) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [("null", None), (" ", "blank"), ("x" * 65, "too_long"), (5, "not_a_string")],
)
def test_a_start_is_any_text(value: object, problem: str | None) -> None:
    assert start_problem(value) == problem


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (GOOD, []),
        (GOOD | PAIR, []),
        ({}, ["sessionId", "timestamp"]),
        (GOOD | {"sessionStartDateIso": "x"}, ["sessionDurationMs"]),
        (GOOD | {"sessionDurationMs": 5, "sessionStartDateIso": None}, ["sessionStartDateIso"]),
        (
            GOOD | {"errorCount": -1, "rebufferRatio": 2, "playTimeMs": "x", "startupTimeMs": None},
            ["playTimeMs", "errorCount", "rebufferRatio"],
        ),
    ],
)
def test_every_wrong_field_is_named(body: dict[str, Any], fields: list[str]) -> None:
    assert [problem.field for problem in problems_of(body)] == fields


def test_a_problem_says_what_is_wrong() -> None:
    assert problems_of(GOOD | {"errorCount": -1}) == [Problem("errorCount", "negative")]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"a": nested(MAX_DEPTH - 1)}, None),
        ({"a": nested(MAX_DEPTH)}, "too_deep"),
        ({"t": nested(MAX_DEPTH)}, None),
        ({str(n): 1 for n in range(2_000)}, None),
        ({str(n): 1 for n in range(2_001)}, "too_many_members"),
        ({"a": [{"b": n} for n in range(2_000)]}, "too_many_members"),
        ({"t": [{"b": n} for n in range(2_000)]}, None),
        ({"a": 10**40 - 1}, None),
        ({"a": 10**40}, "number_too_long"),
        ({"a": [-(10**40)]}, "number_too_long"),
    ],
)
def test_a_body_is_not_built_too_big(body: dict[str, Any], problem: str | None) -> None:
    assert shape_problem(body, apart="t") == problem
