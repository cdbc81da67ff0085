"""Who reads: a player's key, or somebody who is signed in to the dashboard and names an app; and what every answer carries."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.params import QueryParameter
from litestar.types import ASGIApp, ExceptionHandlersMap, Message, Receive, Scope, Send

from signalbox.accounts import queries as accounts
from signalbox.accounts import service as accounts_service
from signalbox.accounts.guards import bearer_of, require_actor
from signalbox.core.actor import Actor
from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.core.errors import AppError, Overloaded
from signalbox.http.errors import Header, retry_headers
from signalbox.http.guards import DATABASE_AWAY, JSON
from signalbox.playback.errors import (
    Failed,
    InvalidKey,
    InvalidSchema,
    NoSuchSession,
    ScopeMissing,
    StorageAway,
    TooManyRequests,
    WrongMethod,
)
from signalbox.playback.rules.keys import KeyFacts
from signalbox.playback.settings import PlaybackSettings
from signalbox.playback.wire.answers import refusal

AnyRequest = Request[Any, Any, Any]
AppId = Annotated[
    str | None,
    QueryParameter(name="appId", description="uuid of an app; without a key it must be given"),
]
READ, ADMIN = "read", "admin"
_VISIT: Final = "playback_visit"
log = structlog.get_logger(__name__)


class Visit(Protocol):
    """One request as logs and figures tell of it."""

    request_id: str
    headers: list[Header]  # that every answer to it carries
    status: int
    error_code: str
    reason: str


class Gate(Protocol):
    """What `site` hands in: keys, limits, figures and the access log."""

    def begin(self, scope: MutableMapping[str, Any]) -> Visit:
        """A request has come."""
        ...

    async def admit(
        self, scope: MutableMapping[str, Any], visit: Visit, *, needs: str, at: datetime
    ) -> KeyFacts:
        """The key of a request that may pass; raises what refuses it."""
        ...

    def may_be_unbound(self, scope: MutableMapping[str, Any], *, at: datetime) -> bool:
        """Whether it may come with a key that is bound to no app."""
        ...

    async def admit_unbound(
        self,
        scope: MutableMapping[str, Any],
        visit: Visit,
        key: KeyFacts,
        *,
        needs: str,
        at: datetime,
    ) -> None:
        """Whether somebody with such a key may pass; raises what refuses it."""

    def end(self, visit: Visit) -> None:
        """It is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the reading routes work with."""

    db: Database
    clock: Clock
    settings: PlaybackSettings
    gate: Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who may read the sessions of an app."""

    app_id: UUID
    tenant: str
    organization_id: UUID
    actor: Actor


def reading_of(request: AnyRequest) -> Reading:
    """What `site` put into the application's state."""
    reading: Reading = request.app.state.playback
    return reading


