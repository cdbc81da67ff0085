"""The doors of CMCD in the words of OpenAPI 3.1; they are plain ASGI, so no framework describes them."""

from __future__ import annotations

from typing import Any, Final

from signalbox.site.playback_reference import REFUSAL

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_NUMBER: Final[dict[str, Any]] = {"type": ["number", "null"], "minimum": 0}
_KEY: Final[dict[str, Any]] = {
    "name": "key",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "description": "An API key of the app with the scope `ingest`. It stands in pages: give it no other scope.",
}
_LINES: Final[dict[str, Any]] = {
    "type": "string",
    "description": "One report in each line, a dictionary of RFC 8941; at most 1000 lines of 8 KiB, 1 MiB in all.",
    "examples": ['e=ps,sid="5d2a0b6e",sn=0,sta=s,ts=1767225600000,v=2\n'],
}
REQUEST: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One request that a CDN has seen. What the headers say goes before what the query of `url` says.",
    "properties": {
        "ts": {**_NUMBER, "description": "When, in ms since the Unix epoch."},
        "url": {"type": "string", "description": "With its parameter `CMCD`."},
        "headers": {"type": "object", "additionalProperties": _TEXT},
        "status": _NUMBER,
        "ttfbMs": _NUMBER,
        "ttlbMs": _NUMBER,
        "bytes": _NUMBER,
        "cdn": _TEXT,
    },
}
_REQUESTS: Final[dict[str, Any]] = {
    "type": "string",
    "description": "One JSON object in each line, as `x-line` says.",
}
_RESPONSES: Final[dict[str, Any]] = {
    "204": {"description": "At least one line was taken, and all that were are stored."},
    "4XX": {
        "description": "Refused; nothing was stored. 410: the key was revoked, players stop.",
        "content": {"application/json": {"schema": REFUSAL}},
    },
    "5XX": {
        "description": "Cannot be stored now; players send it again.",
        "content": {"application/json": {"schema": REFUSAL}},
    },
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "/v1/cmcd/{key}": {
        "post": {
            "tags": ["playback"],
            "summary": "Report events of players (CMCD version 2, event mode)",
            "parameters": [_KEY],
            "requestBody": {
                "required": True,
                "content": {
                    kind: {"schema": _LINES}
                    for kind in ("application/cmcd", "text/cmcd", "text/plain")
                },
            },
            "responses": _RESPONSES,
        },
        "get": {
            "tags": ["playback"],
            "summary": "Report one line of CMCD in a query",
            "parameters": [
                _KEY,
                {"name": "CMCD", "in": "query", "required": True, "schema": _TEXT},
            ],
            "responses": _RESPONSES,
        },
    },
    "/v1/cmcd/{key}/requests": {
        "post": {
            "tags": ["playback"],
            "summary": "Report media requests that a CDN has seen (CMCD in queries and headers)",
            "parameters": [_KEY],
            "requestBody": {
                "required": True,
                "content": {
                    kind: {"schema": _REQUESTS, "x-line": REQUEST}
                    for kind in ("application/x-ndjson", "text/plain")
                },
            },
            "responses": _RESPONSES,
        }
    },
}
