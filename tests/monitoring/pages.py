"""The ingest doors, and a page that may post to all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.monitoring.conftest import House

DOORS = [
    ("POST", "/v1/initialize"),
    ("POST", "/v1/sessions"),
    ("PUT", "/v1/sessions"),
    ("POST", "/v1/events/get-user-media"),
    ("POST", "/v1/events/browser"),
    ("POST", "/v1/connection"),
    ("POST", "/v1/connection/batch"),
    ("POST", "/v1/stats"),
    ("POST", "/v1/tracks"),
    ("PUT", "/v1/tracks"),
    ("POST", "/v1/services/get-url"),
    ("POST", "/v1/services/stop-conference"),
]
each_door = pytest.mark.parametrize(
    ("method", "path"), DOORS, ids=[f"{method}{path.replace('/', '-')}" for method, path in DOORS]
)


@dataclass(frozen=True)
class Page:
    """A page in a call: what its posts need to come through."""

    key: str
    init: str
    session: str
    peer: str
    connection: str

    @classmethod
    async def open(cls, house: House, app: Mapping[Any, Any], user: str = "u") -> Page:
        """A page whose user has entered conference `c` of the app and added a connection to `v`."""
        site = house.client
        entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": user}
        init = (await site.post("/v1/initialize", json=entry)).json()["token"]
        session = (await site.post("/v1/sessions", json={"token": init})).json()["token"]
        link = {"token": session, "eventName": "addConnection", "peerId": "v"}
        made = (await site.post("/v1/connection", json=link)).json()
        return cls(app["api_key"], init, session, made["peer_id"], made["connection_id"])

    def good(self, method: str, path: str) -> dict[str, Any]:
        """A body that this door takes."""
        link = {"token": self.session, "peerId": self.peer, "connectionId": self.connection}
        track = {"kind": "audio", "label": "l"}
        bodies: dict[str, dict[str, Any]] = {
            "POST/v1/initialize": {"apiKey": self.key, "conferenceId": "c", "userId": "u"},
            "POST/v1/sessions": {"token": self.init},
            "PUT/v1/sessions": {"token": self.session, "platform": {"a": 1}},
            "POST/v1/events/get-user-media": {"token": self.session, "data": {"audio": []}},
            "POST/v1/events/browser": {"token": self.session, "eventName": "tabFocus"},
            "POST/v1/connection": link | {"eventName": "peerDetails", "data": {"a": 1}},
            "POST/v1/connection/batch": {"token": self.session, "data": []},
            "POST/v1/stats": link | {"data": {"connection": {"timestamp": 1}}},
            "POST/v1/tracks": link | {"event": "ontrack", "trackId": "t", "data": track},
            "PUT/v1/tracks": link | {"event": "mute", "trackId": "t", "data": {}},
            "POST/v1/services/get-url": {"apiKey": self.key, "conferenceId": "c"},
            "POST/v1/services/stop-conference": {"apiKey": self.key, "conferenceId": "other"},
        }
        return bodies[method + path]
