"""The operator's own programs manage tenants, keys and retention here, with one token for everything; without a token it is off."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from signalbox.accounts.guards import accounts_of
from signalbox.accounts.service import (
    ROTATION_OVERLAP_MAX_S,
    ROTATION_OVERLAP_S,
    KeyBounds,
)
from signalbox.core.actor import SYSTEM
from signalbox.core.errors import AppError
from signalbox.http.answers import Answer, json_answer
from signalbox.http.fields import BODY_MAX_BYTES, fields_of
from signalbox.playback.errors import InvalidKey, InvalidSchema, NotThere, TooLarge, TooManyRequests
from signalbox.playback.routes import shapes
from signalbox.playback.routes.asked import instant
from signalbox.playback.routes.managed import (
    NewPlaybackKey,
    PlaybackKey,
    PlaybackTenant,
    RetentionPolicy,
    ScoreWeights,
    key_item,
    new_key_item,
    policy_item,
    tenant_item,
)
from signalbox.playback.routes.visiting import AnyRequest, reading_of
from signalbox.playback.rules.retention import KINDS
from signalbox.playback.service import retention, tenants, weights
from signalbox.playback.store.weights import PARTS

T = TypeVar("T")
FAILURES: Final = 60  # of one address in a minute
PUBLISHABLE: Final = ["ingest"]  # all that a key in a web page may do


async def require_token(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """Let the operator's token pass.

    Raises:
        NotThere: no token is set.
        InvalidKey: another one was sent, or none.
        TooManyRequests: this address has guessed too often.
    """
    expected = connection.app.state.playback.settings.admin_token
    if not expected:
        raise NotThere
    kind, _, given = connection.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), expected.encode())
    if kind.lower() == "bearer" and same:
        return
    accounts = accounts_of(connection)
    address = accounts.client_ip(connection.scope)
    verdict = await accounts.limiter.hit("playback-admin", f"ip:{address}", FAILURES, 60)
    if not verdict.allowed:
        raise TooManyRequests(retry_after_s=verdict.retry_after_s)
    raise InvalidKey


class Body:
    """The object that was sent; what is wrong with it is told at once."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields, self.problems = fields, list[tuple[str, str]]()

    def has(self, name: str) -> bool:
        """Whether it was given, null included."""
        return name in self._fields

    def text(self, name: str, *, needed: bool = False) -> str | None:
        """A text; None without one."""
        value = self._of(name, str)
        if needed and not value and not self._told(name):
            self.problems.append((name, "missing"))
        return value

    def number(self, name: str) -> int | None:
        """A whole number; None without one."""
        return self._of(name, int)

    def quantity(self, name: str) -> float | None:
        """A number; None without one."""
        value = self._fields.get(name)
        if isinstance(value, float):
            return value
        whole = self.number(name)
        return None if whole is None else float(whole)

    def texts(self, name: str) -> list[str] | None:
        """A list of texts; None without one."""
        value: list[str] | None = self._of(name, list)
        if value is not None and not all(isinstance(one, str) for one in value):
            self.problems.append((name, "malformed"))
        return value

    def flag(self, name: str) -> bool:
        """True or false; false without it."""
        return bool(self._of(name, bool))

    def instant(self, name: str) -> datetime | None:
        """ISO 8601 or epoch ms; None without one."""
        value = self._fields.get(name)
        try:
            return None if value is None else instant(str(value))
        except ValueError:
            self.problems.append((name, "malformed"))
            return None

    def check(self) -> None:
        """Raises InvalidSchema if anything was wrong."""
        if self.problems:
            raise InvalidSchema(self.problems)

    def _told(self, name: str) -> bool:
        return any(field == name for field, _ in self.problems)

    def _of(self, name: str, kind: type[T]) -> T | None:
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.problems.append((name, "malformed"))
            return None
        return value


