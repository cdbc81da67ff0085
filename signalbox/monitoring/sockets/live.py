"""GET /v1/live: what happens in an organization, an app or a conference, as server-sent events (WHATWG HTML, 9.2).

Who is let in is asked again every `CHECK_EVERY_S`, for all streams of the process in a few statements. Whoever may not look any more is cut off.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import structlog

from signalbox.accounts.errors import AppNotFound, OrganizationNotFound
from signalbox.accounts.guards import Credential, credential_of
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.errors import AppError, Overloaded
from signalbox.core.following import DEGRADED, Follower, Listener, place
from signalbox.core.live import LiveUnavailableError
from signalbox.core.streams import RESET
from signalbox.http import sse
from signalbox.http.body import Receive
from signalbox.http.cors import App, Scope
from signalbox.http.errors import Send, named_error, respond_error
from signalbox.http.guards import DATABASE_AWAY
from signalbox.http.peers import header
from signalbox.monitoring.errors import (
    InvalidParameters,
    MethodNotAllowed,
    MissingParameters,
    RateLimited,
    TooManyStreams,
)
from signalbox.monitoring.queries.refusals import ConferenceMissing
from signalbox.monitoring.queries.watching import (
    Scene,
    app_scene,
    conference_scene,
    may_watch,
    organization_scene,
    still_there,
)
from signalbox.monitoring.service.live import EVERYTHING, samples_of
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.wire import uuid_or_none

PATHS: Final = frozenset({"/v1/live", "/live"})
CHECK_EVERY_S: Final = 3.0
COME_BACK_S: Final = 5
_RETRY: Final = b"retry: 2000\n"  # ms until a browser comes back
_encode = msgspec.json.encode
log = structlog.get_logger(__name__)

Find = Callable[[Tx, Actor, UUID], Awaitable[Scene | None]]
_FINDERS: Final[dict[str, tuple[Find, type[AppError]]]] = {
    "conferenceId": (conference_scene, ConferenceMissing),
    "appId": (app_scene, AppNotFound),
    "organizationId": (organization_scene, OrganizationNotFound),
}


class Counts(Protocol):
    """Figures of the door."""

    def count_request(self, door: str, status: int) -> None:
        """One answer."""

    def live_clients(self, count: int) -> None:
        """So many streams are open now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveParts:
    """What the door works with. `admit` says who asks, or refuses; `still` which of those that were let in still may look."""

    db: Database
    follower: Follower
    settings: MonitoringSettings
    counts: Counts
    admit: Callable[[Scope, Credential], Awaitable[Actor]]
    still: Callable[[Collection[Credential]], Awaitable[Mapping[Credential, Actor]]]


@dataclass(slots=True, eq=False)
class _Client:
    """An open stream."""

    credential: Credential
    owner: object
    scene: Scene
    listener: Listener
    after: bytes | None


