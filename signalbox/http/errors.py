"""How a refusal looks on the wire, and how a plain ASGI door answers.

Two JSON dialects: `monitoring_error` is flat (`error_code`, `message`), `house_error` nests code, message and facts
under `error`. The same code always carries the same text, because both come from the error's class; the classes that
several contexts need stand here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from signalbox.core.errors import AppError

Header = tuple[bytes, bytes]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Dialect = Callable[[AppError], bytes]

JSON_TYPE = b"application/json; charset=utf-8"
_encode = msgspec.json.Encoder(enc_hook=str).encode


class MissingParameters(AppError):
    """A required field is absent, null or empty; a fact names it."""

    code, status, message = "missing_parameters", 400, "A required field is missing."


class InvalidParameters(AppError):
    """A field has the wrong type or an impossible value; a fact names it."""

    code, status, message = "invalid_parameters", 400, "A field has a value that is not allowed."


class PayloadTooLarge(AppError):
    """The body, unpacked, exceeds what this door takes."""

    code, status, message = "payload_too_large", 413, "The request body is too large."


class NotFound(AppError):
    """No such path."""

    code, status, message = "not_found", 404, "There is nothing here."


class MethodNotAllowed(AppError):
    """The path exists, the method does not."""

    code, status, message = "method_not_allowed", 405, "This method is not possible here."


class RateLimited(AppError):
    """Too many requests; `retry_after_s` says when the next one counts."""

    code, status, message = "rate_limited", 429, "Too many requests; try again later."


class UnknownError(AppError):
    """Something of ours failed; what it was is only logged."""


class UnreadableBody(UnknownError):
    """The body is no JSON, or nested too deeply."""

    status = 400


class BodyTooSlow(UnknownError):
    """The client announced a body and did not send all of it in time."""

    status = 408


def monitoring_error(error: AppError) -> bytes:
    """The flat dialect of the monitoring routes: `error_code` and `message`, nothing else."""
    return _encode({"error_code": error.code, "message": error.message})


def named_error(error: AppError) -> bytes:
    """As `monitoring_error`, and with the `field` that is wrong where one is, or the `line` of a file, the `reason`, the `problem`: for who reads."""
    told: dict[str, object] = {"error_code": error.code, "message": error.message}
    field = error.facts.get("field") or error.facts.get("parameter")
    if field:
        told["field"] = field
    told |= {
        name: error.facts[name] for name in ("line", "reason", "problem") if name in error.facts
    }
    return _encode(told)


def house_error(error: AppError) -> bytes:
    """The dialect of the house: `error` with code, message and the safe facts."""
    return _encode({"error": {**error.facts, "code": error.code, "message": error.message}})


def retry_headers(error: AppError) -> list[Header]:
    """`Retry-After` in whole seconds when the error names a time, else nothing."""
    if error.retry_after_s is None:
        return []
    return [(b"retry-after", b"%d" % max(1, error.retry_after_s))]


async def respond_json(
    send: Send, body: bytes, status: int = 200, headers: Iterable[Header] = ()
) -> None:
    """Answer with finished JSON text."""
    head = [(b"content-type", JSON_TYPE), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def respond_error(
    send: Send,
    error: AppError,
    headers: Iterable[Header] = (),
    *,
    dialect: Dialect = monitoring_error,
) -> None:
    """Answer with a refusal in `dialect`; 503 and 429 carry `Retry-After` when the error has one."""
    await respond_json(send, dialect(error), error.status, [*retry_headers(error), *headers])


async def respond_empty(send: Send, status: int, headers: Iterable[Header] = ()) -> None:
    """Answer without a body, as a preflight wants it. A 204 must not carry a length (RFC 9110, 8.6)."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b""})
