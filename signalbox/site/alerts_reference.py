"""What the routes of alerts take, in the words of OpenAPI 3.1: they read their bodies themselves."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from signalbox.alerts.routes.found import NOTE_MOST
from signalbox.alerts.rules.definitions import Rule
from signalbox.alerts.service.writing import NAME_MOST, SECRET_LEAST

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_FLAG: Final[dict[str, Any]] = {"type": "boolean"}
_INSTANT: Final[dict[str, Any]] = {**_TEXT, "format": "date-time"}
_NAME: Final[dict[str, Any]] = {**_TEXT, "maxLength": NAME_MOST}


def _body(properties: dict[str, Any], *needed: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(needed)}
    return {"content": {"application/json": {"schema": schema}}, "required": bool(needed)}


def _definition(*needed: str) -> dict[str, Any]:
    """The fields of a rule; those that are left out are as they are, or as a new rule has them."""
    _, shapes = msgspec.json.schema_components([Rule])
    fields = {
        name: {key: value for key, value in field.items() if key != "default"}
        for name, field in shapes["Rule"]["properties"].items()
    }
    fields["cohort"] = {"anyOf": [shapes["Only"], {"type": "null"}]}
    return {"type": "object", "properties": fields, "required": list(needed)}


_APP: Final = "/v1/alerts/apps/{app_id}"
_RULE: Final = f"{_APP}/rules/{{rule_id}}"
_CHANNEL: Final[dict[str, Any]] = {"name": _NAME, "target": _TEXT, "enabled": _FLAG}
BODIES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/v1/alerts/{alert_id}/acknowledge", "post"): _body(
        {"acknowledged": _FLAG, "note": {**_TEXT, "maxLength": NOTE_MOST}}
    ),
    (f"{_APP}/rules", "post"): _body(
        {"definition": _definition("title", "figure", "kind"), "enabled": _FLAG}, "definition"
    ),
    (_RULE, "put"): _body({"definition": _definition(), "enabled": _FLAG}),
    (f"{_APP}/backtest", "post"): _body(
        {
            "rule": {**_TEXT, "description": "Id of a rule, of which `definition` changes fields."},
            "definition": _definition(),
            "from": _INSTANT,
            "to": _INSTANT,
            "cohorts": _FLAG,
        },
        "from",
    ),
    (f"{_APP}/channels", "post"): _body(
        {
            "kind": {"enum": ["webhook", "email"]},
            "secret": {**_TEXT, "minLength": SECRET_LEAST},
            **_CHANNEL,
        },
        "kind",
        "target",
    ),
    (f"{_APP}/channels/{{channel_id}}", "put"): _body(_CHANNEL),
}
