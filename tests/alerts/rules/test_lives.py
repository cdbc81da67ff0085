"""When an alert opens and closes."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from signalbox.alerts.rules.lives import GIVEN_UP_AFTER, Change, Life, Look, after

BAD5, BAD30, FINE, NOTHING = (
    Look(bad=frozenset({5}), calm=False),
    Look(bad=frozenset({30}), calm=False),
    Look(calm=True),
    Look(),
)
looks = st.lists(st.sampled_from([BAD5, BAD30, FINE, NOTHING, Look(calm=False)]), max_size=120)


def lived(seen: Sequence[Look], life: Life | None = None) -> tuple[Life, list[Change | None]]:
    life = life or Life()
    changes: list[Change | None] = []
    for look in seen:
        life, change = after(life, look, fire_after=2, clear_after=10, longest=30)
        changes.append(change)
    return life, changes


def test_the_second_bad_look_of_the_same_window_opens() -> None:
    assert lived([BAD5, BAD5])[1] == [None, "opened"]


def test_bad_looks_of_two_windows_in_turn_open_nothing() -> None:
    life, changes = lived([BAD5, BAD30, BAD5, BAD30])

    assert changes == [None] * 4
    assert not life.is_open


def test_a_fine_look_between_begins_anew() -> None:
    assert lived([BAD5, FINE, BAD5, BAD5])[1] == [None, None, None, "opened"]


def test_the_tenth_calm_look_running_closes() -> None:
    opened, _ = lived([BAD5, BAD5])

    assert lived([FINE] * 10, opened)[1] == [None] * 9 + ["cleared"]
    assert lived([*[FINE] * 9, BAD5, *[FINE] * 9], opened)[1] == [None] * 19


def test_looks_without_data_neither_calm_nor_disturb() -> None:
    opened, _ = lived([BAD5, BAD5])

    assert lived([*[FINE] * 5, NOTHING, *[FINE] * 5], opened)[1] == [None] * 10 + ["cleared"]


def test_what_is_not_heard_of_for_long_is_closed() -> None:
    opened, _ = lived([BAD5, BAD5])
    changes = lived([NOTHING] * GIVEN_UP_AFTER, opened)[1]

    assert changes == [None] * (GIVEN_UP_AFTER - 1) + ["cleared"]


@given(looks)
def test_openings_and_closings_take_turns(seen: list[Look]) -> None:
    life, changes = lived(seen)
    told = [change for change in changes if change]

    assert told == (["opened", "cleared"] * len(told))[: len(told)]
    assert life.is_open == (bool(told) and told[-1] == "opened")


@given(looks)
def test_an_opening_has_two_bad_looks_of_one_window_before_it(seen: list[Look]) -> None:
    changes = lived(seen)[1]

    for number, change in enumerate(changes):
        if change == "opened":
            assert seen[number].bad & seen[number - 1].bad


@given(looks)
def test_stopping_anywhere_and_going_on_changes_nothing(seen: list[Look]) -> None:
    half = len(seen) // 2
    life, first = lived(seen[:half])

    assert first + lived(seen[half:], life)[1] == lived(seen)[1]


def test_a_long_window_counts_again_only_when_it_has_passed_what_is_over() -> None:
    closed, _ = lived([*[BAD5] * 2, *[FINE] * 10])

    changes = lived([BAD30] * 20, closed)[1]
    assert changes == [None] * 20
    assert lived([BAD30] * 21, closed)[1][-1] == "opened"
    assert lived([BAD5] * 2, closed)[1] == [None, "opened"]
    assert lived([FINE] * 20, closed)[0].idle


def test_what_is_idle_need_not_be_remembered() -> None:
    assert Life().idle
    assert not lived([BAD5])[0].idle
    assert not lived([BAD5, BAD5])[0].idle
