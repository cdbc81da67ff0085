"""Figures of the time between two reports: worked out by hand, and from reports that a browser has sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbox.monitoring.rules.intervals import FlowInterval, LinkInterval, intervals
from signalbox.monitoring.rules.readings import FlowReading, LinkReading, Reading, RemoteReading
from signalbox.monitoring.wire import decode_reading, thinned_reading
from tests.monitoring.replay import trace

TRACK = UUID(int=7)


def audio(**fields: Any) -> FlowReading:
    return FlowReading(kind="audio", direction="inbound", key="a", **fields)


def video(**fields: Any) -> FlowReading:
    return FlowReading(kind="video", direction="inbound", key="v", **fields)


def sent(**fields: Any) -> FlowReading:
    return FlowReading(kind="video", direction="outbound", key="s", **fields)


def flow(before: FlowReading, after: FlowReading, *, s: float = 10.0) -> FlowInterval:
    """The one flow of the interval between two reports `s` seconds apart, by the client's clock as by ours."""
    readings = [
        Reading(at_us=0, flows=(replace(before, stamp_ms=0.0),)),
        Reading(at_us=int(s * 1_000_000), flows=(replace(after, stamp_ms=s * 1000),)),
    ]
    ((found,),) = [interval.flows for interval in intervals(readings)]
    return found


def link(before: LinkReading, after: LinkReading, *, s: float = 10.0) -> LinkInterval:
    readings = [Reading(at_us=0, link=before), Reading(at_us=int(s * 1_000_000), link=after)]
    (found,) = [interval.link for interval in intervals(readings)]
    assert found is not None
    return found


def test_an_inbound_audio_flow() -> None:
    found = flow(
        audio(packets=100, octets=10_000, packets_lost=5, samples=48_000, samples_concealed=100,
              samples_concealed_silent=50, buffer_ms=1_000, buffer_emitted=20_000, audio_energy=1.0, audio_s=10.0),
        audio(packets=580, octets=60_000, packets_lost=25, samples=528_000, samples_concealed=9_700,
              samples_concealed_silent=2_450, buffer_ms=25_000, buffer_emitted=500_000, audio_energy=1.4, audio_s=20.0,
              jitter_ms=4.0, codec="opus"),
    )  # fmt: skip

    assert found.seconds == 10
    assert found.bitrate_bps == 40_000  # 50 000 bytes in 10 s
    assert (found.packets, found.lost, found.expected) == (480, 20, 500)
    assert found.loss_ratio == 0.04
    assert (found.samples, found.concealed) == (480_000, 9_600)
    assert found.concealment_ratio == 0.02
    assert found.silent_concealment_ratio == 0.005
    assert found.buffer_ms == 0.05  # 24 000 ms by 480 000 samples
    assert found.audio_level == pytest.approx(0.2)  # the root of 0.4 / 10
    assert (found.jitter_ms, found.codec, found.quiet) == (4.0, "opus", False)
    assert found.emos == 3.42  # R = 100 - 33.04 (40 kbit/s, 4 % lost) - 0.60 (20.05 ms)
    assert found.fps is None


def test_an_inbound_video_flow() -> None:
    found = flow(
        video(frames_coded=100, frames_passed=105, frames_dropped=5, freezes=1, freeze_ms=400, pauses=0,
              pause_ms=0, coding_ms=300, qp_sum=1_000, key_frames=1, nacks=3, plis=1, firs=0),
        video(frames_coded=300, frames_passed=310, frames_dropped=10, freezes=3, freeze_ms=2_400, pauses=1,
              pause_ms=500, coding_ms=900, qp_sum=5_000, key_frames=2, nacks=7, plis=2, firs=1, width=640, height=360),
    )  # fmt: skip

    assert (found.frames, found.frames_passed, found.frames_dropped) == (200, 205, 5)
    assert found.fps == 20
    assert (found.freeze_count, found.freeze_ms, found.freeze_ratio) == (2, 2_000, 0.2)
    assert (found.pause_count, found.pause_ms) == (1, 500)
    assert (found.decode_ms, found.encode_ms, found.qp) == (3, None, 20)
    assert (found.nacks, found.plis, found.firs, found.key_frames) == (4, 1, 1, 1)
    assert (found.width, found.height) == (640, 360)


