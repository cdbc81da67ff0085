"""The live stream in the words of OpenAPI 3.1; its door is plain ASGI, so no framework describes it."""

from __future__ import annotations

from typing import Any, Final

from signalbox.monitoring.rules.happenings import KINDS
from signalbox.site.private_reference import refusals

_ID: Final = {"type": "string", "format": "uuid"}
_EVENTS: Final = "; ".join(f"`{kind}` ({', '.join(changes)})" for kind, changes in KINDS.items())
_DESCRIPTION: Final = f"""Server-sent events (WHATWG HTML, 9.2) of what is committed, by exactly one of the three parameters.

Every event of a call carries `{{"change", "app", "conference", "data"}}`; `data` has the ids and the fields that changed, under the names of the query API.
Events and their changes: {_EVENTS}. Samples come only by `appId` or `conferenceId`, at most one per connection and second, and are not repeated to who resumes.

`ready` begins a stream; `heartbeat` comes every 15 s; `degraded` and `recovered` say that events are held up, and no longer; `reset` says that some were
missed: ask the query API for what you show. Who comes back with `Last-Event-ID` gets what was missed within an hour, else a `reset`."""


def _parameter(name: str, description: str, schema: Any, where: str = "query") -> dict[str, Any]:
    return {"name": name, "in": where, "description": description, "schema": schema}


OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "/v1/live": {
        "get": {
            "tags": ["monitoring"],
            "summary": "What happens, live",
            "description": _DESCRIPTION,
            "parameters": [
                _parameter("organizationId", "all calls of an organization, without samples", _ID),
                _parameter("appId", "all calls of an app", _ID),
                _parameter("conferenceId", "one conference", _ID),
                _parameter(
                    "lastEventId",
                    "as the header, for clients that cannot set it",
                    {"type": "string"},
                ),
                _parameter(
                    "Last-Event-ID", "id of the last event that came", {"type": "string"}, "header"
                ),
            ],
            "responses": {
                "200": {
                    "description": "Events until either side ends it.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                **refusals("400", "401", "403", "404", "405", "429", "503"),
            },
        }
    }
}
