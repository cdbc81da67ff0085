"""Stored reports read again: any field may be missing or of another type."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from signalbox.monitoring.rules.readings import LinkReading, Reading
from signalbox.monitoring.wire import decode_reading

TRACK = UUID(int=7)


def read(data: Any, **kept: Any) -> Reading:
    return decode_reading(json.dumps(data).encode(), at_us=5, **kept)


def test_units_are_ours() -> None:
    report = {"id": "i", "timestamp": 1.5, "jitter": 0.004, "jitterBufferDelay": 2, "totalFreezesDuration": 0.25, "totalDecodeTime": 3}  # fmt: skip
    pair = {"id": "p", "currentRoundTripTime": 0.05, "local": {"candidateType": "relay"}}
    found = read({"video": {"inbound": [report]}, "connection": pair}, time_taken_ms=3)

    (flow,) = found.flows
    assert (found.at_us, found.time_taken_ms, flow.stamp_ms) == (5, 3, 1.5)
    assert (flow.jitter_ms, flow.buffer_ms, flow.freeze_ms, flow.coding_ms) == (4, 2000, 250, 3000)
    assert found.link == LinkReading(pair="p", rtt_ms=50, local_type="relay")


def test_tracks_belong_to_flows_by_place() -> None:
    data = {
        "video": {"outbound": [{"id": "c"}], "inbound": []},
        "audio": {"inbound": [{"id": "a"}, 3], "outbound": [{"id": "b"}]},
    }
    found = read(data, tracks=[None, TRACK])

    assert [(flow.key, flow.track) for flow in found.flows] == [
        ("a", None),
        ("b", TRACK),
        ("c", None),
    ]


def test_what_the_other_end_tells_belongs_to_the_flow_that_it_names() -> None:
    data = {
        "audio": {"inbound": [{"id": "i"}], "outbound": [{"id": "o"}, {"ssrc": 7}]},
        "remote": {
            "audio": {
                "inbound": [{"localId": "x"}, {"localId": "o", "packetsLost": 3, "roundTripTime": 0.02, "packetsReceived": 8}],
                "outbound": [{"localId": "i", "packetsSent": 9, "packetsReceived": 1}],
            }
        },
    }  # fmt: skip
    heard, spoken, other = read(data).flows

    assert heard.remote is not None
    assert heard.remote.packets == 9
    assert spoken.remote is not None
    assert (spoken.remote.packets_lost, spoken.remote.rtt_ms, spoken.remote.packets) == (3, 20, 8)
    assert (other.key, other.remote) == ("7", None)


def test_old_browsers_keep_some_fields_in_the_track() -> None:
    source = {"concealedSamples": 4, "audioLevel": 0.5, "frameWidth": 9}
    data = {"audio": {"inbound": [{"id": "i", "track": source}], "outbound": [{"id": "o", "track": source}]}}  # fmt: skip
    heard, spoken = read(data).flows

    assert (heard.samples_concealed, heard.audio_level, heard.width) == (4, 0.5, 9)
    assert (spoken.samples_concealed, spoken.audio_level, spoken.width) == (None, 0.5, None)


def test_how_long_an_encoder_was_limited() -> None:
    durations = {"none": 1, "cpu": 2, "bandwidth": "x"}
    report = {"id": "o", "qualityLimitationDurations": durations, "qualityLimitationReason": "cpu", "mimeType": "video/VP8", "active": True}  # fmt: skip
    (flow,) = read({"video": {"outbound": [report]}}).flows

    assert (flow.limited_none_ms, flow.limited_cpu_ms, flow.limited_bandwidth_ms) == (1000, 2000, None)  # fmt: skip
    assert (flow.limitation, flow.codec, flow.active) == ("cpu", "VP8", True)


@pytest.mark.parametrize("value", ["5", True, None, [], {}, 10**400])
def test_a_field_of_another_type_counts_as_absent(value: Any) -> None:
    data = {"audio": {"inbound": [{"id": value, "packetsReceived": value, "mimeType": value}]}}
    (flow,) = read(data).flows

    assert flow.packets is None
    assert flow.codec in (None, "5")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"3",
        b"null",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b'{"audio":3,"connection":[],"remote":"x"}',
        b'{"audio":{"inbound":{"a":1}}}',
    ],
)
def test_what_cannot_be_read_has_no_figures(content: bytes) -> None:
    assert decode_reading(content, at_us=5) == Reading(at_us=5)


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbf{"audio":{"inbound":[{"id":"i"}]}}',
        b'{"x":"\\ud800","audio":{"inbound":[{"id":"i"}]}}',
    ],
)
def test_what_only_the_lenient_reader_takes_is_read(content: bytes) -> None:
    assert [flow.key for flow in decode_reading(content, at_us=5).flows] == ["i"]


def test_before_a_pair_there_is_none() -> None:
    early = {"connection": {"inbound": [], "outbound": [], "dataChannelsOpened": 0}}

    assert read(early).link is None
