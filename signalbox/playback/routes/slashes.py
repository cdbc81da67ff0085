"""Ids of sessions that have a slash in them: a client writes it as `%2F`, and the server's `path` no longer tells it from one between parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

_SESSIONS: Final = b"/v1/playback/sessions/"
_ENCODED: Final = "%2F"
_KEY: Final = "playback_session_id"


class SlashedIds:
    """Hands every request on to `rest`; a session's id with slashes in it arrives there as one part of the path."""

    def __init__(self, rest: Asgi) -> None:
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Hand one request on."""
        raw: bytes = scope.get("raw_path") or b""
        if raw.startswith(_SESSIONS) and _ENCODED.encode() in raw.upper():
            first, slash, below = raw[len(_SESSIONS) :].decode("latin-1").partition("/")
            session_id = unquote(first)
            if "/" in session_id:
                shown = session_id.replace("/", _ENCODED)
                scope["path"] = f"{_SESSIONS.decode()}{shown}{slash}{unquote(below)}"
                scope[_KEY] = session_id
        await self._rest(scope, receive, send)


def named(scope: Any, session_id: str) -> str:
    """The id that a request means, of which its path says `session_id`."""
    found: str = scope.get(_KEY, session_id)
    return found
