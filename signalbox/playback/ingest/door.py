"""Where Media3Watch's SDK reports. A 2xx means stored: committed, or in the spool on this machine's disk."""

from __future__ import annotations

from typing import Final

import structlog

from signalbox.core.errors import AppError, Overloaded
from signalbox.http.body import ClientGone, Patience, Receive
from signalbox.http.errors import Header, Send, respond_empty, respond_json
from signalbox.http.holding import Held, Holding
from signalbox.http.peers import header
from signalbox.playback.errors import (
    Failed,
    StorageAway,
    WrongMethod,
)
from signalbox.playback.ingest.admission import Admission
from signalbox.playback.ingest.answering import ANSWER_WITHIN_S, committed, refuse
from signalbox.playback.ingest.bodies import (
    BODY_WITHIN_S,
    Replayed,
    check_media_type,
    check_size,
    is_of_a_player,
    read_report_body,
)
from signalbox.playback.ingest.parts import Asgi, Exchange, Parts, Scope, exchange_of
from signalbox.playback.rules.keys import KeyFacts
from signalbox.playback.rules.reports import Report
from signalbox.playback.rules.times import Belief, skew_of
from signalbox.playback.store.messages import SessionReport
from signalbox.playback.wire import decode_object, read_report
from signalbox.playback.wire.answers import acknowledgement

SHARED: Final = "/v1/sessions"  # with monitoring
OWN: Final = "/v1/playback/sessions"
_SHARED_PATHS: Final = frozenset({SHARED, f"{SHARED}/"})
_OWN_PATHS: Final = frozenset({OWN, f"{OWN}/"})
_PATHS: Final = _SHARED_PATHS | _OWN_PATHS
HELD_MAX_BYTES: Final = 64 * 1024 * 1024
log = structlog.get_logger(__name__)


