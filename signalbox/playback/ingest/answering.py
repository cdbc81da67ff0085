"""What all doors of playback do at their end: commit in spite of a short outage, or refuse in the words of playback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from signalbox.core.errors import AppError, DatabaseAway, Overloaded
from signalbox.http.body import Patience
from signalbox.http.errors import Header, Send, respond_json, retry_headers
from signalbox.playback.errors import (
    Busy,
    Failed,
    InvalidKey,
    InvalidSchema,
    StorageAway,
    TooSlow,
    WrongMediaType,
    WrongMethod,
)
from signalbox.playback.ingest.admission import CHALLENGE
from signalbox.playback.ingest.parts import Exchange, Parts
from signalbox.playback.wire.answers import refusal

ANSWER_WITHIN_S: Final = 7.0  # clients are told within 8 s
TRIES: Final = 4
_PAUSE_S: Final = (0.02, 0.2)  # between tries, drawn at random
CLOSE: Final[Header] = (b"connection", b"close")

M = TypeVar("M")
T = TypeVar("T")


async def committed(
    commit: Callable[[M], Awaitable[T]], message: M, *, budget_ms: int, patience: Patience
) -> T:
    """What `commit` answers, after some tries when the database is away for a moment; `patience` ends the waiting. Raises StorageAway."""
    task = asyncio.current_task()
    assert task is not None
    patience.begin(task)
    try:
        return await _tried(commit, message, budget_ms)
    except asyncio.CancelledError:
        if patience.was_late(task):
            raise StorageAway(retry_after_s=5) from None
        raise
    finally:
        patience.end(task)


async def _tried(commit: Callable[[M], Awaitable[T]], message: M, budget_ms: int) -> T:
    loop = asyncio.get_running_loop()
    until_s = loop.time() + budget_ms / 1000
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            return await commit(message)
        except DatabaseAway:
            pause_s = random.uniform(*_PAUSE_S)
            if not tries_left or loop.time() + pause_s > until_s:
                break
            await asyncio.sleep(pause_s)
    raise StorageAway(retry_after_s=5)


async def refuse(
    parts: Parts,
    exchange: Exchange,
    error: AppError,
    send: Send,
    *,
    takes: bytes = b"application/json",
) -> None:
    """Answer with a refusal, count it and write it down; `takes` is the media type that the door reads."""
    refused = _in_our_words(error)
    exchange.status, exchange.error_code = refused.status, refused.code
    exchange.reason = refused.message
    at_ms = round(parts.clock.now().timestamp() * 1000)
    body = refusal(refused, request_id=exchange.request_id, at_ms=at_ms)
    headers = [*exchange.headers, *retry_headers(refused), *_special_headers(refused, takes)]
    await respond_json(send, body, refused.status, headers)
    fields = [field for field, _ in refused.problems] if isinstance(refused, InvalidSchema) else []
    parts.told.refused(exchange.tenant, refused.code, fields)
    parts.told.answered(exchange)


def _in_our_words(error: AppError) -> AppError:
    """A refusal of the house as one of playback's own."""
    if isinstance(error, DatabaseAway):
        return StorageAway(retry_after_s=5)
    if isinstance(error, Overloaded):
        return Busy(retry_after_s=1)
    return Failed() if error.status == Failed.status else error


def _special_headers(error: AppError, takes: bytes) -> Sequence[Header]:
    """What a refusal of this kind must carry besides the time to wait."""
    if isinstance(error, InvalidKey):
        return (CHALLENGE,)
    if isinstance(error, WrongMethod):
        return ((b"allow", str(error.facts["allow"]).encode()),)
    if isinstance(error, TooSlow):
        return (CLOSE,)
    if isinstance(error, WrongMediaType):
        return ((b"accept", takes),)
    return ()
