"""The WebSocket door of rtcstats-js: `/rtcstats/<api key>`, in front of everything else.

A client only talks, nothing is answered. What it sends waits in a queue of `QUEUE` messages and `MOST_BYTES`; while that is full the socket is not read, so
that memory is bounded and the client feels it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, Protocol

import msgspec
import structlog

from signalbox.core.errors import AppError, Overloaded
from signalbox.monitoring.errors import RateLimited
from signalbox.monitoring.rules.traces.rtcstats import BadTraceLine

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX: Final = "/rtcstats"
QUEUE: Final = 256
MOST_SOCKETS: Final = 5_000  # of one process
# What a page has kept since it began comes first, and only its end tells how the page's clock goes: it is awaited.
LAST_KEPT: Final = b'["websocket"'
FIRST_WITHIN_S: Final = 10.0
SILENCE_S: Final = 0.3
MOST_KEPT: Final = 4_096
MOST_BYTES: Final = 4 * 1024 * 1024  # that wait in one socket
MOST_BYTES_IN_ALL: Final = 256 * 1024 * 1024
# RFC 6455, 7.4.1; what the page cannot mend is 1008, which rtcstats-js takes for a refusal.
REFUSED: Final = 1008
UNREADABLE: Final = 1007
TOO_BIG: Final = 1009
TRY_LATER: Final = 1013
FAILED: Final = 1011
_CLEAN: Final = frozenset({0, 1000, 1001, 1005})

log = structlog.get_logger(__name__)


class Trace(Protocol):
    """One client's trace."""

    async def take(self, lines: list[tuple[bytes, int]]) -> None:
        """Store lines with the instants (µs) at which they arrived."""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to tell any more."""
        ...

    async def end(self, *, clean: bool, remember: Any) -> None:
        """The socket is gone."""


class Traces(Protocol):
    """What `site` hands in."""

    remember: Any

    def now_us(self) -> int:
        """Our clock."""
        ...

    async def open(self, scope: Scope) -> Trace:
        """A trace for a socket; raises an AppError for a stranger."""
        ...


class _Closed(Exception):
    def __init__(self, code: int, reason: str = "", *, by_client: bool = False) -> None:
        super().__init__(reason)
        self.code, self.reason, self.by_client = code, reason, by_client


Line = tuple[bytes, int]  # and the instant (µs) at which it came


class _Total:
    """Bytes that wait in all sockets of this process."""

    def __init__(self) -> None:
        self.bytes = 0


class _Waiting:
    """What was read of one socket and is not stored yet. Bounded: whoever puts waits while there is too much."""

    def __init__(self, total: _Total) -> None:
        self._items: asyncio.Queue[Line | _Closed] = asyncio.Queue(QUEUE)
        self._total, self._bytes = total, 0
        self._room = asyncio.Event()

    async def put(self, item: Line | _Closed) -> None:
        """Add a line, or that the socket ended. Raises nothing: a process that holds too much ends the socket."""
        if not isinstance(item, _Closed):
            size = len(item[0])
            if self._total.bytes + size > MOST_BYTES_IN_ALL:
                item = _Closed(TRY_LATER, "unavailable")
            else:
                while self._bytes > MOST_BYTES:
                    self._room.clear()
                    await self._room.wait()
                self._bytes += size
                self._total.bytes += size
        await self._items.put(item)

    async def get(self) -> Line | _Closed:
        """The next one."""
        return await self._items.get()

    def get_nowait(self) -> Line | _Closed:
        """The next one, which is there."""
        return self._items.get_nowait()

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._items.empty()

    def stored(self, lines: list[Line]) -> None:
        """These take no more memory."""
        size = sum(len(line) for line, _ in lines)
        self._bytes -= size
        self._total.bytes -= size
        self._room.set()

    def drop(self) -> None:
        """The socket is gone, with all that waits."""
        self._total.bytes -= self._bytes
        self._bytes = 0


class RtcstatsSockets:
    """Answers sockets under `/rtcstats`; hands everything else to `rest`."""

    def __init__(self, traces: Traces, rest: Asgi, *, max_bytes: int) -> None:
        self._traces, self._rest, self._max_bytes = traces, rest, max_bytes
        self._open, self._total = 0, _Total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end, or hand it on."""
        if scope["type"] != "websocket" or not _is_ours(scope["path"]):
            await self._rest(scope, receive, send)
            return
        await receive()  # websocket.connect
        offered = scope.get("subprotocols") or []
        # A browser that offers a protocol gives up unless one is chosen.
        await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
        if self._open >= MOST_SOCKETS:
            await _close(send, _Closed(TRY_LATER, "unavailable"))
            return
        self._open += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._open -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        traces = self._traces
        try:
            trace = await traces.open(scope)
        except AppError as refusal:
            await _close(send, _of_refusal(refusal))
            return
        end = _Closed(FAILED)
        try:
            await self._follow(trace, traces, receive)
        except _Closed as closed:
            end = closed
        except Exception:
            log.exception("rtcstats.failed")
        if not end.by_client:
            await _close(send, end)
        with suppress(AppError):
            await trace.end(clean=end.code in _CLEAN, remember=traces.remember)

    async def _follow(self, trace: Trace, traces: Traces, receive: Receive) -> None:
        """Read and store until the socket ends, which is told by _Closed."""
        queue = _Waiting(self._total)
        reading = asyncio.create_task(self._read(receive, queue, traces))
        try:
            await _store(trace, queue)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            queue.drop()

    async def _read(
        self,
        receive: Receive,
        queue: _Waiting,
        traces: Traces,
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                await queue.put(_Closed(message.get("code") or 0, by_client=True))
                return
            line = message.get("bytes") or (message.get("text") or "").encode("utf-8", "replace")
            if len(line) > self._max_bytes:
                await queue.put(_Closed(TOO_BIG, "payload_too_large"))
                return
            await queue.put((line, traces.now_us()))


async def _store(trace: Trace, queue: _Waiting) -> None:
    lines, closed = await _kept_by_page(queue)
    while True:
        try:
            await trace.take(lines)
        except (BadTraceLine, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise _Closed(UNREADABLE, "invalid_trace") from None
        except AppError as refusal:
            raise _of_refusal(refusal) from None
        queue.stored(lines)
        if closed is not None:
            raise closed
        if trace.is_over:
            raise _Closed(REFUSED, "connection_ended")
        lines, closed = await _available(queue)


async def _kept_by_page(queue: _Waiting) -> tuple[list[Line], _Closed | None]:
    """What the page has kept since it began: all that comes until its last word on that, or without it until nothing comes for a moment."""
    lines: list[Line] = []
    size = 0
    until = asyncio.get_running_loop().time() + FIRST_WITHIN_S
    while len(lines) < MOST_KEPT and asyncio.get_running_loop().time() < until:
        try:
            item = await asyncio.wait_for(queue.get(), SILENCE_S)
        except TimeoutError:
            break
        if isinstance(item, _Closed):
            return lines, item
        lines.append(item)
        size += len(item[0])
        if item[0].startswith(LAST_KEPT) or size >= MOST_BYTES:
            break
    return lines, None


async def _available(queue: _Waiting) -> tuple[list[Line], _Closed | None]:
    """What waits, at least one."""
    lines: list[Line] = []
    item = await queue.get()
    while not isinstance(item, _Closed):
        lines.append(item)
        if len(lines) >= QUEUE or queue.empty():
            return lines, None
        item = queue.get_nowait()
    return lines, item


def _is_ours(path: str) -> bool:
    return path == PREFIX or path.startswith(PREFIX + "/")


def _of_refusal(refusal: AppError) -> _Closed:
    later = isinstance(refusal, Overloaded | RateLimited)
    return _Closed(TRY_LATER if later else REFUSED, refusal.code)


async def _close(send: Send, end: _Closed) -> None:
    with suppress(Exception):  # the client may be gone
        await send({"type": "websocket.close", "code": end.code, "reason": end.reason})