async def _body(request: AnyRequest, *, empty_ok: bool = False) -> Body:
    try:
        return Body(await fields_of(request, empty_ok=empty_ok))
    except AppError as error:
        if error.status == TooLarge.status:
            raise TooLarge(limit_bytes=BODY_MAX_BYTES) from None
        raise InvalidSchema([("body", "not_an_object")]) from None


_LIMITS: Final = {
    "dailyReports": "quota_playback_reports_daily",
    "rateLimit": "playback_rate_limit",
    "rateWindowSeconds": "playback_rate_window_s",
}


def _limits(body: Body) -> dict[str, int | None]:
    return {column: body.number(name) for name, column in _LIMITS.items() if body.has(name)}


@get(
    "/tenants",
    responses=shapes.answers(shapes.Items[PlaybackTenant], "The tenants."),
    summary="Tenants",
)
async def list_tenants(request: AnyRequest) -> Answer:
    """All tenants, the oldest first. A tenant is an app."""
    rows = await tenants.tenants(reading_of(request).db, by=SYSTEM)
    return json_answer({"items": [tenant_item(row) for row in rows]})


@post(
    "/tenants",
    status_code=201,
    responses=shapes.made(PlaybackTenant),
    summary="Make a tenant",
    request_max_body_size=None,
)
async def create_tenant(request: AnyRequest) -> Answer:
    """Make a tenant called `name`, perhaps with `dailyReports`, `rateLimit`, `rateWindowSeconds`, in an `organization` (id or name)."""
    reading, body = reading_of(request), await _body(request)
    name, organization = body.text("name", needed=True), body.text("organization")
    limits = _limits(body)
    body.check()
    row = await tenants.create_tenant(
        reading.db,
        name=name or "",
        organization=organization,
        limits=limits,
        by=SYSTEM,
        at=reading.clock.now(),
    )
    return _made(tenant_item(row))


