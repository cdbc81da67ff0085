"""Named questions about tenants, people, keys and logins; the Actor decides what can be seen.

An administrator's Actor carries every organization, the system sees all. What somebody else owns does not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, or_, select, true

from signalbox.accounts.tables import (
    ApiKey,
    App,
    LoginSession,
    Membership,
    Organization,
    StoredSetting,
    User,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from signalbox.core.actor import Actor
    from signalbox.core.db import Tx

_APP = (
    App.id,
    App.organization_id,
    App.name,
    App.api_key,
    App.domain,
    App.interval_ms,
    App.recording,
    App.quota_participant_minutes_monthly,
    App.retention_events_days,
    App.retention_points_days,
    App.retention_rollups_days,
    App.retention_days,
    App.masks,
    App.quota_playback_reports_daily,
    App.playback_rate_limit,
    App.playback_rate_window_s,
    App.created_at,
)
_KEY = (
    ApiKey.key_id,
    ApiKey.organization_id,
    ApiKey.app_id,
    ApiKey.user_id,
    ApiKey.key_prefix,
    ApiKey.name,
    ApiKey.scopes,
    ApiKey.expires_at,
    ApiKey.last_used_at,
    ApiKey.not_before,
    ApiKey.bucket_id,
    ApiKey.rotated_from,
    ApiKey.rate_limit,
    ApiKey.rate_window_s,
    ApiKey.origins,
    ApiKey.created_at,
)
_USER = (
    User.user_id,
    User.email,
    User.username,
    User.display_name,
    User.role,
    User.created_at,
    User.last_login_at,
)


def _visible(by: Actor, organization_id: Any) -> ColumnElement[bool]:
    """Which rows with this organization column `by` may see."""
    if by.kind == "system":
        return true()
    return organization_id.in_(by.organization_ids) if by.organization_ids else false()


def _select(*columns: Any) -> Select[Any]:
    return cast("Select[Any]", select(*columns))


def _apps(by: Actor, organization_id: UUID | None = None) -> Select[Any]:
    statement = (
        _select(*_APP)
        .join(Organization, Organization.id == App.organization_id)
        .where(App.is_active, Organization.is_active, _visible(by, App.organization_id))
    )
    if organization_id is not None:
        statement = statement.where(App.organization_id == organization_id)
    return statement.where(App.id == by.app_id) if by.app_id else statement


def _organizations(by: Actor) -> Select[Any]:
    statement = _select(Organization.id, Organization.name, Organization.created_at)
    return statement.where(Organization.is_active, _visible(by, Organization.id))


def _by_age(*keys: Any, newest: bool) -> Sequence[Any]:
    return [key.desc() for key in keys] if newest else keys


async def _page(
    tx: Tx, statement: Select[Any], order: Sequence[Any], limit: int | None, offset: int
) -> Sequence[RowMapping]:
    return await tx.rows(statement.order_by(*order).limit(limit).offset(offset))


async def _count(tx: Tx, statement: Select[Any]) -> int:
    row = await tx.row(select(func.count().label("n")).select_from(statement.subquery()))
    return int(row["n"]) if row else 0


async def organizations(
    tx: Tx, by: Actor, *, limit: int | None = None, offset: int = 0, newest: bool = False
) -> Sequence[RowMapping]:
    """id, name, created_at of the organizations `by` belongs to, oldest first unless `newest`."""
    order = _by_age(Organization.created_at, Organization.id, newest=newest)
    return await _page(tx, _organizations(by), order, limit, offset)


async def organization_count(tx: Tx, by: Actor) -> int:
    """How many `organizations` there are without a limit."""
    return await _count(tx, _organizations(by))


async def organization(tx: Tx, by: Actor, organization_id: UUID) -> RowMapping | None:
    """One organization of `by`, None if there is none with that id."""
    return await tx.row(_organizations(by).where(Organization.id == organization_id))


async def organization_named(tx: Tx, by: Actor, name: str) -> RowMapping | None:
    """The oldest organization of `by` with that name, None if there is none."""
    statement = _organizations(by).where(Organization.name == name)
    return await tx.row(statement.order_by(Organization.created_at, Organization.id).limit(1))


async def apps(
    tx: Tx,
    by: Actor,
    *,
    organization_id: UUID | None = None,
    limit: int | None = None,
    offset: int = 0,
    newest: bool = False,
) -> Sequence[RowMapping]:
    """The active apps that `by` may see, oldest first unless `newest`."""
    order = _by_age(App.created_at, App.id, newest=newest)
    return await _page(tx, _apps(by, organization_id), order, limit, offset)


async def app_count(tx: Tx, by: Actor, *, organization_id: UUID | None = None) -> int:
    """How many `apps` there are without a limit."""
    return await _count(tx, _apps(by, organization_id))


async def app(tx: Tx, by: Actor, app_id: UUID) -> RowMapping | None:
    """One active app that `by` may see, else None."""
    return await tx.row(_apps(by).where(App.id == app_id))


async def retentions(tx: Tx, by: Actor) -> Sequence[RowMapping]:
    """id, created_at and the chosen retention (in days, None where none is) of the apps of `by`, of switched-off ones too."""
    statement = select(
        App.id,
        App.created_at,
        App.retention_events_days,
        App.retention_points_days,
        App.retention_rollups_days,
        App.retention_days,
    )
    return await tx.rows(statement.where(_visible(by, App.organization_id)).order_by(App.id))


async def role(tx: Tx, by: Actor, organization_id: UUID) -> str | None:
    """The role of a user in one organization; None for a stranger."""
    statement = select(Membership.role).where(
        Membership.user_id == by.user_id, Membership.organization_id == organization_id
    )
    row = await tx.row(statement)
    return row["role"] if row else None


def _keys(by: Actor, organization_id: UUID | None, app_id: UUID | None) -> Select[Any]:
    statement = (
        _select(*_KEY, User.display_name.label("user_name"))
        .outerjoin(User, User.user_id == ApiKey.user_id)
        .where(ApiKey.is_active, _visible(by, ApiKey.organization_id))
    )
    for wanted in (app_id, by.app_id):
        if wanted is not None:
            statement = statement.where(ApiKey.app_id == wanted)
    if organization_id is not None:
        statement = statement.where(ApiKey.organization_id == organization_id)
    return statement


async def keys(
    tx: Tx,
    by: Actor,
    *,
    app_id: UUID | None = None,
    organization_id: UUID | None = None,
    limit: int | None = None,
    offset: int = 0,
    newest: bool = False,
) -> Sequence[RowMapping]:
    """Active bearer keys that `by` may see, with the name of whose they are (None: the system's), without their hashes; oldest first unless `newest`."""
    order = _by_age(ApiKey.created_at, ApiKey.key_id, newest=newest)
    return await _page(tx, _keys(by, organization_id, app_id), order, limit, offset)


async def key_count(
    tx: Tx, by: Actor, *, app_id: UUID | None = None, organization_id: UUID | None = None
) -> int:
    """How many `keys` there are without a limit."""
    return await _count(tx, _keys(by, organization_id, app_id))


async def key(tx: Tx, by: Actor, key_id: UUID) -> RowMapping | None:
    """One of `keys`, else None."""
    return await tx.row(_keys(by, None, None).where(ApiKey.key_id == key_id))


async def users(tx: Tx, by: Actor) -> Sequence[RowMapping]:
    """Active users that share an organization with `by`, oldest first; all of them for the system and admins."""
    statement = select(*_USER).where(User.is_active)
    if by.kind != "system" and not by.is_admin:
        peers = select(Membership.user_id).where(_visible(by, Membership.organization_id))
        statement = statement.where(User.user_id.in_(peers))
    return await tx.rows(statement.order_by(User.created_at, User.user_id))


def _members(by: Actor, organization_id: UUID) -> Select[Any]:
    return (
        _select(
            User.user_id,
            User.email,
            User.display_name,
            User.must_change_password,
            User.last_login_at,
            Membership.role,
            Membership.created_at,
        )
        .join(Membership, Membership.user_id == User.user_id)
        .where(
            User.is_active,
            Membership.organization_id == organization_id,
            _visible(by, Membership.organization_id),
        )
    )


async def members(
    tx: Tx,
    by: Actor,
    organization_id: UUID,
    *,
    limit: int | None = None,
    offset: int = 0,
    newest: bool = False,
) -> Sequence[RowMapping]:
    """The active users of an organization with their roles and since when, oldest first unless `newest`."""
    order = _by_age(Membership.created_at, User.user_id, newest=newest)
    return await _page(tx, _members(by, organization_id), order, limit, offset)


async def member_count(tx: Tx, by: Actor, organization_id: UUID) -> int:
    """How many `members` there are without a limit."""
    return await _count(tx, _members(by, organization_id))


async def member(tx: Tx, by: Actor, organization_id: UUID, user_id: UUID) -> RowMapping | None:
    """One of `members`, None if the user is none."""
    return await tx.row(_members(by, organization_id).where(User.user_id == user_id))


# Signing in. These take no Actor: they find out who it is.


async def user_to_sign_in(tx: Tx, login: str) -> RowMapping | None:
    """The active user with this e-mail address or name (lower case), with the password hash; else None."""
    statement = select(*_USER, User.password_hash, User.must_change_password).where(
        User.is_active, or_(User.email == login, User.username == login)
    )
    # An address could be somebody else's name: the address wins.
    return await tx.row(statement.order_by((User.email == login).desc()).limit(1))


async def user_with_password(tx: Tx, user_id: UUID) -> RowMapping | None:
    """An active user by id, with the password hash; else None."""
    statement = select(*_USER, User.password_hash, User.must_change_password)
    return await tx.row(statement.where(User.is_active, User.user_id == user_id))


async def login_session(tx: Tx, cookie_hash: str) -> RowMapping | None:
    """Login and user behind a cookie, expired ones too; None if unknown or the user is barred."""
    return await tx.row(_logins().where(LoginSession.cookie_hash == cookie_hash))


async def login_sessions(tx: Tx, cookie_hashes: Collection[str]) -> Sequence[RowMapping]:
    """As `login_session`, for many, with their `cookie_hash`; without those that are unknown or barred."""
    return await tx.rows(_logins().where(LoginSession.cookie_hash.in_(cookie_hashes)))


def _logins() -> Select[Any]:
    columns = (LoginSession.cookie_hash, LoginSession.expires_at, LoginSession.last_seen_at)
    return (
        _select(*columns, User.must_change_password, *_USER)
        .join(User, User.user_id == LoginSession.user_id)
        .where(User.is_active)
    )


async def bearer(tx: Tx, key_hash: str) -> RowMapping | None:
    """The key with this hash, expired ones too.

    None if it is unknown or revoked, or if its organization, app or user is not active.
    """
    return await tx.row(_bearers().where(ApiKey.key_hash == key_hash))


async def bearers(tx: Tx, key_hashes: Collection[str]) -> Sequence[RowMapping]:
    """As `bearer`, for many, with their `key_hash`; without those that are unknown, revoked or barred."""
    return await tx.rows(_bearers().where(ApiKey.key_hash.in_(key_hashes)))


def _bearers() -> Select[Any]:
    return (
        _select(*_KEY, ApiKey.key_hash, User.role.label("user_role"))
        .join(Organization, Organization.id == ApiKey.organization_id)
        .outerjoin(App, App.id == ApiKey.app_id)
        .outerjoin(User, User.user_id == ApiKey.user_id)
        .where(
            ApiKey.is_active,
            Organization.is_active,
            or_(ApiKey.app_id.is_(None), App.is_active),
            or_(ApiKey.user_id.is_(None), User.is_active),
        )
    )


async def memberships(tx: Tx, user_id: UUID) -> Sequence[RowMapping]:
    """organization_id and role of a user's active organizations."""
    return await memberships_of(tx, [user_id])


async def memberships_of(tx: Tx, user_ids: Collection[UUID]) -> Sequence[RowMapping]:
    """user_id, organization_id and role of the active organizations of many users."""
    statement = (
        select(Membership.user_id, Membership.organization_id, Membership.role)
        .join(Organization, Organization.id == Membership.organization_id)
        .where(Membership.user_id.in_(user_ids), Organization.is_active)
    )
    return await tx.rows(statement)


async def active_organization_ids(tx: Tx) -> frozenset[UUID]:
    """All tenants of the installation, for its administrators."""
    rows = await tx.rows(select(Organization.id).where(Organization.is_active))
    return frozenset(row["id"] for row in rows)


async def any_user(tx: Tx) -> bool:
    """Whether anybody was ever entered."""
    return await tx.row(select(User.user_id).limit(1)) is not None


async def settings(tx: Tx, prefix: str) -> Sequence[RowMapping]:
    """name and value of what the installation has stored under names that begin so, by name."""
    stored = StoredSetting
    named = stored.name.startswith(prefix, autoescape=True)
    return await tx.rows(select(stored.name, stored.value).where(named).order_by(stored.name))
