"""Server-sent events (WHATWG HTML, 9.2): frames, and an answer that goes on until either side ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from signalbox.http.body import Receive
from signalbox.http.errors import Header, Send

HEADERS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy that gathers answers would hold the frames back
)
_LAST_WORD_S: Final = 1.0


def frame(entry: bytes | None, event: str, body: bytes) -> bytes:
    """One event. Without an id the client keeps the one before. `body` must not contain line breaks."""
    head = b"" if entry is None else b"id: %s\n" % entry
    return b"%sevent: %s\ndata: %s\n\n" % (head, event.encode(), body)


async def respond_events(
    receive: Receive, send: Send, frames: AsyncIterator[bytes], ended: asyncio.Future[str]
) -> str:
    """Send frames until the client goes or `ended` is set, whose value says why; answers why.

    Who reads too slowly blocks only its own sending, which `ended` cuts off.
    """
    sending = asyncio.ensure_future(_send_all(send, frames))
    going = asyncio.ensure_future(_client_gone(receive))
    try:
        first: set[asyncio.Future[Any]] = {sending, going, ended}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done() and ended.done() and not going.done():
            await _cancel(sending)
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(_LAST_WORD_S):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            return ended.result()
        if sending.done() and not sending.cancelled() and (error := sending.exception()):
            raise error
        return "gone"
    finally:
        await _cancel(sending)
        await _cancel(going)


async def _send_all(send: Send, frames: AsyncIterator[bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
    async for content in frames:
        if content:
            await send({"type": "http.response.body", "body": content, "more_body": True})


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
