"""The life of a connection: what every event does to it, and that neither order nor repetition of arrival matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.connection import (
    STATES,
    Fact,
    Life,
    can_raise,
    fold,
    is_established_by,
    with_fact,
)
from signalbox.monitoring.rules.issues import MAX_EVIDENCE

CONNECTION = UUID(int=1)
EVENT = str(UUID(int=2))
START_US = 1_800_000_000_000_000


def at(seconds: float) -> int:
    """An instant, in seconds after the connection was added."""
    return START_US + round(seconds * 1_000_000)


def fact(seconds: float, kind: str, value: Any = None, event: str | None = EVENT) -> Fact:
    return Fact(at(seconds), kind, value, event)


def life(*facts: Fact, initial: str = "new") -> Life:
    return fold(CONNECTION, start_us=START_US, initial=initial, facts=facts)


def negotiations(of: Life) -> list[tuple[str, str, float, float | None]]:
    """Type, status, begin and end in seconds."""

    def seconds(us: int) -> float:
        return (us - START_US) / 1_000_000

    return [
        (one.type, one.status, seconds(one.start_us), None if one.end_us is None else seconds(one.end_us))
        for one in of.negotiations
    ]  # fmt: skip


# --- what is kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stats", "tcp", "turn"])
def test_of_a_once_only_fact_the_earliest_is_kept(kind: str) -> None:
    facts = [fact(0, "needed")]

    assert with_fact(facts, fact(5, kind))
    assert not with_fact(facts, fact(5, kind))
    assert not with_fact(facts, fact(6, kind))
    assert with_fact(facts, fact(4, kind))
    assert facts == [fact(0, "needed"), fact(4, kind)]


@pytest.mark.parametrize(
    ("of", "can"),
    [
        (fact(0, "ice_error", {"errorCode": 701}), True),
        (fact(0, "tcp"), True),
        (fact(0, "turn"), True),
        (fact(0, "state", "failed"), True),
        (fact(0, "state", "disconnected"), True),
        (fact(0, "ice", "failed"), True),
        (fact(0, "state", "connected"), False),
        (fact(0, "stats"), False),
        (fact(0, "end"), False),
    ],
)
def test_only_some_facts_can_raise_an_issue(of: Fact, can: bool) -> None:
    assert can_raise(of) is can
    assert bool(life(of).findings) <= can


# --- what each event does ---------------------------------------------------------------------------


def test_a_connection_begins_with_its_first_negotiation() -> None:
    begun = life()

    assert (begun.state, begun.changed_us, begun.end_us) == ("new", START_US, None)
    assert begun.duration_s is None
    assert negotiations(begun) == [("initial", "connecting", 0, None)]
    assert begun.negotiations[0].duration_s is None


@pytest.mark.parametrize("initial", STATES)
def test_the_state_at_the_beginning_is_kept(initial: str) -> None:
    begun = life(initial=initial)

    assert begun.state == initial
    assert len(begun.negotiations) == (initial != "connected")


def test_an_unknown_state_at_the_beginning_is_new() -> None:
    assert life(initial="checking").state == "new"


def test_what_is_already_connected_gets_its_first_negotiation_when_one_is_finished() -> None:
    again = life(fact(3, "signaling", "stable"), initial="connected")

    assert negotiations(again) == [("initial", "stable", 0, 3)]


def test_what_is_already_connected_begins_its_first_negotiation_when_one_is_needed() -> None:
    again = life(fact(3, "needed"), initial="connected")

    assert negotiations(again) == [("initial", "connecting", 3, None)]


def test_connected_ends_the_first_negotiation() -> None:
    open_ = life(fact(1.9, "state", "connected"))

    assert (open_.state, open_.changed_us, open_.established) == ("connected", at(1.9), True)
    assert negotiations(open_) == [("initial", "connected", 0, 1.9)]
    assert open_.negotiations[0].duration_s == 1
    assert not open_.negotiations[0].inferred


@pytest.mark.parametrize("state", ["connected", "completed"])
def test_ice_opens_the_path_too(state: str) -> None:
    open_ = life(fact(1, "ice", state))

    assert (open_.state, open_.established) == ("connected", True)
    assert negotiations(open_) == [("initial", "connected", 0, 1)]


def test_the_connection_itself_knows_better_than_ice_when_it_was_connected() -> None:
    both = life(fact(1, "ice", "connected"), fact(1.5, "state", "connected"))
    repeated = life(
        fact(1, "state", "connected"), fact(2, "ice", "completed"), fact(3, "state", "connected")
    )

    assert negotiations(both) == [("initial", "connected", 0, 1.5)]
    assert negotiations(repeated) == [("initial", "connected", 0, 1)]


@pytest.mark.parametrize("state", ["new", "checking", "closed", "disconnected"])
def test_other_states_of_ice_change_no_state(state: str) -> None:
    told = life(fact(1, "ice", state))

    assert (told.state, told.established, told.end_us, told.findings) == ("new", False, None, [])
    assert negotiations(told) == negotiations(life())


def test_ice_that_failed_is_an_issue() -> None:
    failed = life(fact(2, "ice", "failed"))

    (finding,) = failed.findings
    assert (finding.code, finding.type, finding.at_us) == ("ice_failed", "error", at(2))
    assert finding.id == derived_id(UUID(EVENT), "ice_failed")
    assert (finding.events, failed.established) == ([UUID(EVENT)], False)


@pytest.mark.parametrize(
    ("state", "code", "type_"),
    [
        ("failed", "connection_failed", "error"),
        ("disconnected", "connection_disconnected", "warning"),
    ],
)
def test_a_broken_connection_is_one_issue_per_event(state: str, code: str, type_: str) -> None:
    broken = life(fact(1, "state", "connected"), fact(5, "state", state), fact(6, "state", state))

    assert (broken.state, broken.changed_us) == (state, at(6))
    assert [(f.code, f.type, f.at_us) for f in broken.findings] == [(code, type_, at(5))]


@pytest.mark.parametrize(
    "broken", [("state", "failed"), ("state", "disconnected"), ("ice", "failed")]
)
def test_without_its_event_nothing_is_raised(broken: tuple[str, str]) -> None:
    assert life(fact(1, *broken, event=None)).findings == []


def test_failed_ends_the_running_negotiation() -> None:
    failed = life(fact(30, "state", "failed"))

    assert negotiations(failed) == [("initial", "failed", 0, 30)]


def test_coming_back_is_an_entry_of_its_own_and_moves_no_setup_time() -> None:
    back = life(
        fact(1, "state", "connected"), fact(20, "state", "disconnected"), fact(24, "state", "connected")
    )  # fmt: skip

    assert negotiations(back) == [
        ("initial", "connected", 0, 1),
        ("recovery", "connected", 20, 24),
    ]
    assert (back.state, back.lost) == ("connected", False)


@pytest.mark.parametrize("offer", ["have-local-offer", "have-remote-offer"])
def test_an_offer_begins_a_renegotiation_unless_one_runs(offer: str) -> None:
    again = life(
        fact(0.5, "signaling", offer),
        fact(1, "state", "connected"),
        fact(5, "needed"),
        fact(6, "signaling", offer),
        fact(7, "signaling", "stable"),
    )

    assert negotiations(again) == [
        ("initial", "connected", 0, 1),
        ("renegotiation", "stable", 5, 7),
    ]


def test_stable_does_not_touch_a_negotiation_that_has_connected_or_failed() -> None:
    late = life(fact(1, "state", "connected"), fact(2, "signaling", "stable"))
    failed = life(fact(1, "state", "failed"), fact(2, "signaling", "stable"))

    assert negotiations(late) == [("initial", "connected", 0, 1)]
    assert negotiations(failed) == [("initial", "failed", 0, 1)]


@pytest.mark.parametrize("state", ["have-local-pranswer", "have-remote-pranswer", "closed"])
def test_other_states_of_signaling_change_nothing(state: str) -> None:
    assert life(fact(1, "signaling", state)) == life()


def test_a_late_connecting_does_not_lower_connected() -> None:
    late = life(fact(1, "state", "connected"), fact(1.2, "state", "connecting"))

    assert (late.state, late.changed_us) == ("connected", at(1))


@pytest.mark.parametrize(
    "between",
    [fact(2, "needed"), fact(2, "ice", "failed"), fact(2, "ice", "disconnected"), fact(2, "state", "disconnected")],
)  # fmt: skip
def test_connecting_lowers_connected_after_a_loss_or_a_new_negotiation(between: Fact) -> None:
    lowered = life(fact(1, "state", "connected"), between, fact(3, "state", "connecting"))

    assert (lowered.state, lowered.changed_us) == ("connecting", at(3))


def test_new_lowers_nothing() -> None:
    assert life(fact(1, "state", "connecting"), fact(2, "state", "new")).state == "connecting"
    assert life(fact(2, "state", "new")).changed_us == at(2)


def test_stats_alone_establish_a_connection() -> None:
    told = life(fact(4, "stats"))

    assert (told.state, told.established) == ("connected", True)
    assert negotiations(told) == [("initial", "connected", 0, 4)]
    assert told.negotiations[0].inferred


@pytest.mark.parametrize("state", ["disconnected", "failed"])
def test_stats_establish_without_hiding_that_the_connection_broke(state: str) -> None:
    told = life(fact(1, "state", state), fact(2, "stats"))

    assert (told.state, told.established) == (state, True)


def test_what_is_told_later_corrects_what_was_inferred() -> None:
    told = life(fact(4, "stats"), fact(5, "state", "connected"))

    assert negotiations(told) == [("initial", "connected", 0, 5)]
    assert not told.negotiations[0].inferred


def test_candidate_errors_of_a_connection_are_one_issue_with_a_count() -> None:
    many = [
        fact(number, "ice_error", {"errorCode": 701}, str(UUID(int=number + 1)))
        for number in range(MAX_EVIDENCE + 5)
    ]
    raised = life(fact(-1, "tcp"), *many, fact(200, "ice_error", {"errorCode": 600}, None))

    other, finding = raised.findings
    assert (other.code, finding.code) == ("tcp_used", "icecandidateerror")
    assert finding.count == MAX_EVIDENCE + 6
    assert finding.events == [UUID(int=number + 1) for number in range(MAX_EVIDENCE)]
    assert (finding.data, finding.at_us) == ({"errorCode": 701}, at(0))
    assert finding.id == derived_id(CONNECTION, "icecandidateerror")


@pytest.mark.parametrize("event", [EVENT, None])
@pytest.mark.parametrize("kind", ["tcp", "turn"])
def test_tcp_and_relay_are_told_once(kind: str, event: str | None) -> None:
    used = life(fact(3, kind, event=event))

    (finding,) = used.findings
    assert (finding.code, finding.type) == (f"{kind}_used", "warning")
    assert finding.id == derived_id(CONNECTION, f"{kind}_used")
    assert finding.events == ([UUID(EVENT)] if event else [])
    assert (used.tcp, used.turn) == (kind == "tcp", kind == "turn")


# --- the end ----------------------------------------------------------------------------------------


def test_closed_ends_the_connection_and_what_runs_in_it() -> None:
    closed = life(fact(1, "state", "connected"), fact(5, "needed"), fact(9.8, "state", "closed"))

    assert (closed.state, closed.end_us, closed.duration_s) == ("closed", at(9.8), 9)
    assert negotiations(closed) == [
        ("initial", "connected", 0, 1),
        ("renegotiation", "failed", 5, 9.8),
    ]


def test_a_removed_connection_keeps_its_state() -> None:
    removed = life(fact(1, "state", "connected"), fact(9, "end"))

    assert (removed.state, removed.end_us) == ("connected", at(9))


def test_after_the_end_nothing_changes() -> None:
    ended = life(fact(5, "state", "closed"))
    late = [
        fact(6, "state", "connected"),
        fact(6, "needed"),
        fact(6, "ice", "failed"),
        fact(7, "end"),
        fact(8, "stats"),
    ]

    assert life(fact(5, "state", "closed"), *late) == ended


def test_an_end_before_the_beginning_is_the_beginning() -> None:
    early = life(fact(-3, "state", "closed"), fact(-1, "state", "connected"))

    assert (early.end_us, early.duration_s, early.state) == (START_US, 0, "closed")
    assert negotiations(early) == [("initial", "failed", 0, 0)]


@pytest.mark.parametrize(
    ("one", "other", "wins"),
    [
        ("closed", "failed", "closed"),
        ("failed", "connected", "failed"),
        ("connected", "connecting", "connected"),
        ("connecting", "new", "connecting"),
        ("disconnected", "connected", "disconnected"),
    ],
)
def test_within_a_millisecond_the_later_stage_wins(one: str, other: str, wins: str) -> None:
    # The stronger state comes first by 0.4 ms, as event loops report it.
    both = [Fact(at(1), "state", one, EVENT), Fact(at(1) + 400, "state", other, EVENT)]

    assert life(*both).state == wins
    assert life(*reversed(both)).state == wins


# --- whatever happens -------------------------------------------------------------------------------

KINDS = st.one_of(
    st.tuples(st.just("state"), st.sampled_from(STATES)),
    st.tuples(
        st.just("ice"),
        st.sampled_from(["checking", "connected", "completed", "failed", "disconnected"]),
    ),
    st.tuples(st.just("signaling"), st.sampled_from(["stable", "have-local-offer", "closed"])),
    st.sampled_from([("needed", None), ("ice_error", 701), ("end", None)]),
    st.sampled_from([("stats", None), ("tcp", None), ("turn", None)]),
)
# Few instants, some before the beginning, so that many facts meet within a millisecond.
INSTANTS = st.integers(-2_000, 6_000).map(lambda tenth_ms: START_US + tenth_ms * 100)


@st.composite
def stories(draw: st.DrawFn) -> list[Fact]:
    """Facts as a connection has them: each of an event of its own, the once-only ones once."""
    facts: list[Fact] = []
    for number, (kind, value) in enumerate(draw(st.lists(KINDS, max_size=14))):
        with_fact(facts, Fact(draw(INSTANTS), kind, value, str(UUID(int=number + 10))))
    return facts


INITIAL = st.sampled_from(STATES)


@given(stories(), INITIAL, st.randoms())
def test_the_order_of_arrival_does_not_matter(facts: list[Fact], initial: str, chance: Any) -> None:
    shuffled = list(facts)
    chance.shuffle(shuffled)

    assert life(*shuffled, initial=initial) == life(*facts, initial=initial)


@given(st.lists(st.tuples(KINDS, INSTANTS), max_size=14), st.randoms())
def test_what_is_kept_does_not_depend_on_arrival(
    given_: list[tuple[Any, int]], chance: Any
) -> None:
    def kept(arrived: Sequence[Fact]) -> set[tuple[int, str, str]]:
        facts: list[Fact] = []
        for one in arrived:
            with_fact(facts, one)
        return {(one.at_us, one.kind, str(one.value)) for one in facts}

    facts = [Fact(when, kind, value) for (kind, value), when in given_]
    shuffled = list(facts)
    chance.shuffle(shuffled)
    assert kept(shuffled) == kept(facts)


@given(stories(), INITIAL)
def test_what_is_told_twice_is_as_if_told_once(facts: list[Fact], initial: str) -> None:
    once, twice = life(*facts, initial=initial), life(*facts, *facts, initial=initial)

    assert negotiations(twice) == negotiations(once)
    assert (twice.state, twice.changed_us, twice.end_us) == (once.state, once.changed_us, once.end_us)  # fmt: skip
    assert (twice.established, twice.tcp, twice.turn) == (once.established, once.tcp, once.turn)
    assert {one.id for one in twice.findings} == {one.id for one in once.findings}


@given(stories(), INITIAL)
def test_no_duration_is_negative_and_nothing_begins_before_the_connection(
    facts: list[Fact], initial: str
) -> None:
    told = life(*facts, initial=initial)

    assert told.changed_us >= START_US
    assert told.duration_s is None or told.duration_s >= 0
    for one in told.negotiations:
        assert one.start_us >= START_US
        assert one.duration_s is None or one.duration_s >= 0
        assert (one.end_us is None) == (one.status == "connecting")


@given(stories(), INITIAL)
def test_an_end_wins_over_everything(facts: list[Fact], initial: str) -> None:
    ends = [one for one in facts if one.kind == "end" or one[1:3] == ("state", "closed")]
    told = life(*facts, initial=initial)

    assert (told.end_us is not None) == bool(ends)
    if told.end_us is not None:
        first_us = max(min(one.at_us for one in ends), START_US)
        # Within a millisecond the state `closed` is taken before the removal.
        assert first_us <= told.end_us < first_us + 1000
        assert all(one.end_us is not None for one in told.negotiations)


@given(stories(), INITIAL)
def test_findings_stand_for_facts_that_can_raise_them(facts: list[Fact], initial: str) -> None:
    told = life(*facts, initial=initial)

    assert len({one.id for one in told.findings}) == len(told.findings)
    if not any(can_raise(one) for one in facts):
        assert told.findings == []


# --- established ------------------------------------------------------------------------------------

NOTHING: dict[str, Any] = {
    "state": None, "nominated": False, "selected": False, "sent": 0, "received": 0, "rtt": None, "local": None, "remote": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "established"),
    [
        ({}, False),
        ({"state": "succeeded"}, False),
        ({"state": "succeeded", "nominated": True}, True),
        ({"state": "succeeded", "selected": True}, True),
        ({"state": "succeeded", "rtt": 0.0}, True),
        ({"state": "in-progress", "nominated": True, "rtt": 0.1}, False),
        ({"sent": 1}, True),
        ({"received": 1}, True),
        ({"local": "host"}, False),
        ({"remote": "srflx"}, False),
        ({"local": "host", "remote": "srflx"}, True),
    ],
)
def test_a_pair_shows_an_open_path(pair: dict[str, Any], established: bool) -> None:
    assert is_established_by(**(NOTHING | pair)) is established
