"""Reading of playback goes through the same keys, limits, figures and log as reporting."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from signalbox.core.clock import Clock
from signalbox.core.errors import AppError
from signalbox.http.errors import Dialect
from signalbox.http.guards import JSON, AnyRequest
from signalbox.playback.errors import Failed, NotThere, WrongMethod
from signalbox.playback.ingest.admission import Admission
from signalbox.playback.ingest.parts import Exchange, Parts, exchange_of
from signalbox.playback.rules.keys import KeyFacts
from signalbox.playback.wire.answers import refusal

ROOT = "/v1/playback"
_TOLD_AS = {NotThere.status: NotThere, WrongMethod.status: WrongMethod}


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

    def may_be_unbound(self, scope: MutableMapping[str, Any], *, at: datetime) -> bool:
        """Whether it may come with a key that is bound to no app; of those that guess too much nobody is asked."""
        return self._admission.is_unknown(scope, at=at)

    async def admit_unbound(
        self,
        scope: MutableMapping[str, Any],
        visit: Any,
        key: KeyFacts,
        *,
        needs: str,
        at: datetime,
    ) -> None:
        """Whether somebody with such a key may pass; raises what refuses it."""
        await self._admission.admit_known(scope, visit, key, needs=needs, at=at)

    def end(self, visit: Any) -> None:
        """It is answered."""
        self._told.answered(visit)
        if visit.status < 400:
            self._took("read", perf_counter() - visit.begun_s)


def unrouted(
    gate: ReadingGate, clock: Clock
) -> Callable[[AnyRequest, HTTPException], Response[bytes]]:
    """Answers requests for paths below ours for which there is no route, or not with this method: as all others there, and told like them."""

    def answer(request: AnyRequest, error: HTTPException) -> Response[bytes]:
        told = _TOLD_AS.get(error.status_code, Failed if error.status_code >= 500 else NotThere)()
        visit = gate.begin(request.scope)  # type: ignore[arg-type]
        visit.status, visit.error_code, visit.reason = told.status, told.code, told.message
        at_ms = round(clock.now().timestamp() * 1000)
        body = refusal(told, request_id=visit.request_id, at_ms=at_ms)
        headers = {name.decode(): value.decode() for name, value in visit.headers}
        gate.end(visit)
        return Response(
            body,
            status_code=told.status,
            media_type=JSON,
            headers=headers | dict(error.headers or {}),
        )

    return answer


def unfound(clock: Clock) -> Dialect:
    """The dialect of refusals below our path that no route has made."""

    def told(error: AppError) -> bytes:
        at_ms = round(clock.now().timestamp() * 1000)
        return msgspec.json.encode(
            {"error": {"code": error.code, "message": error.message, "timestamp": at_ms}}
        )

    return told
