"""Reading of playback goes through the same keys, limits, figures and log as reporting."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec

from signalbox.core.clock import Clock
from signalbox.core.errors import AppError
from signalbox.http.errors import Dialect, MethodNotAllowed, NotFound
from signalbox.playback.errors import NotThere, WrongMethod
from signalbox.playback.ingest.admission import Admission
from signalbox.playback.ingest.parts import Exchange, Parts, exchange_of
from signalbox.playback.rules.keys import KeyFacts

ROOT = "/v1/playback"


class ReadingGate:
    """One process's."""

    def __init__(self, parts: Parts, took: Callable[[str, float], None]) -> None:
        self._admission, self._told, self._took = Admission(parts), parts.told, took

    def begin(self, scope: MutableMapping[str, Any]) -> Exchange:
        """A request has come."""
        exchange = exchange_of(scope, scope.get("path_template") or ROOT)
        exchange.headers.append((b"x-request-id", exchange.request_id.encode()))
        return exchange

    async def admit(
        self, scope: MutableMapping[str, Any], visit: Any, *, needs: str, at: datetime
    ) -> KeyFacts:
        """The key of a request that may pass; raises what refuses it."""
        return await self._admission.admit(scope, visit, needs=needs, at=at)

    def end(self, visit: Any) -> None:
        """It is answered."""
        self._told.answered(visit)
        if visit.status < 400:
            self._took("read", perf_counter() - visit.begun_s)


def unfound(clock: Clock) -> Dialect:
    """The dialect of paths below ours for which there is no route, or not with this method."""

    def told(error: AppError) -> bytes:
        kind = {NotFound: NotThere, MethodNotAllowed: WrongMethod}.get(type(error))
        shown = error if kind is None else kind()
        at_ms = round(clock.now().timestamp() * 1000)
        body = {"code": shown.code, "message": shown.message, "timestamp": at_ms}
        return msgspec.json.encode({"error": body})

    return told
