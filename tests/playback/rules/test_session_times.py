"""When sessions began and ended, whatever their device's clock says."""

from __future__ import annotations

import pytest

from signalbox.playback.rules.times import (
    DAY_MS,
    LONGEST_MS,
    Belief,
    parsed_iso_ms,
    skew_of,
    started_ms,
)
from signalbox.playback.rules.validation import DURATION_MAX_MS

NOW = 1_767_225_600_000
TOLD = Belief(max_future_ms=300_000, max_past_days=400)


@pytest.mark.parametrize(
    ("client_ts_ms", "skew"),
    [
        (NOW, None),
        (NOW + 300_000, None),
        (NOW + 300_001, "future"),
        (NOW - 400 * DAY_MS, None),
        (NOW - 400 * DAY_MS - 1, "past"),
        (1, "past"),
    ],
)
def test_a_clock_is_believed_within_bounds(client_ts_ms: int, skew: str | None) -> None:
    assert skew_of(client_ts_ms, NOW, TOLD) == skew


def test_nothing_was_reported_before_2020() -> None:
    believing = Belief(max_past_days=36_500)

    assert skew_of(1_577_836_799_999, NOW, believing) == "past"
    assert skew_of(1_577_836_800_000, NOW, believing) is None


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-01-01T00:00:00.000Z", NOW),
        ("2026-01-01T00:00:00Z", NOW),
        ("2026-01-01T01:00:00.250+01:00", NOW + 250),
        ("2026-01-01T00:00:00.123456789Z", NOW + 123),
        ("2026-01-01T00:00:00", NOW),
        ("null", None),
        ("", None),
        (None, None),
    ],
)
def test_an_iso_time_is_read_or_left(text: str | None, at_ms: int | None) -> None:
    assert parsed_iso_ms(text) == at_ms


@pytest.mark.parametrize(
    ("iso_ms", "duration_ms", "skew", "began"),
    [
        (NOW - 7, 10, None, NOW - 7),
        (NOW - 7, 10, "past", NOW - 10),
        (NOW + 1, 10, None, NOW - 10),
        (NOW - LONGEST_MS, 10, None, NOW - LONGEST_MS),
        (NOW - LONGEST_MS - 1, 10, None, NOW - 10),
        (None, 10, None, NOW - 10),
        (None, None, None, None),
        (NOW - 7, None, "future", None),
    ],
)
def test_a_session_began_when_it_says_or_its_duration_ago(
    iso_ms: int | None, duration_ms: int | None, skew: str | None, began: int | None
) -> None:
    found = started_ms(timestamp_ms=NOW, iso_ms=iso_ms, duration_ms=duration_ms, skew=skew)  # type: ignore[arg-type]

    assert found == began


def test_a_session_began_ten_years_ago_at_most() -> None:
    began = started_ms(timestamp_ms=NOW, iso_ms=None, duration_ms=253_402_300_799_999, skew=None)

    assert began == NOW - DURATION_MAX_MS
