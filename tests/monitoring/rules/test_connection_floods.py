"""A connection that reports without end is cut, but never so that its states and its end are lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from signalbox.monitoring.rules.connection import (
    MAX_FACTS,
    ROOM_FOR_ENDS,
    ROOM_FOR_STATES,
    Fact,
    fold,
    with_fact,
)

CONNECTION = UUID(int=1)


def fact(seconds: float, kind: str, value: Any = None) -> Fact:
    return Fact(round(seconds * 1_000_000), kind, value, str(UUID(int=2)))


def taken_of_a_flood(facts: list[Fact], kind: str, value: str | None = None) -> int:
    return sum(with_fact(facts, fact(second, kind, value)) for second in range(2 * MAX_FACTS))


def test_a_flood_of_facts_is_cut_but_states_and_ends_find_room() -> None:
    facts: list[Fact] = []

    assert taken_of_a_flood(facts, "needed") == MAX_FACTS - ROOM_FOR_STATES
    assert taken_of_a_flood(facts, "ice_error") == 0
    assert taken_of_a_flood(facts, "signaling", "stable") == 0
    assert taken_of_a_flood(facts, "state", "disconnected") == ROOM_FOR_STATES
    assert taken_of_a_flood(facts, "ice", "failed") == 0
    assert with_fact(facts, fact(9, "state", "closed"))
    assert taken_of_a_flood(facts, "end") == ROOM_FOR_ENDS - 1
    assert with_fact(facts, fact(9, "stats"))
    assert len(facts) == MAX_FACTS + ROOM_FOR_ENDS + 1


def test_after_hours_of_negotiations_a_loss_and_the_end_still_count() -> None:
    facts: list[Fact] = []
    taken_of_a_flood(facts, "needed")
    with_fact(facts, fact(90_000, "state", "failed"))
    with_fact(facts, fact(90_001, "state", "closed"))

    life = fold(CONNECTION, start_us=0, initial="new", facts=facts)

    assert [finding.code for finding in life.findings] == ["connection_failed"]
    assert (life.state, life.end_us) == ("closed", 90_001_000_000)
