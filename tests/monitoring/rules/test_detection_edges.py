"""Cases in which a rule must not be led astray: signs that belong together, things that are gone, events that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from signalbox.monitoring.rules.detection import (
    Detected,
    Happening,
    Limits,
    ObservedConference,
    ObservedConnection,
    detect,
)
from signalbox.monitoring.rules.diagnosis import diagnose
from tests.monitoring.observing import (
    conference,
    connection,
    flow,
    happening,
    intervals,
    stay,
    uid,
    us,
)

EVERY_2_S = tuple(range(0, 120, 2))
LIMITS = Limits()


def found(code: str, observed: ObservedConference) -> list[Detected]:
    return [one for one in detect(observed, LIMITS) if one.rule.code == code]


def test_signs_within_seconds_are_of_one_restart() -> None:
    ice, candidate = "oniceconnectionstatechange", "onicecandidate"
    events = [
        happening(1, candidate, {"usernameFragment": "a"}),
        happening(2, ice, "connected"),
        happening(20, candidate, {"usernameFragment": "b"}),
        happening(21, ice, "checking"),
        happening(40, candidate, {"usernameFragment": "c"}),
    ]

    (one,) = found("ice_restart", conference(connections=[connection()], happenings=events))

    assert (one.count, one.events) == (2, (events[2].id, events[4].id))


def flips(*at_s: int) -> ObservedConnection:
    """The path changes at the end of each of these intervals."""
    parts = tuple(
        part
        for begin in EVERY_2_S
        for part in intervals((begin, begin + 2), link={"pair_changed": begin + 2 in at_s})
    )
    return connection(intervals=parts)


def test_paths_that_change_now_and_then_do_not_flip() -> None:
    assert found("pair_flips", conference(connections=[flips(4, 50, 80)])) == []

    (one,) = found("pair_flips", conference(connections=[flips(4, 50, 80, 100)]))
    assert (one.start_us, one.end_us, one.data["worst"]) == (us(50), us(100), 3)


def muted(*events: tuple[float, str]) -> ObservedConference:
    """A microphone without any sound, and a user who mutes it."""
    parts = intervals(EVERY_2_S[:30], flows=[flow("audio", "outbound", audio_level=0.0, packets=9)])
    told = [happening(at, "custom", {"eventName": name}, on=None) for at, name in events]
    return conference(connections=[connection(intervals=parts)], happenings=told)


def test_muting_twice_is_muting_once_and_so_is_unmuting() -> None:
    once = found("silent_microphone", muted((0, "mute"), (20, "unmute")))
    twice = found(
        "silent_microphone",
        muted((0, "unmute"), (1, "mute"), (2, "mute"), (20, "unmute"), (21, "unmute")),
    )

    assert [(one.start_us, one.end_us) for one in once] == [(us(20), us(58))]
    assert [(one.start_us, one.end_us, one.seconds) for one in twice] == [(us(20), us(58), 38)]


def test_nothing_is_told_of_a_track_whose_session_is_unknown() -> None:
    events = [happening(10, kind, {}, track="mic") for kind in ("mute", "ended")]
    made: dict[str, Any] = {
        "connections": [connection()],
        "tracks": [("mic", "audio", "outbound")],
        "happenings": events,
    }

    codes = {one.rule.code for one in detect(conference(**made), LIMITS)}
    assert "device_vanished" in codes
    assert detect(conference(**made, stays=[stay("bob")]), LIMITS) == []
    assert uid("mic") in {one.track for one in detect(conference(**made), LIMITS)}


def test_a_crowd_of_sessions_is_looked_through_once() -> None:
    """Who holds an app's public key can open thousands of sessions in a conference: nothing may look at each with each."""
    seen = 0

    class Counted(tuple[Happening, ...]):  # noqa: SLOT001 - counts for the test alone
        def __iter__(self) -> Iterator[Happening]:
            nonlocal seen
            seen += len(self)
            return super().__iter__()

    stays = [stay(start_s=at, end_s=None, number=str(at)) for at in range(200)]
    told = [
        Happening(id=uid(f"event {one.id}"), at_us=one.start_us, type="tabFocus", session=one.id, participant=one.participant)
        for one in stays
    ]  # fmt: skip
    plain = conference(stays=stays)
    crowd = replace(plain, happenings=Counted(told))

    diagnose(crowd, detect(crowd, LIMITS))

    assert seen <= 5 * len(told)


def test_the_busiest_of_several_crowds_is_told() -> None:
    limits = Limits(rejoins=2, rejoins_within_s=60)
    stays = [stay(start_s=at, end_s=None, number=str(at)) for at in (0, 50, 300, 340, 355, 500)]

    everything = detect(conference(stays=stays, ongoing=True), limits)
    [loop] = [one for one in everything if one.rule.code == "rejoin_loop"]

    assert loop.start_us == us(300)
    assert loop.data["worst"] == 3.0
