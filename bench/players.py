"""What the connections of the load generator say as players of Media3Watch's SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

from bench.scripts import Script

ID = "3f0c9a52-77d1-4f0e-9a53-5b8f6f1f20aa"
STAMP = 1767225645000
REPORT: dict[str, Any] = {
    "sessionId": ID, "timestamp": STAMP, "sessionStartDateIso": "2026-01-01T00:00:00.000Z", "sessionDurationMs": 45000, "startupTimeMs": 450,
    "rebufferTimeMs": 1200, "rebufferCount": 2, "playTimeMs": 42000, "rebufferRatio": 0.0271, "totalDroppedFrames": 12, "totalSeekCount": 1,
    "totalSeekTimeMs": 650, "meanVideoFormatBitrate": 2500000, "errorCount": 0, "deviceModel": "Tab X", "osVersion": 34, "sdkVersion": "0.4.0",
    "connectionType": "Wi-Fi",
    "timelineEvents": [{"timestampMs": 1767225600460, "elapsedMs": 460, "playbackState": "PLAYING", "currentBitrate": 2500000,
                        "networkType": "Wi-Fi", "totalDroppedFrames": 0, "bufferedDurationMs": 8000, "rebufferCount": 0, "rebufferTimeMs": 0}],
}  # fmt: skip


def body_of(session_id: str, stamp_ms: int) -> bytes:
    """One report as the SDK writes it."""
    text = json.dumps(REPORT | {"sessionId": session_id, "timestamp": stamp_ms}, separators=(",", ":"))  # fmt: skip
    return text.encode()


class Player(Script):
    """Reports, each of the session that `name` says, each a second after the one before."""

    def __init__(self, key: str, name: Callable[[], str]) -> None:
        super().__init__()
        self._name, self._stamp_ms = name, int(time.time() * 1000)
        length = len(body_of(ID, self._stamp_ms))
        head = (
            "POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"X-API-Key: {key}\r\nUser-Agent: okhttp/4.12.0\r\nAccept-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
        )
        template = (head.encode() + body_of(ID, STAMP)).replace(str(STAMP).encode(), b"%(stamp)d")
        self._before, rest = template.split(ID.encode())
        self._between, self._after = rest.split(b"%(stamp)d")

    def request(self) -> bytes:
        self._stamp_ms += 1
        return b"%s%s%s%d%s" % (
            self._before,
            self._name().encode(),
            self._between,
            self._stamp_ms,
            self._after,
        )


async def distinct(order: dict[str, Any]) -> list[Script]:
    """A new session with every report."""
    return [Player(order["key"], lambda: str(uuid4())) for _ in range(order["connections"])]


async def hot(order: dict[str, Any]) -> list[Script]:
    """All report the same session."""
    name = str(uuid4())
    return [Player(order["key"], lambda: name) for _ in range(order["connections"])]


async def returning(order: dict[str, Any]) -> list[Script]:
    """Each connection reports its thousand sessions in turn, as players do every 15 s."""

    def names() -> Callable[[], str]:
        own, turn = [str(uuid4()) for _ in range(1000)], count()
        return lambda: own[next(turn) % 1000]

    return [Player(order["key"], names()) for _ in range(order["connections"])]


SCRIPTS = {"distinct": distinct, "hot": hot, "returning": returning}
