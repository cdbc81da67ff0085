"""Whether this process lives, whether it can store, and its figures: plain ASGI, so that a busy framework cannot hide them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from signalbox.core.metrics import CONTENT_TYPE
from signalbox.http.body import Receive
from signalbox.http.errors import Send, respond_json
from signalbox.monitoring.ingest.parts import Asgi, Scope

if TYPE_CHECKING:
    from signalbox.site.app import Kernel

TIMEOUT_S = 2.0
# Also an error, so not ready, where the tables are missing; a replica answers but takes nothing.
WRITABLE = text(
    "SELECT current_setting('transaction_read_only') = 'off' OR EXISTS (SELECT FROM monitoring.conferences WHERE false)"
)
_LIVE = frozenset({"/health/live", "/healthz"})
_WARM = frozenset({"/_ah/warmup", "/_ah/warmup/"})
_READY = frozenset({"/health", "/health/ready", "/readyz"})


class HealthDoors:
    """Answers the health routes, `/metrics` and `/teapot`; hands everything else to `rest`."""

    def __init__(self, kernel: Kernel, rest: Asgi) -> None:
        self._kernel, self._rest = kernel, rest
        self._asking: asyncio.Task[bool] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._rest(scope, receive, send)
        elif path in _LIVE:
            await respond_json(send, b'{"status":"ok"}')
        elif path in _WARM:
            await _text(send, b"ok", b"text/plain; charset=utf-8")
        elif path in _READY:
            await self._ready(send)
        elif path == "/metrics":
            await _text(send, self._kernel.metrics.render(), CONTENT_TYPE.encode())
        elif path in ("/teapot", "/v1/teapot"):
            await _text(send, b"I'm a teapot", b"text/plain; charset=utf-8")
        else:
            await self._rest(scope, receive, send)

    async def _ready(self, send: Send) -> None:
        """503 when nothing can be stored; a Redis that is away only degrades."""
        database, redis = await asyncio.gather(self._database(), self._redis())
        status = {
            "status": "ok" if database else "unavailable",
            "database": _word(database),
            "redis": _word(redis),
        }
        await respond_json(send, msgspec.json.encode(status), 200 if database else 503)

    async def _database(self) -> bool:
        """Whether it takes changes. A frozen one cannot be asked to cancel: the question stays, and is asked once."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_database(), name="health")
        done, _ = await asyncio.wait({self._asking}, timeout=TIMEOUT_S)
        return bool(done) and self._asking.result()

    async def _ask_database(self) -> bool:
        try:
            async with self._kernel.db.read() as tx:
                return bool((await tx.execute(WRITABLE)).scalar())
        except (SQLAlchemyError, psycopg.Error, OSError):
            return False

    async def _redis(self) -> bool:
        return await self._kernel.live.ping()


def _word(ok: bool) -> str:
    return "ok" if ok else "unavailable"


async def _text(send: Any, body: bytes, kind: bytes) -> None:
    head = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
