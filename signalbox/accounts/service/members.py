"""Verbs on the people of an organization. It always keeps an owner."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from signalbox.accounts import queries, rules, store
from signalbox.accounts.errors import (
    AlreadyMember,
    EmailTaken,
    InvalidParameters,
    LastOwner,
    UserNotFound,
)
from signalbox.accounts.service.access import need_person, need_role
from signalbox.accounts.service.passwords import hash_password
from signalbox.accounts.service.people import add_user, needed_email
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx

log = structlog.get_logger(__name__)

ONE_TIME_BYTES: Final = 12  # 96 random bits in 16 characters


async def add_member(
    db: Database,
    organization_id: UUID,
    *,
    email: str,
    role: str,
    by: Actor,
    at: datetime,
    name: str | None = None,
) -> tuple[Mapping[Any, Any], str | None]:
    """Take somebody into an organization; its owners only. Answers the member and, for somebody new here, a password.

    That password is stored nowhere and has to be changed at the first login; None for a user that exists already, who keeps their own and their name.

    Raises OrganizationNotFound, Forbidden, InvalidEmail, InvalidParameters (role), AlreadyMember, or EmailTaken (by a user who is barred).
    """
    need_person(by)
    address, role = needed_email(email), needed_role(role)
    password = secrets.token_urlsafe(ONE_TIME_BYTES)
    async with db.read() as tx:
        await need_role(tx, by, organization_id, rules.OWNER)
        known = await queries.user_to_sign_in(tx, address)
    # Hashed before the transaction that locks, and only where it will be used.
    is_known = known is not None and known["email"] == address
    password_hash = None if is_known else await hash_password(password)
    async with db.begin() as tx:
        await _lock(tx, organization_id, by)
        if known is not None and is_known:
            user_id = known["user_id"]
        else:
            user_id = await _enter(tx, address, name, password_hash, by, at)
        if await queries.member(tx, by, organization_id, user_id) is not None:
            raise AlreadyMember(parameter="email")
        await store.put_membership(tx, user_id, organization_id, role, at)
        await _tell(tx, by, "member_added", user_id, organization_id, at, role=role)
        row = await _needed(tx, by, organization_id, user_id)
    log.info("member.added", user_id=str(user_id), organization_id=str(organization_id))
    return row, None if is_known else password


async def _enter(
    tx: Tx, address: str, name: str | None, password_hash: str | None, by: Actor, at: datetime
) -> UUID:
    values = {
        "email": address,
        "display_name": rules.clean_name(name or "") or address.partition("@")[0],
        "password_hash": password_hash,
        "must_change_password": True,
        "role": "user",
    }
    try:
        row = await add_user(tx, values, by=by, at=at)
    except EmailTaken:
        raise EmailTaken(parameter="email") from None
    user_id: UUID = row["user_id"]
    return user_id


async def change_role(
    db: Database, organization_id: UUID, user_id: UUID, *, role: str, by: Actor, at: datetime
) -> Mapping[Any, Any]:
    """Give a member another role; the organization's owners only. Answers the member.

    Raises OrganizationNotFound, Forbidden, UserNotFound, InvalidParameters (role) or LastOwner.
    """
    need_person(by)
    needed_role(role)
    async with db.begin() as tx:
        await _lock(tx, organization_id, by)
        row = await _needed(tx, by, organization_id, user_id)
        if row["role"] == role:
            return row
        await keep_an_owner(tx, organization_id, user_id, role)
        await store.put_membership(tx, user_id, organization_id, role, at)
        await _tell(tx, by, "role_changed", user_id, organization_id, at, role=role)
        return await _needed(tx, by, organization_id, user_id)


async def set_membership(
    db: Database, user_id: UUID, organization_id: UUID, *, role: str, by: Actor, at: datetime
) -> None:
    """Make a user a member of an organization or change the role there; its owners only.

    Raises OrganizationNotFound, Forbidden, UserNotFound, InvalidParameters (role) or LastOwner.
    """
    need_person(by)
    needed_role(role)
    async with db.begin() as tx:
        await _lock(tx, organization_id, by)
        await keep_an_owner(tx, organization_id, user_id, role)
        if await queries.user_with_password(tx, user_id) is None:
            raise UserNotFound
        await store.put_membership(tx, user_id, organization_id, role, at)
        await _tell(tx, by, "role_changed", user_id, organization_id, at, role=role)


async def remove_member(
    db: Database, organization_id: UUID, user_id: UUID, *, by: Actor, at: datetime
) -> None:
    """Take a member out of an organization: its owners, and everybody themselves. The keys that they made there end.

    Raises OrganizationNotFound, Forbidden, UserNotFound or LastOwner.
    """
    need_person(by)
    async with db.begin() as tx:
        await _lock(tx, organization_id, by, rules.VIEWER if user_id == by.user_id else rules.OWNER)
        await _needed(tx, by, organization_id, user_id)
        await keep_an_owner(tx, organization_id, user_id, None)
        keys = await store.delete_membership(tx, user_id, organization_id, at)
        await _tell(tx, by, "member_removed", user_id, organization_id, at, keys_revoked=keys)
    log.info("member.removed", user_id=str(user_id), organization_id=str(organization_id))


async def keep_an_owner(tx: Tx, organization_id: UUID, user_id: UUID, role: str | None) -> None:
    """Refuse to let the only owner become something else, or nothing (None). Raises LastOwner."""
    if role != rules.OWNER and await store.owners(tx, organization_id) == [user_id]:
        raise LastOwner


def needed_role(role: str) -> str:
    """The role, if it is one. Raises InvalidParameters."""
    if role not in rules.ROLES:
        raise InvalidParameters(parameter="role")
    return role


async def _lock(tx: Tx, organization_id: UUID, by: Actor, needed: str = rules.OWNER) -> None:
    """Let one change of the people of an organization follow another. Raises as `need_role`."""
    await need_role(tx, by, organization_id, needed)
    await store.lock_organization(tx, organization_id)


async def _needed(tx: Tx, by: Actor, organization_id: UUID, user_id: UUID) -> Mapping[Any, Any]:
    row = await queries.member(tx, by, organization_id, user_id)
    if row is None:
        raise UserNotFound
    return row


async def _tell(
    tx: Tx, by: Actor, event: str, user_id: UUID, organization_id: UUID, at: datetime, **facts: Any
) -> None:
    await audit.record(
        tx,
        by,
        event,
        subject=user_id,
        subject_type="user",
        at=at,
        organization_id=organization_id,
        facts=facts,
    )
