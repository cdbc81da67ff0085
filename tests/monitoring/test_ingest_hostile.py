"""Nothing that a stranger sends makes an ingest door fail: it answers JSON, readable from any page."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.monitoring.conftest import House
from tests.monitoring.pages import Page, each_door

FIELDS = {
    "/v1/initialize": ["apiKey", "conferenceId", "conferenceName", "userId", "userName", "delta"],
    "/v1/sessions": [
        "token", "platform", "constraints", "devices", "appVersion", "webrtcSdk", "meta", "delta",
    ],
    "/v1/events/get-user-media": ["eventName", "data", "delta", "peerId", "connectionId"],
    "/v1/events/browser": [
        "eventName", "type", "data", "delta", "peerId", "connectionId", "focus", "devices",
    ],
    "/v1/connection": [
        "eventName", "peerId", "peerName", "connectionId", "connectionState", "isSfu", "data",
        "delta", "timeDelta", "timestamp",
    ],
    "/v1/connection/batch": ["data", "events", "delta"],
    "/v1/stats": ["connectionId", "data", "delta", "timeTaken", "peerId"],
    "/v1/tracks": ["event", "peerId", "connectionId", "trackId", "data", "delta"],
    "/v1/services/get-url": ["apiKey", "conferenceId", "userId"],
    "/v1/services/stop-conference": ["apiKey", "conferenceId"],
}  # fmt: skip
LONG = "x" * 1_000_000
VALUES = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus": "-1",
    "very-negative": "-1e300",
    "huge-float": "1e308",
    "beyond-float": "1e400",
    "beyond-numeric": "1e400000",
    "huge-int": "9" * 400,
    "int-5000-digits": "9" * 5000,
    "int64-plus-1": str(2**63),
    "empty": '""',
    "nul": '"a\\u0000b"',
    "nul-key": '{"a\\u0000b": 1}',
    "high-surrogate": '"\\ud800"',
    "low-surrogate": '"\\udc00x"',
    "surrogate-in-object": '{"a": "\\ud800", "\\udfff": ["\\ud800\\ud800"]}',
    "surrogate-in-list": '["\\ud83d", {"b": "\\ude00"}]',
    "bad-escape": '"\\x"',
    "bad-hex": '{"a": "\\u12G4"}',
    "control": '"a\nb"',
    "list": "[]",
    "nested-list": "[[[1], null], {}]",
    "object": "{}",
    "odd-object": '{"": {"": [null]}, "__proto__": 1}',
    "repeated-keys": '{"a": 1, "a": [2]}',
    "number-beyond-in-object": '{"a": 1e400000}',
    "zeros": '{"a": 1e-400000}',
    "too-fine": '{"a": 0.' + "0" * 17_000 + "1}",
    "nan": "NaN",
    "long": json.dumps(LONG),
    "long-in-object": json.dumps({"a": LONG}),
    "deep-500": "[" * 500 + "]" * 500,
    "deep-9000": "[" * 9_000 + "]" * 9_000,
    "deep-100k": "[" * 100_000 + "]" * 100_000,
    "deep-objects": '{"a":' * 30_000 + "1" + "}" * 30_000,
}


@pytest.fixture
def site(house: House) -> httpx.AsyncClient:
    """The module's site. Every test has a page, and so a tenant, of its own."""
    return house.client


@pytest.fixture
async def page(house: House) -> Page:
    return await Page.open(house, await house.app())


async def say(
    site: httpx.AsyncClient, method: str, path: str, body: bytes, **headers: str
) -> httpx.Response:
    """Send a body; whatever the answer, it is no failure of ours and a page can read it."""
    head = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await site.request(method, path, content=body, headers=head)
    told = f"{method} {path} {body[:200]!r} -> {answer.status_code} {answer.text[:200]}"
    assert answer.status_code < 500, told
    assert answer.headers.get("access-control-allow-origin") == "*", told
    said = answer.json()
    assert answer.status_code == 200 or said["error_code"], told
    return answer


def with_field(good: Mapping[str, Any], field: str, value: str) -> bytes:
    """The good body with one field's JSON text replaced."""
    rest = {name: item for name, item in good.items() if name != field}
    return (json.dumps(rest)[:-1] + ("," if rest else "") + f'"{field}": {value}}}').encode()


@each_door
async def test_every_good_body_is_taken(
    site: httpx.AsyncClient, page: Page, method: str, path: str
) -> None:
    if (method, path) == ("PUT", "/v1/tracks"):
        await say(site, "POST", path, json.dumps(page.good("POST", path)).encode())
    if path == "/v1/services/stop-conference":
        body = page.good(method, path) | {"conferenceId": "c"}
    else:
        body = page.good(method, path)
    answer = await say(site, method, path, json.dumps(body).encode())
    assert answer.status_code == 200, answer.text


@each_door
async def test_odd_values_in_every_field(
    site: httpx.AsyncClient, page: Page, method: str, path: str
) -> None:
    good = page.good(method, path)
    for field in FIELDS[path]:
        for value in VALUES.values():
            await say(site, method, path, with_field(good, field, value))
    # The door works as before, and so does everybody else's.
    await test_every_good_body_is_taken(site, page, method, path)


