"""Dumps of chrome://webrtc-internals: columns become reports again, and every part may be missing or of another kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from signalbox.monitoring.rules.traces.internals import events_of_dump
from signalbox.monitoring.rules.traces.rtcstats import BadTraceLine, TraceEvent

AT_MS = 1_772_442_000_000.0
SPAN = {"startTime": "2026-03-02T09:00:00.000Z", "endTime": "2026-03-02T09:00:02.000Z"}


def dump(connection: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    return {"PeerConnections": {} if connection is None else {"1-1": connection}} | parts


def column(values: Any, kind: str = "inbound-rtp", **more: Any) -> dict[str, Any]:
    """As dumps write it: the values are JSON in a string."""
    return SPAN | {"statsType": kind, "values": json.dumps(values)} | more


def polls(stats: Any) -> list[tuple[float, dict[str, Any]]]:
    """Time after the beginning in ms, and reports."""
    log = [{"timestamp": AT_MS, "type": "x"}]
    events = events_of_dump(dump({"updateLog": log, "stats": stats}))
    return [(event.at_ms - AT_MS, event.value) for event in events if event.method == "getStats"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "PeerConnections is missing"),
        ({"PeerConnections": []}, "PeerConnections is missing"),
        ({"PeerConnections": {"a": 7}}, r"PeerConnections\.a is no object"),
        ({"PeerConnections": {}}, "it holds no event"),
        ({"PeerConnections": {"a": {}}}, "it holds no event"),
        ({"PeerConnections": {"a": {"updateLog": 5, "stats": 5}}}, "it holds no event"),
        (dump({"updateLog": [{"time": "3/2/2026, 9:00:00 AM", "type": "x"}]}), "is no instant"),
        (dump({"updateLog": [{"timestamp": True, "type": "x"}]}), "is no instant"),
        (dump({"stats": {"a-x": {"values": "[1]"}}}), "is no instant"),
    ],
)
def test_what_is_no_dump_is_refused_by_its_part(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadTraceLine, match=reason):
        events_of_dump(given)


def test_events_are_told_in_order_of_time_behind_the_page_and_the_configuration() -> None:
    log = [
        {"timestamp": AT_MS + 9, "type": "oniceconnectionstatechange", "value": '"connected"'},
        {"time": "2026-03-02T09:00:00.004+00:00", "type": "ontrack", "value": "audio:a"},
        "no entry",
        {"timestamp": AT_MS + 10, "type": "close", "value": ""},
        {"timestamp": AT_MS + 11, "type": "x", "value": 7},
    ]
    page = {"UserAgent": "agent", "UserAgentData": {"platform": "Linux"}}
    told = events_of_dump(
        dump({"updateLog": log, "rtcConfiguration": '{"bundlePolicy":"balanced"}'}, **page)
    )

    assert told == [
        TraceEvent(AT_MS + 4, "create", None, {"userAgentData": {"platform": "Linux"}, "userAgent": "agent"}),
        TraceEvent(AT_MS + 4, "create", "1-1", {"bundlePolicy": "balanced"}),
        TraceEvent(AT_MS + 4, "ontrack", "1-1", "audio:a"),
        TraceEvent(AT_MS + 9, "oniceconnectionstatechange", "1-1", "connected"),
        TraceEvent(AT_MS + 10, "close", "1-1", None),
        TraceEvent(AT_MS + 11, "x", "1-1", 7),
    ]  # fmt: skip


def test_columns_become_reports() -> None:
    told = polls(
        {
            "IT-timestamp": column([AT_MS, AT_MS + 1000, "no time"]),
            "IT-packetsReceived": column([5, 15]),
            "IT-jitter": column([0.1]),  # came later: its values are the last ones
            "IT-id": column(["other", "other"]),
            "IT-[bitrate]": column([1, 2]),
            "[IT]-x": column([1, 2]),
            "nodash": column([1]),
            "-x": 5,
            "IT-broken": column(0) | {"values": "[1,"},
            "IT-none": SPAN,
        }
    )

    row = {"id": "IT", "type": "inbound-rtp"}
    assert told == [
        (0, {"IT": row | {"timestamp": AT_MS, "packetsReceived": 5}}),
        (1000, {"IT": row | {"timestamp": AT_MS + 1000, "packetsReceived": 15, "jitter": 0.1}}),
    ]


def test_reports_of_one_poll_belong_together() -> None:
    told = polls(
        {
            "A-timestamp": column([AT_MS, AT_MS + 1000]),
            "B-timestamp": column([AT_MS + 300, AT_MS + 1401]),
        }
    )

    assert [(at_ms, sorted(reports)) for at_ms, reports in told] == [
        (0, ["A", "B"]),
        (1000, ["A"]),
        (1401, ["B"]),
    ]


def test_what_the_other_end_told_is_kept_until_it_tells_more() -> None:
    told = polls(
        {
            "A-timestamp": column([AT_MS, AT_MS + 1000, AT_MS + 2000, AT_MS + 3000]),
            "R-timestamp": column([AT_MS + 700, AT_MS + 2100], "remote-inbound-rtp"),
        }
    )

    assert [reports.get("R", {}).get("timestamp") for _, reports in told] == [
        None,
        AT_MS + 700,
        AT_MS + 2100,
        AT_MS + 2100,
    ]


def test_old_columns_without_timestamps_are_spread_over_their_time() -> None:
    told = polls({"P-x": column([1, 2, 3]), "P-y": column([9])})

    assert [(at_ms, r["P"].get("x"), r["P"].get("y")) for at_ms, r in told] == [
        (0, 1, None),
        (1000, 2, None),
        (2000, 3, 9),
    ]
    assert [at_ms for at_ms, _ in polls({"P-x": column([1])})] == [0]
    assert polls({"P-x": column([])}) == []


@pytest.mark.parametrize("nested", ["[" * 100_000, "{", ""])
def test_values_that_cannot_be_read_are_no_column(nested: str) -> None:
    assert polls({"P-x": SPAN | {"values": nested}}) == []


def media(*requests: Any) -> list[tuple[str, Any]]:
    told = events_of_dump(dump(getUserMedia=[{"timestamp": AT_MS, "audio": ""}, *requests]))
    return [(event.method.removeprefix("navigator.mediaDevices."), event.value) for event in told[2:]]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"audio": "", "video": '{"width":1280}'}, ("getUserMedia", {"audio": True, "video": {"width": 1280}})),
        ({"request_type": "getDisplayMedia", "video": ""}, ("getDisplayMedia", {"video": True})),
        ({"error": "NotAllowedError", "error_message": "no"}, ("getUserMediaOnFailure", "NotAllowedError: no")),
        ({"error": "AbortError"}, ("getUserMediaOnFailure", "AbortError: ")),
        (
            {"stream_id": "s", "audio_track_info": '{"id":"a","label":"Mic"}', "video_track_info": ""},
            ("getUserMediaOnSuccess", [{"kind": "audio", "id": "a", "label": "Mic"}]),
        ),
        ({"stream_id": "s"}, ("getUserMediaOnSuccess", [])),
    ],
)  # fmt: skip
def test_requests_for_media(request_: dict[str, Any], told: tuple[str, Any]) -> None:
    assert media(request_ | {"timestamp": AT_MS + 1}) == [told]


def test_requests_without_time_and_other_things_are_passed_over() -> None:
    assert media("none", {"audio": ""}) == []
    with pytest.raises(BadTraceLine, match="no event"):
        events_of_dump(dump(getUserMedia={"timestamp": AT_MS}))
