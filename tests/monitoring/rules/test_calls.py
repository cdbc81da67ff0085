"""When conferences and sessions begin and end, and what is found at their end."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.calls import (
    ConferenceState,
    SessionFact,
    Stay,
    Stretch,
    conference_state,
    fold_session,
    instant,
    leaves_after,
    micros,
    seconds_by_day,
    stamp,
    stretches,
)

SESSION, PEER, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
S = 1_000_000
DAY = 86_400 * S


# --- instants ---------------------------------------------------------------------------------------


def test_instants_are_shown_with_six_digits_and_z() -> None:
    at = datetime(2026, 1, 15, 10, 30, 0, 123456, tzinfo=UTC)

    assert stamp(micros(at)) == "2026-01-15T10:30:00.123456Z"
    assert stamp(0) == "1970-01-01T00:00:00.000000Z"
    assert stamp(micros(at.replace(microsecond=0))) == "2026-01-15T10:30:00.000000Z"


@given(st.integers(0, 7_258_118_400_000_000))
def test_no_microsecond_is_lost_between_instants_and_numbers(at_us: int) -> None:
    assert micros(instant(at_us)) == at_us
    assert stamp(at_us).endswith(f"{at_us % S:06}Z")


# --- conferences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stays", "joined"),
    [
        ([], []),
        ([(0, 5)], [(0, 5)]),
        ([(0, 5), (6, 9)], [(0, 5), (6, 9)]),
        ([(0, 5), (5, 9)], [(0, 9)]),
        ([(0, 9), (2, 5)], [(0, 9)]),
        ([(0, None), (2, 5), (30, 31)], [(0, None)]),
        ([(0, 5), (4, None), (9, 12)], [(0, None)]),
        ([(0, 5), (6, None)], [(0, 5), (6, None)]),
        ([(4, None), (4, 6)], [(4, None)]),
        ([(7, 9), (0, 2)], [(0, 2), (7, 9)]),
    ],
)
def test_stays_that_overlap_or_touch_are_one_stretch(
    stays: list[tuple[int, int | None]], joined: list[tuple[int, int | None]]
) -> None:
    assert stretches(Stay(*stay) for stay in stays) == [Stretch(*span) for span in joined]


def state(*stays: tuple[int, int | None]) -> ConferenceState:
    """Of stays in seconds."""
    given = (Stay(begin * S, None if end is None else end * S) for begin, end in stays)
    return conference_state(stretches(given))


def test_a_conference_without_connections_has_not_begun() -> None:
    assert state() == ConferenceState(
        ongoing=False, start_us=None, call_start_us=None, end_us=None, duration_s=0
    )


def test_a_conference_goes_on_while_one_connection_is_open() -> None:
    assert state((3, 9), (5, None)) == ConferenceState(
        ongoing=True, start_us=3 * S, call_start_us=3 * S, end_us=None, duration_s=0
    )


def test_a_conference_ends_with_its_last_connection() -> None:
    assert state((3, 9), (5, 12)) == ConferenceState(
        ongoing=False, start_us=3 * S, call_start_us=None, end_us=12 * S, duration_s=9
    )


def test_a_conference_that_begins_again_has_no_end_and_keeps_its_duration() -> None:
    assert state((3, 9), (60, None)) == ConferenceState(
        ongoing=True, start_us=3 * S, call_start_us=60 * S, end_us=None, duration_s=6
    )


STAYS = st.lists(
    st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 15))).map(
        lambda drawn: Stay(drawn[0] * S, None if drawn[1] is None else (drawn[0] + drawn[1]) * S)
    ),
    max_size=8,
)


@given(STAYS, st.randoms())
def test_a_conference_is_the_union_of_its_stays(stays: list[Stay], chance: Any) -> None:
    horizon = 80
    # A stay fills the seconds that begin in it.
    filled = {
        second
        for stay in stays
        for second in range(stay.start_us // S, horizon if stay.end_us is None else stay.end_us // S)
    }  # fmt: skip
    told = conference_state(stretches(stays))
    running_s = horizon - told.call_start_us // S if told.call_start_us is not None else 0

    assert told.ongoing == any(stay.end_us is None for stay in stays)
    assert told.duration_s + running_s == len(filled)
    assert told.start_us == min((stay.start_us for stay in stays), default=None)
    ends = [stay.end_us for stay in stays if stay.end_us is not None]
    assert told.end_us == (None if told.ongoing else max(ends, default=None))

    shuffled = [*stays, *stays]
    chance.shuffle(shuffled)
    assert conference_state(stretches(shuffled)) == told


@given(STAYS)
def test_stretches_lie_apart_and_in_order(stays: list[Stay]) -> None:
    joined = stretches(stays)

    for before, after in pairwise(joined):
        assert before.end_us is not None
        assert before.end_us < after.start_us
    assert all(one.seconds >= 0 for one in joined)
    assert stretches(Stay(one.start_us, one.end_us) for one in joined) == joined


def test_seconds_are_whole_and_never_negative() -> None:
    assert Stretch(0, 1_999_999).seconds == 1
    assert Stretch(0, None).seconds == 0
    assert Stretch(5 * S, 0).seconds == 0


def test_seconds_belong_to_the_day_on_which_a_stretch_ended() -> None:
    overnight = Stretch(DAY - 60 * S, DAY + 30 * S)
    later = Stretch(DAY + 100 * S, DAY + 110 * S)

    assert seconds_by_day([overnight, later], now_us=2 * DAY) == {"1970-01-02": 100}


@pytest.mark.parametrize(
    ("stretch", "days"),
    [
        (Stretch(0, 10 * S), {"1970-01-01": 10}),
        (Stretch(0, 9 * S), {}),  # ended 31 days and a second ago
        (Stretch(12 * S, None), {}),
        (Stretch(12 * S, 12 * S + 999_999), {}),
    ],
)
def test_what_ended_over_31_days_ago_runs_or_is_too_short_counts_nothing(
    stretch: Stretch, days: dict[str, int]
) -> None:
    assert seconds_by_day([stretch], now_us=31 * DAY + 10 * S) == days


# --- sessions ---------------------------------------------------------------------------------------


def told(at_s: float, kind: str, value: Any = None, event: int | None = None) -> SessionFact:
    return SessionFact(
        round(at_s * S), kind, value, None if event is None else str(UUID(int=event))
    )


@pytest.mark.parametrize("leave", ["unload", "endCall", "stop"])
def test_a_session_ends_with_its_first_leave(leave: str) -> None:
    left = fold_session(
        SESSION, facts=[told(9, leave), told(5, "beforeunload"), told(7, leave)], connections=[]
    )

    assert (left.end_us, left.left_us, left.findings) == (5 * S, 7 * S, [])


def test_a_user_may_cancel_leaving_so_connections_go_on() -> None:
    undecided = fold_session(SESSION, facts=[told(5, "beforeunload")], connections=[("new", False)])

    assert (undecided.end_us, undecided.left_us, undecided.findings) == (5 * S, None, [])


def test_a_session_without_facts_goes_on() -> None:
    running = fold_session(SESSION, facts=[], connections=[("new", False)])

    assert (running.end_us, running.left_us, running.findings) == (None, None, [])


@pytest.mark.parametrize(
    ("facts", "ended_s"),
    [
        ([], None),
        ([("unload", 9)], 9),
        ([("endCall", 9), ("unload", 8)], 8),
        ([("unload", 3)], None),  # before this connection began
        ([("unload", 4)], 4),
        ([("beforeunload", 9)], None),
        ([("remove_peer", 6), ("stop", 9)], 6),
        ([("gum_request", 6)], None),
    ],
)
def test_a_connection_is_ended_by_its_session(
    facts: list[tuple[str, float]], ended_s: float | None
) -> None:
    of = [told(at_s, kind, str(PEER) if kind == "remove_peer" else None) for kind, at_s in facts]
    ended_us = leaves_after(of, 4 * S, peer=PEER)

    assert ended_us == (None if ended_s is None else ended_s * S)


def test_removing_one_peer_ends_no_connection_to_another() -> None:
    removed = [told(6, "remove_peer", str(OTHER))]

    assert leaves_after(removed, 0, peer=PEER) is None
    assert leaves_after(removed, 0) is None


# --- what is found ----------------------------------------------------------------------------------

ERROR = {"name": "NotAllowedError", "message": "Permission denied"}


def test_a_refused_request_for_media_is_an_issue_of_its_event() -> None:
    found = fold_session(SESSION, facts=[told(2, "gum_failure", ERROR, 8)], connections=[])

    (finding,) = found.findings
    assert (finding.code, finding.type, finding.at_us) == ("getusermedia_error", "warning", 2 * S)
    assert (finding.data, finding.events) == (ERROR, [UUID(int=8)])
    assert finding.id == derived_id(UUID(int=8), "getusermedia_error")


def test_a_rejoin_is_an_issue_of_the_new_session() -> None:
    found = fold_session(SESSION, facts=[told(2, "rejoin"), told(3, "gum_request")], connections=[])

    (finding,) = found.findings
    assert (finding.code, finding.type, finding.at_us) == ("multiple_rejoins", "warning", 2 * S)
    assert finding.id == derived_id(SESSION, "multiple_rejoins")


@pytest.mark.parametrize(
    ("requests", "failures", "none_at_all"), [(1, 1, True), (2, 2, True), (2, 1, False), (0, 0, False), (0, 1, False)]
)  # fmt: skip
def test_no_media_access_is_found_when_every_request_failed(
    requests: int, failures: int, none_at_all: bool
) -> None:
    facts = [told(number, "gum_request") for number in range(requests)]
    facts += [told(number + 0.5, "gum_failure", ERROR, 20 + number) for number in range(failures)]

    during = fold_session(SESSION, facts=facts, connections=[])
    found = fold_session(SESSION, facts=[*facts, told(9, "unload")], connections=[])

    assert not [one for one in during.findings if one.code == "no_media_access"]
    of_session = [one for one in found.findings if one.code == "no_media_access"]
    assert bool(of_session) is none_at_all
    for one in of_session:
        assert (one.type, one.at_us) == ("error", 9 * S)
        assert one.events == [UUID(int=20 + number) for number in range(failures)]


def test_a_failure_whose_event_is_unknown_counts_but_raises_nothing() -> None:
    facts = [told(1, "gum_request"), told(2, "gum_failure", ERROR), told(9, "endCall")]

    (finding,) = fold_session(SESSION, facts=facts, connections=[]).findings
    assert (finding.code, finding.events) == ("no_media_access", [])


@pytest.mark.parametrize(
    ("connections", "never"),
    [
        ([], False),
        ([("new", False)], True),
        ([("connecting", False), ("failed", False)], True),
        ([("failed", True)], False),
        ([("new", False), ("connected", True)], False),
        ([("closed", False)], False),
        ([("disconnected", False)], False),
    ],
)
def test_no_connection_is_found_when_none_was_ever_made(
    connections: list[tuple[str, bool]], never: bool
) -> None:
    found = fold_session(SESSION, facts=[told(9, "unload")], connections=connections)

    assert [(one.code, one.type, one.at_us) for one in found.findings] == (
        [("no_connection", "error", 9 * S)] if never else []
    )


KINDS = st.sampled_from(
    ["beforeunload", "unload", "endCall", "stop", "gum_request", "gum_failure", "rejoin", "remove_peer"]
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 3), KINDS), max_size=10), st.randoms())
def test_a_session_does_not_depend_on_the_order_of_arrival(
    drawn: list[tuple[int, str]], chance: Any
) -> None:
    facts = [told(at_s, kind, None, 30 + number) for number, (at_s, kind) in enumerate(drawn)]
    shuffled = list(facts)
    chance.shuffle(shuffled)
    connections = [("new", False)]
    once = fold_session(SESSION, facts=facts, connections=connections)

    assert fold_session(SESSION, facts=shuffled, connections=connections) == once
    assert (once.end_us is None) or (once.left_us is None) or once.end_us <= once.left_us