BODIES = {
    "empty": b"",
    "blank": b" \n",
    "word": b"hello",
    "null": b"null",
    "number": b"5",
    "string": b'"a"',
    "list": b"[]",
    "half": b'{"token":',
    "deep": b"[" * 100_000,
    "deep-objects": b'{"a":' * 100_000,
    "deep-nul": b'["\\u0000",' + b"[" * 100_000,
    "latin-1": b'{"token": "\xe9"}',
    "latin-1-key": b'{"\xff": 1}',
    "latin-1-unknown": b'{"x": {"y": "\xff"}}',
    "overlong": b'{"token": "\xc0\x80"}',
    "utf-8-surrogate": b'{"token": "\xed\xa0\x80"}',
    "utf-16": '{"token": 1}'.encode("utf-16"),
    "nul-byte": b'{"token": "\x00"}',
    "number-beyond": b'{"token": 1e400}',
    "nan": b'{"token": NaN}',
    "two": b"{}{}",
}


@each_door
async def test_odd_bodies(site: httpx.AsyncClient, page: Page, method: str, path: str) -> None:
    good = json.dumps(page.good(method, path)).encode()
    for body in BODIES.values():
        answer = await say(site, method, path, body)
        assert answer.status_code in (400, 401), (body[:80], answer.text)
    for name in FIELDS[path]:  # bytes that are no text, where a part is kept as it came
        body = with_field(page.good(method, path), name, '{"a": "?"}')
        await say(site, method, path, body.replace(b"?", b"\xff"))
    bom = await say(site, method, path, b"\xef\xbb\xbf" + good)
    packed = await say(site, method, path, gzip.compress(good), content_encoding="gzip")
    assert bom.status_code == packed.status_code
    for coding, body in (("gzip", good), ("br", good), ("gzip", gzip.compress(good)[:-9])):
        refused = await say(site, method, path, body, content_encoding=coding)
        assert refused.json()["error_code"] == "invalid_parameters"
    bomb = gzip.compress(b" " * 20_000_000)
    assert (await say(site, method, path, bomb, content_encoding="gzip")).status_code == 413
    again = b'{"token": 5, "apiKey": [], ' + good[1:]
    assert (await say(site, method, path, again)).status_code == bom.status_code


EVENTS = [
    "addConnection", "peerDetails", "onnegotiationneeded", "onsignalingstatechange",
    "onicegatheringstatechange", "onicecandidate", "onicecandidateerror",
    "oniceconnectionstatechange", "onconnectionstatechange", "ondatachannel", "icecandidateerror",
    "connectionstatechange", "negotiationneeded", "datachannel", "stats", "custom", "getUserMedia",
    "tabFocus", "mediaDeviceChange", "mute", "removePeer", "removeConnection", "stop",
    "beforeunload", "unload", "endCall",
]  # fmt: skip
DATA = [
    *(value for value in VALUES.values() if len(value) < 20_000),
    '{"signalingState": []}',
    '{"signalingState": {"a": 1}}',
    '{"signalingState": "stable", "localDescription": 5}',
    '{"errorCode": 9e99, "errorText": "\\ud800", "url": []}',
    '{"errorCode": ' + "9" * 400 + "}",
    '{"candidate": {"a": []}, "port": "x", "address": 1e400}',
    '{"error": 5}',
    '{"error": {"name": [], "message": {"a": "\\udc00"}}}',
    '{"error": "' + LONG + '"}',
    '{"audio": 5, "video": "x", "constraints": 7}',
    '{"audio": [5, null, [], {"id": 5}, {"id": "a", "label": 5, "kind": []}]}',
    '{"audio": [{"id": "\\ud800", "label": "\\ud800", "settings": {"\\ud800": "\\ud800"}}]}',
    '{"audio": [{"id": "z", "settings": 1e400, "muted": {"a": []}}]}',
    '{"audio": 1, "video": 1, "connection": 1, "remote": 1}',
    '{"options": 5, "peerConfiguration": {"iceServers": {"a": 1}}}',
    '{"options": null, "peerConfiguration": {"iceServers": [5, null, {"urls": 5}]}}',
    '{"eventName": {"a": 1}}',
]


@pytest.mark.parametrize("name", EVENTS)
async def test_odd_data_of_every_event(site: httpx.AsyncClient, page: Page, name: str) -> None:
    link = page.good("POST", "/v1/connection") | {"eventName": name, "event": name}
    for data in DATA[:: 1 if name.startswith("on") else 2]:
        await say(site, "POST", "/v1/connection", with_field(link, "data", data))
    for path in ("/v1/events/browser", "/v1/events/get-user-media"):
        for data in DATA[-17:] if name in ("getUserMedia", "custom", "stats") else ():
            await say(site, "POST", path, with_field(link, "data", data))
    batch = {"token": page.session, "data": [{"eventName": name}, 5, None, [], link, {"delta": []}]}
    await say(site, "POST", "/v1/connection/batch", json.dumps(batch).encode())