class LiveDoor:
    """Answers the live route; hands everything else to `rest`."""

    def __init__(self, parts: LiveParts, rest: App) -> None:
        self._parts, self._rest = parts, rest
        self._clients: set[_Client] = set()
        self._owners: Counter[object] = Counter()
        self._checking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or hand it on."""
        if scope["type"] != "http" or scope["path"].rstrip("/") not in PATHS:
            await self._rest(scope, receive, send)
            return
        status = 200
        try:
            if scope["method"] != "GET":
                raise MethodNotAllowed
            client = await self._let_in(scope)
        except AppError as error:
            status = error.status
            await respond_error(send, error, dialect=named_error)
        except DATABASE_AWAY:
            status = Overloaded.status
            await respond_error(send, Overloaded(retry_after_s=1))
        else:
            await self._serve(client, receive, send)
        self._parts.counts.count_request("live", status)

    async def _let_in(self, scope: Scope) -> _Client:
        """Who asks, for what, and whether there is room."""
        credential = credential_of(scope)
        actor = await self._parts.admit(scope, credential)
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        after = _resumed(header(scope, b"last-event-id") or asked.get("lastEventId", [""])[0])
        scene = await self._scene(actor, asked)
        owner = actor.id or actor.kind
        settings = self._parts.settings
        if len(self._clients) >= settings.live_clients:
            raise TooManyStreams(retry_after_s=COME_BACK_S)
        if self._owners[owner] >= settings.live_clients_per_actor:
            raise RateLimited(retry_after_s=COME_BACK_S)
        client = _Client(credential, owner, scene, _listener(scene, settings.live_queue), after)
        self._count(client, present=True)
        return client

    async def _scene(self, actor: Actor, asked: Mapping[str, list[str]]) -> Scene:
        given = [name for name in _FINDERS if asked.get(name)]
        if not given:
            raise MissingParameters(field="appId")
        if len(given) > 1:
            raise InvalidParameters(field=given[1])
        name = given[0]
        key, (find, refusal) = uuid_or_none(asked[name][0]), _FINDERS[name]
        if key is None:
            raise InvalidParameters(field=name)
        async with self._parts.db.read() as tx:
            scene = await find(tx, actor, key)
        if scene is None:
            raise refusal
        return scene

    def _count(self, client: _Client, *, present: bool) -> None:
        if present:
            self._clients.add(client)
            self._owners[client.owner] += 1
        else:
            self._clients.discard(client)
            self._owners[client.owner] -= 1
            self._owners += Counter()  # forgets who has none
        self._parts.counts.live_clients(len(self._clients))
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(), name="live-access")

    async def _serve(self, client: _Client, receive: Receive, send: Send) -> None:
        listener, channel = client.listener, client.scene.organization.hex
        why = "gone"
        try:
            await self._parts.follower.join(channel, listener)
            why = await sse.respond_events(receive, send, self._frames(client), listener.closed)
        finally:
            self._parts.follower.leave(channel, listener)
            self._count(client, present=False)
            if why != "gone":
                log.info("live.stream_ended", why=why, organization_id=channel)

    async def _frames(self, client: _Client) -> AsyncIterator[bytes]:
        """Where the stream begins, what was missed, then whatever comes."""
        listener, follower = client.listener, self._parts.follower
        after, channel = client.after, client.scene.organization.hex
        away = listener.waiting or follower.lost
        if after is not None:
            listener.after = place(after)
        known = after is not None and not away and await follower.knows(channel, after)
        begin = None if known else listener.start
        ready = _encode({"samples": listener.watches is not None})
        yield _RETRY + sse.frame(begin, "ready", ready)
        if away:
            yield sse.frame(None, DEGRADED, b"{}")
        if known and after is not None:
            try:
                async for frames in follower.replay(channel, listener, after):
                    yield frames
            except LiveUnavailableError:
                return  # it comes back and tries again
        elif after is not None:
            listener.after = None
            yield sse.frame(listener.start, RESET, b"{}")
        while True:
            yield await listener.take()

    async def _check(self) -> None:
        """Cut off those who may not look any more, as long as there is anybody."""
        while self._clients:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self._cut_off(tuple(self._clients))
            except DATABASE_AWAY:  # then nothing new is committed either
                continue
            except Exception:
                log.exception("live.check_failed")

    async def _cut_off(self, clients: tuple[_Client, ...]) -> None:
        if not clients:
            return
        actors = await self._parts.still({client.credential for client in clients})
        async with self._parts.db.read() as tx:
            there = await still_there(tx, {client.scene for client in clients})
        for client in clients:
            actor = actors.get(client.credential)
            if actor is None or client.scene not in there or not may_watch(actor, client.scene):
                client.listener.close("access ended")


def _listener(scene: Scene, most: int) -> Listener:
    """Samples are told to those who watch one app or conference, not to those who watch an organization."""
    name = (scene.conference or scene.app or scene.organization).hex
    if scene.app is None:
        return Listener(frozenset({EVERYTHING}), most=most)
    return Listener(frozenset({name, samples_of(name)}), watches=name, most=most)


def _resumed(text: str) -> bytes | None:
    """The id of the last event that the client got; None without one. Raises InvalidParameters for what is no id of ours."""
    if not text:
        return None
    at, dash, number = text.partition("-")
    if not dash or not all(_is_number(part) for part in (at, number)):
        raise InvalidParameters(field="Last-Event-ID")
    return text.encode()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 1 << 64
