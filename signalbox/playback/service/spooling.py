"""Reports that wait on disk while the database is away. The SDK of the second generation never sends one again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
import structlog

from signalbox.core.errors import AppError, Overloaded
from signalbox.core.spool import Spool, SpoolFull
from signalbox.playback.rules.keys import KeyFacts
from signalbox.playback.rules.scores import Weights
from signalbox.playback.store.messages import SessionReport
from signalbox.playback.wire import decode_object, read_report

LOOK_EVERY_S: Final = 1.0
log = structlog.get_logger(__name__)


class _Kept(msgspec.Struct, array_like=True, gc=False):
    """One report as it was sent, and whose it is."""

    app: UUID
    received_ms: int
    weights: tuple[float, float, float, float, int]
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


class Writer(Protocol):
    """Commits reports."""

    async def commit_fact(self, message: SessionReport) -> Any:
        """Store a report; answers after the commit."""


class ReportSpool:
    """Keeps reports and stores them as soon as the database is back. Without a `spool` it keeps none."""

    def __init__(
        self,
        spool: Spool | None,
        writer: Writer,
        *,
        show: Callable[[int, float | None], None] = lambda _bytes, _at: None,
    ) -> None:
        self._spool, self._writer, self._show = spool, writer, show
        self._task: asyncio.Task[None] | None = None
        self._is_away = False

    async def open(self) -> None:
        """Begin to store what waits from before."""
        if self._spool is not None:
            await self._spool.open()
            self._task = asyncio.create_task(self._look(), name="playback-spool")

    async def close(self) -> None:
        """Stop; what waits stays on the disk."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._spool is not None:
            await self._spool.close()

    @property
    def holds_back(self) -> bool:
        """Whether the database is known to be away, so that nobody need wait to learn it again."""
        return self._is_away

    @property
    def size_bytes(self) -> int:
        """What waits on this machine."""
        return 0 if self._spool is None else self._spool.size_bytes

    async def keep(self, key: KeyFacts, body: bytes, *, received_ms: int) -> bool:
        """Put a report on the disk; False when there is no room, or no spool."""
        if self._spool is None:
            return False
        w = key.weights
        weights = (w.success, w.smoothness, w.startup, w.quality, w.version)
        try:
            await self._spool.append(_encode(_Kept(key.app, received_ms, weights, body)))
        except SpoolFull:
            return False
        self._is_away = True
        return True

    async def _look(self) -> None:
        """Every second: store what waits."""
        assert self._spool is not None
        while True:
            try:
                taken = await self._spool.replay(self._store)
            except Overloaded:
                self._is_away = True
            except OSError as error:
                log.error("playback.spool_failed", error=type(error).__name__)
            else:
                self._is_away = False
                if taken:
                    log.info("playback.spool_stored", reports=taken)
            self._show(self._spool.size_bytes, self._spool.oldest_at_s)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _store(self, records: list[bytes]) -> None:
        """One batch. Raises Overloaded when the database is still away; what can never be stored is only logged."""
        found = await asyncio.gather(*map(self._store_one, records), return_exceptions=True)
        for failure in found:
            if isinstance(failure, Overloaded):
                raise failure
            if isinstance(failure, AppError):
                log.error("playback.spooled_report_refused", code=failure.code)
            elif isinstance(failure, BaseException):
                raise failure
        self._is_away = False

    async def _store_one(self, record: bytes) -> None:
        kept = _decode(record)
        success, smoothness, startup, quality, version = kept.weights
        weights = Weights(
            success=success,
            smoothness=smoothness,
            startup=startup,
            quality=quality,
            version=version,
        )
        report = read_report(decode_object(kept.body), received_ms=kept.received_ms)
        await self._writer.commit_fact(SessionReport(kept.app, report, weights))