class Visits:
    """Tells of every request, and puts on every answer what its visit carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        gate: Gate = scope["litestar_app"].state.playback.gate
        visit = gate.begin(scope)  # type: ignore[arg-type]
        scope["state"][_VISIT] = visit

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = [*message["headers"], *visit.headers]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            gate.end(visit)


def visit_of(request: AnyRequest) -> Visit | None:
    """The visit of a request, None where no route of ours was found."""
    visit: Visit | None = request.scope["state"].get(_VISIT)
    return visit


async def admitted(request: AnyRequest, needs: str, app_id: str | None) -> Reader:
    """Who asks, and of which app.

    Raises:
        InvalidKey, ScopeMissing, TooManyRequests, StorageAway: not now, or not at all.
        InvalidSchema: nobody has said of which app.
        NoSuchSession: it is not an app of theirs.
    """
    reading, visit = reading_of(request), visit_of(request)
    assert visit is not None
    wanted = _uuid(app_id)
    if bearer_of(request.headers) is None:
        return await _signed_in(request, reading, needs, wanted)
    at = reading.clock.now()
    if reading.gate.may_be_unbound(request.scope, at=at):  # type: ignore[arg-type]
        actor = await _of_organization(request, reading, at)
        if actor is not None:
            return await _with_organizations_key(request, reading, actor, needs, wanted, at)
    key = await reading.gate.admit(request.scope, visit, needs=needs, at=at)  # type: ignore[arg-type]
    if wanted not in (None, key.app):
        raise NoSuchSession
    actor = Actor(
        kind="key",
        id=key.id,
        organization_ids=frozenset({key.organization}),
        app_id=key.app,
        scopes=key.scopes,
    )
    return Reader(
        app_id=key.app, tenant=key.app_name, organization_id=key.organization, actor=actor
    )


async def _of_organization(request: AnyRequest, reading: Reading, at: datetime) -> Actor | None:
    """Who has a key of a whole organization; None for any other, about which the gate has its own word."""
    try:
        actor = await accounts_service.authenticate(
            reading.db, bearer=bearer_of(request.headers), at=at
        )
    except AppError:
        return None
    return actor if actor is not None and actor.app_id is None else None


async def _with_organizations_key(
    request: AnyRequest,
    reading: Reading,
    actor: Actor,
    needs: str,
    wanted: UUID | None,
    at: datetime,
) -> Reader:
    """A key of an organization reads any of its apps, and must say which."""
    visit = visit_of(request)
    assert visit is not None
    assert actor.id is not None
    app: Mapping[Any, Any] | None = None
    if wanted is not None:
        async with reading.db.read() as tx:
            app = await accounts.app(tx, actor, wanted)
    (organization_id,) = actor.organization_ids
    key = KeyFacts(
        id=actor.id,
        app=organization_id if app is None else app["id"],
        app_name="" if app is None else app["name"],
        organization=organization_id,
        scopes=actor.scopes,
        bucket=str(actor.id),
    )
    await reading.gate.admit_unbound(request.scope, visit, key, needs=needs, at=at)  # type: ignore[arg-type]
    if wanted is None:
        raise InvalidSchema([("appId", "missing")])
    if app is None:
        raise NoSuchSession
    return Reader(app_id=wanted, tenant=app["name"], organization_id=organization_id, actor=actor)


async def _signed_in(
    request: AnyRequest, reading: Reading, needs: str, wanted: UUID | None
) -> Reader:
    """Somebody of the dashboard; what cannot be undone is for owners."""
    try:
        actor = await require_actor(request)
    except AppError as error:
        raise (InvalidKey if error.status == InvalidKey.status else ScopeMissing) from None
    if wanted is None:
        raise InvalidSchema([("appId", "missing")])
    async with reading.db.read() as tx:
        app = await accounts.app(tx, actor, wanted)
        if app is None:
            raise NoSuchSession
        if needs == ADMIN:
            try:
                await accounts_service.owned_app(tx, actor, wanted)
            except AppError:
                raise ScopeMissing from None
    return Reader(
        app_id=wanted, tenant=app["name"], organization_id=app["organization_id"], actor=actor
    )


async def provide_reader(request: AnyRequest, app_id: AppId = None) -> Reader:
    """Dependency `reader`: the scope `read` is needed."""
    return await admitted(request, READ, app_id)


async def provide_eraser(request: AnyRequest, app_id: AppId = None) -> Reader:
    """Dependency `eraser`: the scope `admin` is needed."""
    return await admitted(request, ADMIN, app_id)


def _uuid(text: str | None) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidSchema([("appId", "malformed")]) from None


def refused(request: AnyRequest, error: AppError) -> Response[bytes]:
    """A refusal in playback's envelope."""
    visit = visit_of(request)
    told = _in_our_words(error)
    if visit is not None:
        visit.error_code, visit.reason = told.code, told.message
    at_ms = round(reading_of(request).clock.now().timestamp() * 1000)
    body = refusal(told, request_id=visit.request_id if visit else "", at_ms=at_ms)
    headers = {name.decode(): value.decode() for name, value in retry_headers(told)}
    if isinstance(told, InvalidKey):
        headers["WWW-Authenticate"] = "ApiKey"
    return Response(body, status_code=told.status, media_type=JSON, headers=headers)


def _in_our_words(error: AppError) -> AppError:
    if isinstance(error, Overloaded):
        return StorageAway(retry_after_s=5)
    if error.code == "rate_limited":
        return TooManyRequests(retry_after_s=error.retry_after_s)
    return error


def handlers() -> ExceptionHandlersMap:
    """Every refusal of these routes, and of paths below theirs, is told in one envelope."""

    def on_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
        if error.status_code == 405:
            response = refused(request, WrongMethod())
        elif error.status_code < 500:
            response = refused(request, InvalidSchema([("query", "malformed")]))
        else:
            response = refused(request, Failed())
        response.headers.update(error.headers or {})
        return response

    def on_surprise(request: AnyRequest, error: Exception) -> Response[bytes]:
        if isinstance(getattr(error, "orig", error), DATABASE_AWAY):
            return refused(request, StorageAway(retry_after_s=5))
        log.error("playback.reading_failed", path=request.url.path, exc_info=error)
        return refused(request, Failed())

    return {AppError: refused, HTTPException: on_http, Exception: on_surprise}
