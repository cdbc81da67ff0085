"""Numbers of a counter are remembered as ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalbox.playback.rules.cmcd.numbers import MAX_RANGES, Numbers


@given(st.lists(st.integers(0, 60)))
def test_what_was_added_is_in_and_nothing_else(added: list[int]) -> None:
    numbers = Numbers()
    for number in added:
        numbers.add(number)

    assert [number for number in range(62) if number in numbers] == sorted(set(added))
    assert numbers.distinct == len(set(added))
    assert numbers.lost == (max(added) + 1 - len(set(added)) if added else 0)
    assert all(
        after - before > 1 for before, after in zip(numbers.ends, numbers.starts[1:], strict=False)
    )


def test_too_many_ranges_are_joined_where_they_are_closest() -> None:
    numbers = Numbers()
    for number in range(MAX_RANGES):
        numbers.add(number * 10)
    numbers.add(3)

    assert len(numbers.starts) == MAX_RANGES
    assert 2 in numbers
    assert 15 not in numbers
    assert numbers.distinct == MAX_RANGES + 1


def test_a_range_grows_at_both_ends_and_joins_its_neighbour() -> None:
    numbers = Numbers()
    for number in (1, 10, 2, 2, 9, 4, 3):
        numbers.add(number)

    assert (numbers.starts, numbers.ends) == ([1, 9], [4, 10])
    assert numbers.distinct == 6
    assert numbers.lost == 5