TRACKS = [
    '"text"',
    '{"label": 5, "kind": 5, "direction": 5}',
    '{"label": null, "kind": ["audio"], "direction": {"a": 1}}',
    '{"constraints": {"a": {"b": [{"c": "\\ud800"}]}}}',
    '{"constraints": [[[]]], "capabilities": 5, "settings": "x", "muted": [], "enabled": {}}',
    '{"constraints": ' + "[" * 500 + "]" * 500 + "}",
    '{"settings": {"a": 1e400}}',
    '{"settings": {"a": ' + "9" * 400 + "}}",
    '{"settings": {"a": ' + "9" * 5000 + "}}",
    '{"label": "' + LONG + '", "contentHint": "' + LONG[:500_000] + '"}',
    '{"readyState": {"\\ud800": "\\udfff"}}',
]


@pytest.mark.parametrize("number", range(len(TRACKS)))
async def test_odd_tracks(site: httpx.AsyncClient, page: Page, number: int) -> None:
    for method in ("POST", "PUT"):
        for event in ("ontrack", "mute", "ended", "overconstrained"):
            good = page.good(method, "/v1/tracks") | {"event": event}
            await say(site, method, "/v1/tracks", with_field(good, "data", TRACKS[number]))


ODD_NUMBERS = ['"x"', "[]", "null", "true", "-5", "-1e300", "1e300", "9" * 400, "1.5", "1e19"]


def figures(number: str) -> str:
    """A stats report in which every figure is `number`."""
    names = (
        "timestamp", "packetsReceived", "packetsSent", "packetsLost", "bytesReceived", "bytesSent",
        "jitter", "roundTripTime", "jitterBufferDelay", "jitterBufferEmittedCount", "bitrate",
        "fecPacketsReceived", "currentRoundTripTime", "availableOutgoingBitrate",
    )  # fmt: skip
    return ",".join(f'"{name}": {number}' for name in names)


@pytest.mark.parametrize("number", ODD_NUMBERS, ids=range(len(ODD_NUMBERS)))
async def test_odd_figures_in_stats(site: httpx.AsyncClient, page: Page, number: str) -> None:
    report = f'{{"id": "\\ud800", "track": {{"trackIdentifier": {number}}}, {figures(number)}}}'
    flows = f'{{"inbound": [{report}, 5, null], "outbound": [{report}, []]}}'
    good = page.good("POST", "/v1/stats")
    for data in (
        f'{{"audio": {flows}, "video": {flows}, "connection": {{{figures(number)}}}}}',
        f'{{"audio": {flows.replace(", 5, null", "").replace(", []", "")}, "connection": {{}}}}',
        f'{{"audio": {number}, "video": [{number}], "connection": {number}, "remote": {number}}}',
        f'{{"remote": {{"audio": {flows}, "video": {number}}}, "audio": {flows}}}',
        f'{{"connection": {{"local": {number}, "remote": {{"candidateType": {number}}}}}}}',
        f'{{"connection": {{"local": {{"candidateType": "\\ud800", "protocol": {number}}}}}}}',
    ):
        for taken in (number, "1"):
            body = with_field(good, "data", data)
            await say(site, "POST", "/v1/stats", body[:-1] + f', "timeTaken": {taken}}}'.encode())


TRACK_NAMES = ["\\ud800", "\\udc00\\ud800", "a" * 100_000, "\\u0001", "a\\\\u0000"]


@pytest.mark.parametrize("number", range(len(TRACK_NAMES)))
async def test_odd_track_names_in_stats(site: httpx.AsyncClient, page: Page, number: int) -> None:
    report = f'{{"id": "I", "trackIdentifier": "{TRACK_NAMES[number]}", "bytesReceived": 5}}'
    data = f'{{"audio": {{"inbound": [{report}]}}, "connection": {{"timestamp": 5}}}}'
    await say(site, "POST", "/v1/stats", with_field(page.good("POST", "/v1/stats"), "data", data))


BEARERS = [b"Bearer \xff\xfe", b"bearer ", b"Bearer " + b"a" * 100_000, b"Bearer a.b.c", b"Basic x"]


@each_door
async def test_odd_bearers(site: httpx.AsyncClient, page: Page, method: str, path: str) -> None:
    good = page.good(method, path)
    bare = json.dumps({name: item for name, item in good.items() if name != "token"}).encode()
    for bearer in BEARERS:
        head = {b"authorization": bearer}
        answer = await site.request(method, path, content=bare, headers=head)
        if "token" not in good:  # a key opens these doors; the header says nothing to them
            assert answer.status_code in (200, 400)
        else:
            code = "missing_token" if bearer == b"Basic x" else "invalid_token"
            assert (answer.status_code, answer.json()["error_code"]) == (401, code), bearer[:20]
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.json() is not None
        assert answer.headers["access-control-allow-origin"] == "*"
