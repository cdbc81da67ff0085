"""Messages wait in an order that is fair to whoever they belong to."""

from __future__ import annotations

import pytest

from signalbox.core.lanes import FairLane, PlainLane


def lane_of(*messages: str) -> FairLane[str]:
    lane: FairLane[str] = FairLane(lambda said: said[0])
    for message in messages:
        lane.append(message)
    return lane


def emptied(lane: FairLane[str]) -> list[str]:
    return [lane.popleft() for _ in range(len(lane))]


def test_owners_are_served_in_turn() -> None:
    assert emptied(lane_of("a1", "a2", "a3", "b1", "b2", "c1")) == [
        "a1",
        "b1",
        "c1",
        "a2",
        "b2",
        "a3",
    ]


def test_one_that_comes_later_waits_for_one_of_each_only() -> None:
    lane = lane_of("a1", "a2", "a3")
    assert lane.popleft() == "a1"
    lane.append("b1")

    assert emptied(lane) == ["a2", "b1", "a3"]


def test_an_empty_lane_gives_nothing() -> None:
    with pytest.raises(IndexError):
        lane_of().popleft()


def test_an_owner_takes_half_of_the_room_at_most() -> None:
    lane = lane_of("a1", "a2")

    assert not lane.has_room("a3", limit=4)
    assert lane.has_room("b1", limit=4)
    assert not lane.has_room("b1", limit=2)
    assert lane_of().has_room("a1", limit=1)


def test_a_plain_lane_is_first_come_first_served() -> None:
    lane = PlainLane(["a", "b"])

    assert (lane.has_room("c", 3), lane.has_room("c", 2)) == (True, False)
    assert [lane.popleft(), lane.popleft()] == ["a", "b"]
