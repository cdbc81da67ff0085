"""Answers of JSON routes: their envelope, how instants are printed, and what the API reference says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar import Response
from litestar.openapi import ResponseSpec
from msgspec import Meta

from signalbox.http.guards import JSON

T = TypeVar("T")
Answer = Response[Any]
Instant = Annotated[str, Meta(description="UTC, as 2026-01-15T10:30:00.123456Z")]

encode = msgspec.json.Encoder(enc_hook=str).encode


class Whole(msgspec.Struct, Generic[T]):
    """A single thing, or a complete list."""

    data: T


class Listing(msgspec.Struct, Generic[T]):
    """A list: `data` when complete; `results` and `count` when limit or offset is given."""

    data: list[T] | msgspec.UnsetType = msgspec.UNSET
    results: list[T] | msgspec.UnsetType = msgspec.UNSET
    count: int | msgspec.UnsetType = msgspec.UNSET


class Refusal(msgspec.Struct):
    """Why a request was refused; `field` is the parameter that is wrong, where it is one; `problem` what is wrong with a password."""

    error_code: str
    message: str
    field: str | msgspec.UnsetType = msgspec.UNSET
    problem: str | msgspec.UnsetType = msgspec.UNSET


def _refusal(text: str) -> ResponseSpec:
    return ResponseSpec(Refusal, generate_examples=False, description=text)


REFUSALS: Mapping[int, ResponseSpec] = {
    400: _refusal("A parameter is missing, malformed or names nothing."),
    401: _refusal("Nobody is logged in."),
}
MISSING: Mapping[int, ResponseSpec] = {404: _refusal("There is no such thing.")}


def answers(shape: Any, text: str) -> dict[int, ResponseSpec]:
    """For the API reference: a route that answers with `shape`."""
    return {200: ResponseSpec(shape, generate_examples=False, description=text), **REFUSALS}


def list_of(shape: type[Any]) -> dict[int, ResponseSpec]:
    """For the API reference: a list route."""
    return answers(Listing[shape], "The list.")  # type: ignore[valid-type]


def one_of(shape: type[Any]) -> dict[int, ResponseSpec]:
    """For the API reference: a route of a single thing."""
    return {**answers(Whole[shape], "The thing."), **MISSING}  # type: ignore[valid-type]


def json_answer(body: object) -> Answer:
    """Any encodable value as JSON."""
    return Response(encode(body), media_type=JSON)


def printed(at: datetime) -> str:
    """An aware instant as the API prints it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def printed_or_none(at: datetime | None) -> str | None:
    """As `printed`; None stays None."""
    return None if at is None else printed(at)
