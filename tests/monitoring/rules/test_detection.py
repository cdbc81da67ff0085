"""What every rule finds, what it does not, and what lies on the edge; and how findings open, change and close."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signalbox.monitoring.rules.detection import (
    RULES,
    Happening,
    Limits,
    ObservedConference,
    detect,
    rule_of,
)
from tests.monitoring.observing import (
    attempt,
    conference,
    connection,
    flow,
    happening,
    intervals,
    stay,
    uid,
    us,
)

ICE, STATE = "oniceconnectionstatechange", "onconnectionstatechange"
EVERY_2_S = tuple(range(0, 60, 2))
LIMITS = Limits()


def _ice(*states: tuple[float, str], other: tuple[tuple[float, str], ...] = ()) -> ObservedConference:  # fmt: skip
    events = [happening(at, ICE, state) for at, state in states]
    events += [happening(at, STATE, state) for at, state in other]
    return conference(connections=[connection()], happenings=events)


def _fragments(*given: tuple[float, str | None]) -> ObservedConference:
    events = [happening(at, "onicecandidate", {"usernameFragment": name}) for at, name in given]
    return conference(connections=[connection()], happenings=[*events, happening(2, "onicecandidate")])  # fmt: skip


def _video(times: tuple[float, ...] = EVERY_2_S, *, estimate: float | None = None, **figures: Any) -> ObservedConference:  # fmt: skip
    parts = intervals(times, flows=[flow("video", "outbound", **figures)], link={"available_bps": estimate})  # fmt: skip
    return conference(connections=[connection(intervals=parts)])


def _setup(end_s: float | None, **changes: Any) -> ObservedConference:
    status = changes.pop("status", "connected")
    one = connection(attempts=(attempt(end_s=end_s, status=status),), **changes)
    return conference(connections=[one])


def _link(times: tuple[float, ...] = EVERY_2_S, **figures: Any) -> ObservedConference:
    return conference(connections=[connection(intervals=intervals(times, link=figures))])


def _flow(kind: str, direction: str, times: tuple[float, ...] = EVERY_2_S, **figures: Any) -> ObservedConference:  # fmt: skip
    parts = intervals(times, flows=[flow(kind, direction, **figures)])
    return conference(connections=[connection(intervals=parts)])


def _flips(*at: float) -> ObservedConference:
    parts = tuple(
        part
        for begin in range(0, 100, 2)
        for part in intervals((begin, begin + 2), link={"pair_changed": begin + 2 in at})
    )
    return conference(connections=[connection(intervals=parts)])


def _local(*events: tuple[float, str, Any], direction: str = "outbound") -> ObservedConference:
    made = [happening(at, kind, data, track="mic") for at, kind, data in events]
    return conference(
        connections=[connection()], tracks=[("mic", "audio", direction)], happenings=made
    )


def _tab(*hidden: tuple[float, bool], end_s: float | None = 60) -> ObservedConference:
    events = [happening(at, "tabFocus", {"focus": is_hidden}, on=None) for at, is_hidden in hidden]
    return conference(happenings=events, stays=[stay(end_s=end_s)], now_s=200)


def _silent(*events: Happening, now_s: float = 120) -> ObservedConference:
    """A page that was heard of for a minute; its session is open."""
    one = connection(end_us=None, state="connected")
    return conference(connections=[one], stays=[stay(end_s=None)], happenings=events, now_s=now_s)


def _joins(*at: float) -> ObservedConference:
    stays = [stay(start_s=begin, end_s=begin + 5, number=str(n)) for n, begin in enumerate(at)]
    return conference(stays=stays)


def _muted(*events: tuple[float, str]) -> ObservedConference:
    parts = intervals(EVERY_2_S, flows=[flow("audio", "outbound", audio_level=0.0, packets=100)])
    told = [happening(at, "custom", {"eventName": name}, on=None) for at, name in events]
    return conference(connections=[connection(intervals=parts)], happenings=told)


def _pair(sent: float, received: float, *, other_sends: float | None) -> ObservedConference:
    mine = [flow("audio", "outbound", packets=sent), flow("audio", "inbound", packets=received)]
    ends = [connection(intervals=intervals(EVERY_2_S, flows=mine))]
    if other_sends is not None:
        theirs = [flow("audio", "outbound", packets=other_sends)]
        ends.append(connection("bob>alice", intervals=intervals(EVERY_2_S, flows=theirs)))
    return conference(connections=ends)


SHORT = (0, 2, 4)
SETTLED = (20, 22, 24, 26, 28, 30)
VIDEO_IN: dict[str, Any] = {"packets": 50, "fps": 15, "bitrate_bps": 500_000, "frames": 30}
VIDEO_OUT: dict[str, Any] = {"packets": 50, "fps": 15, "bitrate_bps": 500_000, "frames": 30, "width": 320, "seconds": 2.0}  # fmt: skip

# rule, case, conference, how many things it is found of
CASES: list[tuple[str, str, ObservedConference, int]] = [
    ("slow_setup", "connected after 6 s", _setup(6.0), 1),
    ("slow_setup", "exactly at the limit", _setup(5.0), 1),
    ("slow_setup", "just below", _setup(4.999), 0),
    ("slow_setup", "still connecting", _setup(None, status="connecting", end_us=None, state="connecting"), 1),
    ("slow_setup", "failed, which is another issue", _setup(20.0, status="failed", established=False), 0),
    ("slow_setup", "no negotiation known", conference(connections=[connection(attempts=())]), 0),
    ("ice_restart", "checking after connected", _ice((1, "checking"), (2, "connected"), (9, "checking"), (10, "connected")), 1),
    ("ice_restart", "checking after failed", _ice((1, "checking"), (2, "failed"), (9, "checking")), 1),
    ("ice_restart", "new fragments", _fragments((1, "a"), (1.5, "a"), (20, "b"), (21, "b")), 1),
    ("ice_restart", "two signs of one", _fragments((1, "a"), (20, "b"), (22, "c")), 1),
    ("ice_restart", "one fragment", _fragments((1, "a"), (20, "a"), (30, None)), 0),
    ("ice_restart", "the first check, late", _ice((1.1, "connected"), (1.2, "checking")), 0),
    ("ice_restart", "the first check", _ice((0, "new"), (1, "checking"), (2, "connected"), (3, "completed")), 0),
    ("pair_flips", "three within a minute", _flips(4, 20, 40), 1),
    ("pair_flips", "two", _flips(4, 20), 0),
    ("pair_flips", "three, too far apart", _flips(4, 40, 80), 0),
    ("relay_over_tcp", "relay over tls", _link(local_type="relay", relay_protocol="tls"), 1),
    ("relay_over_tcp", "relay over tcp", _link(local_type="relay", relay_protocol="tcp"), 1),
    ("relay_over_tcp", "relay over udp", _link(local_type="relay", relay_protocol="udp"), 0),
    ("relay_over_tcp", "direct over tcp", _link(local_type="host", protocol="tcp"), 0),
    ("dtls_failed", "ICE connected, connection failed", _ice((1, "checking"), (2, "connected"), other=((3, "connecting"), (9, "failed"))), 1),
    ("dtls_failed", "connected before", _ice((1, "checking"), (2, "connected"), other=((3, "connected"), (9, "failed"))), 0),
    ("dtls_failed", "ICE failed", _ice((1, "checking"), (2, "failed"), other=((3, "failed"),)), 0),
    ("slow_stats", "600 ms for a minute", _link(time_taken_ms=600), 1),
    ("slow_stats", "for two reports", _link((0, 2, 4), time_taken_ms=600), 0),
    ("slow_stats", "quick", _link(time_taken_ms=30), 0),
    ("slow_stats", "unknown", _link(), 0),
    ("high_rtt", "500 ms", _link(rtt_ms=500), 1),
    ("high_rtt", "399 ms", _link(rtt_ms=399), 0),
    ("high_rtt", "one report of a minute", _link((0, 60), rtt_ms=500), 1),
    ("muted_by_system", "muted for good", _local((10, "mute", {})), 1),
    ("muted_by_system", "for 2 s", _local((10, "mute", {}), (12, "unmute", {})), 0),
    ("muted_by_system", "for 3 s", _local((10, "mute", {}), (13, "unmute", {})), 1),
    ("muted_by_system", "a remote track", _local((10, "mute", {}), direction="inbound"), 0),
    ("muted_by_system", "of a session that is not there", replace(_local((10, "mute", {})), stays=()), 0),
    ("silent_microphone", "told twice", _muted((0, "unmute"), (2, "mute"), (3, "mute")), 0),
    ("device_vanished", "ended by itself", _local((10, "ended", {})), 1),
    ("device_vanished", "stopped by the page", _local((10, "ended", {"check": "readyState"})), 0),
    ("device_vanished", "at the end of the session", _local((60, "ended", {})), 0),
    ("device_vanished", "a remote track", _local((10, "ended", {}), direction="inbound"), 0),
    ("page_vanished", "silent for a minute", _silent(), 1),
    ("page_vanished", "still heard of 40 s ago", _silent(now_s=100), 0),
    ("page_vanished", "it said that it left", _silent(happening(60, "unload", on=None)), 0),
    ("page_vanished", "it closed its connection", _silent(happening(60, STATE, "closed")), 0),
    ("page_vanished", "it removed its connection", _silent(happening(60, "removeConnection")), 0),
    ("page_vanished", "another one stopped the call", _silent(happening(119, "stopConference", on=None)), 1),
    ("page_vanished", "it was never connected", conference(connections=[connection(established=False, end_us=None)], stays=[stay(end_s=None)]), 0),
    ("hidden_tab", "for a minute", _tab((0, True)), 1),
    ("hidden_tab", "shown again after 59 s", _tab((0, True), (59, False)), 0),
    ("hidden_tab", "still hidden", _tab((0, True), end_s=None), 1),
    ("hidden_tab", "never", _tab((5, False)), 0),
    ("rejoin_loop", "three in five minutes", _joins(0, 100, 300), 1),
    ("rejoin_loop", "two", _joins(0, 100), 0),
    ("rejoin_loop", "three, far apart", _joins(0, 200, 400), 0),
    ("high_loss", "8 %", _flow("audio", "inbound", lost=8, expected=100), 1),
    ("high_loss", "exactly 5 %", _flow("audio", "outbound", lost=5, expected=100), 1),
    ("high_loss", "4 %", _flow("audio", "inbound", lost=4, expected=100), 0),
    ("high_loss", "for 4 s", _flow("audio", "inbound", SHORT, lost=8, expected=100), 0),
    ("high_loss", "nothing expected", _flow("audio", "inbound", lost=0, expected=0), 0),
    ("high_jitter", "80 ms", _flow("audio", "inbound", jitter_ms=80), 1),
    ("high_jitter", "video", _flow("video", "inbound", jitter_ms=80), 0),
    ("high_jitter", "30 ms", _flow("audio", "inbound", jitter_ms=29), 0),
    ("low_bitrate", "40 kbit/s", _flow("video", "inbound", **(VIDEO_IN | {"bitrate_bps": 40_000})), 1),
    ("low_bitrate", "a still picture", _flow("video", "inbound", **(VIDEO_IN | {"bitrate_bps": 40_000, "fps": 1})), 0),
    ("low_bitrate", "enough", _flow("video", "inbound", **VIDEO_IN), 0),
    ("frozen_video", "a third of the time", _flow("video", "inbound", **VIDEO_IN, freeze_ratio=0.33), 1),
    ("frozen_video", "packets and no frame", _flow("video", "inbound", **(VIDEO_IN | {"frames": 0})), 1),
    ("frozen_video", "nothing comes", _flow("video", "inbound", packets=0, frames=0), 0),
    ("frozen_video", "a tenth", _flow("video", "inbound", **VIDEO_IN, freeze_ratio=0.1), 0),
    ("no_frames", "none", _flow("video", "outbound", frames=0, active=True), 1),
    ("no_frames", "switched off", _flow("video", "outbound", frames=0, active=False), 0),
    ("no_frames", "some", _flow("video", "outbound", **VIDEO_OUT), 0),
    ("no_frames", "unknown", _flow("video", "outbound"), 0),
    ("black_video", "200 bits a frame", _flow("video", "outbound", **(VIDEO_OUT | {"bitrate_bps": 3_000})), 1),
    ("black_video", "a picture", _flow("video", "outbound", **VIDEO_OUT), 0),
    ("black_video", "no frame", _flow("video", "outbound", **(VIDEO_OUT | {"frames": 0, "bitrate_bps": 0})), 0),
    ("silent_microphone", "no sound at all", _muted(), 1),
    ("silent_microphone", "muted by the user", _muted((0, "mute")), 0),
    ("silent_microphone", "muted at first", _muted((0, "mute"), (20, "unmute")), 1),
    ("silent_microphone", "too short after the mute", _muted((0, "mute"), (45, "unmute")), 0),
    ("silent_microphone", "a quiet room", _flow("audio", "outbound", audio_level=0.001), 0),
    ("one_way_media", "the other end sends", _pair(100, 0, other_sends=100), 1),
    ("one_way_media", "the other end is silent", _pair(100, 0, other_sends=0), 0),
    ("one_way_media", "the other end is unknown", _pair(100, 0, other_sends=None), 1),
    ("one_way_media", "both ways", _pair(100, 90, other_sends=100), 0),
    ("one_way_media", "neither", _pair(0, 0, other_sends=100), 0),
    ("cpu_limited", "most of the time", _flow("video", "outbound", cpu_limited_ratio=0.8), 1),
    ("cpu_limited", "a browser that tells only the reason", _flow("video", "outbound", limitation="cpu"), 1),
    ("cpu_limited", "a little", _flow("video", "outbound", cpu_limited_ratio=0.2), 0),
    ("bandwidth_limited", "most of the time", _video(bandwidth_limited_ratio=0.8), 1),
    ("bandwidth_limited", "a browser that tells only the reason", _video(limitation="bandwidth"), 1),
    ("bandwidth_limited", "a low estimate", _video(estimate=90_000), 1),
    ("bandwidth_limited", "a good estimate", _video(estimate=900_000), 0),
    ("bandwidth_limited", "said, with plenty of bandwidth", _video(estimate=4_000_000, target_bps=1_700_000, bandwidth_limited_ratio=1), 0),
    ("bandwidth_limited", "said, with hardly enough", _video(estimate=1_800_000, target_bps=1_700_000, bandwidth_limited_ratio=1), 1),
    ("bandwidth_limited", "no video", _link(available_bps=90_000), 0),
    ("bandwidth_limited", "video switched off", _video(estimate=90_000, active=False), 0),
    ("bandwidth_limited", "at the beginning only", _video((0, 2, 4, 6, 8, 10), bandwidth_limited_ratio=1), 0),
    ("bandwidth_limited", "later", _video(SETTLED, bandwidth_limited_ratio=1), 1),
    ("bandwidth_limited", "no limit", _video(limitation="none"), 0),
]  # fmt: skip


@pytest.mark.parametrize(("code", "case", "observed", "count"), CASES, ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_rule(code: str, case: str, observed: ObservedConference, count: int) -> None:
    found = [one for one in detect(observed, LIMITS) if one.rule.code == code]

    assert len(found) == count, case


def test_every_rule_has_a_positive_and_a_negative_case() -> None:
    for rule in RULES:
        counts = {count > 0 for code, _, _, count in CASES if code == rule.code}
        assert counts == {True, False}, rule.code


def test_rules_are_found_by_their_code() -> None:
    assert rule_of("high_loss") in RULES
    assert rule_of("tcp_used") is None


def test_rules_are_described() -> None:
    for rule in RULES:
        assert rule.type in ("warning", "error")
        assert len(rule.title) <= 60, rule.code
        assert len(rule.code) <= 32
        assert rule.explanation.endswith(".")
        assert rule.source.endswith(".")
        assert all(hasattr(LIMITS, name) for name in rule.limits)


def test_spells_of_one_thing_are_one_finding() -> None:
    muted = _local((5, "mute", {}), (10, "unmute", {}), (20, "mute", {}), (24, "unmute", {}))

    (found,) = detect(muted, LIMITS)

    assert (found.start_us, found.end_us, found.count) == (us(5), us(24), 2)
    assert found.data == {"seconds": 9.0, "spells": 2, "worst": 5.0, "unit": "s", "kind": "audio"}
    assert found.events == (uid("mute 5 alice"), uid("mute 20 alice"))


def test_a_finding_is_open_while_its_connection_still_shows_it() -> None:
    parts = intervals(EVERY_2_S, link={"rtt_ms": 700})
    one = connection(intervals=parts, end_us=None, state="connected", last_us=us(58))

    (running,) = detect(conference(connections=[one], now_s=60, ongoing=True), LIMITS)
    (forgotten,) = detect(conference(connections=[one], now_s=120, ongoing=True), LIMITS)

    assert running.end_us is None
    assert running.data["seconds"] == 60
    assert forgotten.end_us == us(58)


def test_a_finding_closes_when_the_figure_is_good_again() -> None:
    bad, good = intervals(EVERY_2_S, link={"rtt_ms": 700}), intervals((58, 60, 80), link={"rtt_ms": 20})  # fmt: skip
    one = connection(intervals=(*bad, *good), end_us=None, state="connected", last_us=us(80))

    (found,) = detect(conference(connections=[one], now_s=81, ongoing=True), LIMITS)

    assert found.end_us == us(58)


def test_evidence_is_the_reports_at_both_ends() -> None:
    (found,) = detect(_link(rtt_ms=500), LIMITS)

    assert found.events == (uid(f"report {us(0)} alice>bob"), uid(f"report {us(58)} alice>bob"))


def test_short_returns_to_normal_do_not_end_a_spell() -> None:
    bad, again = intervals(range(0, 12, 2), link={"rtt_ms": 500}), intervals(range(16, 40, 2), link={"rtt_ms": 900})  # fmt: skip
    good = intervals((10, 16), link={"rtt_ms": 50})

    (found,) = detect(conference(connections=[connection(intervals=(*bad, *good, *again))]), LIMITS)

    assert (found.count, found.data["worst"]) == (1, 900)


def test_limits_can_be_set() -> None:
    strict = Limits(rtt_ms=100.0)

    assert [one.rule.code for one in detect(_link(rtt_ms=150), strict)] == ["high_rtt"]
    assert detect(_link(rtt_ms=150), LIMITS) == []
