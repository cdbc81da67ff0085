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


class Patience:
    """Who is waited for, and until when. One timer serves all: one for each request cost as much as decoding a report (measured).

    Of one event loop.
    """

    def __init__(self, within_s: float = BODY_WITHIN_S) -> None:
        self._within_s = within_s
        self._until: dict[asyncio.Task[Any], float] = {}  # in the order of their ends
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[Any]) -> None:
        """Cancel the task unless `end` is called in time."""
        loop = task.get_loop()
        until = self._until[task] = loop.time() + self._within_s
        if self._timer is None:
            self._timer = loop.call_at(until, self._look, loop)

    def end(self, task: asyncio.Task[Any]) -> None:
        """It has what it waited for, or gave up."""
        self._until.pop(task, None)
        self._late.discard(task)

    def was_late(self, task: asyncio.Task[Any]) -> bool:
        """Whether it was cancelled for that, and for nothing else."""
        return task in self._late and task.uncancel() == 0

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, now = None, loop.time()
        for task, until in list(self._until.items()):
            if until > now:
                self._timer = loop.call_at(until, self._look, loop)
                return
            del self._until[task]
            self._late.add(task)
            task.cancel()


async def read_body(
    receive: Receive,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    limit_bytes: int,
    hold: Hold = _hold_nothing,
    within_s: float = BODY_WITHIN_S,
    patience: Patience | None = None,
) -> bytes:
    """The whole body, unpacked; `limit_bytes` holds for the packed and for the unpacked size.

    `hold` is told of every piece's size as it comes, unpacked ones too, and raises when there is no room for it. What a
    client only announces takes no room: it may never send it.

    Raises:
        PayloadTooLarge: more bytes than the limit; found early by `Content-Length` if there is one.
        InvalidParameters: a broken gzip body or a coding we do not know.
        BodyTooSlow: not all of it came within `within_s`, or what a shared `patience` grants.
        ClientGone: the client disconnected.
    """
    announced, coding = _framing(headers, limit_bytes)
    body = await read_packed(
        receive,
        limit_bytes=limit_bytes,
        hold=hold,
        within_s=within_s,
        patience=patience,
        announced=announced,
    )
    if coding is None:
        return body
    plain = _unpacked(body, limit_bytes, GZIP)
    hold(len(plain))
    return plain


async def read_packed(
    receive: Receive,
    *,
    limit_bytes: int,
    hold: Hold = _hold_nothing,
    within_s: float = BODY_WITHIN_S,
    patience: Patience | None = None,
    announced: int | None = None,
) -> bytes:
    """The whole body as it was sent; `within_s` holds without a `patience` that is shared. Raises PayloadTooLarge, BodyTooSlow or ClientGone, as `read_body`."""
    patience, task = patience or Patience(within_s), asyncio.current_task()
    assert task is not None
    patience.begin(task)
    try:
        return await _received(receive, announced, limit_bytes, hold)
    except asyncio.CancelledError:
        if patience.was_late(task):
            raise BodyTooSlow() from None
        raise
    finally:
        patience.end(task)


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


async def _received(receive: Receive, announced: int | None, limit_bytes: int, hold: Hold) -> bytes:
    """The body as it came. When it is as long as announced, the server's last, empty message is not waited for: that costs a tenth of its answer."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body", b"")
    hold(len(body))
    if message.get("more_body") and len(body) != announced:
        body = await _read_rest(receive, body, announced, limit_bytes, hold)
    if len(body) > limit_bytes:
        raise PayloadTooLarge(limit_bytes=limit_bytes)
    return body


def exact_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """How long the body will be, None when that is only known at its end (RFC 9112, 6.3)."""
    length = None
    for name, value in headers:
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"transfer-encoding":
            return None
    return length


def announced_bytes(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The body's length as the client announces it; 0 when it does not."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _framing(
    headers: Iterable[tuple[bytes, bytes]], limit_bytes: int
) -> tuple[int | None, bytes | None]:
    """The length if it is announced, and the content coding to undo, or None; a length beyond the limit is refused."""
    announced, is_chunked, coding = None, False, None
    for name, value in headers:
        if name == b"content-length":
            announced = int(value) if value.isdigit() else None
        elif name == b"content-encoding":
            coding = value.strip().lower()
        elif name == b"transfer-encoding":
            is_chunked = True  # then that counts (RFC 9112, 6.3)
    if announced is not None and announced > limit_bytes:
        raise PayloadTooLarge(limit_bytes=limit_bytes)
    length = None if is_chunked else announced
    if coding in (None, b"", b"identity"):
        return length, None
    if coding not in (b"gzip", b"x-gzip"):
        raise InvalidParameters(header="content-encoding")
    return length, coding


async def _read_rest(
    receive: Receive, first: bytes, announced: int | None, limit_bytes: int, hold: Hold
) -> bytes:
    chunks, size = [first], len(first)
    while size <= limit_bytes:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        hold(len(chunk))
        chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body") or size == announced:
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