def test_an_outbound_video_flow() -> None:
    found = flow(
        sent(packets=1_000, octets=0, coding_ms=0, frames_coded=0, limited_none_ms=5_000, limited_cpu_ms=0,
             limited_bandwidth_ms=0, limited_other_ms=0, resolution_changes=0,
             remote=RemoteReading(stamp_ms=1_000, packets_lost=10, rtt_total_ms=100, rtt_measurements=2)),
        sent(packets=2_000, octets=1_250_000, coding_ms=1_500, frames_coded=300, limited_none_ms=9_000, limited_cpu_ms=1_000,
             limited_bandwidth_ms=5_000, limited_other_ms=0, resolution_changes=2, limitation="bandwidth", target_bps=900_000,
             remote=RemoteReading(stamp_ms=6_000, packets_lost=35, rtt_total_ms=400, rtt_measurements=7, jitter_ms=8.0, rtt_ms=90)),
    )  # fmt: skip

    assert found.bitrate_bps == 1_000_000
    assert found.target_bps == 900_000
    assert (found.encode_ms, found.decode_ms) == (5, None)
    assert found.lost == 25
    assert found.expected == 500  # 1 000 sent in 10 s; the receiver's reports cover 5 s
    assert found.loss_ratio == 0.05
    assert (found.jitter_ms, found.rtt_ms) == (8.0, 60)  # 300 ms in 5 measurements
    assert (found.limitation, found.resolution_changes) == ("bandwidth", 2)
    assert (found.limited_ratio, found.cpu_limited_ratio, found.bandwidth_limited_ratio) == (
        0.6,
        0.1,
        0.5,
    )


def test_a_receiver_that_tells_what_it_got_is_believed() -> None:
    found = flow(
        sent(packets=0, remote=RemoteReading(stamp_ms=0, packets=0, packets_lost=0)),
        sent(packets=900, remote=RemoteReading(stamp_ms=9_000, packets=380, packets_lost=20)),
    )

    assert (found.lost, found.expected, found.loss_ratio) == (20, 400, 0.05)


def test_without_a_new_report_of_the_receiver_loss_jitter_and_rtt_are_unknown() -> None:
    old = RemoteReading(stamp_ms=500, packets_lost=1, jitter_ms=3, rtt_ms=20)
    found = flow(sent(packets=0, remote=old), sent(packets=9, remote=old))

    assert (found.lost, found.loss_ratio, found.jitter_ms, found.rtt_ms) == (None, None, None, None)


def test_a_report_of_the_receiver_without_stamps_counts_as_new() -> None:
    found = flow(
        sent(packets=0, remote=RemoteReading(packets_lost=0)),
        sent(packets=90, remote=RemoteReading(packets_lost=10, rtt_ms=20)),
    )

    assert found.loss_ratio == pytest.approx(1 / 9)
    assert found.rtt_ms == 20


def test_a_report_of_the_receiver_without_loss_tells_none() -> None:
    found = flow(
        sent(packets=0, remote=RemoteReading(stamp_ms=0)),
        sent(packets=90, remote=RemoteReading(stamp_ms=1_000, jitter_ms=2)),
    )

    assert (found.lost, found.expected, found.jitter_ms) == (None, None, 2)


def test_the_first_report_of_the_receiver_tells_no_loss_yet() -> None:
    found = flow(sent(packets=0), sent(packets=9, remote=RemoteReading(packets_lost=4)))

    assert (found.lost, found.expected) == (None, None)


