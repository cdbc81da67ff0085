"""Who may pass: the login cookie or a bearer key becomes an Actor.

`site` puts one `Accounts` into the application's state; doors of other contexts take the dependency `actor`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import Provide

from signalbox.accounts import rules, service
from signalbox.accounts.errors import ForeignOrigin, InsufficientScope, MissingToken
from signalbox.accounts.settings import AccountsSettings
from signalbox.core.actor import Actor
from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.core.limits import Limiter

AnyConnection = ASGIConnection[Any, Any, Any, Any]

COOKIE: Final = "pmsession"
READ_SCOPE: Final = "read"
CHANGE_SCOPE: Final = "manage"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def peer_address(scope: MutableMapping[str, Any]) -> str | None:
    """The address at the other end of the socket; None on a Unix socket."""
    client = scope.get("client")
    return client[0] if client else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What the doors of accounts need. `client_ip` knows which proxies to believe; `origins` are further
    origins of our own pages, such as `https://dash.example.org`, in lower case; `app_interval_ms` is what
    a new app begins with."""

    db: Database
    clock: Clock
    limiter: Limiter
    settings: AccountsSettings = field(default_factory=AccountsSettings)
    production: bool = False
    client_ip: Callable[[Any], str | None] = peer_address
    origins: frozenset[str] = frozenset()
    app_interval_ms: int = service.DEFAULT_INTERVAL_MS


def accounts_of(connection: AnyConnection) -> Accounts:
    """What `site` put into the application's state."""
    accounts: Accounts = connection.app.state.accounts
    return accounts


async def require_actor(connection: AnyConnection) -> Actor:
    """The caller. A key needs the scope `read` to look and `manage` to change something.

    Raises:
        MissingToken, InvalidToken, ExpiredToken: nobody we know.
        InsufficientScope: a key without the scope for this method.
        ForeignOrigin: a page of another site acts with the cookie.
    """
    accounts = accounts_of(connection)
    bearer = bearer_of(connection.headers)
    cookie = connection.cookies.get(COOKIE)
    actor = await service.authenticate(
        accounts.db, cookie=cookie, bearer=bearer, at=accounts.clock.now()
    )
    if actor is None:
        return await _nobody(accounts)
    method = connection.scope.get("method", "GET")
    if actor.kind == "key":
        require_scope(actor, READ_SCOPE if method in _SAFE else CHANGE_SCOPE)
    elif method not in _SAFE:
        require_own_origin(connection)
    return actor


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """What a caller showed: a key wins over a cookie; both None where nothing was sent."""

    bearer: str | None = None
    cookie: str | None = None


def credential_of(scope: MutableMapping[str, Any]) -> Credential:
    """What the headers of a request carry, for doors without a framework."""
    connection: AnyConnection = ASGIConnection(scope)  # type: ignore[arg-type]
    bearer = bearer_of(connection.headers)
    return Credential(
        bearer=bearer, cookie=None if bearer is not None else connection.cookies.get(COOKIE)
    )


async def reader(accounts: Accounts, credential: Credential) -> Actor:
    """Who reads. Raises as `require_actor`."""
    actor = await service.authenticate(
        accounts.db, cookie=credential.cookie, bearer=credential.bearer, at=accounts.clock.now()
    )
    if actor is None:
        return await _nobody(accounts)
    require_scope(actor, READ_SCOPE)
    return actor


async def still_readers(
    accounts: Accounts, credentials: Collection[Credential]
) -> dict[Credential, Actor]:
    """Of many who were let in to read, those that still may, with what they may see now."""
    cookies, bearers = await service.still_valid(
        accounts.db,
        cookies={one.cookie for one in credentials if one.cookie is not None},
        bearers={one.bearer for one in credentials if one.bearer is not None},
        at=accounts.clock.now(),
    )
    found: dict[Credential, Actor] = {}
    for one in credentials:
        actor = bearers.get(one.bearer or "") or cookies.get(one.cookie or "")
        if actor is not None and (actor.kind != "key" or READ_SCOPE in actor.scopes):
            found[one] = actor
    if Credential() in credentials and accounts.settings.open_access and not accounts.production:
        found[Credential()] = await service.everyone(accounts.db)
    return found


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Dependency `actor`, see `require_actor`."""
    return await require_actor(request)


def actor_dependency() -> Mapping[str, Provide]:
    """For `dependencies=` of a router: handlers then take `actor: Actor`."""
    return {"actor": Provide(provide_actor)}


def require_scope(actor: Actor, scope: str) -> None:
    """Let an actor pass if it is no key, or a key with `scope`. Raises InsufficientScope."""
    if actor.kind == "key" and scope not in actor.scopes:
        raise InsufficientScope(required_scope=scope, provided_scopes=sorted(actor.scopes))


def require_own_origin(connection: AnyConnection) -> None:
    """Refuse what a page of another site sent with this browser's cookie. Raises ForeignOrigin."""
    headers = connection.headers
    allowed = accounts_of(connection).origins
    if not rules.same_origin(headers.get("origin"), headers.get("host"), allowed):
        raise ForeignOrigin
    if headers.get("origin") is None and headers.get("sec-fetch-site") == "cross-site":
        raise ForeignOrigin


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The key of `Authorization: Bearer …`, or of `X-API-Key`; None without, or with another scheme."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key") or None


async def _nobody(accounts: Accounts) -> Actor:
    if accounts.settings.open_access and not accounts.production:
        return await service.everyone(accounts.db)
    raise MissingToken
