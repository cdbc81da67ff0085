"""The doors of playback's SDK in the words of OpenAPI 3.1; they are plain ASGI, so no framework describes them."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_OPTIONAL_TEXT: Final[dict[str, Any]] = {"type": ["string", "null"]}
_COUNT: Final[dict[str, Any]] = {"type": ["integer", "null"], "minimum": 0}
_BITRATE: Final[dict[str, Any]] = {
    "type": ["integer", "null"],
    "minimum": -1,
    "description": "-1: no video format was seen.",
}
_ENTRY: Final[dict[str, Any]] = {
    "type": "object",
    "required": [
        *("timestampMs", "elapsedMs", "playbackState"),
        *("totalDroppedFrames", "rebufferTimeMs", "rebufferCount"),
    ],
    "properties": {
        "timestampMs": {"type": "integer", "minimum": 1},
        "elapsedMs": {"type": "integer", "minimum": 0},
        "playbackState": {"enum": ["IDLE", "BUFFERING", "PLAYING", "PAUSED", "ENDED"]},
        "totalDroppedFrames": {"type": "integer", "minimum": 0},
        "rebufferTimeMs": {"type": "integer", "minimum": 0},
        "rebufferCount": {"type": "integer", "minimum": 0},
        "currentBitrate": _COUNT,
        "networkType": _OPTIONAL_TEXT,
        "bufferedDurationMs": _COUNT,
    },
}
REPORT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["sessionId", "timestamp"],
    "properties": {
        "sessionId": {"type": "string", "minLength": 1, "maxLength": 128},
        "timestamp": {"type": "integer", "minimum": 1, "description": "Device time, epoch ms."},
        "sessionStartDateIso": {"type": ["string", "null"], "maxLength": 64},
        "sessionDurationMs": {"type": ["integer", "null"], "minimum": 1},
        **dict.fromkeys(
            ("startupTimeMs", "playTimeMs", "rebufferTimeMs", "rebufferCount", "totalDroppedFrames",
             "totalSeekCount", "totalSeekTimeMs", "errorCount", "qualitySwitchCount"),
            _COUNT,
        ),
        "rebufferRatio": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "meanVideoFormatBitrate": _BITRATE,
        "avgBitrateKbps": _BITRATE,
        **dict.fromkeys(
            ("schemaVersion", "contentId", "streamType", "deviceModel", "sdkVersion",
             "connectionType", "lastErrorCategory"),
            _OPTIONAL_TEXT,
        ),
        "osVersion": {"type": ["string", "integer", "null"]},
        "lastErrorCode": {"type": ["string", "integer", "null"]},
        "device": {"type": ["object", "null"]},
        "app": {"type": ["object", "null"]},
        "custom": {"type": ["object", "null"], "additionalProperties": _TEXT},
        "timelineEvents": {"type": ["array", "null"], "items": _ENTRY},
    },
}  # fmt: skip
_TAKEN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "sessionId", "result", "revision", "warnings"],
    "properties": {
        "status": {"enum": ["success", "accepted"]},
        "sessionId": _TEXT,
        "result": {"enum": ["created", "updated", "duplicate", "stale", "erased", "spooled"]},
        "revision": {"type": "integer"},
        "warnings": {"type": "array", "items": _TEXT},
        "timelineRejected": {"type": "integer"},
    },
}
REFUSAL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "timestamp", "requestId"],
            "properties": {
                "code": _TEXT,
                "message": _TEXT,
                "timestamp": {"type": "integer"},
                "requestId": _TEXT,
                "details": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"field": _TEXT, "problem": _TEXT}},
                },
            },
        }
    },
}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "/v1/playback/sessions": {
        "post": {
            "tags": ["playback"],
            "summary": "Report a playback session",
            "description": "Also at `/v1/sessions`, where the key tells it from a monitored session.",
            "parameters": [
                {"name": "X-API-Key", "in": "header", "required": True, "schema": _TEXT},
                {"name": "X-Request-Id", "in": "header", "required": False, "schema": _TEXT},
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": REPORT}}},
            "responses": {
                "200": _json("Stored.", _TAKEN),
                "202": _json("Kept on the server's disk until the database is back.", _TAKEN),
                "4XX": _json("Refused; nothing was stored.", REFUSAL),
                "5XX": _json("Cannot be stored now.", REFUSAL),
            },
        }
    }
}
