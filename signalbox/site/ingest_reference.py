"""The ingest doors in the words of OpenAPI 3.1; they are plain ASGI, so no framework describes them."""

from __future__ import annotations

from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_DELTA: dict[str, Any] = {
    "type": "number",
    "description": "How long ago it happened, in milliseconds; 31 days at most.",
}
_DATA: dict[str, Any] = {"description": "What happened, by the kind of event."}
_EVENT = {
    "eventName": _TEXT,
    "peerId": _TEXT,
    "connectionId": _TEXT,
    "data": _DATA,
    "delta": _DELTA,
    "token": _TEXT,
}


def _operation(summary: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    body = {"type": "object", "properties": properties, "required": list(required)}
    refused = {"type": "object", "properties": {"error_code": _TEXT, "message": _TEXT}}
    return {
        "tags": ["ingest"],
        "summary": summary,
        "requestBody": {
            "content": {"application/json": {"schema": body}, "text/plain": {"schema": _TEXT}}
        },
        "responses": {
            "200": {"description": "Committed.", "content": {"application/json": {"schema": {}}}},
            "4XX": {
                "description": "Refused; nothing was stored.",
                "content": {"application/json": {"schema": refused}},
            },
            "503": {
                "description": "Cannot be stored now.",
                "content": {"application/json": {"schema": refused}},
            },
        },
    }


OPERATIONS: dict[str, dict[str, Any]] = {
    "/v1/initialize": {
        "post": _operation(
            "Enter a conference", {"apiKey": _TEXT, "conferenceId": _TEXT, "conferenceName": _TEXT, "userId": _TEXT, "userName": _TEXT},
            "apiKey", "conferenceId", "userId",
        )
    },
    "/v1/sessions": {
        "post": _operation("Start a session", {"token": _TEXT, "platform": {}, "constraints": {}, "devices": {}, "appVersion": _TEXT,
                           "webrtcSdk": _TEXT, "meta": {"type": "object"}, "delta": _DELTA}, "token"),
        "put": _operation("Update a session", {"token": _TEXT, "platform": {}, "constraints": {}, "devices": {}, "webrtcSdk": _TEXT}, "token"),
    },
    "/v1/events/get-user-media": {"post": _operation("Report a request for media", _EVENT, "token")},
    "/v1/events/browser": {"post": _operation("Report an event of the page", _EVENT, "eventName", "token")},
    "/v1/connection": {"post": _operation("Report an event of a connection", _EVENT, "eventName", "peerId", "token")},
    "/v1/connection/batch": {"post": _operation("Report many", {"data": {"type": "array", "items": {}}, "delta": _DELTA, "token": _TEXT},
                             "data", "token")},
    "/v1/stats": {"post": _operation("Report stats", {"connectionId": _TEXT, "data": _DATA, "delta": _DELTA, "timeTaken": {"type": "number"},
                  "token": _TEXT}, "connectionId", "data", "token")},
    "/v1/tracks": {
        "post": _operation("Report a new track", {"event": _TEXT, "trackId": _TEXT, "connectionId": _TEXT, "data": _DATA, "token": _TEXT},
                           "event", "trackId", "token"),
        "put": _operation("Report a change of a track", {"event": _TEXT, "trackId": _TEXT, "connectionId": _TEXT, "token": _TEXT},
                          "event", "trackId", "token"),
    },
    "/v1/services/get-url": {"post": _operation("Where the dashboard shows it", {"apiKey": _TEXT, "conferenceId": _TEXT, "userId": _TEXT}, "apiKey")},
    "/v1/services/stop-conference": {"post": _operation("End a conference", {"apiKey": _TEXT, "conferenceId": _TEXT}, "apiKey", "conferenceId")},
}  # fmt: skip
