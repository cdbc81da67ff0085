"""What Litestar routes share: refusals in a dialect, and a last line against surprises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException
from litestar.types import ExceptionHandlersMap
from psycopg import OperationalError as DriverError
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from signalbox.core.errors import AppError, Overloaded
from signalbox.http.errors import (
    Dialect,
    InvalidParameters,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    UnknownError,
    UnreadableBody,
    retry_headers,
)

AnyRequest = Request[Any, Any, Any]
StatusOf = Callable[[AppError], int]
JSON = "application/json; charset=utf-8"
PACKS_ITSELF = "packs_itself"  # option of a route whose answer is not to be compressed once more

_NOT_FOUND_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Not found</title>
<body style="font:16px/1.5 system-ui;max-width:40rem;margin:20vh auto;padding:0 1rem">
<h1>Not found</h1><p>There is nothing here. <a href="/">Go to the start page</a>.</p>
"""
_BY_STATUS: Mapping[int, type[AppError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
}

_BROKEN_OFF = "client disconnected prematurely"  # Litestar's word for it

# A primary that was demoted to a replica only reads: for who writes it is away.
DATABASE_AWAY = (
    OperationalError,
    PoolTimeoutError,
    DriverError,
    ReadOnlySqlTransaction,
    ConnectionError,
)

log = structlog.get_logger()


def wants_html(request: AnyRequest) -> bool:
    """Whether a browser asks for a page: it names text/html, programs say */* or JSON."""
    return "text/html" in request.headers.get("accept", "")


def render(error: AppError, dialect: Dialect, status: int | None = None) -> Response[bytes]:
    """The refusal as a Litestar response; `status` overrides the error's own."""
    headers = {name.decode(): value.decode() for name, value in retry_headers(error)}
    code = error.status if status is None else status
    return Response(dialect(error), status_code=code, media_type=JSON, headers=headers)


def _broke_off(error: HTTPException) -> bool:
    """Whether the body ended too early, which Litestar takes for a fault of ours. The client may still wait for an answer."""
    return isinstance(error, InternalServerException) and error.detail == _BROKEN_OFF


def exception_handlers(
    dialect_of: Callable[[str], Dialect], *, status_of: StatusOf | None = None
) -> ExceptionHandlersMap:
    """Handlers for an application or router. `dialect_of` chooses by path.

    Browsers get a page for an unknown path, everyone else JSON. What nobody expected is logged and answered 500
    without telling anything about it.
    """

    def on_refusal(request: AnyRequest, error: AppError) -> Response[bytes]:
        status = None if status_of is None else status_of(error)
        return render(error, dialect_of(request.url.path), status)

    def on_http(request: AnyRequest, error: HTTPException) -> Response[Any]:
        if error.status_code == NotFound.status and wants_html(request):
            return Response(_NOT_FOUND_PAGE, status_code=404, media_type="text/html")
        kind = UnreadableBody if _broke_off(error) else _BY_STATUS.get(error.status_code)
        if kind is None:
            kind = InvalidParameters if error.status_code < 500 else UnknownError
        response = render(kind(), dialect_of(request.url.path))
        response.headers.update(error.headers or {})
        return response

    def on_surprise(request: AnyRequest, error: Exception) -> Response[bytes]:
        if isinstance(getattr(error, "orig", error), DATABASE_AWAY):
            return render(Overloaded(retry_after_s=1), dialect_of(request.url.path))
        log.error("request.failed", path=request.url.path, method=request.method, exc_info=error)
        return render(UnknownError(), dialect_of(request.url.path))

    return {AppError: on_refusal, HTTPException: on_http, Exception: on_surprise}
