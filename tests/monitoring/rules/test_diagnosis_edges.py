"""What a diagnosis must not be led astray by: figures without a direction, other states, damage that is nobody's fault."""

from __future__ import annotations

from typing import Any

from signalbox.monitoring.rules.detection import Limits, ObservedConference, detect
from signalbox.monitoring.rules.diagnosis import Diagnosis, diagnose
from tests.monitoring.observing import (
    conference,
    connection,
    flow,
    happening,
    intervals,
    stay,
    uid,
)

STATE = "onconnectionstatechange"
TIMES = tuple(range(0, 60, 2))
AUDIO = [flow("audio", "inbound", packets=100), flow("audio", "outbound", packets=100)]


def said(observed: ObservedConference) -> dict[Any, Diagnosis]:
    return {one.participant: one for one in diagnose(observed, detect(observed, Limits()))}


def test_a_long_round_trip_is_of_both_directions() -> None:
    slow = connection(intervals=intervals(TIMES, flows=AUDIO, link={"rtt_ms": 900}))

    alice = said(conference(connections=[slow]))[uid("alice")]

    assert (alice.cause, alice.culprit, alice.codes) == ("network", None, ("high_rtt",))


def test_a_connection_on_its_way_back_is_still_broken() -> None:
    events = [
        happening(at_s, STATE, state)
        for at_s, state in ((20, "disconnected"), (24, "connecting"), (30, "failed"))
    ]
    one = connection(intervals=intervals(TIMES, flows=AUDIO, link={"local_type": "host"}))

    alice = said(conference(connections=[one], happenings=events))[uid("alice")]

    assert (alice.cause, alice.codes) == ("network", ("broken",))


def test_points_that_are_nobodys_fault_name_no_cause() -> None:
    joins = [stay(start_s=at_s, end_s=at_s + 5, number=str(at_s)) for at_s in (0, 20, 40, 50)]

    observed = conference(
        connections=[connection(intervals=intervals(TIMES, flows=AUDIO))], stays=joins
    )
    alice = said(observed)[uid("alice")]

    assert (alice.cause, alice.codes, alice.events) == ("none", (), ())
    assert alice.score is not None
    assert alice.score < 100
    assert alice.parts["connection"]["lost"][0]["why"] == "rejoin_loop"
