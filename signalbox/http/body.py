"""Reading a request body within a limit, packed or not."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from signalbox.http.errors import BodyTooSlow, InvalidParameters, PayloadTooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Hold = Callable[[int], None]

BODY_WITHIN_S = 20.0  # clients of ours wait 10 s for an answer

GZIP = 31  # zlib's window of 32 KB plus 16: expect a gzip header (RFC 1952)


class ClientGone(Exception):
    """The client hung up before its body was complete; there is nobody to answer."""


def _hold_nothing(_size_bytes: int) -> None: ...


async def read_body(
    receive: Receive,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    limit_bytes: int,
    hold: Hold = _hold_nothing,
    within_s: float = BODY_WITHIN_S,
) -> bytes:
    """The whole body, unpacked; `limit_bytes` holds for the packed and for the unpacked size.

    `hold` is told of every piece's size as it comes, unpacked ones too, and raises when there is no room for it. What a
    client only announces takes no room: it may never send it.

    Raises:
        PayloadTooLarge: more bytes than the limit; found early by `Content-Length` if there is one.
        InvalidParameters: a broken gzip body or a coding we do not know.
        BodyTooSlow: not all of it came within `within_s`.
        ClientGone: the client disconnected.
    """
    coding = _coding(headers, limit_bytes)
    body = await read_packed(receive, limit_bytes=limit_bytes, hold=hold, within_s=within_s)
    if coding is None:
        return body
    plain = _unpacked(body, limit_bytes, GZIP)
    hold(len(plain))
    return plain


async def read_packed(
    receive: Receive, *, limit_bytes: int, hold: Hold = _hold_nothing, within_s: float
) -> bytes:
    """The whole body as it was sent. Raises PayloadTooLarge, BodyTooSlow or ClientGone, as `read_body`."""
    try:
        async with asyncio.timeout(within_s):
            return await _received(receive, limit_bytes, hold)
    except TimeoutError:
        raise BodyTooSlow() from None


def unpacked(packed: bytes, coding: str, *, limit_bytes: int, most_ratio: int) -> bytes:
    """A body in the coding "gzip" or "deflate" (RFC 9110, 8.4.1), unpacked.

    Raises:
        PayloadTooLarge: it is longer than `limit_bytes`, or than `most_ratio` times what was sent.
        InvalidParameters: it is not in this coding, or not all of it is there.
    """
    most = min(limit_bytes, most_ratio * len(packed))
    if coding == "gzip":
        return _unpacked(packed, most, GZIP)
    # Some clients send the bare stream (RFC 1951) where the standard wants it wrapped (RFC 1950).
    is_wrapped = (
        len(packed) > 1
        and packed[0] & 15 == zlib.DEFLATED
        and not (packed[0] * 256 + packed[1]) % 31
    )
    return _unpacked(packed, most, zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS)


async def _received(receive: Receive, limit_bytes: int, hold: Hold) -> bytes:
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body", b"")
    hold(len(body))
    if message.get("more_body"):
        body = await _read_rest(receive, body, limit_bytes, hold)
    if len(body) > limit_bytes:
        raise PayloadTooLarge(limit_bytes=limit_bytes)
    return body


def announced_bytes(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The body's length as the client announces it; 0 when it does not."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _coding(headers: Iterable[tuple[bytes, bytes]], limit_bytes: int) -> bytes | None:
    """The content coding to undo, or None; checks the announced length on the way."""
    coding = None
    for name, value in headers:
        if name == b"content-length":
            if value.isdigit() and int(value) > limit_bytes:
                raise PayloadTooLarge(limit_bytes=limit_bytes)
        elif name == b"content-encoding":
            coding = value.strip().lower()
    if coding in (None, b"", b"identity"):
        return None
    if coding not in (b"gzip", b"x-gzip"):
        raise InvalidParameters(header="content-encoding")
    return coding


async def _read_rest(receive: Receive, first: bytes, limit_bytes: int, hold: Hold) -> bytes:
    chunks, size = [first], len(first)
    while size <= limit_bytes:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        hold(len(chunk))
        chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _unpacked(packed: bytes, limit_bytes: int, window_bits: int) -> bytes:
    """Unpack all members; never holds more than the limit plus one byte, whatever the ratio."""
    parts: list[bytes] = []
    left = limit_bytes + 1
    while packed:
        unpacker = zlib.decompressobj(window_bits)
        try:
            part = unpacker.decompress(packed, left)
        except zlib.error:
            raise InvalidParameters(header="content-encoding") from None
        left -= len(part)
        if left <= 0:
            raise PayloadTooLarge(limit_bytes=limit_bytes)
        if not unpacker.eof:
            raise InvalidParameters(header="content-encoding")
        parts.append(part)
        packed = unpacker.unused_data
    return b"".join(parts)
