"""Bodies are read within their limit, packed or not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from signalbox.http.body import ClientGone, Patience, read_body
from signalbox.http.errors import BodyTooSlow, InvalidParameters, PayloadTooLarge

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


async def test_nothing_is_waited_for_once_all_that_was_announced_is_there() -> None:
    first = {"type": "http.request", "body": b"abc", "more_body": True}
    second = {"type": "http.request", "body": b"de", "more_body": True}
    headers = [(b"content-length", b"5")]
    assert await read_body(receiving(first, second), headers, limit_bytes=9) == b"abcde"


async def test_an_announced_length_does_not_count_beside_chunks() -> None:
    first = {"type": "http.request", "body": b"abc", "more_body": True}
    second = {"type": "http.request", "body": b"de"}
    headers = [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")]
    assert await read_body(receiving(first, second), headers, limit_bytes=9) == b"abcde"


async def never() -> dict[str, Any]:
    """A client that sends nothing."""
    return await asyncio.Future()


async def test_shared_patience_ends_for_each_who_is_late() -> None:
    patience = Patience(0.01)
    answers = await asyncio.gather(
        *(read_body(never, [], limit_bytes=4, patience=patience) for _ in range(3)),
        read_body(whole(b"in"), [], limit_bytes=4, patience=patience),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [BodyTooSlow, BodyTooSlow, BodyTooSlow, bytes]


async def test_who_hangs_up_is_not_called_slow() -> None:
    reading = asyncio.create_task(read_body(never, [], limit_bytes=4, patience=Patience(60)))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
