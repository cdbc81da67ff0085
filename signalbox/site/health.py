"""Whether this process lives, whether it can store, and its figures: plain ASGI, so that a busy framework cannot hide them."""

from __future__ import annotations

import asyncio
import hmac
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from signalbox.core.errors import AppError
from signalbox.core.metrics import CONTENT_TYPE
from signalbox.http.body import Receive
from signalbox.http.errors import Send, respond_error, respond_json
from signalbox.http.peers import header
from signalbox.monitoring.ingest.parts import Asgi, Scope
from signalbox.playback.errors import InvalidKey
from signalbox.site.migrate import heads

if TYPE_CHECKING:
    from signalbox.site.app import Kernel

TIMEOUT_S: Final = 1.0
GOOD_FOR_S: Final = 2.0  # that an answer of the database is repeated without asking
PREPARE_EVERY_S: Final = 10.0
# Also an error, so not ready, where the tables are missing; a replica answers but takes nothing.
STORAGE: Final = text(
    """SELECT current_setting('transaction_read_only') = 'off' OR EXISTS (SELECT FROM monitoring.conferences WHERE false),
        (SELECT array_agg(version_num::text) FROM schema_version),
        (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'playback' AND c.relname = ANY(:partitions))"""
)
_TABLES: Final = ("sessions", "session_timeline")
_LIVE: Final = frozenset({"/health/live", "/healthz"})
_WARM: Final = frozenset({"/_ah/warmup", "/_ah/warmup/"})
_READY: Final = frozenset({"/health/ready", "/readyz"})
_TEXT: Final = b"text/plain; charset=utf-8"


class Storage(msgspec.Struct, frozen=True):
    """What the database says of itself; the default is one that does not answer."""

    takes: bool = False  # changes
    migrated: bool = False
    partitioned: bool = False


class HealthDoors:
    """Answers the health routes, `/metrics` and `/teapot`; hands everything else to `rest`."""

    def __init__(self, kernel: Kernel, rest: Asgi) -> None:
        self._kernel, self._rest = kernel, rest
        self._asking: asyncio.Task[Storage] | None = None
        self._known, self._known_until_s = Storage(), 0.0
        self._preparing: asyncio.Task[None] | None = None
        self._prepared_at_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._rest(scope, receive, send)
        elif path in _LIVE:
            await respond_json(send, b'{"status":"ok"}')
        elif path in _WARM:
            await _text(send, b"ok", _TEXT)
        elif path == "/health":
            await self._health(send)
        elif path in _READY:
            await self._ready(send)
        elif path == "/metrics":
            await self._metrics(scope, send)
        elif path in ("/teapot", "/v1/teapot"):
            await _text(send, b"I'm a teapot", _TEXT)
        else:
            await self._rest(scope, receive, send)

    async def _health(self, send: Send) -> None:
        """In one word, for monitors: whether something can be stored."""
        takes = (await self._storage()).takes
        told = {
            "status": "healthy" if takes else "unhealthy",
            "database": "connected" if takes else "disconnected",
            "timestamp": round(time.time() * 1000),
        }
        await respond_json(send, msgspec.json.encode(told), 200 if takes else 503)

    async def _ready(self, send: Send) -> None:
        """503 when nothing can be stored, or this process is about to end; a Redis that is away only degrades."""
        storage, redis = await asyncio.gather(self._storage(), self._kernel.live.ping())
        if storage.takes and not storage.partitioned:
            self._prepare()
        checks = {
            "database": storage.takes,
            "migrations": storage.migrated,
            "partitions": storage.partitioned,
            "spool": self._kernel.playback.spool_is_fine(),
            "draining": not self._kernel.is_draining,
        }
        is_ready = all(checks.values())
        told = {
            "status": "ok" if is_ready else "unavailable",
            "database": _word(storage.takes),
            "redis": _word(redis),
            "checks": {name: "ok" if passed else "fail" for name, passed in checks.items()}
            | {"redis": "ok" if redis else "degraded"},
        }
        await respond_json(send, msgspec.json.encode(told), 200 if is_ready else 503)

    async def _storage(self) -> Storage:
        """What the database says, lately or now. A frozen one cannot be asked to cancel: the question stays, and is asked once."""
        loop = asyncio.get_running_loop()
        kernel = self._kernel
        is_doubtful = kernel.writer.is_cut_off or kernel.playback.writer.is_cut_off
        if loop.time() < self._known_until_s and not is_doubtful:
            return self._known
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_storage(), name="health")
        done, _ = await asyncio.wait({self._asking}, timeout=TIMEOUT_S)
        told = self._asking.result() if done else Storage()
        if told.takes:
            self._known, self._known_until_s = told, loop.time() + GOOD_FOR_S
        return told

    async def _ask_storage(self) -> Storage:
        expected = _partitions(self._kernel.clock.now())
        try:
            async with self._kernel.db.read() as tx:
                row = (await tx.execute(STORAGE, {"partitions": expected})).one()
        except (SQLAlchemyError, psycopg.Error, OSError):
            return Storage()
        takes, versions, partitions = row
        newest = await asyncio.to_thread(heads)
        return Storage(
            takes=bool(takes),
            migrated=frozenset(versions or ()) == newest,
            partitioned=partitions == len(expected),
        )

    def _prepare(self) -> None:
        """Make what is missing, as the worker would have done, now and then."""
        now_s = asyncio.get_running_loop().time()
        if self._prepared_at_s and now_s - self._prepared_at_s < PREPARE_EVERY_S:
            return
        self._prepared_at_s = now_s
        self._preparing = asyncio.create_task(self._kernel.playback.prepare())

    async def _metrics(self, scope: Scope, send: Send) -> None:
        site = self._kernel.settings.site
        if not site.enable_metrics:
            await _text(send, b"", _TEXT, status=404)
        elif site.metrics_token is None or await self._may_read(scope, site.metrics_token):
            await _text(send, self._kernel.metrics.render(), CONTENT_TYPE.encode())
        else:
            await respond_error(send, InvalidKey(), [(b"www-authenticate", b"Bearer")])

    async def _may_read(self, scope: Scope, token: str) -> bool:
        """Whether a request shows the token, or a key that may read."""
        kind, _, given = (header(scope, b"authorization") or "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
            return True
        key = header(scope, b"x-api-key")
        if not key:
            return False
        try:
            facts = await self._kernel.playback.keys.find(key, at=self._kernel.clock.now())
        except AppError:
            return False
        return facts is not None and "read" in facts.scopes


def _partitions(at: datetime) -> list[str]:
    """The partitions of this month and the next."""
    following = (at.replace(day=1) + timedelta(days=32)).replace(day=1)
    return [f"{table}_{month:%Y_%m}" for month in (at, following) for table in _TABLES]


def _word(ok: bool) -> str:
    return "ok" if ok else "unavailable"


async def _text(send: Any, body: bytes, kind: bytes, *, status: int = 200) -> None:
    head = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