class PlaybackDoors:
    """Answers the routes that the SDK reports to; hands everything else to `rest`."""

    def __init__(self, parts: Parts, rest: Asgi) -> None:
        self._parts, self._rest = parts, rest
        self._admission = Admission(parts)
        self._holding = Holding(HELD_MAX_BYTES)
        self._unknown = Holding(HELD_MAX_BYTES)
        self._reading, self._storing = Patience(BODY_WITHIN_S), Patience(ANSWER_WITHIN_S)
        settings = parts.settings
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        self._origins = frozenset(origin.lower() for origin in settings.cors_origins)
        self._belief = Belief(
            max_future_ms=settings.max_future_skew_ms, max_past_days=settings.max_past_days
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        path = scope.get("path")
        if path not in _PATHS or scope["type"] != "http":
            await self._rest(scope, receive, send)
        elif path in _OWN_PATHS or self._is_own_host(scope):
            await self._own(scope, receive, send)
        elif scope["method"] == "POST":
            await self._shared(scope, receive, send)
        elif scope["method"] == "OPTIONS" and self._cors(scope):
            await self._preflight(scope, send)
        else:
            await self._rest(scope, receive, send)

    def _is_own_host(self, scope: Scope) -> bool:
        """Whether the operator has given this host name, or `:port`, to playback alone."""
        if not self._hosts:
            return False
        host = (header(scope, b"host") or "").lower()
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        server = scope.get("server") or (None, None)
        named = {host, name or host, f":{port}" if port else "", f":{server[1]}"}
        return not self._hosts.isdisjoint(named)

    async def _own(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "POST":
            await self._answer(scope, receive, send)
        elif method == "OPTIONS":
            await self._preflight(scope, send)
        elif method == "GET":
            await self._rest(scope, receive, send)
        else:
            exchange = self._exchange(scope)
            await refuse(self._parts, exchange, WrongMethod(allow="GET, POST, OPTIONS"), send)

    async def _shared(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A key makes it a player's; without one, what the body holds decides. All that is unclear is monitoring's."""
        if header(scope, b"x-api-key") is not None:
            await self._answer(scope, receive, send)
            return
        replayed, held = Replayed(receive), Held(self._unknown)
        try:
            is_ours = await is_of_a_player(
                scope,
                replayed,
                limit_bytes=self._parts.settings.max_body_bytes,
                hold=held.take,
                within_s=BODY_WITHIN_S,
            )
        except Overloaded:
            is_ours = False  # its own door says so in its own words
        finally:
            held.give_back()
        await (self._answer if is_ours else self._rest)(scope, replayed.again, send)

    def _exchange(self, scope: Scope) -> Exchange:
        path: str = scope["path"]
        exchange = exchange_of(scope, path.rstrip("/"))
        exchange.headers.append((b"x-request-id", exchange.request_id.encode()))
        exchange.headers += self._cors(scope)
        return exchange

    def _cors(self, scope: Scope) -> list[Header]:
        """What lets a page of an allowed origin read the answer; nothing for others."""
        if not self._origins:
            return []
        origin = header(scope, b"origin")
        if origin is None or not ("*" in self._origins or origin.lower() in self._origins):
            return []
        exposed = b"x-request-id, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", exposed),
            (b"vary", b"origin"),
        ]

    async def _preflight(self, scope: Scope, send: Send) -> None:
        headers = self._cors(scope)
        if headers:
            headers += [
                (b"access-control-allow-methods", b"POST, OPTIONS"),
                (b"access-control-allow-headers", b"content-type, content-encoding, x-api-key, authorization, x-request-id"),
                (b"access-control-max-age", b"86400"),
            ]  # fmt: skip
        await respond_empty(send, 204, headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange, held = self._exchange(scope), Held(self._holding)
        try:
            status, body = await self._worked_off(scope, receive, exchange, held)
        except ClientGone:
            return
        except AppError as error:
            await refuse(self._parts, exchange, error, send)
        except Exception:
            log.exception("playback.ingest_failed", request_id=exchange.request_id)
            await refuse(self._parts, exchange, Failed(), send)
        else:
            exchange.status = status
            await respond_json(send, body, status, exchange.headers)
            self._parts.told.answered(exchange)
        finally:
            held.give_back()

    async def _worked_off(
        self, scope: Scope, receive: Receive, exchange: Exchange, held: Held
    ) -> tuple[int, bytes]:
        parts = self._parts
        most = parts.settings.max_body_bytes
        check_size(scope, most)
        at = parts.clock.now()
        key = await self._admission.admit(scope, exchange, needs="ingest", at=at)
        coding = check_media_type(scope)
        raw, exchange.bytes_in = await read_report_body(
            scope, receive, coding, limit_bytes=most, hold=held.take, patience=self._reading
        )
        received_ms = round(parts.clock.now().timestamp() * 1000)
        report = read_report(decode_object(raw), received_ms=received_ms)
        exchange.session_id = report.session_id[:8]
        await self._admission.count_report(key, at=at)
        result, revision = await self._stored(key, report, raw)
        exchange.result = result
        self._tell(exchange, report, result)
        return 202 if result == "spooled" else 200, acknowledgement(report, result, revision)

    def _tell(self, exchange: Exchange, report: Report, result: str) -> None:
        told = self._parts.told
        lag_ms = max(0, report.received_ms - report.client_ts_ms)
        told.reported(exchange, report.dialect, result, lag_ms)
        skew = skew_of(report.client_ts_ms, report.received_ms, self._belief)
        if skew is not None:
            told.skewed(exchange.tenant, skew)

    async def _stored(self, key: KeyFacts, report: Report, raw: bytes) -> tuple[str, int]:
        """What became of it. While the database is away it goes to the spool, if there is one."""
        spool = self._parts.spool
        if not spool.holds_back:
            try:
                message = SessionReport(key.app, report, key.weights)
                applied = await committed(
                    self._parts.writer.commit_fact,
                    message,
                    budget_ms=self._parts.settings.retry_budget_ms,
                    patience=self._storing,
                )
            except StorageAway:
                if not await spool.keep(key, raw, received_ms=report.received_ms):
                    raise
                return "spooled", 0
            return applied.result, applied.revision
        if not await spool.keep(key, raw, received_ms=report.received_ms):
            raise StorageAway(retry_after_s=5)
        return "spooled", 0
