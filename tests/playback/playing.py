"""A player that reports as Media3Watch's SDK does, and the bodies that it sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx

PATH: Final = "/v1/sessions"
T: Final = 1_772_445_600_000  # 2026-03-02T10:00:00Z, when the clocks of the tests stand still

PHONE: Final[dict[str, Any]] = {
    "sessionId": "3f0c9a52-77d1-4f0e-9a53-5b8f6f1f20aa", "timestamp": 1767225645000, "sessionStartDateIso": "2026-01-01T00:00:00.000Z",
    "sessionDurationMs": 45000, "startupTimeMs": 450, "rebufferTimeMs": 1200, "rebufferCount": 2, "playTimeMs": 42000, "rebufferRatio": 0.0271,
    "totalDroppedFrames": 12, "totalSeekCount": 1, "totalSeekTimeMs": 650, "meanVideoFormatBitrate": 2500000, "errorCount": 0,
    "deviceModel": "Tab X", "osVersion": 34, "sdkVersion": "0.4.0", "connectionType": "Wi-Fi",
    "timelineEvents": [{"timestampMs": 1767225600460, "elapsedMs": 460, "playbackState": "PLAYING", "currentBitrate": 2500000, "networkType": "Wi-Fi",
                        "totalDroppedFrames": 0, "bufferedDurationMs": 8000, "rebufferCount": 0, "rebufferTimeMs": 0}],
}  # fmt: skip
FAILED_START: Final[dict[str, Any]] = {
    "sessionId": "b1d4c1de-2a51-4a0e-8f52-0a7b7f4f6c11", "timestamp": 1767225700000, "sessionStartDateIso": "null", "sessionDurationMs": 6000,
    "startupTimeMs": None, "rebufferTimeMs": 0, "rebufferCount": 0, "playTimeMs": 0, "rebufferRatio": 0.0, "totalDroppedFrames": 0, "totalSeekCount": 0,
    "totalSeekTimeMs": 0, "meanVideoFormatBitrate": -1, "errorCount": 1,
}  # fmt: skip


def report(**changes: Any) -> dict[str, Any]:
    """A report of a session of its own, of just now; what is changed to `...` is left out."""
    body = PHONE | {"sessionId": str(uuid4()), "timestamp": T} | changes
    return {name: value for name, value in body.items() if value is not ...}


@dataclass
class Player:
    """An app on a phone: its key, and the door that it knows."""

    client: httpx.AsyncClient
    app: Mapping[Any, Any]
    key: str

    async def post(
        self,
        body: Mapping[str, Any] | bytes | str,
        headers: Mapping[str, str] | None = None,
        path: str = PATH,
    ) -> httpx.Response:
        """Send a report, as OkHttp does."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        sent = {
            "X-API-Key": self.key,
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "okhttp/4.12.0",
        } | dict(headers or {})
        return await self.client.post(path, content=content, headers=sent)
