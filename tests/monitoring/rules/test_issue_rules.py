"""What issues are called, how long a score must be bad, and what colour a conference has."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from signalbox.monitoring.rules import codes
from signalbox.monitoring.rules.detection import RULES
from signalbox.monitoring.rules.issues import (
    CATALOGUE,
    MAX_EVIDENCE,
    ScoredInterval,
    colour,
    describe,
    once,
    per_event,
    quality_band,
)

ABOUT = UUID(int=1)
AT = datetime(2026, 1, 15, tzinfo=UTC)

TYPES = {
    "getusermedia_error": "warning",
    "icecandidateerror": "warning",
    "connection_disconnected": "warning",
    "connection_failed": "error",
    "ice_failed": "error",
    "multiple_rejoins": "warning",
    "tcp_used": "warning",
    "turn_used": "warning",
    "no_media_access": "error",
    "no_connection": "error",
    "low_emos": "warning",
    "very_low_emos": "error",
}


def test_the_codes_and_their_types() -> None:
    assert {code: type_ for code, (type_, _, _) in CATALOGUE.items()} == TYPES
    assert {once(code, ABOUT, at_us=0).type for code in CATALOGUE} == {"warning", "error"}


@pytest.mark.parametrize("code", codes.all_codes())
def test_every_code_has_a_short_title_and_an_explanation(code: str) -> None:
    title, explanation = codes.describe(code)

    assert len(code) <= 32
    assert 0 < len(title) <= 60
    assert explanation.endswith(".")


def test_an_unknown_code_is_its_own_title() -> None:
    assert describe("of_tomorrow") == codes.describe("of_tomorrow") == ("of_tomorrow", "")


def test_no_code_is_given_twice() -> None:
    every = codes.all_codes()

    assert len(set(every)) == len(every) == len(CATALOGUE) + len(RULES)


def test_deriving_an_issue_twice_finds_the_same() -> None:
    one, other = once("tcp_used", ABOUT, at_us=5), once("tcp_used", ABOUT, at_us=9)

    assert one.id == other.id
    assert once("turn_used", ABOUT, at_us=5).id != one.id
    assert per_event("tcp_used", UUID(int=2), at_us=5).id != one.id


def test_an_issue_keeps_so_much_evidence() -> None:
    events = [UUID(int=number) for number in range(MAX_EVIDENCE + 1)]

    assert once("no_media_access", ABOUT, at_us=0, events=events).events == events[:-1]
    assert per_event("ice_failed", ABOUT, at_us=0, data={"a": 1}).events == [ABOUT]


@pytest.mark.parametrize(
    ("ongoing", "errors", "warnings", "shown"),
    [
        (True, True, True, "ongoing"),
        (True, False, False, "ongoing"),
        (False, True, True, "error"),
        (False, True, False, "error"),
        (False, False, True, "warning"),
        (False, False, False, "success"),
    ],
)
def test_the_colour_of_a_conference(
    ongoing: bool, errors: bool, warnings: bool, shown: str
) -> None:
    assert colour(ongoing=ongoing, errors=errors, warnings=warnings) == shown


def points(*given: tuple[float, float]) -> list[ScoredInterval]:
    """Scores and for how many seconds they held."""
    return [ScoredInterval(at=AT, emos=score, seconds=seconds) for score, seconds in given]


@pytest.mark.parametrize(
    ("given", "mean"),
    [
        (points(), None),
        (points((3.5, 10), (3.6, 10)), None),  # 20 s
        (points((3.5, 10), (3.6, 10), (3.9, 10)), 3.67),
        (points((3.5, 10), (3.6, 10), (4.0, 10)), None),  # 4 is good
        (points((3.0, 30)), 3.0),
        (points((2.99, 30)), None),  # another band
        (points((3.5, 29.9)), None),
        (points((3.5, 15), (1.0, 60), (3.0, 15)), 3.25),  # others do not count
        (points((3.333, 60)), 3.33),
    ],
)
def test_a_score_is_poor_when_it_was_for_half_a_minute(
    given: list[ScoredInterval], mean: float | None
) -> None:
    assert quality_band(given, low=3, high=4) == mean
