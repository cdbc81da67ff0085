"""Who is calling, and whether that may be done here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from signalbox.accounts import queries, rules, store
from signalbox.accounts.errors import (
    AppNotFound,
    ExpiredToken,
    Forbidden,
    InvalidToken,
    OrganizationNotFound,
)
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx


async def authenticate(
    db: Database, *, cookie: str | None = None, bearer: str | None = None, at: datetime
) -> Actor | None:
    """The Actor behind a bearer key or a login cookie; the key wins. None when neither was sent.

    Notes the use of the key or login at most once a minute, in the same transaction.

    Raises:
        InvalidToken: unknown, revoked, or its owner is barred.
        ExpiredToken: genuine, and its time is over.
    """
    if bearer is not None:
        return await _by_key(db, bearer, at)
    return None if cookie is None else await _by_cookie(db, cookie, at)


async def everyone(db: Database) -> Actor:
    """The Actor of an installation that is open to all: it sees every organization. Development only."""
    async with db.read() as tx:
        ids = await queries.active_organization_ids(tx)
    return Actor(kind="system", organization_ids=ids, is_admin=True)


async def _by_key(db: Database, secret: str, at: datetime) -> Actor:
    async with db.begin() as tx:
        row = await queries.bearer(tx, rules.secret_hash(secret))
        if row is None:
            raise InvalidToken
        if row["not_before"] is not None and row["not_before"] > at:
            raise InvalidToken
        if row["expires_at"] is not None and row["expires_at"] <= at:
            raise ExpiredToken
        if row["last_used_at"] is None or at - row["last_used_at"] >= rules.SEEN_EVERY:
            await store.key_used(tx, row["key_id"], at)
        members = [] if row["user_id"] is None else await queries.memberships(tx, row["user_id"])
        return _key_actor(row, members)


async def note_key_used(db: Database, key_id: UUID, *, at: datetime) -> None:
    """Say that a key was used, for doors that know keys without asking; they do so once a minute at most."""
    async with db.begin() as tx:
        await store.key_used(tx, key_id, at)


def _key_actor(row: Mapping[Any, Any], members: Iterable[Mapping[Any, Any]]) -> Actor:
    """The Actor of a key; `members` are the memberships of its owner. Raises InvalidToken when the owner has left."""
    role = rules.OWNER
    if row["user_id"] is not None and row["user_role"] != "admin":
        # A key never widens what its owner may do.
        roles = {member["organization_id"]: member["role"] for member in members}
        if row["organization_id"] not in roles:
            raise InvalidToken
        role = roles[row["organization_id"]]
    return Actor(
        kind="key",
        id=row["key_id"],
        user_id=row["user_id"],
        organization_ids=frozenset({row["organization_id"]}),
        app_id=row["app_id"],
        role=role,
        scopes=frozenset(row["scopes"]),
    )


async def _by_cookie(db: Database, cookie: str, at: datetime) -> Actor:
    cookie_hash = rules.secret_hash(cookie)
    async with db.begin() as tx:
        row = await queries.login_session(tx, cookie_hash)
        if row is None:
            raise InvalidToken
        if row["expires_at"] <= at:
            raise ExpiredToken
        if at - row["last_seen_at"] >= rules.SEEN_EVERY:
            await store.login_seen(tx, cookie_hash, at)
        return await user_actor(tx, row)


async def user_actor(tx: Tx, user: Mapping[Any, Any]) -> Actor:
    """The Actor of a user row; an administrator's carries every organization."""
    everywhere = (
        await queries.active_organization_ids(tx) if user["role"] == "admin" else frozenset()
    )
    return _user_actor(user, await queries.memberships(tx, user["user_id"]), everywhere)


def _user_actor(
    user: Mapping[Any, Any], members: Sequence[Mapping[Any, Any]], everywhere: frozenset[UUID]
) -> Actor:
    is_admin = user["role"] == "admin"
    own = frozenset(member["organization_id"] for member in members)
    return Actor(
        kind="user",
        id=user["user_id"],
        user_id=user["user_id"],
        organization_ids=everywhere if is_admin else own,
        role=rules.OWNER if is_admin else rules.weakest_role([m["role"] for m in members]),
        is_admin=is_admin,
    )


async def still_valid(
    db: Database, *, cookies: Collection[str], bearers: Collection[str], at: datetime
) -> tuple[dict[str, Actor], dict[str, Actor]]:
    """Of many login cookies and bearer keys those that are good now, with what they may see now; a few statements for all.

    Looking so is no use of a login or key: it keeps nobody logged in.
    """
    cookie_of = {rules.secret_hash(cookie): cookie for cookie in cookies}
    bearer_of = {rules.secret_hash(bearer): bearer for bearer in bearers}
    async with db.read() as tx:
        logins = await queries.login_sessions(tx, list(cookie_of))
        keys = await queries.bearers(tx, list(bearer_of))
        users = {row["user_id"] for row in (*logins, *keys)} - {None}
        members: dict[UUID, list[Mapping[Any, Any]]] = {}
        for member in await queries.memberships_of(tx, users):
            members.setdefault(member["user_id"], []).append(member)
        everywhere = await queries.active_organization_ids(tx)
    by_cookie = {
        cookie_of[row["cookie_hash"]]: _user_actor(row, members.get(row["user_id"], []), everywhere)
        for row in logins
        if row["expires_at"] > at
    }
    by_key: dict[str, Actor] = {}
    for row in keys:
        begun = row["not_before"] is None or row["not_before"] <= at
        if begun and (row["expires_at"] is None or row["expires_at"] > at):
            with suppress(InvalidToken):
                by_key[bearer_of[row["key_hash"]]] = _key_actor(
                    row, members.get(row["user_id"], [])
                )
    return by_cookie, by_key


async def need_role(tx: Tx, by: Actor, organization_id: UUID, needed: str) -> None:
    """Let `by` pass if its role in the organization includes `needed`.

    Raises:
        OrganizationNotFound: it is not one of the organizations of `by`.
        Forbidden: it is, with a weaker role.
    """
    if await queries.organization(tx, by, organization_id) is None:
        raise OrganizationNotFound
    if by.kind == "system" or by.is_admin:
        return
    role = by.role if by.kind == "key" else await queries.role(tx, by, organization_id)
    if not rules.role_reaches(role, needed):
        raise Forbidden(needed_role=needed)


async def need_app(tx: Tx, by: Actor, app_id: UUID, needed: str) -> Mapping[Any, Any]:
    """The app, if `by` may see it and has the role `needed` in its organization.

    Raises:
        AppNotFound: `by` sees no active app of that id.
        Forbidden: it does, with a weaker role.
    """
    row = await queries.app(tx, by, app_id)
    if row is None:
        raise AppNotFound
    await need_role(tx, by, row["organization_id"], needed)
    return row


async def member_app(tx: Tx, by: Actor, app_id: UUID) -> Mapping[Any, Any]:
    """The app, if `by` may change what is in it. Raises as `need_app`."""
    return await need_app(tx, by, app_id, rules.MEMBER)


async def owned_app(tx: Tx, by: Actor, app_id: UUID) -> Mapping[Any, Any]:
    """The app, if `by` owns it: for what cannot be undone. Raises as `need_app`."""
    return await need_app(tx, by, app_id, rules.OWNER)


def need_no_app_key(by: Actor) -> None:
    """Refuse a key that is bound to one app: what it wants concerns more than that app."""
    if by.app_id is not None:
        raise Forbidden


def need_person(by: Actor) -> None:
    """Refuse keys: a key manages neither keys nor people."""
    if by.kind == "key":
        raise Forbidden
