"""Fields and bodies that no door takes."""

from __future__ import annotations

import gzip
import json
from typing import Any

from tests.monitoring.pages import DOORS
from tests.monitoring.refusals.scene import (
    ABSENT,
    Answers,
    Ask,
    Case,
    Scene,
    body,
    change,
    every,
    to,
)

MB = 1024 * 1024

# --- fields ---------------------------------------------------------------------------------------

REQUIRED = [
    ("/initialize", "POST", ["apiKey", "conferenceId", "userId"]),
    ("/connection", "POST", ["peerId", "eventName"]),
    ("/connection/batch", "POST", ["data"]),
    ("/events/browser", "POST", ["eventName"]),
    ("/stats", "POST", ["data"]),
    ("/tracks", "POST", ["event", "trackId"]),
    ("/tracks", "PUT", ["event", "trackId"]),
    ("/services/get-url", "POST", ["apiKey", "conferenceId"]),
    ("/services/stop-conference", "POST", ["apiKey", "conferenceId"]),
]
MISSING = [
    Case(f"no {name} {method} {path} {value!r}", 400, "missing_parameters", change(path, method, **{name: value}))
    for path, method, names in REQUIRED
    for name in names
    for value in ([ABSENT, None] if name == "data" else [ABSENT, None, ""])
]  # fmt: skip

ICE, LINK = "oniceconnectionstatechange", "onconnectionstatechange"
BAD = Any  # a value that some field must not have


def wrong(path: str, method: str, name: str, *values: BAD, **more: BAD) -> list[Case]:
    """One field with each of these values, other fields as in `more`."""
    return [
        Case(f"{method} {path} {more} {name}={str(value)[:30]!r}", 400, "invalid_parameters",
             change(path, method, **more, **{name: value}))
        for value in values
    ]  # fmt: skip


def wrong_data(event: str, *values: BAD, path: str = "/connection") -> list[Case]:
    """An event with data that it cannot have."""
    return wrong(path, "POST", "data", *values, eventName=event)


WRONG = [
    *(case for name in ("conferenceId", "conferenceName", "userId", "userName")
      for case in wrong("/initialize", "POST", name, 5, True, [], {})),
    *wrong("/initialize", "POST", "conferenceId", 5, apiKey=ABSENT),  # types come first,
    *wrong("/initialize", "POST", "userName", 5, apiKey="unknown"),  # the key later
    *(case for method in ("POST", "PUT") for case in (
        *wrong("/sessions", method, "platform", "x" * 32_767, {"a": "x" * 32_768}),
        *wrong("/sessions", method, "constraints", "x" * 32_767, {"a": "x" * 32_768}),
        *wrong("/sessions", method, "webrtcSdk", 5, [], True),
        *wrong("/tracks", method, "trackId", 5, [], True),
        *wrong("/tracks", method, "event", 5, [], True),
    )),
    *wrong("/sessions", "POST", "appVersion", 5, [], True),
    *wrong("/connection", "POST", "peerId", 5, [], True),
    *wrong("/connection", "POST", "eventName", 5, {"a": 1}),
    *wrong("/connection", "POST", "peerName", 5, [], eventName="addConnection"),
    *(case for name in (ICE, LINK, "connectionstatechange") for case in wrong_data(name, "unheard", None, 5, {}, ["connected"])),
    *wrong_data(ICE, "connecting"),
    *wrong_data(LINK, "completed", "Connected"),
    *wrong_data("onicegatheringstatechange", "stable", None, []),
    *wrong_data("onsignalingstatechange", None, "stable", {}, {"signalingState": None}, {"signalingState": "have-offer"}),
    *wrong_data("onicecandidate", "text", 5, [], False),
    *wrong_data("icecandidateerror", 300, 799, None, "701", True, {"errorCode": 701}),
    *wrong_data("icecandidateerror", 5, path="/events/get-user-media"),
    *wrong_data("negotiationneeded", 0, False, "", {}),
    *wrong_data("datachannel", 0, False, "", {}),
    *(case for path in ("/connection", "/events/browser")
      for case in wrong_data("stats", None, [], "x", {"audio": 1, "video": 1, "connection": 1}, path=path)),
    *wrong("/connection/batch", "POST", "data", "x", 5, {}, True),
    *wrong("/connection/batch", "POST", "events", {}, data=ABSENT),
    *wrong("/stats", "POST", "data", "x", 5, [], True),
    *wrong("/services/get-url", "POST", "conferenceId", 5),
    *wrong("/services/get-url", "POST", "userId", {}, conferenceId=ABSENT),
    *wrong("/services/stop-conference", "POST", "conferenceId", []),
]  # fmt: skip


