"""Recorded traffic of players (tests/data/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import zstandard

DATA = Path(__file__).resolve().parents[1] / "data"


def recorded(name: str) -> list[dict[str, Any]]:
    """The requests of a file of tests/data, in the order in which they came."""
    packed = (DATA / f"{name}.jsonl.zst").read_bytes()
    text = zstandard.ZstdDecompressor().decompress(packed).decode()
    return [json.loads(line) for line in text.splitlines()]


def posts(name: str) -> list[dict[str, Any]]:
    """The requests that carry lines, without the preflights."""
    return [request for request in recorded(name) if request["method"] == "POST"]


def event_lines(name: str) -> list[str]:
    """The lines of all posts."""
    return [line for post in posts(name) for line in post["body"].splitlines() if line]


def seen_requests(name: str) -> list[dict[str, Any]]:
    """Media requests as the log of a CDN tells of them, in the order in which they were seen; only those that carry CMCD."""
    began_ms = 1_772_445_600_000
    return [
        {
            "ts": began_ms + request["t"],
            "url": f"https://cdn.test{request['path']}",
            "headers": {
                key: value
                for key, value in request["headers"].items()
                if key.lower().startswith("cmcd-")
            },
            "status": request["status"],
            "ttfbMs": 12,
            "bytes": request.get("sent", 0),
            "cdn": "edge",
        }
        for request in recorded(name)
        if request["method"] == "GET"
    ]
