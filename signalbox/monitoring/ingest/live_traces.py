"""Traces that are told while they happen: who may tell one, and what is remembered between two sockets of the same client."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote

import msgspec

from signalbox.core.errors import AppError
from signalbox.http.peers import client_address
from signalbox.monitoring.errors import AppNotRecording, InvalidApiKey, MissingToken, QuotaExceeded
from signalbox.monitoring.ingest.feed import Feed, FeedState, micros_of
from signalbox.monitoring.ingest.parts import Call, Parts, Scope, check_origin, limit
from signalbox.monitoring.ingest.places import place_of
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.rules.identities import AppFacts
from signalbox.monitoring.rules.traces.rtcstats import Reader, ReaderState, TraceEvent
from signalbox.monitoring.rules.traces.story import Story, StoryState
from signalbox.monitoring.wire import MAX_DELTA_MS, Body
from signalbox.monitoring.wire.traces import read_line

RESUME_WITHIN_S: Final = 300
PREFIX: Final = "/rtcstats"


class Remembering(Protocol):
    """Where a client's state waits for its next socket; it may be lost."""

    async def keep(self, key: str, value: bytes, *, seconds: int) -> None:
        """Keep a value for a while."""

    async def take(self, key: str) -> bytes | None:
        """The value, which is forgotten by that; None when there is none."""
        ...


class _Remembered(msgspec.Struct):
    reader: ReaderState
    story: StoryState
    feed: FeedState
    offset_us: int | None


class LiveTrace:
    """One client's trace: lines in, committed steps out."""

    def __init__(
        self, parts: Parts, call: Call, app: AppFacts, feed: Feed, key: str | None
    ) -> None:
        self._parts, self._call, self._app, self._feed, self._key = parts, call, app, feed, key
        self._reader, self._story = Reader(), Story()
        # Our clock less the page's, as far as known: what arrives late can only make it look larger.
        self._offset_us: int | None = None
        self._last_us = call.received_us

    def resume(self, stored: bytes) -> None:
        """Go on where an earlier socket of this client ended."""
        try:
            known = msgspec.json.decode(stored, type=_Remembered)
        except msgspec.MsgspecError:  # of another version
            return
        self._reader, self._story = Reader(known.reader), Story(known.story)
        self._feed.state, self._offset_us = known.feed, known.offset_us

    async def take(self, lines: list[tuple[bytes, int]]) -> None:
        """Store lines with the instants (µs) at which they arrived.

        Raises:
            BadTraceLine: a line that rtcstats does not write.
            RateLimited: more lines than an address may send.
            Overloaded: the writer refuses, again and again.
        """
        events: list[TraceEvent] = []
        for line, received_us in lines:
            await limit(self._parts, self._call, self._app.id.hex)
            event = self._reader.event(read_line(line))
            offset_us = received_us - micros_of(event.at_ms)
            if self._offset_us is None or offset_us < self._offset_us:
                self._offset_us = offset_us
            events.append(event)
        steps = [step for event in events for step in self._story.steps(event)]
        await self._feed.take(steps, self._at)
        if events:
            self._last_us = self._at(events[-1].at_ms)

    def _at(self, at_ms: float) -> int:
        now_us = micros(self._parts.clock.now())
        return max(
            now_us - MAX_DELTA_MS * 1000, min(now_us, micros_of(at_ms) + (self._offset_us or 0))
        )

    @property
    def is_over(self) -> bool:
        """Whether the session was deleted, so that there is nothing to tell any more."""
        return self._feed.is_over

    async def end(self, *, clean: bool, remember: Remembering) -> None:
        """The socket is gone. The page is gone too, unless the socket broke and the client has a name to come back by."""
        if clean or self._key is None:
            await self._feed.leave(self._last_us)
            return
        state = _Remembered(
            reader=self._reader.state,
            story=self._story.state,
            feed=self._feed.state,
            offset_us=self._offset_us,
        )
        await remember.keep(self._key, msgspec.json.encode(state), seconds=RESUME_WITHIN_S)


class TraceDoor:
    """Who may tell a trace: the page of an app, by its API key, or somebody with an init token."""

    def __init__(self, parts: Parts, remember: Remembering) -> None:
        self._parts, self.remember = parts, remember

    def now_us(self) -> int:
        """Our clock."""
        return micros(self._parts.clock.now())

    async def open(self, scope: Scope) -> LiveTrace:
        """A trace for a socket.

        Raises:
            MissingToken, InvalidToken, ExpiredToken, InvalidApiKey, AppNotRecording, DomainNotAllowed, QuotaExceeded, RateLimited.
        """
        parts = self._parts
        at = parts.clock.now()
        call = Call(
            body=Body(), received_us=micros(at), at=at, scope=scope, address=client_address(scope, parts.trusted)
        )  # fmt: skip
        asked = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}  # fmt: skip
        key, _, rest = scope["path"].removeprefix(PREFIX).strip("/").partition("/")
        token = asked.get("rtcstats-token") or asked.get("token")
        try:
            app, entry = await self._who(token, asked.get("apiKey") or key, at)
        except AppError:
            await limit(parts, call, "unknown")
            raise
        await limit(parts, call, app.id.hex)
        if not app.recording:
            raise AppNotRecording
        check_origin(call, app, required=entry is None)
        if app.quota_used_up:
            raise QuotaExceeded
        return await self._trace(call, app, entry, asked, unquote(rest))

    async def _who(self, token: str | None, key: str, at: Any) -> tuple[AppFacts, Any]:
        if token:
            claims = self._parts.tokens.init(token, at=at)
            return await self._parts.identities.app_of_conference(claims.c), (claims.c, claims.p)
        if not key:
            raise MissingToken
        if not key.isascii():
            raise InvalidApiKey
        return await self._parts.identities.app(key), None

    async def _trace(
        self, call: Call, app: AppFacts, entry: Any, asked: dict[str, str], rest: str
    ) -> LiveTrace:
        names = {
            name: asked.get(name, "").replace("\x00", "")
            for name in ("conference", "user", "client")
        }
        user = names["user"] or (entry[1].hex if entry else "")
        feed = Feed(
            self._parts.writer,
            self._parts.settings,
            app,
            conference=names["conference"],
            user=user,
            fallback=rest.replace("\x00", "").strip("/") or "trace",
            entry=entry,
            geo=place_of(call, self._parts),
        )
        key = None
        if names["client"]:
            text = "\0".join((app.id.hex, str(entry), *names.values(), rest))
            key = f"rtcstats:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"
        trace = LiveTrace(self._parts, call, app, feed, key)
        stored = await self.remember.take(key) if key else None
        if stored is not None:
            trace.resume(stored)
        return trace
