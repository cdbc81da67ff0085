"""Rules as data."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from signalbox.alerts.rules.definitions import (
    BUILT_IN,
    Only,
    Rule,
    changed,
    decoded,
    encoded,
    problems,
    wrong_field,
)
from signalbox.alerts.rules.figures import EVERYBODY, Cohort, Figure

FIGURES = {
    "rate": Figure(name="rate", context="c", title="", kind="share", unit="ratio", whole="n", part="k", dimensions=("device",)),
    "plays": Figure(name="plays", context="c", title="", kind="volume", unit="count", whole="n"),
}  # fmt: skip
DEVICE = Cohort("device", "Tab X")


def rule(**fields: Any) -> Rule:
    return Rule(**{"title": "t", "figure": "rate", "kind": "spike", **fields})


def complaints(**fields: Any) -> list[str]:
    return [field for field, _ in problems(rule(**fields), FIGURES)]


def test_a_rule_survives_storing() -> None:
    for built_in in BUILT_IN.values():
        assert decoded(encoded(built_in)) == built_in


def test_the_built_in_spike_is_the_documented_one() -> None:
    spike = BUILT_IN["playback_error_spike"]

    assert (spike.windows, spike.alpha, spike.fire_after, spike.clear_after) == (
        (5, 30),
        1e-4,
        2,
        10,
    )
    assert (spike.least_n, spike.least_k, spike.factor, spike.add) == (25, 5, 2.0, 0.02)
    assert spike.dimensions == ("stream_type", "content", "device", "sdk", "cdn")


def test_a_good_rule_has_no_problems() -> None:
    assert complaints(dimensions=("device",)) == []
    assert complaints(kind="threshold", value=0.1) == []
    assert complaints(kind="threshold", value=0.1, clear_value=0.05) == []
    assert complaints(kind="threshold", value=0.1, clear_value=0.2, direction="below") == []


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("figure", {"figure": "weather"}),
        ("kind", {"kind": "shift"}),
        ("kind", {"figure": "plays"}),
        ("dimensions", {"dimensions": ("moon",)}),
        ("dimensions", {"figure": "plays", "kind": "drop", "dimensions": ("device",)}),
        ("dimensions", {"dimensions": ("device",), "cohort": Only(dimension="device", value="x")}),
        ("cohort", {"cohort": Only(dimension="moon", value="x")}),
        ("cohort", {"figure": "plays", "kind": "drop", "cohort": Only(dimension="device", value="x")}),
        ("windows", {"windows": (5, 5)}),
        ("value", {"kind": "threshold"}),
        ("value", {"value": 0.5}),
        ("clear_value", {"clear_value": 0.5}),
        ("clear_value", {"kind": "threshold", "value": 0.1, "clear_value": 0.2}),
        ("clear_value", {"kind": "threshold", "value": 0.1, "clear_value": 0.05, "direction": "below"}),
    ],
)  # fmt: skip
def test_a_bad_rule_is_told_its_field(field: str, fields: dict[str, Any]) -> None:
    assert complaints(**fields) == [field]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"windows": [0]}, "windows"),
        ({"alpha": 2}, "alpha"),
        ({"cohort": {"dimension": "device", "value": ""}}, "cohort"),
        ({"colour": "red"}, "colour"),
        ({"title": None}, "title"),
    ],
)
def test_what_is_no_rule_is_told_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        changed(rule(), fields)

    assert wrong_field(raised.value)[0] == field


def test_a_missing_field_is_named_and_a_whole_that_is_none_is_not() -> None:
    with pytest.raises(msgspec.ValidationError) as missing:
        decoded(b'{"title": "t", "kind": "spike"}')
    with pytest.raises(msgspec.ValidationError) as none:
        decoded(b"[]")

    assert wrong_field(missing.value)[0] == "figure"
    assert wrong_field(none.value)[0] == ""


def test_a_rule_looks_at_everybody_and_at_its_dimensions_or_at_one_cohort() -> None:
    wide = rule(dimensions=("device",))
    narrow = rule(cohort=Only(dimension="device", value="Tab X"))

    assert (wide.looks_at(EVERYBODY), wide.looks_at(DEVICE)) == (True, True)
    assert not wide.looks_at(Cohort("sdk", "1"))
    assert (narrow.looks_at(EVERYBODY), narrow.looks_at(DEVICE)) == (False, True)
    assert (wide.only, wide.parent, narrow.only, narrow.parent) == (None, EVERYBODY, DEVICE, DEVICE)
