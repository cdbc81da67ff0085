"""What the operator's routes of playback take, in the words of OpenAPI 3.1: they read their bodies themselves."""

from __future__ import annotations

from typing import Any, Final

from signalbox.accounts.rules import RATE_MAX, RATE_WINDOW_MAX_S, SCOPES
from signalbox.accounts.service import ROTATION_OVERLAP_MAX_S
from signalbox.playback.rules.retention import DAYS_MAX, KINDS

TAG: Final = "playback"
_NAME: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 64}
_INSTANT: Final[dict[str, Any]] = {
    "type": ["string", "integer", "null"],
    "description": "ISO 8601, or epoch ms.",
}


def _up_to(most: int, least: int = 1) -> dict[str, Any]:
    return {"type": ["integer", "null"], "minimum": least, "maximum": most}


_LIMITS: Final = {
    "dailyReports": _up_to(2**63 - 1, 0),
    "rateLimit": _up_to(RATE_MAX),
    "rateWindowSeconds": _up_to(RATE_WINDOW_MAX_S),
}
_KEY: Final[dict[str, Any]] = {
    "label": {"type": "string", "maxLength": 64},
    "scopes": {"type": "array", "items": {"enum": sorted(SCOPES)}, "minItems": 1},
    "publishable": {"type": "boolean", "description": "For a web page: `ingest` alone."},
    "origins": {"type": ["array", "null"], "items": {"type": "string"}},
    "notBefore": _INSTANT,
    "expiresAt": _INSTANT,
    "rateLimit": _up_to(RATE_MAX),
    "rateWindowSeconds": _up_to(RATE_WINDOW_MAX_S),
}
_POLICY: Final[dict[str, Any]] = {
    "streamType": {"type": ["string", "null"], "maxLength": 16},
    "contentPrefix": {"type": ["string", "null"], "maxLength": 256},
    **{f"{kind}Days": _up_to(DAYS_MAX) for kind in KINDS},
}


def _body(properties: dict[str, Any], *needed: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(needed)}
    return {"content": {"application/json": {"schema": schema}}, "required": bool(needed)}


_ROOT: Final = "/v1/playback/admin"
_TENANT: Final = f"{_ROOT}/tenants/{{tenant}}"
BODIES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    (f"{_ROOT}/tenants", "post"): _body(
        {"name": _NAME, "organization": {"type": "string"}, **_LIMITS}, "name"
    ),
    (_TENANT, "post"): _body({"name": _NAME, **_LIMITS}),
    (f"{_ROOT}/keys", "post"): _body({"tenant": {"type": "string"}, **_KEY}, "tenant"),
    (f"{_TENANT}/keys", "post"): _body(_KEY),
    (f"{_ROOT}/keys/{{key_id}}/rotate", "post"): _body(
        {"overlapSeconds": _up_to(ROTATION_OVERLAP_MAX_S, 0)}
    ),
    (f"{_TENANT}/retention", "post"): _body(_POLICY),
    (f"{_TENANT}/score", "post"): _body(
        {
            part: {"type": ["number", "null"], "minimum": 0, "maximum": 1000}
            for part in ("success", "smoothness", "startup", "quality")
        }
    ),
}