def huge(method: str, path: str, field: str, **more: BAD) -> Case:
    """A number that no double holds, somewhere in a field."""

    async def ask(scene: Scene) -> Answers:
        good = scene.page.good(method, f"/v1{path}") | more | {field: "?"}
        content = json.dumps(good).replace('"?"', '{"a": 1e400}').encode()
        return await scene.send(method, f"/v1{path}", content)

    return Case(f"1e400 in {field} of {method} {path}", 400, "invalid_parameters", ask)


HUGE = [
    huge("POST", "/sessions", "platform"),
    huge("POST", "/sessions", "meta"),
    huge("PUT", "/sessions", "devices"),
    huge("POST", "/connection", "data", eventName="onicecandidate"),
]
DELTAS: tuple[object, ...] = ("x", "5", True, False, [], {}, -60_001, -1e300)
DELAYED = [door for door in DOORS if door != ("PUT", "/v1/sessions") and "services" not in door[1]]
INVALID = [
    *WRONG,
    *HUGE,
    *(Case(f"delta {delta!r}", 400, "invalid_parameters", to(DELAYED, delta=delta)) for delta in DELTAS),
]  # fmt: skip

META = {
    "six keys": dict.fromkeys("abcdef", 1),
    "long key": {"k" * 65: 1},
    "long value": {"a": "v" * 129},
    "list value": {"a": []},
    "object value": {"a": {}},
    "list": ["a"],
    "text": "a",
    "number": 5,
    "true": True,
}
METAS = [
    Case(f"meta {name}", 400, "invalid_meta", change("/sessions", meta=meta))
    for name, meta in META.items()
]

# --- bodies ---------------------------------------------------------------------------------------

UNREADABLE = {
    "empty": b"",
    "word": b"hello",
    "half": b'{"token":',
    "nan": b'{"data": NaN}',
    "deep": b'{"a":' * 20_000,
}
NO_OBJECT = {"null": b"null", "text": b'"a"', "number": b"5"}
NO_TEXT = {
    "latin-1 token": b'{"token": "\xe9"}',
    "latin-1 in data": b'{"data": {"a": ["\xe9"]}}',
    "latin-1 key": b'{"data": {"\xe9": 1}}',
    "latin-1 in an unknown field": b'{"x": {"y": "\xff"}}',
    "overlong": b'{"data": "\xc0\x80"}',
    "surrogate": b'{"data": "\xed\xa0\x80"}',
    "utf-16": '{"data": 1}'.encode("utf-16"),
    "nul": b'{"data": {"a": "\x00"}}',
    "escaped nul": b'{"data": {"a": ["b\\u0000"]}}',
    "escaped nul in a key": b'{"data": {"a\\u0000": 1}}',
    "escaped nul behind a backslash": b'{"x": "\\\\\\u0000"}',
}


def bodies(content: bytes) -> Ask:
    """Sends the same body to every door."""
    return every(DOORS, lambda scene, method, path: scene.send(method, path, content))


def spliced(content: bytes) -> Ask:
    """Sends every door's good body with these fields in front."""

    async def ask(scene: Scene, method: str, path: str) -> Answers:
        good = json.dumps(scene.page.good(method, path)).encode()
        return await scene.send(method, path, content[:-1] + b"," + good[1:])

    return every(DOORS, ask)


async def too_large(scene: Scene, method: str, path: str) -> Answers:
    return await scene.send(method, path, b'{"data": "' + b"x" * 2 * MB + b'"}')


async def packed_too_large(scene: Scene, method: str, path: str) -> Answers:
    packed = gzip.compress(b" " * (2 * MB + 1), 1)
    return await scene.send(method, path, packed, **{"content-encoding": "gzip"})


def batch_of(number: int) -> Ask:
    return lambda scene: scene.good("/connection/batch", data=[{"eventName": "x"}] * number)


BODIES = [
    *(Case(f"body {name}", 400, "unknown_error", bodies(raw)) for name, raw in UNREADABLE.items()),
    *(Case(f"body {name}", 400, "invalid_parameters", bodies(raw)) for name, raw in NO_OBJECT.items()),
    Case("body []", 400, "invalid_parameters",
         every([door for door in DOORS if "batch" not in door[1]],
               lambda scene, method, path: scene.send(method, path, b"[]"))),
    *(Case(f"bytes {name}", 400, "invalid_parameters", spliced(raw) if raw[:1] == b"{" else bodies(raw))
      for name, raw in NO_TEXT.items()),
    Case("not packed", 400, "invalid_parameters", body("POST", "/stats", b"{}", **{"content-encoding": "gzip"})),
    Case("packed otherwise", 400, "invalid_parameters", body("POST", "/stats", b"{}", **{"content-encoding": "br"})),
    Case("too large", 413, "payload_too_large", every(DOORS, too_large)),
    Case("too large unpacked", 413, "payload_too_large", every(DOORS, packed_too_large)),
    Case("501 events", 413, "payload_too_large", batch_of(501)),
]  # fmt: skip