def test_the_first_round_trip_of_a_sender_counts_and_repeated_ones_do_not() -> None:
    first = RemoteReading(stamp_ms=1, rtt_ms=30, rtt_total_ms=30, rtt_measurements=1)
    assert flow(audio(), audio(remote=first)).rtt_ms == 30

    later = replace(first, stamp_ms=2)
    assert flow(audio(remote=first), audio(remote=later)).rtt_ms is None


def test_late_duplicates_are_not_negative_loss() -> None:
    found = flow(audio(packets=100, packets_lost=5), audio(packets=150, packets_lost=3))

    assert (found.lost, found.loss_ratio) == (0, 0)


def test_a_counter_that_falls_was_started_anew() -> None:
    readings = [
        Reading(at_us=0, flows=(audio(stamp_ms=0.0, packets=100),)),
        Reading(at_us=1_000_000, flows=(audio(stamp_ms=1_000.0, packets=3),)),
        Reading(at_us=2_000_000, flows=(audio(stamp_ms=2_000.0, packets=13),)),
    ]

    assert [[f.packets for f in i.flows] for i in intervals(readings)] == [[], [10]]


def test_what_is_not_reported_is_unknown_and_not_zero() -> None:
    found = flow(audio(), audio())

    unknown = {name for name in FlowInterval.__slots__ if getattr(found, name) is None}
    assert unknown == set(FlowInterval.__slots__) - {
        "start_us",
        "end_us",
        "seconds",
        "key",
        "kind",
        "direction",
        "quiet",
    }


def test_a_muted_source_has_no_concealment_and_no_score() -> None:
    found = flow(
        audio(packets=0, octets=0, packets_lost=0, samples=0, samples_concealed=0),
        audio(packets=25, octets=250, packets_lost=0, samples=480_000, samples_concealed=400_000),
    )

    assert found.quiet
    assert (found.concealment_ratio, found.emos, found.samples) == (None, None, None)
    assert found.loss_ratio == 0


def test_where_nothing_arrives_and_nothing_is_lost_ratios_are_unknown() -> None:
    before = audio(packets=10, octets=100, packets_lost=0, samples=0, samples_concealed=0)
    found = flow(before, replace(before, samples=480_000, samples_concealed=480_000))

    assert (found.packets, found.bitrate_bps) == (0, 0)
    assert (found.loss_ratio, found.concealment_ratio, found.jitter_ms) == (None, None, None)


def test_without_counters_the_latest_values_serve() -> None:
    shown = flow(video(), video(frames_per_s=24.0))
    assert shown.fps == 24

    passed = flow(video(frames_passed=0), video(frames_passed=100))
    assert passed.fps == 10

    assert flow(audio(), audio(audio_level=0.3)).audio_level == 0.3


def test_a_flow_that_only_one_report_has_is_left_out() -> None:
    readings = [
        Reading(at_us=0, flows=(audio(),)),
        Reading(at_us=1_000_000, flows=(video(), FlowReading(kind="audio", direction="inbound"))),
    ]

    assert [interval.flows for interval in intervals(readings)] == [()]


def test_the_clients_clock_tells_how_long_an_interval_lasted() -> None:
    readings = [
        Reading(at_us=0, flows=(audio(stamp_ms=1_000.0, octets=0),)),
        Reading(at_us=11_500_000, flows=(audio(stamp_ms=11_000.0, octets=1_000),)),
    ]
    (interval,) = intervals(readings)

    assert (interval.start_us, interval.end_us) == (0, 11_500_000)
    assert (interval.flows[0].seconds, interval.flows[0].bitrate_bps) == (10, 800)


def test_without_stamps_ours_serves() -> None:
    readings = [
        Reading(at_us=0, flows=(audio(octets=0),)),
        Reading(at_us=4_000_000, flows=(audio(octets=1_000),)),
    ]

    assert intervals(readings)[0].flows[0].bitrate_bps == 2_000


