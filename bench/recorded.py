"""Requests of the unmodified SDK, taken from the recorded traces of the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import zstandard

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"


def trace(name: str) -> list[dict[str, Any]]:
    """The requests of `peermetrics-sdk-<name>`, in order of arrival."""
    packed = (DATA / f"peermetrics-sdk-{name}.jsonl.zst").read_bytes()
    text = zstandard.ZstdDecompressor().decompress(packed).decode()
    return [json.loads(line) for line in text.splitlines()]


def stats_data(name: str = "p2p") -> list[dict[str, Any]]:
    """The `data` of every stats post that reports four tracks."""
    found = []
    for request in trace(name):
        if request["method"] == "POST" and request["path"].endswith("/stats"):
            data = json.loads(request["body"])["data"]
            if all(
                data[kind][way] for kind in ("audio", "video") for way in ("inbound", "outbound")
            ):
                found.append(data)
    return found


def connection_events(name: str = "p2p") -> list[dict[str, Any]]:
    """Candidates and state changes of the first connection, in order: `eventName` and `data` each."""
    kinds = {
        "onicecandidate",
        "oniceconnectionstatechange",
        "onconnectionstatechange",
        "onsignalingstatechange",
        "onicegatheringstatechange",
    }
    events: list[dict[str, Any]] = []
    first = None
    for request in trace(name):
        body = (
            json.loads(request["body"])
            if request["path"].endswith("/connection") and request["body"]
            else {}
        )
        if body.get("eventName") not in kinds:
            continue
        first = first or body["connectionId"]
        if body["connectionId"] == first and body.get("data") != "closed":
            events.append({"eventName": body["eventName"], "data": body.get("data")})
    return [event for event in events if len(json.dumps(event["data"])) < 1500]


def session_body(name: str = "p2p") -> dict[str, Any]:
    """The body of POST /sessions without its token."""
    body: dict[str, Any] = next(
        json.loads(r["body"])
        for r in trace(name)
        if r["path"].endswith("/sessions") and r["method"] == "POST"
    )
    return {key: value for key, value in body.items() if key != "token"}
