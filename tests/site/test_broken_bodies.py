"""A client that stops in the midst of its body, or sends no proper pieces, may still wait: it is told that nothing could be read."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from signalbox.site.app import Site
from tests.monitoring.pages import DOORS

FORM = b"application/x-www-form-urlencoded"


async def broken_off(site: Site, method: str, path: str) -> list[MutableMapping[str, Any]]:
    """What is sent to a client of whose body only a piece came."""
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("192.0.2.1", 1), "server": ("signalbox.test", 80),
        "headers": [(b"host", b"signalbox.test"), (b"content-length", b"100"), (b"content-type", FORM)], "state": {},
    }  # fmt: skip
    await site(scope, receive, send)
    return sent


@pytest.mark.parametrize(("method", "path"), [*DOORS, ("POST", "/login")])
async def test_who_breaks_off_is_told_so(site_app: Site, method: str, path: str) -> None:
    head, *pieces = await broken_off(site_app, method, path)

    headers = dict(head["headers"])
    assert (head["status"], headers[b"content-type"]) == (400, b"application/json; charset=utf-8")
    assert json.loads(b"".join(p["body"] for p in pieces))["error_code"] == "unknown_error"
    assert (headers.get(b"access-control-allow-origin") == b"*") is (path != "/login")