@pytest.mark.parametrize(
    ("at_s", "stamp_s", "why"),
    [
        (181, 10, "too long by our clock"),
        (10, 181, "too long by the client's"),
        (10, 0, "no time has passed"),
        (10, -5, "the client's clock went back"),
    ],
)
def test_such_a_gap_is_no_interval(at_s: int, stamp_s: int, why: str) -> None:
    readings = [
        Reading(at_us=0, flows=(audio(stamp_ms=0.0),), link=LinkReading(stamp_ms=0.0)),
        Reading(
            at_us=at_s * 1_000_000,
            flows=(audio(stamp_ms=stamp_s * 1000.0),),
            link=LinkReading(stamp_ms=stamp_s * 1000.0),
        ),
    ]

    assert all(not i.flows and i.link is None for i in intervals(readings)), why


def test_a_connection() -> None:
    found = link(
        LinkReading(pair="p", octets_sent=0, octets_received=0, packets_sent=0, packets_received=0, rtt_total_ms=100, responses=4),
        LinkReading(pair="p", octets_sent=125_000, octets_received=250_000, packets_sent=100, packets_received=200,
                    rtt_total_ms=350, responses=9, rtt_ms=99, available_bps=2e6, local_type="relay", remote_type="host",
                    protocol="udp", relay_protocol="tls", network_type="wifi"),
    )  # fmt: skip

    assert (found.sent_bps, found.received_bps) == (100_000, 200_000)
    assert (found.packets_sent, found.packets_received) == (100, 200)
    assert found.rtt_ms == 50  # 250 ms in 5 answers
    assert (found.available_bps, found.pair_changed) == (2e6, False)
    ends = (found.local_type, found.remote_type, found.protocol)
    assert (*ends, found.relay_protocol, found.network_type) == (
        "relay",
        "host",
        "udp",
        "tls",
        "wifi",
    )


def test_another_pair_has_counters_of_its_own() -> None:
    found = link(
        LinkReading(pair="p", octets_sent=0, octets_received=0, rtt_total_ms=0, responses=0),
        LinkReading(
            pair="q", octets_sent=9, octets_received=9, rtt_total_ms=9, responses=1, rtt_ms=7
        ),
    )

    assert found.pair_changed
    assert (found.sent_bps, found.received_bps, found.rtt_ms) == (None, None, 7)


def test_a_pair_that_appears_has_no_rates_yet() -> None:
    readings = [Reading(at_us=0), Reading(at_us=1_000_000, link=LinkReading(octets_sent=9))]
    (interval,) = intervals(readings)

    assert interval.link is not None
    assert (interval.link.sent_bps, interval.link.pair_changed) == (None, False)


def test_thinned_reports_are_told_by_place_and_track() -> None:
    row = {"flows": [0, 1], "tracks": [TRACK, None], "packets": [150, 70], "bytes": [9_000, 700], "lost": [10, None],
           "jitter_ms": [3.0, None], "rtt_ms": 40.0, "available_bps": 1e6, "time_taken_ms": 2.0}  # fmt: skip
    full = Reading(
        at_us=0,
        flows=(
            audio(track=TRACK, packets=60, packets_lost=0, stamp_ms=0.0),
            FlowReading(kind="audio", direction="outbound", key="o", packets=20),
        ),
    )
    thinned = thinned_reading(row, at_us=10_000_000)
    more = thinned_reading(row | {"packets": [250, 90]}, at_us=20_000_000)
    first, second = intervals([full, thinned, more])

    assert [(f.key, f.packets, f.loss_ratio) for f in first.flows] == [
        ("a", 90, 0.1),
        ("o", 50, None),
    ]
    assert [(f.key, f.packets) for f in second.flows] == [("#0", 100), ("#1", 20)]
    assert second.link is not None
    assert (second.link.rtt_ms, second.link.available_bps) == (40, 1e6)


