"""Cross-origin answers (WHATWG Fetch, 3.2).

Ingest is open: browser SDKs on any page must be able to read answers and refusals, and they send no credentials.
Private routes echo an origin, with credentials, only when an operator has named it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from signalbox.http.body import Receive
from signalbox.http.errors import Header, Send, respond_empty

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_METHODS: Header = (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, PATCH, OPTIONS")
_HEADERS: Header = (
    b"access-control-allow-headers",
    b"accept, content-type, authorization, content-encoding",
)
_MAX_AGE: Header = (b"access-control-max-age", b"86400")

OPEN_HEADERS: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"),)
"""For every answer of an open door, refusals included."""

OPEN_PREFLIGHT_HEADERS: tuple[Header, ...] = (*OPEN_HEADERS, _METHODS, _HEADERS, _MAX_AGE)
"""For the 204 that answers a preflight of an open door; it needs no token and counts against no limit."""


def private_headers(origin: bytes | None, allowed: Collection[str]) -> list[Header]:
    """Headers for an answer of a private route; only `Vary` when `origin` is absent or not in `allowed`."""
    vary: Header = (b"vary", b"origin")
    if origin is None or origin.decode("latin-1").lower() not in allowed:
        return [vary]
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        vary,
    ]


def private_preflight_headers(origin: bytes | None, allowed: Collection[str]) -> list[Header]:
    """Headers for the 204 that answers a preflight of a private route; no permission for a foreign origin."""
    headers = private_headers(origin, allowed)
    return [*headers, _METHODS, _HEADERS, _MAX_AGE] if len(headers) > 1 else headers


class PrivateCors:
    """Wraps the private routes: answers preflights, and adds the headers for a named origin to every answer."""

    def __init__(self, app: App, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(origin.lower() for origin in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is no HTTP goes through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"])
        origin: bytes | None = sent.get(b"origin")
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in sent:
            await respond_empty(send, 204, private_preflight_headers(origin, self._allowed))
            return
        added = private_headers(origin, self._allowed)

        async def send_allowed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, send_allowed)
