"""The bearer keys of an organization and its apps: list, make, replace, revoke."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from signalbox.accounts import queries, service
from signalbox.accounts.errors import AppUnknown, KeyNotFound, OrganizationNotFound
from signalbox.accounts.guards import Accounts, accounts_of
from signalbox.accounts.routes.given import AnyRequest, GivenActor, GivenOrder, GivenPage, window
from signalbox.core.actor import Actor
from signalbox.http.answers import (
    Answer,
    Instant,
    json_answer,
    list_of,
    one_of,
    printed,
    printed_or_none,
)
from signalbox.http.errors import InvalidParameters, MissingParameters
from signalbox.http.fields import fields_of, given, texts


class Key(msgspec.Struct, kw_only=True):
    """A bearer key, of one app or (`app` null) of the whole organization. `prefix` is how it begins: the rest is not stored.

    `user_name` is who made it; null: nobody of the dashboard. It never expires when `expires_at` is null.
    """

    id: UUID
    app: UUID | None
    name: str
    prefix: str
    scopes: Annotated[list[str], Meta(description="read, manage, ingest, …")]
    user: UUID | None
    user_name: str | None
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None


class NewKey(Key, kw_only=True):
    """A key just made; `key` is shown only here."""

    key: str


@get(
    "/organizations/{organization_id:uuid}/keys",
    responses=list_of(Key),
    summary="Keys of an organization",
)
async def list_keys(
    request: AnyRequest,
    actor: GivenActor,
    organization_id: FromPath[UUID],
    page: GivenPage,
    newest: GivenOrder,
    app_id: Annotated[
        str | None, QueryParameter(name="appId", description="only keys of this app")
    ] = None,
) -> Answer:
    """Keys that are in force, the oldest first."""
    app = _uuid(app_id, "appId")
    only: dict[str, Any] = {"organization_id": organization_id, "app_id": app}
    async with accounts_of(request).db.read() as tx:
        if await queries.organization(tx, actor, organization_id) is None:
            raise OrganizationNotFound
        if app is not None and await queries.app(tx, actor, app) is None:
            raise AppUnknown(parameter="appId")
        limit, offset = window(page)
        rows = await queries.keys(tx, actor, limit=limit, offset=offset, newest=newest, **only)
        count = await queries.key_count(tx, actor, **only) if page else 0
    items = [Key(**_told(row)) for row in rows]
    return json_answer({"results": items, "count": count} if page else {"data": items})


@post(
    "/organizations/{organization_id:uuid}/keys",
    status_code=200,
    responses=one_of(NewKey),
    summary="Make a key",
    request_max_body_size=None,
)
async def create_key(
    request: AnyRequest, actor: GivenActor, organization_id: FromPath[UUID]
) -> Answer:
    """Make a key with `scopes`, of one `app` or of the whole organization, perhaps until `expires_at`; members only. It is shown once."""
    accounts = accounts_of(request)
    fields = await fields_of(request)
    scopes = texts(fields, "scopes")
    if not scopes:
        raise MissingParameters(parameter="scopes")
    app = _uuid(given(fields, "app", str), "app")
    if app is not None:
        await _app_of(accounts, actor, organization_id, app)
    row, key = await service.create_key(
        accounts.db,
        scopes=scopes,
        app_id=app,
        organization_id=organization_id,
        name=given(fields, "name", str) or "",
        expires_at=_instant(given(fields, "expires_at", str)),
        by=actor,
        at=accounts.clock.now(),
    )
    return await _made(accounts, actor, row["key_id"], key)


@post(
    "/organizations/{organization_id:uuid}/keys/{key_id:uuid}/rotate",
    status_code=200,
    responses=one_of(NewKey),
    summary="Replace a key",
    request_max_body_size=None,
)
async def rotate_key(
    request: AnyRequest,
    actor: GivenActor,
    organization_id: FromPath[UUID],
    key_id: FromPath[UUID],
) -> Answer:
    """Make another key with the same rights, shown once. The old one dies at once, or after `overlap_s` seconds (at most 30 days)."""
    accounts = accounts_of(request)
    overlap_s = given(await fields_of(request, empty_ok=True), "overlap_s", int) or 0
    if not 0 <= overlap_s <= service.GRACE_MAX_S:
        raise InvalidParameters(parameter="overlap_s")
    await _key_of(accounts, actor, organization_id, key_id)
    row, key = await service.rotate_key(
        accounts.db, key_id, by=actor, at=accounts.clock.now(), overlap_s=overlap_s
    )
    return await _made(accounts, actor, row["key_id"], key)


@delete(
    "/organizations/{organization_id:uuid}/keys/{key_id:uuid}",
    status_code=200,
    responses={
        **one_of(Key),
        200: ResponseSpec(str, generate_examples=False, description="Done: the empty text."),
    },
    summary="Revoke a key",
)
async def revoke_key(
    request: AnyRequest,
    actor: GivenActor,
    organization_id: FromPath[UUID],
    key_id: FromPath[UUID],
) -> Answer:
    """Switch a key off at once; members only."""
    accounts = accounts_of(request)
    await _key_of(accounts, actor, organization_id, key_id)
    await service.revoke_key(accounts.db, key_id, by=actor, at=accounts.clock.now())
    return json_answer("")


async def _app_of(accounts: Accounts, actor: Actor, organization_id: UUID, app_id: UUID) -> None:
    """Raises OrganizationNotFound or AppUnknown."""
    async with accounts.db.read() as tx:
        if await queries.organization(tx, actor, organization_id) is None:
            raise OrganizationNotFound
        app = await queries.app(tx, actor, app_id)
    if app is None or app["organization_id"] != organization_id:
        raise AppUnknown(parameter="app")


async def _key_of(accounts: Accounts, actor: Actor, organization_id: UUID, key_id: UUID) -> None:
    """Raises OrganizationNotFound or KeyNotFound."""
    async with accounts.db.read() as tx:
        if await queries.organization(tx, actor, organization_id) is None:
            raise OrganizationNotFound
        row = await queries.key(tx, actor, key_id)
    if row is None or row["organization_id"] != organization_id:
        raise KeyNotFound


async def _made(accounts: Accounts, actor: Actor, key_id: UUID, key: str) -> Answer:
    async with accounts.db.read() as tx:
        row = await queries.key(tx, actor, key_id)
    if row is None:  # revoked in this very moment
        raise KeyNotFound
    return json_answer({"data": NewKey(**_told(row), key=key)})


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row["key_id"],
        "app": row["app_id"],
        "name": row["name"],
        "prefix": row["key_prefix"],
        "scopes": row["scopes"],
        "user": row["user_id"],
        "user_name": row["user_name"],
        "created_at": printed(row["created_at"]),
        "expires_at": printed_or_none(row["expires_at"]),
        "last_used_at": printed_or_none(row["last_used_at"]),
    }


def _uuid(text: str | None, name: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidParameters(parameter=name) from None


def _instant(text: str | None) -> datetime | None:
    """An ISO 8601 instant; without a zone it is UTC. Raises InvalidParameters."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameters(parameter="expires_at") from None


HANDLERS = (list_keys, create_key, rotate_key, revoke_key)
