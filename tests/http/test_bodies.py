"""Bodies are read within their limit, packed or not."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from signalbox.http.body import ClientGone, read_body
from signalbox.http.errors import InvalidParameters, PayloadTooLarge

GZIP = [(b"content-encoding", b"gzip")]


def receiving(*messages: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A client that sends these messages."""
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(left)

    return receive


def whole(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A client that sends its body at once."""
    return receiving({"type": "http.request", "body": body, "more_body": False})


async def test_a_body_in_pieces_is_joined() -> None:
    receive = receiving(
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"cd"},
    )
    assert await read_body(receive, [], limit_bytes=4) == b"abcd"


async def test_an_empty_body_is_empty() -> None:
    assert await read_body(receiving({"type": "http.request"}), [], limit_bytes=4) == b""


@pytest.mark.parametrize("length", [b"5", b"99999"])
async def test_a_body_over_the_limit_is_refused(length: bytes) -> None:
    with pytest.raises(PayloadTooLarge):
        await read_body(whole(b"abcde"), [(b"content-length", length)], limit_bytes=4)
    with pytest.raises(PayloadTooLarge):
        await read_body(whole(b"abcde"), [], limit_bytes=4)


async def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    chunk = {"type": "http.request", "body": b"x" * 60, "more_body": True}
    with pytest.raises(PayloadTooLarge):
        await read_body(receiving(chunk, chunk), [], limit_bytes=100)


async def test_gzip_is_unpacked_all_members() -> None:
    packed = gzip.compress(b"one,") + gzip.compress(b"two")
    assert await read_body(whole(packed), GZIP, limit_bytes=1000) == b"one,two"


async def test_the_limit_holds_for_the_unpacked_size() -> None:
    packed = gzip.compress(b"0" * 1000)
    assert len(await read_body(whole(packed), GZIP, limit_bytes=1000)) == 1000
    with pytest.raises(PayloadTooLarge):
        await read_body(whole(packed), GZIP, limit_bytes=999)


@pytest.mark.parametrize("body", [b"{}", gzip.compress(b"0" * 1000, mtime=0)[:-9]])
async def test_a_broken_packing_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameters):
        await read_body(whole(body), GZIP, limit_bytes=2000)


async def test_an_unknown_coding_is_refused() -> None:
    with pytest.raises(InvalidParameters):
        await read_body(whole(b"x"), [(b"content-encoding", b"br")], limit_bytes=10)


@pytest.mark.parametrize("first", [[], [{"type": "http.request", "body": b"a", "more_body": True}]])
async def test_a_client_that_hangs_up_is_noticed(first: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientGone):
        await read_body(receiving(*first, {"type": "http.disconnect"}), [], limit_bytes=10)


async def test_every_piece_is_held_as_it_comes_and_once_more_unpacked() -> None:
    held: list[int] = []
    packed = gzip.compress(b"0" * 1000)
    first = {"type": "http.request", "body": packed[:5], "more_body": True}
    rest = {"type": "http.request", "body": packed[5:]}
    await read_body(receiving(first, rest), GZIP, limit_bytes=1000, hold=held.append)
    assert held == [5, len(packed) - 5, 1000]
