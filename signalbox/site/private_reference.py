"""What the private routes take and how they refuse, in the words of OpenAPI 3.1: they read their bodies themselves, so no framework describes these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from signalbox.accounts.rules import SCOPES
from signalbox.site.alerts_reference import BODIES as ALERT_BODIES
from signalbox.site.playback_admin_reference import BODIES as PLAYBACK_BODIES
from signalbox.site.playback_admin_reference import TAG as PLAYBACK

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_ID: Final[dict[str, Any]] = {"type": "string", "format": "uuid"}
_MONITORING: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "error_code": _TEXT,
        "message": _TEXT,
        "field": {**_TEXT, "description": "The parameter that is wrong, where it is one."},
        "problem": {**_TEXT, "description": "Of a password: too_short, too_long or differs."},
    },
    "required": ["error_code", "message"],
}
_MEANINGS: Final = {
    "400": "The request is malformed, or lacks something.",
    "401": "Nobody is logged in.",
    "403": "The caller may not do this.",
    "404": "The caller has no such thing.",
    "405": "Not by this method.",
    "413": "The body is too large.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "Cannot be answered now; `Retry-After` says when to come back.",
}
_READING: Final = ("400", "401", "403", "404", "429", "503")
_CHANGING: Final = (*_READING, "413")
_DAYS: Final[dict[str, Any]] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": 36_500,
    "description": "Days; null is the installation's default.",
}
_NAME: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 64}
_APP_CHANGES: Final[dict[str, Any]] = {
    "name": _NAME,
    "domain": {"type": ["string", "null"], "maxLength": 256},
    "interval": {"type": "integer", "minimum": 1000, "maximum": 60_000},
    "recording": {"type": "boolean"},
    "retention_events_days": _DAYS,
    "retention_points_days": _DAYS,
    "retention_rollups_days": _DAYS,
    "retention_days": _DAYS,
    "masks": {
        "type": ["array", "null"],
        "items": {"enum": ["addresses", "sdp", "devices"]},
        "description": "Taken out of reports before they are stored; null is the installation's default.",
    },
    "quota_participant_minutes_monthly": {"type": ["integer", "null"], "minimum": 0},
}
_FILE: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_GRACE: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 2_592_000}
_EMAIL: Final[dict[str, Any]] = {"type": "string", "format": "email", "maxLength": 255}
_PASSWORD: Final[dict[str, Any]] = {"type": "string", "minLength": 8}


def _body(properties: dict[str, Any], *needed: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(needed)}
    return {"content": {"application/json": {"schema": schema}}, "required": bool(needed)}


_OF_ORGANIZATION: Final = "/v1/organizations/{organization_id}"
_ROLE: Final[dict[str, Any]] = {"enum": ["owner", "member", "viewer"]}
_LOGIN: Final = _body(
    {"username": _TEXT, "email": _TEXT, "password": _TEXT, "next": _TEXT}, "password"
)
_NEW_PASSWORD: Final = _body(
    {"password": _PASSWORD, "password_again": _PASSWORD}, "password", "password_again"
)
_BODIES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/login", "post"): _LOGIN,
    ("/v1/login", "post"): _LOGIN,
    ("/change-password", "post"): _NEW_PASSWORD,
    ("/v1/change-password", "post"): _NEW_PASSWORD,
    ("/v1/me", "put"): _body({"name": _NAME, "email": _EMAIL, "password": _TEXT}),
    (f"{_OF_ORGANIZATION}/members", "post"): _body(
        {"email": _EMAIL, "role": _ROLE, "name": _NAME}, "email", "role"
    ),
    (f"{_OF_ORGANIZATION}/members/{{user_id}}", "put"): _body({"role": _ROLE}, "role"),
    (f"{_OF_ORGANIZATION}/keys", "post"): _body(
        {
            "name": {**_TEXT, "description": "What it is for."},
            "scopes": {"type": "array", "items": {"enum": sorted(SCOPES)}, "minItems": 1},
            "app": {
                **_ID,
                "type": ["string", "null"],
                "description": "null: the whole organization",
            },
            "expires_at": {"type": ["string", "null"], "format": "date-time"},
        },
        "scopes",
    ),
    (f"{_OF_ORGANIZATION}/keys/{{key_id}}/rotate", "post"): _body({"overlap_s": _GRACE}),
    ("/v1/organizations", "post"): _body({"name": _NAME}, "name"),
    ("/v1/organizations/{organization_id}", "put"): _body({"name": _NAME}),
    ("/v1/apps", "post"): _body({"organization": _ID, "name": _NAME}, "organization", "name"),
    ("/v1/apps/{app_id}", "put"): _body(_APP_CHANGES),
    ("/v1/apps/{app_id}/reset-key", "post"): _body({"grace_s": _GRACE}),
    **PLAYBACK_BODIES,
    **ALERT_BODIES,
    ("/v1/imports", "post"): {"content": {"application/octet-stream": _FILE}, "required": True},
}
# Routes that answer with a file, in one of these forms.
_FILES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/v1/conferences/{conference_id}/export", "get"): {
        "description": "The file.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/csv": _FILE,
            "application/zip": _FILE,
            "application/vnd.apache.parquet": _FILE,
        },
    },
}


def completed(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The paths of a document, with the bodies and refusals that their operations do not name."""
    return {
        path: {method: _complete(path, method, operation) for method, operation in item.items()}
        for path, item in paths.items()
    }


def _complete(path: str, method: str, operation: Any) -> Any:
    if not isinstance(operation, Mapping):
        return operation
    codes = _READING if method == "get" else _CHANGING
    operation = {**operation, **_words(operation)}
    if operation.get("tags") == [
        PLAYBACK
    ]:  # names its refusals, which are in an envelope of their own
        return operation | (
            {"requestBody": _BODIES[path, method]} if (path, method) in _BODIES else {}
        )
    done = {**operation, "responses": {**operation.get("responses", {}), **refusals(*codes)}}
    file = _FILES.get((path, method))
    if file is not None:
        done["responses"]["200"] = file
    body = _BODIES.get((path, method))
    return done if body is None else {"requestBody": body, **done}


def _words(operation: Mapping[str, Any]) -> dict[str, str]:
    """The summary that was written, else the first sentence of the description instead of the function's name."""
    given = str(operation.get("summary", ""))
    described = str(operation.get("description", ""))
    if " " in given or not described:
        return {"summary": given}
    first, _, rest = described.partition("\n")
    return {"summary": first.rstrip("."), "description": rest.strip()}


def refusals(*codes: str) -> dict[str, Any]:
    """The answers of an operation that refuses with these statuses."""
    return {code: _refusal(code) for code in codes}


def _refusal(code: str) -> dict[str, Any]:
    return {
        "description": _MEANINGS[code],
        "content": {"application/json": {"schema": _MONITORING}},
    }
