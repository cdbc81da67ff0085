"""Logging in to the dashboard. Logins are rows; the browser holds a random cookie, the row its hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from signalbox.accounts import queries, rules, store
from signalbox.accounts.errors import InvalidCredentials
from signalbox.accounts.service.access import user_actor
from signalbox.accounts.service.passwords import verify
from signalbox.accounts.service.people import hash_new
from signalbox.audit import service as audit
from signalbox.core.actor import SYSTEM, Actor
from signalbox.core.db import Database

log = structlog.get_logger(__name__)

LIFETIME: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login just made. `cookie` is a secret and is nowhere else."""

    cookie: str
    user_id: UUID
    expires_at: datetime
    must_change_password: bool


async def login(
    db: Database,
    *,
    name: str,
    password: str,
    at: datetime,
    lifetime: timedelta = LIFETIME,
    ip_address: str | None = None,
    user_agent: str | None = None,
) -> Login:
    """Log a user in by e-mail address or user name. An old hash is replaced on the way.

    The password is verified between two transactions, never inside one.
    Raises InvalidCredentials, or Overloaded when too many verify at once.
    """
    async with db.read() as tx:
        user = await queries.user_to_sign_in(tx, name.strip().lower())
    known, better_hash = await verify(user["password_hash"] if user else None, password)
    if user is None or not known:
        await _note_failure(db, user["user_id"] if user else None, at, ip_address, user_agent)
        raise InvalidCredentials
    cookie = secrets.token_urlsafe(32)
    async with db.begin() as tx:
        if better_hash is not None:
            await store.rehash_password(tx, user["user_id"], user["password_hash"], better_hash)
        await store.insert_login(
            tx,
            {
                "cookie_hash": rules.secret_hash(cookie),
                "user_id": user["user_id"],
                "created_at": at,
                "expires_at": at + lifetime,
                "last_seen_at": at,
                "user_agent": user_agent and user_agent[:500],
                "ip_address": audit.address(ip_address),
            },
        )
        await store.user_logged_in(tx, user["user_id"], at)
        by = await user_actor(tx, user)
        await audit.record(
            tx,
            by,
            "user_login",
            subject=user["user_id"],
            at=at,
            ip_address=ip_address,
            user_agent=user_agent,
        )
    log.info("user.logged_in", user_id=str(user["user_id"]))
    return Login(
        cookie=cookie,
        user_id=user["user_id"],
        expires_at=at + lifetime,
        must_change_password=user["must_change_password"],
    )


async def _note_failure(
    db: Database,
    user_id: UUID | None,
    at: datetime,
    ip_address: str | None,
    user_agent: str | None,
) -> None:
    """The name that was typed is not kept: it may be a password in the wrong field."""
    async with db.begin() as tx:
        await audit.record(
            tx,
            SYSTEM,
            "user_login_failed",
            subject=user_id,
            at=at,
            result="failure",
            ip_address=ip_address,
            user_agent=user_agent,
        )


async def logout(db: Database, *, cookie: str, at: datetime) -> None:
    """End the login behind a cookie; an unknown one is no error."""
    async with db.begin() as tx:
        user_id = await store.delete_login(tx, rules.secret_hash(cookie))
        if user_id is not None:
            by = Actor(kind="user", id=user_id, user_id=user_id)
            await audit.record(tx, by, "user_logout", subject=user_id, at=at)


async def change_password(
    db: Database,
    *,
    by: Actor,
    password: str,
    again: str,
    at: datetime,
    cookie: str | None = None,
) -> None:
    """Set one's own password; all other logins of the user end, the one of `cookie` goes on.

    Raises WeakPassword (too short, too long, or the two differ) or InvalidCredentials (not a user).
    """
    if by.kind != "user" or by.user_id is None:
        raise InvalidCredentials
    password_hash = await hash_new(password, again)
    keep = None if cookie is None else rules.secret_hash(cookie)
    async with db.begin() as tx:
        await store.set_password(tx, by.user_id, password_hash, must_change=False, at=at)
        await store.delete_logins(tx, by.user_id, keep)
        await audit.record(
            tx, by, "password_changed", subject=by.user_id, subject_type="user", at=at
        )


async def forget_expired_logins(db: Database, *, at: datetime) -> int:
    """Drop the rows of logins that ended more than a day ago; answers how many."""
    async with db.begin() as tx:
        return await store.delete_expired_logins(tx, at - timedelta(days=1))
