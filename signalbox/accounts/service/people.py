"""Verbs on users and their memberships."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog

from signalbox.accounts import queries, rules, store
from signalbox.accounts.errors import (
    EmailTaken,
    Forbidden,
    InvalidCredentials,
    InvalidEmail,
    InvalidParameters,
    MissingParameters,
    UserNotFound,
    WeakPassword,
)
from signalbox.accounts.service.access import need_role
from signalbox.accounts.service.organizations import needed_name
from signalbox.accounts.service.passwords import hash_password, verify
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.ids import new_id

log = structlog.get_logger(__name__)

InstallationRole = Literal["user", "admin"]


async def create_user(
    db: Database,
    *,
    email: str,
    by: Actor,
    at: datetime,
    password: str | None = None,
    username: str | None = None,
    display_name: str | None = None,
    role: InstallationRole = "user",
    organization_id: UUID | None = None,
    organization_role: str = rules.MEMBER,
    must_change_password: bool = False,
) -> Mapping[Any, Any]:
    """Enter a user, without a password one who cannot log in yet. Administrators and the system only.

    Raises Forbidden, InvalidEmail, WeakPassword, EmailTaken, OrganizationNotFound or InvalidParameters (role).
    """
    need_admin(by)
    if organization_role not in rules.ROLES:
        raise InvalidParameters(parameter="role")
    address = needed_email(email)
    password_hash = None if password is None else await hash_new(password)
    async with db.begin() as tx:
        if organization_id is not None:
            await need_role(tx, by, organization_id, rules.OWNER)
        row = await add_user(
            tx,
            {
                "email": address,
                "username": username.strip().lower() or None if username else None,
                "display_name": rules.clean_name(display_name or "") or address.partition("@")[0],
                "password_hash": password_hash,
                "must_change_password": must_change_password,
                "role": role,
            },
            by=by,
            at=at,
        )
        if organization_id is not None:
            await store.put_membership(tx, row["user_id"], organization_id, organization_role, at)
    log.info("user.created", user_id=str(row["user_id"]), by=str(by.id))
    return row


async def add_user(
    tx: Tx, values: Mapping[Any, Any], *, by: Actor, at: datetime
) -> Mapping[Any, Any]:
    """Enter a user in a transaction that is open already. Raises EmailTaken."""
    row = await store.insert_user(
        tx, {**values, "user_id": new_id(), "created_at": at, "updated_at": at}
    )
    if row is None:
        raise EmailTaken
    await audit.record(tx, by, "user_registered", subject=row["user_id"], at=at)
    return row


async def set_password(
    db: Database,
    user_id: UUID,
    *,
    password: str,
    by: Actor,
    at: datetime,
    must_change: bool = False,
) -> None:
    """Set somebody's password and end all their logins. Administrators and the system only.

    Raises Forbidden, WeakPassword or UserNotFound.
    """
    need_admin(by)
    password_hash = await hash_new(password)
    async with db.begin() as tx:
        if await queries.user_with_password(tx, user_id) is None:
            raise UserNotFound
        await store.set_password(tx, user_id, password_hash, must_change=must_change, at=at)
        await store.delete_logins(tx, user_id)
        await audit.record(tx, by, "password_changed", subject=user_id, subject_type="user", at=at)


async def update_account(
    db: Database,
    *,
    by: Actor,
    at: datetime,
    name: str | None = None,
    email: str | None = None,
    password: str | None = None,
) -> None:
    """Change one's own name or e-mail address, None leaves it as it is; another address needs the password.

    Raises Forbidden (not a user), MissingParameters (an empty name, no password), InvalidEmail, InvalidCredentials,
    EmailTaken, or Overloaded when too many verify at once.
    """
    if by.kind != "user" or by.user_id is None:
        raise Forbidden
    changes: dict[str, Any] = {} if name is None else {"display_name": needed_name(name)}
    async with db.read() as tx:
        user = await queries.user_with_password(tx, by.user_id)
    if user is None:
        raise UserNotFound
    if email is not None and needed_email(email) != user["email"]:
        if not password:
            raise MissingParameters(parameter="password")
        if not (await verify(user["password_hash"], password))[0]:
            raise InvalidCredentials
        changes |= {"email": needed_email(email), "email_verified_at": None}
    if not changes:
        return
    async with db.begin() as tx:
        if not await store.update_user(tx, by.user_id, changes, at):
            raise EmailTaken(parameter="email")
        await audit.record(
            tx, by, "user_updated", subject=by.user_id, at=at, facts={"fields": sorted(changes)}
        )


async def delete_user(db: Database, user_id: UUID, *, by: Actor, at: datetime) -> None:
    """Bar a user at once: logins and keys end. Administrators and the system only.

    Raises Forbidden, or UserNotFound (also when barred already).
    """
    need_admin(by)
    async with db.begin() as tx:
        if not await store.deactivate_user(tx, user_id, at):
            raise UserNotFound
        await audit.record(tx, by, "user_deactivated", subject=user_id, at=at)
    log.info("user.deactivated", user_id=str(user_id), by=str(by.id))


def need_admin(by: Actor) -> None:
    """Let only the system and the installation's administrators pass."""
    if by.kind == "system" or (by.kind == "user" and by.is_admin):
        return
    raise Forbidden


def needed_email(text: str) -> str:
    """The address as it is stored. Raises InvalidEmail."""
    address = rules.clean_email(text)
    if address is None:
        raise InvalidEmail
    return address


async def hash_new(password: str, again: str | None = None) -> str:
    """The hash of a password that may be set. Raises WeakPassword."""
    problem = rules.password_problem(password, again)
    if problem is not None:
        raise WeakPassword(problem=problem)
    return await hash_password(password)