@get("/tenants/{tenant:str}", responses=shapes.answers(PlaybackTenant, "It."), summary="One tenant")
async def get_tenant(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """A tenant by its id or name."""
    return json_answer(tenant_item(await tenants.tenant(reading_of(request).db, tenant, by=SYSTEM)))


@post(
    "/tenants/{tenant:str}",
    status_code=200,
    responses=shapes.answers(PlaybackTenant, "As it is now."),
    summary="Change a tenant",
    request_max_body_size=None,
)
async def change_tenant(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """Change `name` or limits of a tenant; null lifts a limit."""
    reading, body = reading_of(request), await _body(request)
    name, limits = body.text("name"), _limits(body)
    body.check()
    row = await tenants.change_tenant(
        reading.db, tenant, name=name, limits=limits, by=SYSTEM, at=reading.clock.now()
    )
    return json_answer(tenant_item(row))


_GONE: Final = {
    **shapes.REFUSALS,
    204: ResponseSpec(None, generate_examples=False, description="Done."),
}


@delete("/tenants/{tenant:str}", status_code=204, responses=_GONE, summary="Delete a tenant")
async def delete_tenant(request: AnyRequest, tenant: FromPath[str]) -> None:
    """Switch a tenant and its keys off. Its sessions stay until their time is over."""
    reading = reading_of(request)
    await tenants.delete_tenant(reading.db, tenant, by=SYSTEM, at=reading.clock.now())


@get("/keys", responses=shapes.answers(shapes.Items[PlaybackKey], "The keys."), summary="Keys")
async def list_keys(request: AnyRequest) -> Answer:
    """The keys in force of all tenants, the oldest first, without their secrets."""
    reading = reading_of(request)
    rows = await tenants.keys(reading.db, None, by=SYSTEM)
    now = reading.clock.now()
    return json_answer({"items": [key_item(row, now) for row in rows]})


@get(
    "/tenants/{tenant:str}/keys",
    responses=shapes.answers(shapes.Items[PlaybackKey], "The keys."),
    summary="Keys of a tenant",
)
async def list_tenant_keys(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """The keys in force of a tenant, the oldest first, without their secrets."""
    reading = reading_of(request)
    app = await tenants.tenant(reading.db, tenant, by=SYSTEM)
    rows = await tenants.keys(reading.db, app["id"], by=SYSTEM)
    now = reading.clock.now()
    return json_answer({"items": [key_item(row, now) for row in rows]})


@post(
    "/keys",
    status_code=201,
    responses=shapes.made(NewPlaybackKey),
    summary="Make a key",
    request_max_body_size=None,
)
async def create_key(request: AnyRequest) -> Answer:
    """As for one tenant, which the field `tenant` names by id or name."""
    body = await _body(request)
    named = body.text("tenant", needed=True)
    body.check()
    return await _new_key(request, body, named or "")


@post(
    "/tenants/{tenant:str}/keys",
    status_code=201,
    responses=shapes.made(NewPlaybackKey),
    summary="Make a key of a tenant",
    request_max_body_size=None,
)
async def create_tenant_key(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """Make a key: `label`, `scopes` (ingest, read, admin) or `publishable`, `notBefore`, `expiresAt`, `rateLimit`, `rateWindowSeconds`, `origins`. It is shown once."""
    return await _new_key(request, await _body(request), tenant)


async def _new_key(request: AnyRequest, body: Body, named: str) -> Answer:
    reading = reading_of(request)
    label, expires_at = body.text("label") or "", body.instant("expiresAt")
    publishable, scopes = body.flag("publishable"), body.texts("scopes")
    if publishable and scopes not in (None, PUBLISHABLE):
        body.problems.append(("scopes", "not_publishable"))
    if not publishable and not scopes and not body.problems:
        body.problems.append(("scopes", "missing"))
    bounds = KeyBounds(
        not_before=body.instant("notBefore"),
        rate_limit=body.number("rateLimit"),
        rate_window_s=body.number("rateWindowSeconds"),
        origins=body.texts("origins"),
    )
    body.check()
    app = await tenants.tenant(reading.db, named, by=SYSTEM)
    row, secret = await tenants.create_key(
        reading.db,
        app["id"],
        label=label,
        scopes=PUBLISHABLE if publishable else scopes or [],
        expires_at=expires_at,
        bounds=bounds,
        by=SYSTEM,
        at=reading.clock.now(),
    )
    return _made(new_key_item(row, reading.clock.now(), secret))


@get("/keys/{key_id:str}", responses=shapes.answers(PlaybackKey, "It."), summary="One key")
async def get_key(request: AnyRequest, key_id: FromPath[str]) -> Answer:
    """A key by its id, or by the eight characters after `pbk_`."""
    reading = reading_of(request)
    row = await tenants.key(reading.db, key_id, by=SYSTEM)
    return json_answer(key_item(row, reading.clock.now()))


@post(
    "/keys/{key_id:str}/rotate",
    status_code=201,
    responses=shapes.made(NewPlaybackKey),
    summary="Replace a key",
    request_max_body_size=None,
)
async def rotate_key(request: AnyRequest, key_id: FromPath[str]) -> Answer:
    """Make a key with the same rights, good at once and shown once. Both are good for `overlapSeconds` (7 days without, at most 400 days) and share one limit."""
    reading, body = reading_of(request), await _body(request, empty_ok=True)
    overlap_s = body.number("overlapSeconds")
    if overlap_s is not None and not 0 <= overlap_s <= ROTATION_OVERLAP_MAX_S:
        body.problems.append(("overlapSeconds", "out_of_range"))
    body.check()
    row, secret = await tenants.rotate_key(
        reading.db,
        key_id,
        overlap_s=ROTATION_OVERLAP_S if overlap_s is None else overlap_s,
        by=SYSTEM,
        at=reading.clock.now(),
    )
    return _made(new_key_item(row, reading.clock.now(), secret))


@delete("/keys/{key_id:str}", status_code=204, responses=_GONE, summary="Revoke a key")
async def revoke_key(request: AnyRequest, key_id: FromPath[str]) -> None:
    """Switch a key off at once. Players that are refused throw away what they have not sent: look for its traffic before."""
    reading = reading_of(request)
    await tenants.revoke_key(reading.db, key_id, by=SYSTEM, at=reading.clock.now())


@get(
    "/tenants/{tenant:str}/retention",
    responses=shapes.answers(shapes.Items[RetentionPolicy], "The policies."),
    summary="How long sessions of a tenant are kept",
)
async def list_policies(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """Policies of a tenant; the most specific that fits a session holds: contents, then stream type, then all."""
    reading = reading_of(request)
    app = await tenants.tenant(reading.db, tenant, by=SYSTEM)
    rows = await retention.policies_of(reading.db, app["id"])
    return json_answer({"items": [policy_item(row) for row in rows]})


@post(
    "/tenants/{tenant:str}/retention",
    status_code=200,
    responses=shapes.answers(RetentionPolicy, "As it is now."),
    summary="Say how long sessions of a tenant are kept",
    request_max_body_size=None,
)
async def put_policy(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """Keep sessions of a `streamType` or of contents that begin with `contentPrefix`, or all, for so many days: `sessionsDays`, `payloadDays`, `timelineDays`, `eventsDays`."""
    reading, body = reading_of(request), await _body(request)
    stream, prefix = body.text("streamType"), body.text("contentPrefix")
    days = {kind: body.number(f"{kind}Days") for kind in KINDS}
    body.check()
    app = await tenants.tenant(reading.db, tenant, by=SYSTEM)
    row = await retention.put_policy(
        reading.db,
        app_id=app["id"],
        stream_type=stream,
        content_prefix=prefix,
        days=days,
        by=SYSTEM,
        at=reading.clock.now(),
    )
    return json_answer(policy_item(row))


@delete(
    "/retention/{policy_id:uuid}", status_code=204, responses=_GONE, summary="Take a policy back"
)
async def delete_policy(request: AnyRequest, policy_id: FromPath[UUID]) -> None:
    """From then on the next less specific policy holds."""
    reading = reading_of(request)
    await retention.delete_policy(reading.db, policy_id, by=SYSTEM, at=reading.clock.now())


@get(
    "/tenants/{tenant:str}/score",
    responses=shapes.answers(ScoreWeights, "They."),
    summary="What the parts of a score count",
)
async def get_weights(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """The weights of a tenant's experience scores, and their version."""
    reading = reading_of(request)
    app = await tenants.tenant(reading.db, tenant, by=SYSTEM)
    found = await weights.weights(reading.db, app["id"])
    return json_answer(
        ScoreWeights(**{name: getattr(found, name) for name in ScoreWeights.__struct_fields__})
    )


@post(
    "/tenants/{tenant:str}/score",
    status_code=200,
    responses=shapes.answers(ScoreWeights, "As they are now."),
    summary="Say what the parts of a score count",
    request_max_body_size=None,
)
async def choose_weights(request: AnyRequest, tenant: FromPath[str]) -> Answer:
    """Change `success`, `smoothness`, `startup` or `quality`: scores from now on have another version, stored ones stay."""
    reading, body = reading_of(request), await _body(request)
    chosen = {part: body.quantity(part) for part in PARTS}
    body.check()
    app = await tenants.tenant(reading.db, tenant, by=SYSTEM)
    row = await weights.choose_weights(
        reading.db, app["id"], chosen, by=SYSTEM, at=reading.clock.now()
    )
    return json_answer(ScoreWeights(**row))


def _made(shape: Any) -> Answer:
    answer = json_answer(shape)
    answer.status_code = 201
    return answer


def admin_router() -> Router:
    """All of them, under `/admin`."""
    return Router(
        "/admin",
        guards=[require_token],
        route_handlers=[
            *(list_tenants, create_tenant, get_tenant, change_tenant, delete_tenant),
            *(list_keys, list_tenant_keys, create_key, create_tenant_key, get_key),
            *(rotate_key, revoke_key, list_policies, put_policy, delete_policy),
            *(get_weights, choose_weights),
        ],
    )
