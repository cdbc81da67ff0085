"""A trace is told again as posts of the SDK: what every line becomes, and in what shape stats are given."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from signalbox.monitoring.rules.traces.rtcstats import TraceEvent
from signalbox.monitoring.rules.traces.shape import shaped
from signalbox.monitoring.rules.traces.story import (
    Step,
    Story,
    StoryState,
    platform_of,
    track_of,
)

MEDIA = "navigator.mediaDevices."
Line = tuple[str, Any]


def tell(
    *lines: Line, on: str | None = "PC_0", story: Story | None = None, begun: bool = True
) -> list[Step]:
    """What the SDK would have posted for lines of one connection, or of the page, that has begun."""
    teller = story or Story()
    if on is not None and begun:
        teller.steps(TraceEvent(0, "create", on, None))
    events = [TraceEvent(number, what, on, value) for number, (what, value) in enumerate(lines, 1)]
    return [step for event in events for step in teller.steps(event)]


def posts(steps: list[Step]) -> list[tuple[str, Any]]:
    return [(step.body["eventName"], step.body["data"]) for step in steps]


def on_page(*lines: Line, story: Story | None = None) -> list[tuple[str, dict[str, Any]]]:
    return [(step.route, step.body) for step in tell(*lines, on=None, story=story)]


# --- connections ------------------------------------------------------------------------------------


def test_a_connection_is_added_with_its_configuration() -> None:
    config = {"iceTransportPolicy": "all"}

    told = tell(("create", config), begun=False)

    assert told == [
        Step(1, "add", {"connectionState": "new"}, "PC_0"),
        Step(1, "connection", {"eventName": "peerDetails", "data": {"peerConfiguration": config}}, "PC_0"),
    ]  # fmt: skip
    assert [step.route for step in tell(("create", "none"), begun=False)] == ["add"]


def test_a_trace_that_begins_late_adds_its_connections_when_they_are_named() -> None:
    told = tell(("onnegotiationneeded", None), ("onnegotiationneeded", None), begun=False)

    assert [step.route for step in told] == ["add", "connection", "connection"]


@pytest.mark.parametrize("line", ["close", "remove", "getStats"])
def test_what_is_told_of_a_connection_that_is_over_is_dropped(line: str) -> None:
    assert tell((line, {}), begun=False) == []


@pytest.mark.parametrize("line", ["close", "remove"])
def test_a_connection_that_is_closed_is_removed(line: str) -> None:
    told = tell((line, None), ("getStats", {}))

    assert posts(told) == [("removeConnection", None)]


def test_a_connection_that_is_made_anew_is_another_one() -> None:
    story = Story()
    tell(("setLocalDescription", {"type": "offer", "sdp": "v=0\r\n"}), story=story)
    told = tell(("create", None), ("onsignalingstatechange", "stable"), story=story, begun=False)

    assert [step.route for step in told] == ["add", "connection"]
    assert told[1].body["data"]["localDescription"] is None
    assert story.state.open == ["PC_0"]


@pytest.mark.parametrize(
    ("line", "value", "data"),
    [
        ("oniceconnectionstatechange", "checking", "checking"),
        ("onconnectionstatechange", '"connected"', "connected"),
        ("onicegatheringstatechange", "complete", "complete"),
        ("onnegotiationneeded", "anything", None),
        ("ondatachannel", ["label"], None),
        ("onicecandidate", {"candidate": "candidate:1"}, {"candidate": "candidate:1"}),
        ("onicecandidate", "null", None),
        ("onicecandidateerror", {"errorCode": 701}, {"errorCode": 701}),
        ("createOfferOnFailure", '"', '"'),
        ("restartIce", None, None),
    ],
)
def test_lines_of_a_connection_become_its_events(line: str, value: Any, data: Any) -> None:
    assert posts(tell((line, value))) == [(line, data)]


@pytest.mark.parametrize("line", ["createOffer", "addIceCandidate", "websocket", "icecandidate"])
def test_lines_that_say_nothing_new_are_dropped(line: str) -> None:
    assert tell((line, {})) == []
    assert on_page((line, {})) == []


def test_signaling_carries_the_descriptions_in_full() -> None:
    offer, answer = "v=0\r\nm=audio 9\r\n", "v=0\r\nm=audio 7\r\n"
    told = tell(
        ("createOfferOnSuccess", {"type": "offer", "sdp": offer}),
        ("setLocalDescription", {"type": "offer", "sdp": "v=\r\nm=\r\n"}),
        ("setRemoteDescription", {"type": "answer", "sdp": answer}),
        ("onsignalingstatechange", "stable"),
    )

    assert posts(told) == [
        (
            "onsignalingstatechange",
            {
                "signalingState": "stable",
                "localDescription": {"type": "offer", "sdp": offer},
                "remoteDescription": {"type": "answer", "sdp": answer},
            },
        )
    ]


def test_what_holds_no_description_changes_none() -> None:
    told = tell(
        ("createAnswerOnSuccess", None),
        ("setLocalDescriptionOnSuccess", None),
        ("setRemoteDescription", "none"),
        ("onsignalingstatechange", "stable"),
    )

    assert told[0].body["data"] == {
        "signalingState": "stable",
        "localDescription": None,
        "remoteDescription": None,
    }


def test_a_track_of_the_other_end() -> None:
    (step,) = tell(("ontrack", ["audio", "a1", "remote audio"]), ("ontrack", "nothing"))

    data = {"id": "a1", "kind": "audio", "label": "remote audio", "direction": "inbound", "readyState": "live"}  # fmt: skip
    assert step == Step(1, "track", {"event": "ontrack", "trackId": "a1", "data": data}, "PC_0")


def test_a_track_of_the_other_end_is_muted() -> None:
    told = tell(
        ("MediaStreamTrack.onmute", "a1"),
        ("MediaStreamTrack.onunmute", "a1"),
        ("MediaStreamTrack.onmute", ""),
        ("MediaStreamTrack.onmute", 5),
    )

    assert [(step.route, step.body["event"], step.body["trackId"]) for step in told] == [
        ("change", "mute", "a1"),
        ("change", "unmute", "a1"),
    ]


def test_a_story_goes_on_at_another_socket() -> None:
    one = Story()
    on_page((MEDIA + "getUserMediaOnSuccess", [["audio", "mic", "Mic"]]), story=one)
    tell(("setLocalDescription", {"type": "offer", "sdp": "v=0\r\n"}), story=one)
    carried = msgspec.json.decode(msgspec.json.encode(one.state), type=StoryState)

    (step,) = tell(("onsignalingstatechange", "stable"), story=Story(carried), begun=False)

    assert step.body["data"]["localDescription"] == {"type": "offer", "sdp": "v=0\r\n"}


# --- the page ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("create", {"userAgent": "x"}), ("session", {"platform": {"userAgent": "x"}})),
        (("create", None), ("session", {"platform": {}})),
        (("identity", {"user": "u"}), ("who", {"user": "u"})),
        (("identity", "u"), ("who", {})),
        ((":left", None), ("browser", {"eventName": "custom", "data": {"eventName": "left"}})),
        (("note", 5), ("browser", {"eventName": "custom", "data": {"eventName": "note", "value": 5}})),
        (("note", {"a": 1}), ("browser", {"eventName": "custom", "data": {"eventName": "note", "a": 1}})),
        ((MEDIA + "ondevicechange", None), ("browser", {"eventName": "mediaDeviceChange"})),
        ((MEDIA + "enumerateDevices", [{"kind": "audioinput"}]), ("session", {"devices": [{"kind": "audioinput"}]})),
        ((MEDIA + "getUserMedia", {"audio": True}), ("media", {"eventName": "getUserMedia", "data": {"constraints": {"audio": True}}})),
        ((MEDIA + "getDisplayMedia", None), ("media", {"eventName": "getDisplayMedia", "data": {"constraints": {}}})),
        (
            (MEDIA + "getUserMediaOnFailure", "NotAllowedError: Permission denied"),
            ("media", {"eventName": "getUserMedia", "data": {"error": {"name": "NotAllowedError", "message": "Permission denied"}}}),
        ),
        (
            (MEDIA + "getUserMediaOnFailure", "no"),
            ("media", {"eventName": "getUserMedia", "data": {"error": {"name": "Error", "message": "no"}}}),
        ),
        (
            (MEDIA + "getUserMediaOnFailure", {"name": "AbortError"}),
            ("media", {"eventName": "getUserMedia", "data": {"error": {"name": "AbortError", "message": None}}}),
        ),
        (
            (MEDIA + "getUserMediaOnSuccess", 7),
            ("media", {"eventName": "getUserMedia", "data": {"audio": [], "video": []}}),
        ),
    ],
)  # fmt: skip
def test_lines_of_the_page(line: Line, told: tuple[str, dict[str, Any]]) -> None:
    assert on_page(line) == [told]


@pytest.mark.parametrize("value", [[], None])
def test_no_devices_change_nothing(value: Any) -> None:
    assert on_page((MEDIA + "enumerateDevices", value)) == []


MIC = {"id": "mic", "kind": "audio", "label": "Mic"}
CAMERA = {"id": "cam", "kind": "video", "label": None}


@pytest.mark.parametrize("wrap", [lambda tracks: tracks, lambda tracks: {"tracks": tracks}])
def test_granted_tracks_are_live(wrap: Any) -> None:
    ((_, body),) = on_page((MEDIA + "getUserMediaOnSuccess", wrap([MIC, CAMERA, "x"])))

    live = {"readyState": "live", "enabled": True, "muted": False}
    assert body["data"] == {"audio": [live | MIC], "video": [live | CAMERA]}


def test_media_of_a_connection_is_that_of_the_page() -> None:
    assert [step.route for step in tell((MEDIA + "getUserMedia", {}))] == ["media"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("stop", "mic"), [("change", {"event": "ended", "trackId": "mic", "data": {"check": "readyState"}})]),
        (("onended", "cam"), [("change", {"event": "ended", "trackId": "cam", "data": {}})]),
        (("onended", "other"), []),
        (("onended", None), []),
        (("applyConstraints", "cam"), []),
        (("enabled", "cam"), []),
    ],
)  # fmt: skip
def test_tracks_of_the_page(line: Line, told: list[Any]) -> None:
    story = Story()
    on_page((MEDIA + "getUserMediaOnSuccess", [MIC, CAMERA]), story=story)

    assert on_page(("MediaStreamTrack." + line[0], line[1]), story=story) == told


@pytest.mark.parametrize(("enabled", "name"), [(True, "unmute"), (False, "mute")])
def test_a_microphone_that_is_disabled_is_muted_by_the_user(enabled: bool, name: str) -> None:
    story = Story()
    on_page((MEDIA + "getUserMediaOnSuccess", [MIC]), story=story)

    (step,) = story.steps(TraceEvent(5, "MediaStreamTrack.enabled", None, enabled, ("mic",)))

    data = {"eventName": name, "trackId": "mic"}
    assert step == Step(5, "browser", {"eventName": "custom", "data": data})


@pytest.mark.parametrize(
    ("value", "track"),
    [
        (["audio", "a"], {"id": "a", "kind": "audio", "label": None}),
        (["video", "v", "Camera", 1], {"id": "v", "kind": "video", "label": "Camera"}),
        (["video", "v", 7], {"id": "v", "kind": "video", "label": None}),
        ({"kind": "audio", "id": "a", "label": "Mic"}, {"id": "a", "kind": "audio", "label": "Mic"}),
        ("id: audio:a1 stream:s", {"id": "a1", "kind": "audio", "label": None}),
        (["audio"], None),
        (["text", "a"], None),
        (["audio", ""], None),
        (["audio", 7], None),
        ({}, None),
        ("stream:s", None),
        (None, None),
    ],
)  # fmt: skip
def test_tracks_in_all_their_spellings(value: Any, track: dict[str, Any] | None) -> None:
    assert track_of(value) == track


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ({"userAgentData": {"brands": [{"brand": "Chromium", "version": "140"}, {"brand": "Microsoft Edge", "version": "141"}, 5],
                            "platform": "Windows"}}, {"browser": {"name": "Edge", "version": "141"}, "os": {"name": "Windows"}}),
        ({"userAgentData": {"brands": [{"brand": "Not;A=Brand", "version": "8"}], "platform": None}}, {}),
        ({"userAgentData": {"brands": "none"}}, {}),
        ({"userAgent": "Mozilla/5.0 Chrome/140.0.1 Safari/537 Edg/140.2"}, {"browser": {"name": "Edge", "version": "140.2"}}),
        ({"userAgent": "Mozilla/5.0 Chrome/140.0.1 Safari/537"}, {"browser": {"name": "Chrome", "version": "140.0.1"}}),
        ({"userAgent": "Mozilla/5.0 Version/18.1 Safari/605"}, {"browser": {"name": "Safari", "version": "18.1"}}),
        ({"userAgent": "curl"}, {}),
        ({"userAgent": None, "userAgentData": None}, {}),
    ],
)  # fmt: skip
def test_browser_and_system_of_a_page(page: dict[str, Any], told: dict[str, Any]) -> None:
    given = {key: value for key, value in page.items() if value is not None}

    assert platform_of(page) == given | told


# --- the shape of stats -----------------------------------------------------------------------------


def test_rates_are_those_since_the_report_before() -> None:
    first: dict[str, Any] = {"i": {"type": "inbound-rtp", "kind": "audio", "timestamp": 1000, "bytesReceived": 0}}  # fmt: skip
    later = {"i": first["i"] | {"timestamp": 3000, "bytesReceived": 500, "packetsReceived": 10}}
    story = Story()
    told = tell(("getStats", first), ("getStats", later), ("getStats", later), story=story)

    flows = [step.body["data"]["audio"]["inbound"][0] for step in told]
    assert [flow.get("bitrate") for flow in flows] == [None, 2000, None]
    assert [flow.get("packetRate") for flow in flows] == [None, 40, None]
    assert [(step.route, step.connection) for step in told] == [("stats", "PC_0")] * 3


def test_a_counter_that_falls_is_no_negative_rate() -> None:
    before = {"o": {"type": "outbound-rtp", "mediaType": "video", "timestamp": 0, "bytesSent": 900}}
    after = {"o": before["o"] | {"timestamp": 1000, "bytesSent": 100}}

    assert shaped(after, before)["video"]["outbound"][0]["bitrate"] == 0


def test_flows_carry_codec_and_source_and_the_other_end_its_codec() -> None:
    codec = {"mimeType": "audio/opus", "clockRate": 48000, "type": "codec"}
    source = {"type": "media-source", "trackIdentifier": "mic"}
    outbound = {"type": "outbound-rtp", "kind": "audio", "codecId": "C", "mediaSourceId": "S"}
    remote = {"type": "remote-inbound-rtp", "kind": "audio", "codecId": "C", "localId": "O"}
    other = {"type": "media-playout", "kind": "audio"}
    data = shaped({"C": codec, "S": source, "O": outbound, "R": remote, "P": other}, {})

    known = {"mimeType": "audio/opus", "clockRate": 48000}
    assert data["audio"] == {
        "inbound": [],
        "outbound": [{"mediaType": "audio"} | outbound | known | {"track": source}],
    }
    assert data["remote"]["audio"] == {"inbound": [remote | known], "outbound": []}
    assert data["video"] == data["remote"]["video"] == {"inbound": [], "outbound": []}


def pair(**fields: Any) -> dict[str, Any]:
    return {"type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "X"} | fields


GOOD = {"nominated": True, "state": "succeeded"}


@pytest.mark.parametrize(
    ("reports", "selected"),
    [
        ({}, None),
        ({"A": pair()}, None),
        ({"A": pair(nominated=True)}, None),
        ({"A": pair(**GOOD)}, "A"),
        ({"A": pair(**GOOD, bytesReceived=5), "B": pair(**GOOD, bytesReceived=9)}, "B"),
        ({"A": pair(**GOOD), "B": pair(selected=True)}, "B"),
        ({"T": {"type": "transport", "selectedCandidatePairId": "A"}, "A": pair(), "B": pair(selected=True)}, "A"),
        ({"T": {"type": "transport", "selectedCandidatePairId": "gone"}, "B": pair(selected=True)}, "B"),
    ],
)  # fmt: skip
def test_the_selected_pair(reports: dict[str, dict[str, Any]], selected: str | None) -> None:
    ends = {"L": {"type": "local-candidate", "candidateType": "host"}}

    told = shaped(reports | ends, {})["connection"]

    if selected is None:
        assert told == {"inbound": [], "outbound": []}
    else:
        assert told == reports[selected] | {"local": ends["L"], "remote": {}}


def test_data_channels_are_counted_before_there_is_a_pair() -> None:
    counts = {"N": {"type": "peer-connection", "dataChannelsOpened": 2}}

    assert shaped(counts, {})["connection"] == {
        "inbound": [],
        "outbound": [],
        "dataChannelsOpened": 2,
    }
