"""Labelled calls made from recorded ones by changing or adding a few requests, for what cannot be brought about in a headless browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.monitoring.replay import DATA, Request, recorded

LABELLED = DATA / "labelled"
Change = Callable[[Sequence[Request]], list[Request]]


def _of(name: str) -> list[Request]:
    return recorded(LABELLED / f"{name}.jsonl.zst")


def _body(request: Request) -> dict[str, Any]:
    return json.loads(request.body) if request.body else {}


def _session_of(requests: Sequence[Request], name: str) -> str:
    """The session token of a participant, as recorded."""
    tokens: dict[str, str] = {}
    for request in requests:
        body = _body(request)
        if request.path.endswith("/initialize"):
            tokens[json.loads(request.recorded_answer)["token"]] = body["userId"]
        elif request.path.endswith("/sessions") and tokens.get(body["token"]) == name:
            return str(json.loads(request.recorded_answer)["token"])
    raise AssertionError(name)


def _track_of(requests: Sequence[Request], token: str, kind: str) -> str:
    """The id of a local track."""
    for request in requests:
        data = _body(request).get("data")
        is_own = request.path.endswith("/get-user-media") and f'"{token}"' in request.body
        if is_own and isinstance(data, dict) and data.get(kind):
            return str(data[kind][0]["id"])
    raise AssertionError(kind)


def _with_track_event(name: str, who: str, kind: str, event: str, at_s: float) -> list[Request]:
    requests = _of(name)
    token = _session_of(requests, who)
    body = {"event": event, "trackId": _track_of(requests, token, kind), "data": {}, "token": token}
    like = next(r for r in requests if r.path.endswith("/get-user-media"))
    added = replace(like, at_ms=at_s * 1000, method="PUT", path="/v1/tracks", body=json.dumps(body), recorded_answer="")  # fmt: skip
    return sorted([*requests, added], key=lambda request: request.at_ms)


def _refused(name: str, was: str, now: str) -> list[Request]:
    return [replace(r, body=r.body.replace(f'"{was}"', f'"{now}"')) for r in _of(name)]


def _level(name: str, who: str, change: Callable[[dict[str, Any]], None]) -> list[Request]:
    """Every outbound video report of a participant changed."""
    requests = _of(name)
    token = _session_of(requests, who)
    changed = []
    for request in requests:
        if request.path.endswith("/stats") and f'"{token}"' in request.body:
            body = _body(request)
            for report in body["data"]["video"]["outbound"]:
                change(report)
            changed.append(replace(request, body=json.dumps(body)))
        else:
            changed.append(request)
    return changed


def _cpu_limited() -> list[Request]:
    seconds = iter(range(0, 1000, 2))

    def slow(report: dict[str, Any]) -> None:
        at = next(seconds)
        durations = {"none": 0, "cpu": at, "bandwidth": 0, "other": 0}
        report.update(qualityLimitationReason="cpu", qualityLimitationDurations=durations)

    return _level("clean-direct", "alice", slow)


def _black() -> list[Request]:
    sent = iter(range(0, 10_000_000, 600))

    def dark(report: dict[str, Any]) -> None:
        report.update(bytesSent=next(sent))

    return _level("clean-sfu", "bob", dark)


ALTERED: dict[str, tuple[str, str | None, Callable[[], list[Request]]]] = {
    "altered-camera-unplugged-alice": ("device", "alice", lambda: _with_track_event("clean-direct", "alice", "video", "ended", 15)),
    "altered-microphone-unplugged-bob": ("device", "bob", lambda: _with_track_event("clean-sfu", "bob", "audio", "ended", 12)),
    "altered-muted-by-system-alice": ("device", "alice", lambda: _with_track_event("clean-relay", "alice", "audio", "mute", 10)),
    "altered-camera-in-use-alice": ("device", "alice", lambda: _refused("camera-missing-alice", "NotFoundError", "NotReadableError")),
    "altered-blocked-by-policy-alice": ("permission", "alice", lambda: _refused("denied-alice", "NotAllowedError", "SecurityError")),
    "altered-processor-too-slow-alice": ("device", "alice", _cpu_limited),
    "altered-black-camera-bob": ("device", "bob", _black),
}  # fmt: skip