def test_thinned_reports_of_other_flows_do_not_fit() -> None:
    row = {"flows": [0], "tracks": [None], "packets": [1], "bytes": [1], "lost": [0], "jitter_ms": [0.0],
           "rtt_ms": None, "available_bps": None, "time_taken_ms": None}  # fmt: skip
    readings = [Reading(at_us=0, flows=(audio(track=TRACK),)), thinned_reading(row, at_us=1)]

    assert [interval.flows for interval in intervals(readings)] == [()]


def recorded(name: str) -> dict[str, list[Reading]]:
    """Readings of a recorded trace, by connection."""
    found: dict[str, list[Reading]] = {}
    for request in trace(name):
        if request.method == "POST" and request.path.endswith("/stats"):
            body = json.loads(request.body)
            content = json.dumps(body["data"]).encode()
            taken = body.get("timeTaken")
            reading = decode_reading(content, at_us=int(request.at_ms * 1000), time_taken_ms=taken)
            found.setdefault(body["connectionId"], []).append(reading)
    return found


def test_a_recorded_interval_by_hand() -> None:
    """The third and fourth report of the first connection of `p2p`, with the numbers as they stand there."""
    readings = next(iter(recorded("p2p").values()))
    interval = intervals(readings)[2]
    flows = {(f.kind, f.direction): f for f in interval.flows}

    assert interval.link is not None
    seconds = (1795203165195.989 - 1795203163195.897) / 1000
    assert interval.link.seconds == pytest.approx(seconds)
    heard = flows["audio", "inbound"]
    assert heard.bitrate_bps == pytest.approx(25226.839048056503)  # as the SDK worked it out itself
    assert heard.key == "IT01A3784162304"
    assert heard.codec == "opus"
    seen = flows["video", "inbound"]
    assert seen.bitrate_bps == pytest.approx(493061.309068174)
    assert (seen.width, seen.height, seen.freeze_count, seen.codec) == (640, 480, 0, "VP8")
    assert seen.fps is not None
    assert 18 < seen.fps < 22
    shown = flows["video", "outbound"]
    assert shown.limited_ratio == 0
    assert shown.limitation == "none"
    assert interval.link.available_bps == 3_682_000
    assert (interval.link.protocol, interval.link.network_type) == ("udp", "ethernet")


NAMES = ["p2p", "relay", "two-participants", "janus", "gum-denied", "ice-fail", "endcall", "killed"]


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_recorded_calls_are_possible(name: str) -> None:
    found = [
        flow
        for readings in recorded(name).values()
        for i in intervals(readings)
        for flow in i.flows
    ]

    if name != "gum-denied":  # which sends and receives nothing
        assert found
    for flow in found:
        for ratio in (
            "loss_ratio",
            "concealment_ratio",
            "freeze_ratio",
            "limited_ratio",
            "audio_level",
        ):
            value = getattr(flow, ratio)
            assert value is None or 0 <= value <= 1
        assert flow.bitrate_bps is not None
        assert 0 <= flow.bitrate_bps < 10_000_000
        assert flow.fps is None or 0 <= flow.fps <= 61


def test_a_call_over_a_relay_says_so() -> None:
    links = [i.link for readings in recorded("relay").values() for i in intervals(readings)]

    assert {link.local_type for link in links if link} == {"relay"}


def test_what_fails_has_no_pair() -> None:
    found = [i for readings in recorded("ice-fail").values() for i in intervals(readings)]

    assert found
    assert all(interval.link is None for interval in found)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_the_order_of_arrival_does_not_matter_and_parts_are_equal_to_the_whole(
    data: st.DataObject,
) -> None:
    readings = next(iter(recorded("two-participants").values()))
    shuffled = data.draw(st.permutations(readings))
    first = data.draw(st.integers(0, len(readings) - 2))
    last = data.draw(st.integers(first + 1, len(readings) - 1))
    whole = intervals(shuffled)

    assert intervals(shuffled[::-1]) == whole
    assert intervals(readings[first : last + 1]) == whole[first:last]
