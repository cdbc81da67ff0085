"""Fields of the JSON objects that private routes are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from litestar import Request

from signalbox.http.errors import (
    InvalidParameters,
    MissingParameters,
    PayloadTooLarge,
    UnreadableBody,
)

T = TypeVar("T")
BODY_MAX_BYTES: Final = 65_536


async def fields_of(request: Request[Any, Any, Any], *, empty_ok: bool = False) -> dict[str, Any]:
    """The JSON object that was sent, whatever its media type says.

    Raises UnreadableBody (no JSON), InvalidParameters (no object) or PayloadTooLarge.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise PayloadTooLarge(limit_bytes=BODY_MAX_BYTES)
    if empty_ok and not body.strip():
        return {}
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise UnreadableBody from None
    if not isinstance(value, dict):
        raise InvalidParameters
    return value


def given(fields: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """A field of the right type; None when absent or null. Raises InvalidParameters."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidParameters(parameter=name)
    if isinstance(value, str) and not storable(value):
        raise InvalidParameters(parameter=name)
    return value


def needed(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """As `given`; raises MissingParameters when absent, null or empty."""
    value = given(fields, name, kind)
    if value is None or value == "":
        raise MissingParameters(parameter=name)
    return value


def texts(fields: Mapping[str, Any], name: str) -> list[str] | None:
    """A list of texts; None when absent or null. Raises InvalidParameters."""
    found = given(fields, name, list)
    if found is not None and not all(isinstance(one, str) and storable(one) for one in found):
        raise InvalidParameters(parameter=name)
    return found


def texts_in(value: object) -> Iterator[str]:
    """All texts of a JSON value, the names of members included, in no particular order."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            left += one


def storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor lone surrogates."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
