"""Refusals in two dialects, and what other origins may read."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from signalbox.core.errors import AppError
from signalbox.http import cors
from signalbox.http.errors import (
    InvalidParameters,
    house_error,
    monitoring_error,
    respond_error,
    respond_json,
)
from signalbox.http.paging import Page, newest_first, page_of

OURS, THEIRS = b"https://dash.example.org", b"https://evil.example.org"


class Recorder:
    """Keeps what a door sends."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message["body"]


class Busy(AppError):
    code, status, message = "busy", 503, "Come back."


def test_the_dialects_differ_in_shape_only() -> None:
    error = InvalidParameters(field="limit")

    assert json.loads(monitoring_error(error)) == {
        "error_code": "invalid_parameters",
        "message": error.message,
    }
    assert json.loads(house_error(error)) == {
        "error": {"code": "invalid_parameters", "message": error.message, "field": "limit"}
    }


async def test_a_refusal_tells_when_to_come_back() -> None:
    sent = Recorder()

    await respond_error(sent, Busy(retry_after_s=3), cors.OPEN_HEADERS)

    assert sent.status == 503
    assert sent.headers[b"retry-after"] == b"3"
    assert sent.headers[b"access-control-allow-origin"] == b"*"
    assert sent.headers[b"content-length"] == str(len(sent.body)).encode()


async def door(_scope: Any, _receive: Any, send: Any) -> None:
    await respond_json(send, b'""')


async def never() -> dict[str, Any]:
    raise AssertionError


async def ask(origin: bytes | None, method: str = "GET") -> Recorder:
    headers = [] if origin is None else [(b"origin", origin)]
    if method == "OPTIONS":
        headers.append((b"access-control-request-method", b"PUT"))
    sent = Recorder()
    site = cors.PrivateCors(door, [OURS.decode().upper()])
    await site({"type": "http", "method": method, "headers": headers}, never, sent)
    return sent


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_only_a_named_origin_may_read_private_answers(method: str) -> None:
    ours, theirs, none = [await ask(origin, method) for origin in (OURS, THEIRS, None)]

    assert ours.headers[b"access-control-allow-origin"] == OURS
    assert ours.headers[b"access-control-allow-credentials"] == b"true"
    for other in (theirs, none):
        assert b"access-control-allow-origin" not in other.headers
        assert other.headers[b"vary"] == b"origin"
    assert ours.status == (204 if method == "OPTIONS" else 200)


@pytest.mark.parametrize(
    ("limit", "offset", "page"),
    [
        (None, None, None),
        ("10", None, Page(10, 0)),
        (None, "7", Page(50, 7)),
        ("0", "-3", Page(1, 0)),
        ("900", "", None),
    ],
)
def test_pages_are_moved_into_range(limit: Any, offset: Any, page: Page | None) -> None:
    if offset == "":
        with pytest.raises(InvalidParameters):
            page_of(limit, offset)
    else:
        assert page_of(limit, offset) == page


def test_the_order_is_one_of_two() -> None:
    assert [newest_first(order) for order in (None, "created_at", "-created_at")] == [
        False,
        False,
        True,
    ]
    with pytest.raises(InvalidParameters):
        newest_first("-name")
