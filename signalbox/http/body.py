"""Reading a request body within a limit, packed or not."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from signalbox.http.errors import InvalidParameters, PayloadTooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_GZIP_WBITS = 31  # zlib's window of 32 KB plus 16: expect a gzip header (RFC 1952)


class ClientGone(Exception):
    """The client hung up before its body was complete; there is nobody to answer."""


async def read_body(
    receive: Receive, headers: Iterable[tuple[bytes, bytes]], *, limit_bytes: int
) -> bytes:
    """The whole body, unpacked; `limit_bytes` holds for the packed and for the unpacked size.

    Raises:
        PayloadTooLarge: more bytes than the limit; found early by `Content-Length` if there is one.
        InvalidParameters: a broken gzip body or a coding we do not know.
        ClientGone: the client disconnected.
    """
    coding = _coding(headers, limit_bytes)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] != "http.request":
        raise ClientGone
    if message.get("more_body"):
        body = await _read_rest(receive, body, limit_bytes)
    if len(body) > limit_bytes:
        raise PayloadTooLarge(limit_bytes=limit_bytes)
    return body if coding is None else _gunzip(body, limit_bytes)


def announced_bytes(headers: Iterable[tuple[bytes, bytes]], *, otherwise: int) -> int:
    """The body's length as the client announces it; `otherwise` when it does not, or announces more."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return min(int(value), otherwise)
    return otherwise


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


async def _read_rest(receive: Receive, first: bytes, limit_bytes: int) -> bytes:
    chunks, size = [first], len(first)
    while size <= limit_bytes:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _gunzip(packed: bytes, limit_bytes: int) -> bytes:
    """Unpack all gzip members; never holds more than the limit plus one byte, whatever the ratio."""
    parts: list[bytes] = []
    left = limit_bytes + 1
    while packed:
        unpacker = zlib.decompressobj(_GZIP_WBITS)
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
