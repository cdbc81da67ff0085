"""What a change is called in the live stream, and which samples are passed on."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules.happenings import KINDS, Thinning, verb

ONE, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("was_running", "runs", "change"),
    [
        (False, True, "began"),
        (True, False, "ended"),
        (True, True, "changed"),
        (False, False, "changed"),
    ],
)
def test_what_runs_begins_ends_or_changes(was_running: bool, runs: bool, change: str) -> None:
    assert verb(was_running=was_running, runs=runs) == change
    assert change in KINDS["conference"]
    assert change in KINDS["session"]


def test_a_connection_is_added() -> None:
    change = verb(was_running=False, runs=True, begins="added")

    assert change == "added"
    assert change in KINDS["connection"]


def test_one_sample_of_a_connection_passes_per_second() -> None:
    thinning = Thinning()
    passed = [thinning.passes(ONE, at_us) for at_us in (5_000_000, 5_999_999, 6_000_000, 5_500_000)]

    assert passed == [True, False, True, False]
    assert thinning.passes(OTHER, 5_500_000)


def test_the_connection_that_was_silent_longest_is_forgotten_first() -> None:
    thinning = Thinning(limit=2)
    for connection, second in ((ONE, 1), (OTHER, 1), (ONE, 2), (THIRD, 1)):
        assert thinning.passes(connection, second * 1_000_000)

    assert not thinning.passes(ONE, 2_000_000)
    assert thinning.passes(OTHER, 1_000_000)  # forgotten, so it is the first again


@given(st.lists(st.integers(0, 8_000_000)))
def test_seconds_that_pass_rise(instants: list[int]) -> None:
    thinning = Thinning()
    seconds = [at_us // 1_000_000 for at_us in instants if thinning.passes(ONE, at_us)]

    assert seconds == sorted(set(seconds))
    assert bool(seconds) == bool(instants)
