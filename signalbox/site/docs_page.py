"""The API reference: `/openapi.json` and a page at `/docs` that shows it, with nothing loaded from other hosts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from signalbox.site.private_reference import completed

AnyRequest = Request[Any, Any, Any]
Operations = Mapping[str, Mapping[str, Any]]

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_FILES = {
    "/docs": ("page.html", "text/html"),
    "/docs/page.js": ("page.js", "text/javascript"),
    "/docs/page.css": ("page.css", "text/css"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
}


def merged(schema: Mapping[str, Any], contributed: Operations) -> dict[str, Any]:
    """An OpenAPI document with further operations, by path and method; what the document has already stays."""
    paths = completed(schema.get("paths", {}))
    for path, operations in contributed.items():
        item = paths.setdefault(path, {})
        for method, operation in operations.items():
            item.setdefault(method, operation)
    return {**schema, "paths": dict(sorted(paths.items()))}


def _file_route(path: str) -> HTTPRouteHandler:
    name, media_type = _FILES[path]
    content = files("signalbox.site").joinpath("reference", name).read_bytes()

    @get(path, include_in_schema=False, name=f"reference {name}")
    async def send_file() -> Response[bytes]:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return send_file


def docs_handlers(contributed: Operations | None = None) -> tuple[HTTPRouteHandler, ...]:
    """The handlers of the reference. `contributed` are the operations of doors that Litestar does not know, as OpenAPI path items."""
    operations = contributed or {}
    encoded: list[bytes] = []

    @get("/openapi.json", include_in_schema=False, name="openapi document")
    async def send_document(request: AnyRequest) -> Response[bytes]:
        if not encoded:
            document = merged(request.app.openapi_schema.to_schema(), operations)
            encoded.append(msgspec.json.encode(document, enc_hook=str))
        return Response(encoded[0], media_type="application/json; charset=utf-8")

    return (send_document, *(_file_route(path) for path in _FILES))
