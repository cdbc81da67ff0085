"""Where players report CMCD (CTA-5004-B): events in batches, one report in a query, and requests that a CDN has seen.

The key is part of the path, for a player cannot add headers to what it reports. A 204 means that one line at least was taken and that
all that were are committed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from signalbox.core.errors import AppError
from signalbox.http.body import ClientGone, Patience, Receive
from signalbox.http.errors import Header, Send, respond_empty
from signalbox.http.holding import Held, Holding
from signalbox.http.peers import header
from signalbox.playback.errors import (
    Failed,
    InvalidSchema,
    TooLarge,
    WrongMediaType,
    WrongMethod,
)
from signalbox.playback.ingest.admission import Admission
from signalbox.playback.ingest.answering import ANSWER_WITHIN_S, committed, refuse
from signalbox.playback.ingest.bodies import (
    BODY_WITHIN_S,
    check_size,
    coding_of,
    read_report_body,
)
from signalbox.playback.ingest.parts import Asgi, Exchange, LineWriter, Parts, Scope, exchange_of
from signalbox.playback.rules.cmcd.lines import Line, Unreadable
from signalbox.playback.rules.keys import KeyFacts
from signalbox.playback.store.cmcd import CmcdBatch, Taken, micros
from signalbox.playback.wire import PROBLEM_OF_BODY
from signalbox.playback.wire.cmcd import lines_of, read_events, read_query, read_requests

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_LINES: Final = 1000
HELD_MAX_BYTES: Final = 32 * 1024 * 1024
_PATH: Final = re.compile(r"/v1/cmcd/([^/]+)(/requests)?/?")
_EVENT_TYPES: Final = frozenset({"application/cmcd", "text/cmcd", "text/plain"})
_REQUEST_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"}
) | {"text/plain"}
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, content-encoding"),
    (b"access-control-max-age", b"86400"),
)
_EXPOSED: Final = (
    b"x-request-id, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"
)
log = structlog.get_logger(__name__)

Reader = Callable[..., list[Line | Unreadable]]


class _Route(NamedTuple):
    """What a path means."""

    secret: str
    name: str
    methods: tuple[str, ...]
    reader: Reader
    types: frozenset[str]
    takes: bytes  # the one of them that is meant for it


def _route_of(path: str) -> _Route | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    if found.group(2):
        return _Route(
            found.group(1),
            "/v1/cmcd/{key}/requests",
            ("POST", "OPTIONS"),
            read_requests,
            _REQUEST_TYPES,
            b"application/x-ndjson",
        )
    return _Route(
        found.group(1),
        "/v1/cmcd/{key}",
        ("POST", "GET", "OPTIONS"),
        read_events,
        _EVENT_TYPES,
        b"application/cmcd",
    )


class CmcdDoors:
    """Answers the routes of CMCD; hands everything else to `rest`."""

    def __init__(self, parts: Parts, writer: LineWriter, rest: Asgi) -> None:
        self._parts, self._rest, self._writer = parts, rest, writer
        self._admission = Admission(parts)
        self._holding = Holding(HELD_MAX_BYTES)
        self._reading, self._storing = Patience(BODY_WITHIN_S), Patience(ANSWER_WITHIN_S)
        self._origins = frozenset(origin.lower() for origin in parts.settings.cors_origins or ["*"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        route = _route_of(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._rest(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await self._preflight(route, scope, send)
        else:
            await self._answer(route, scope, receive, send)

    async def _preflight(self, route: _Route, scope: Scope, send: Send) -> None:
        """Every event target of a player asks first. What the key is worth, the request that follows learns."""
        key = self._parts.keys.at_hand(route.secret)
        if key is None and "*" not in self._origins:
            key = await self._admission.glance(route.secret, at=self._parts.clock.now())
        allowed = self._cors(scope, key)
        await respond_empty(send, 204, (*allowed, *_PREFLIGHT) if allowed else ())

    def _cors(self, scope: Scope, key: KeyFacts | None) -> list[Header]:
        """What lets the page read the answer; nothing for a page that may not."""
        origin = header(scope, b"origin")
        own = key.origins if key is not None else ()
        if not own and "*" in self._origins:
            return [
                (b"access-control-allow-origin", b"*"),
                (b"access-control-expose-headers", _EXPOSED),
            ]
        named = own or self._origins
        if origin is None or origin.lower() not in named:
            return []
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"origin"),
        ]

    async def _answer(self, route: _Route, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope, route.name)
        exchange.path = route.name  # the path itself has the key in it
        exchange.headers.append((b"x-request-id", exchange.request_id.encode()))
        held = Held(self._holding)
        try:
            await self._worked_off(route, scope, receive, exchange, held)
        except ClientGone:
            return
        except AppError as error:
            await refuse(self._parts, exchange, error, send, takes=route.takes)
        except Exception:
            log.exception("cmcd.ingest_failed", request_id=exchange.request_id)
            await refuse(self._parts, exchange, Failed(), send)
        else:
            exchange.status = 204
            await respond_empty(send, 204, exchange.headers)
            self._parts.told.answered(exchange)
        finally:
            held.give_back()

    async def _worked_off(
        self, route: _Route, scope: Scope, receive: Receive, exchange: Exchange, held: Held
    ) -> None:
        at = self._parts.clock.now()
        cors = self._cors(scope, self._parts.keys.at_hand(route.secret))
        exchange.headers += cors
        if scope["method"] not in route.methods:
            raise WrongMethod(allow=", ".join(route.methods))
        check_size(scope, MAX_BODY_BYTES)
        key = await self._admission.admit_page(route.secret, scope, exchange, at=at)
        if key.origins or not cors:  # now it is known which pages may use the key
            kept = [one for one in exchange.headers if one not in cors]
            exchange.headers = kept + self._cors(scope, key)
        sent = await self._sent(route, scope, receive, exchange, held)
        received_us = micros(self._parts.clock.now())
        read = route.reader(sent, received_ms=received_us // 1000)
        lines = [line for line in read if isinstance(line, Line)]
        bad = [line for line in read if isinstance(line, Unreadable)]
        self._count(key, bad)
        if not lines:
            why = bad[0].reason if bad else "none"
            raise InvalidSchema([(PROBLEM_OF_BODY, f"line_{why}")])
        exchange.session_id = lines[0].session_id[:8]
        if route.reader is read_events:
            for session_id in {line.session_id for line in lines}:
                await self._admission.limit_session(scope, key, session_id, at=at)
        await self._store(key, lines, received_us, exchange)

    async def _sent(
        self, route: _Route, scope: Scope, receive: Receive, exchange: Exchange, held: Held
    ) -> list[str]:
        if scope["method"] == "GET":
            report = read_query(scope["query_string"])
            if report is None:
                raise InvalidSchema([("CMCD", "missing")])
            return [report]
        kind = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        if kind not in route.types:
            raise WrongMediaType(header="content-type")
        body, exchange.bytes_in = await read_report_body(
            scope,
            receive,
            coding_of(scope),
            limit_bytes=MAX_BODY_BYTES,
            hold=held.take,
            patience=self._reading,
        )
        sent = lines_of(body)
        if len(sent) > MAX_LINES:
            raise TooLarge(limit=MAX_LINES)
        return sent

    async def _store(
        self, key: KeyFacts, lines: Sequence[Line], received_us: int, exchange: Exchange
    ) -> None:
        batch = CmcdBatch(app_id=key.app, received_us=received_us, lines=lines)
        taken: Taken = await committed(
            self._writer.commit_sample,
            batch,
            budget_ms=self._parts.settings.retry_budget_ms,
            patience=self._storing,
        )
        exchange.result = "created" if taken.stored else "erased" if taken.erased else "duplicate"
        version = str(max(line.version for line in lines))
        for result, number in (
            ("stored", taken.stored),
            ("duplicate", taken.repeated),
            ("erased", taken.erased),
        ):
            if number:
                self._parts.told.cmcd_lines(key.app_name, version, result, number)

    def _count(self, key: KeyFacts, bad: Sequence[Unreadable]) -> None:
        for reason, number in Counter(line.reason for line in bad).items():
            self._parts.told.cmcd_lines(key.app_name, "", reason, number)
