"""Every route that the SDK posts to. A 2xx means committed, and always carries JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from signalbox.core.errors import AppError, Overloaded
from signalbox.http.body import (
    BODY_WITHIN_S,
    ClientGone,
    Patience,
    Receive,
    announced_bytes,
    read_body,
)
from signalbox.http.cors import OPEN_HEADERS, OPEN_PREFLIGHT_HEADERS
from signalbox.http.errors import Send, respond_empty, respond_error, respond_json
from signalbox.http.holding import Held, Holding
from signalbox.http.peers import client_address, header
from signalbox.monitoring.errors import (
    InvalidParameters,
    MethodNotAllowed,
    MissingParameters,
    MissingToken,
    PayloadTooLarge,
    UnreadableBody,
)
from signalbox.monitoring.ingest import reading
from signalbox.monitoring.ingest.entering import Entering
from signalbox.monitoring.ingest.parts import (
    Asgi,
    Call,
    Parts,
    Scope,
    check_origin,
    json_part,
    limit,
    mask_body,
)
from signalbox.monitoring.rules.calls import micros, stamp
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.store.messages import Event, UpdateSession
from signalbox.monitoring.wire import (
    NOTHING,
    Body,
    decode_body,
    delta_ms,
    exact_text,
    is_json_null,
)

NOTHING_TO_SAY = b'""'
MAX_BATCH = 500
MAX_REPORTS_BYTES = 64 * 1024 * 1024  # 8 000 reports of 8 KB at a time: more than the lane takes
MAX_FACTS_BYTES = 64 * 1024 * 1024
log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder(enc_hook=str).encode


class IngestDoors:
    """Answers the ingest routes, under `/v1` and at the root; hands everything else to `rest`."""

    def __init__(self, parts: Parts, rest: Asgi) -> None:
        self._parts, self._rest = parts, rest
        entering = Entering(parts)
        self._doors: dict[tuple[str, str], Callable[[Call], Awaitable[bytes]]] = {
            ("POST", "/initialize"): entering.initialize,
            ("POST", "/sessions"): entering.start,
            ("PUT", "/sessions"): self._update_session,
            ("POST", "/events/get-user-media"): self._media,
            ("POST", "/events/browser"): self._browser,
            ("POST", "/connection"): self._connection,
            ("POST", "/connection/batch"): self._batch,
            ("POST", "/stats"): self._stats,
            ("POST", "/tracks"): self._new_track,
            ("PUT", "/tracks"): self._changed_track,
            ("POST", "/services/get-url"): entering.page_url,
            ("POST", "/services/stop-conference"): entering.stop,
        }
        self._paths = {path for _, path in self._doors}
        self._allow = {path: (b"allow", self._methods(path).encode()) for path in self._paths}
        self._reports, self._facts = Holding(MAX_REPORTS_BYTES), Holding(MAX_FACTS_BYTES)
        self._patience = Patience(BODY_WITHIN_S)

    def _methods(self, path: str) -> str:
        """What a path takes, as a refusal of anything else must name it (RFC 9110, 15.5.6)."""
        taken = {method for method, known in self._doors if known == path} | {"OPTIONS"}
        return ", ".join(sorted(taken | ({"GET", "HEAD"} if path in _READABLE else set())))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/v1/"):
            path = path[3:]
        path = path.rstrip("/")
        method: str = scope["method"]
        door = self._doors.get((method, path))
        if door is not None:
            await self._answer(path, door, scope, receive, send)
        elif path not in self._paths or (method in ("GET", "HEAD") and path in _READABLE):
            await self._rest(scope, receive, send)
        elif method == "OPTIONS":
            await respond_empty(send, 204, OPEN_PREFLIGHT_HEADERS)
        else:
            await respond_error(send, MethodNotAllowed(), [*OPEN_HEADERS, self._allow[path]])

    async def _answer(
        self,
        path: str,
        door: Callable[[Call], Awaitable[bytes]],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        status = 200
        try:
            answer = await self._worked_off(path, door, scope, receive)
        except (
            ClientGone
        ):  # or it sent no whole body and waits: without an answer of ours the server says 500
            status = UnreadableBody.status
            await respond_error(send, UnreadableBody(), OPEN_HEADERS)
        except AppError as error:
            status = error.status
            await respond_error(send, error, OPEN_HEADERS)
        except Exception:
            log.exception("ingest.failed", door=path)
            status = 500
            await respond_error(send, AppError(), OPEN_HEADERS)
        else:
            await respond_json(send, answer, headers=OPEN_HEADERS)
        self._parts.counts.count_request(path, status)

    async def _worked_off(
        self, path: str, door: Callable[[Call], Awaitable[bytes]], scope: Scope, receive: Receive
    ) -> bytes:
        headers, most = scope["headers"], self._parts.settings.max_body_bytes
        holding = self._reports if path == "/stats" else self._facts
        holding.make_sure_of_room(min(announced_bytes(headers), most))
        held = Held(holding)
        try:
            # The bytes themselves are not held while the request waits for its commit.
            raw = await read_body(
                receive, headers, limit_bytes=most, hold=held.take, patience=self._patience
            )
            try:
                body = _decode(path, raw)
            except AppError:
                await limit(self._parts, self._call(Body(), scope), "unknown")
                raise
            del raw
            return await door(self._call(body, scope))
        finally:
            held.give_back()

    def _call(self, body: Body, scope: Scope) -> Call:
        at = self._parts.clock.now()
        if body.token is None:
            authorization = header(scope, b"authorization")
            if authorization and authorization[:7].lower() == "bearer ":
                body.token = authorization[7:].strip()
        return Call(
            body=body,
            received_us=micros(at),
            at=at,
            scope=scope,
            address=client_address(scope, self._parts.trusted),
        )

    async def _session(self, call: Call) -> SessionKey:
        """Who reports; the rate limit of its app and address is counted here."""
        parts = self._parts
        try:
            claims = parts.tokens.session(call.body.token, at=call.at)
        except AppError:
            await limit(parts, call, "unknown")
            raise
        session, app = parts.identities.known_session(claims.s) or await parts.identities.session(
            claims.s
        )
        await limit(parts, call, app.id.hex)
        check_origin(call, app)
        mask_body(call.body, app, parts.settings)
        return session

    async def _update_session(self, call: Call) -> bytes:
        session = await self._session(call)
        body = call.body
        row = await self._parts.writer.commit_fact(
            UpdateSession(
                session=session,
                platform=json_part(body.platform, "platform"),
                constraints=json_part(body.constraints, "constraints"),
                devices=json_part(body.devices, "devices", most=None),
                webrtc_sdk=exact_text(body.webrtcSdk, "webrtcSdk", limit=16),
            )
        )
        return _encode({"data": _session_row(row)})

    async def _media(self, call: Call) -> bytes:
        session = await self._session(call)
        await self._store(reading.media_event(call.body, session, call.received_us))
        return NOTHING_TO_SAY

    async def _browser(self, call: Call) -> bytes:
        session = await self._session(call)
        await self._store(reading.browser_event(call.body, session, call.received_us))
        return NOTHING_TO_SAY

    async def _connection(self, call: Call) -> bytes:
        session = await self._session(call)
        answer = await self._store(reading.connection_event(call.body, session, call.received_us))
        if answer is None:
            return NOTHING_TO_SAY
        return b'{"peer_id":"%s","connection_id":"%s"}' % (
            str(answer[0]).encode(),
            str(answer[1]).encode(),
        )

    async def _store(self, event: Event) -> Any:
        return await self._parts.writer.commit_fact(event)

    async def _batch(self, call: Call) -> bytes:
        session = await self._session(call)
        items = _batch_items(call.body)
        outer_ms = delta_ms(call.body.delta)
        results = await asyncio.gather(
            *(self._batch_item(item, session, call, outer_ms) for item in items)
        )
        if any(isinstance(result, Overloaded) for result in results):
            raise Overloaded(retry_after_s=1)
        rejected = [
            {"index": index, "error_code": result.code}
            for index, result in enumerate(results)
            if isinstance(result, AppError)
        ]
        return _encode({"accepted": len(results) - len(rejected), "rejected": rejected})

    async def _batch_item(
        self, item: msgspec.Raw, session: SessionKey, call: Call, outer_ms: float
    ) -> AppError | None:
        try:
            body = decode_body(bytes(item))
            event = reading.connection_event(body, session, call.received_us, outer_ms=outer_ms)
            await self._store(event)
        except AppError as error:
            return error
        return None

    async def _stats(self, call: Call) -> bytes:
        session = await self._session(call)
        parts = self._parts
        parts.writer.make_sure_of_room()
        sample = reading.stats_sample(
            call.body,
            session,
            call.received_us,
            emos_version=parts.settings.emos_version,
            thin=parts.writer.must_thin,
        )
        call.body.data = NOTHING
        await parts.writer.commit_sample(sample)
        if sample.report is None:
            parts.counts.count_thinned()
        return NOTHING_TO_SAY

    async def _new_track(self, call: Call) -> bytes:
        session = await self._session(call)
        row = await self._store(reading.new_track(call.body, session, call.received_us))
        return _encode({"data": row.shown()})

    async def _changed_track(self, call: Call) -> bytes:
        session = await self._session(call)
        row = await self._store(reading.changed_track(call.body, session, call.received_us))
        return _encode({"data": row.shown()})


def _decode(path: str, raw: bytes) -> Body:
    """The body's fields. A bare list of events cannot be attributed to anybody: the token is what it lacks."""
    try:
        return decode_body(raw)
    except InvalidParameters:
        if path == "/connection/batch" and raw.lstrip().startswith(b"["):
            raise MissingToken() from None
        raise


_READABLE = frozenset(
    {"/sessions", "/connection", "/stats", "/events/browser", "/events/get-user-media", "/tracks"}
)


def _batch_items(body: Body) -> list[msgspec.Raw]:
    """The events of a batch, not yet looked into: a list that is too long costs nothing more."""
    raw = body.data if not is_json_null(body.data) else body.events
    if is_json_null(raw):
        raise MissingParameters(field="data")
    try:
        items: list[msgspec.Raw] = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        raise InvalidParameters(field="data") from None
    if len(items) > MAX_BATCH:
        raise PayloadTooLarge(limit=MAX_BATCH)
    return items


def _session_row(row: dict[str, Any]) -> dict[str, Any]:
    shown = dict(row)
    shown["conference"], shown["participant"] = (
        shown.pop("conference_id"),
        shown.pop("participant_id"),
    )
    for name in ("created_at", "end_time", "call_start"):
        shown[name] = None if shown[name] is None else stamp(micros(shown[name]))
    return shown
