"""Serves the built dashboard: its document at the addresses of the pages, its files below `/app/`.

Plain ASGI behind the ingest doors, in front of the interface. A page is sent only to who wants one: some addresses are
the interface's as well. The document holds no data, so it is the same for everybody; the pages ask the interface.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any, Final

from signalbox.accounts.guards import COOKIE
from signalbox.http.body import Receive
from signalbox.http.errors import Header, Send
from signalbox.http.negotiation import Accepted, accepted, best_coding
from signalbox.monitoring.ingest.parts import Asgi, Scope
from signalbox.site.dashboard_files import PLAIN, Build, File

# Pages whose address the interface does not know; and pages whose address it answers, too.
_ID: Final = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_ONLY_PAGES: Final = re.compile(
    "/|/(?:login|change-password|welcome|dashboard|account)/?"
    f"|/(?:organization|conference|participant)/{_ID}/?"
    f"|/apps/{_ID}/(?:conferences|issues|compare|live|settings|playback(?:/sessions?)?)/?"
    f"|/apps/{_ID}/alerts(?:/(?:rules?|channels|{_ID}))?/?"
)
_SHARED: Final = re.compile(f"/apps/{_ID}(?:/usage)?/?")
# What a page of somebody signed in must know before it asks anything else. Its scripts would ask when they have been read; so it is on
# its way meanwhile. No more than that: what is sent first holds up the scripts.
_SIGNED_OUT: Final = re.compile("/|/(?:login|change-password)/?")
_ASKED_FIRST: Final = "</v1/apps>; rel=preload; as=fetch; crossorigin"
# What is not found here is told in the words of the interface, also to a browser.
_NO_PAGES_BELOW: Final = ("/v1/", "/api/", "/internal/", "/.well-known/")

_FILES: Final = "/app/"
_FOREVER: Final = "/app/immutable/"  # names carry a fingerprint of the content
_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_SAFE_PAGE: Final = {
    **_SAFE,
    "cache-control": "no-cache",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "vary": "accept, accept-encoding, cookie",
}


class DashboardDoor:
    """Answers with the dashboard; hands everything else to `rest`."""

    def __init__(self, build: Build, rest: Asgi) -> None:
        self._build, self._rest = build, rest
        self._page_head = {**_SAFE_PAGE, "content-security-policy": build.policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._rest(scope, receive, send)
            return
        path: str = scope["path"]
        file = self._build.files.get(path)
        if file is not None:
            await _respond(scope, send, file, _file_head(path))
        elif path.startswith(_FILES):
            await _nothing(scope, send)
        else:
            await self._page_or_rest(path, scope, receive, send)

    async def _page_or_rest(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        wish = accepted(_joined(scope, b"accept"))
        shared = _SHARED.fullmatch(path) is not None
        if _is_page(path, wish, shared=shared):
            await _respond(scope, send, self._build.document, self._head_of(path, scope))
        elif shared:
            await self._rest(scope, receive, _varying(send))
        elif wish.prefers_html and not path.startswith(_NO_PAGES_BELOW):
            await self._rest(scope, receive, self._page_for_missing(scope, send))
        else:
            await self._rest(scope, receive, send)

    def _head_of(self, path: str, scope: Scope) -> dict[str, str]:
        if _SIGNED_OUT.fullmatch(path) or f"{COOKIE}=" not in (_joined(scope, b"cookie") or ""):
            return self._page_head
        return {**self._page_head, "link": _ASKED_FIRST}

    def _page_for_missing(self, scope: Scope, send: Send) -> Send:
        """Sends on what the interface answers, but instead of a 404 the document, which then says so to a person."""
        replaced = False

        async def send_page(message: MutableMapping[str, Any]) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == 404:
                replaced = True
                await _respond(scope, send, self._build.document, self._page_head, status=404)
            elif not replaced:
                await send(message)

        return send_page


def _is_page(path: str, wish: Accepted, *, shared: bool) -> bool:
    if shared:
        return wish.prefers_html
    return wish.takes_html and _ONLY_PAGES.fullmatch(path) is not None


def _varying(send: Send) -> Send:
    """The answer of the interface at the address of a page: caches must keep the two apart."""

    async def send_varying(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"vary", b"accept")]
        await send(message)

    return send_varying


def _file_head(path: str) -> dict[str, str]:
    forever = path.startswith(_FOREVER)
    keep = "public, max-age=31536000, immutable" if forever else "no-cache"
    return {**_SAFE, "cache-control": keep, "vary": "accept-encoding"}


async def _respond(
    scope: Scope, send: Send, file: File, head: dict[str, str], *, status: int = 200
) -> None:
    """The file in the best coding that the client takes; 304 when it has it already."""
    coding = best_coding(_joined(scope, b"accept-encoding"), file.bodies) or PLAIN
    body = file.bodies[coding]
    fields = {**head, "etag": file.etag}
    if status == 200 and _has(scope, file.etag):
        status, body = 304, b""
    else:
        fields |= {"content-type": file.media_type, "content-length": str(len(body))}
        if coding != PLAIN:
            fields["content-encoding"] = coding
    await _send(scope, send, status, fields, body)


async def _nothing(scope: Scope, send: Send) -> None:
    """A file that is not there, such as one of another version: never the document, which is no script."""
    body = b"There is no such file.\n"
    fields = {
        **_SAFE,
        "cache-control": "no-store",
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(body)),
    }
    await _send(scope, send, 404, fields, body)


async def _send(scope: Scope, send: Send, status: int, fields: dict[str, str], body: bytes) -> None:
    head: list[Header] = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _has(scope: Scope, etag: str) -> bool:
    """Whether `If-None-Match` names the tag, compared weakly (RFC 9110, 13.1.2)."""
    asked = _joined(scope, b"if-none-match")
    if asked is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


def _joined(scope: Scope, name: bytes) -> str | None:
    """All lines of a header as one; None without any."""
    lines: Iterable[bytes] = [value for key, value in scope["headers"] if key == name]
    return b", ".join(lines).decode("latin-1") if lines else None
