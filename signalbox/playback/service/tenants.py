"""Tenants and their keys, for the operator's own programs. A tenant is an app of accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from signalbox.accounts import errors as refused
from signalbox.accounts import queries, service
from signalbox.accounts.service import KeyBounds
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.errors import AppError
from signalbox.playback.errors import InvalidSchema, NoSuchKey, NoSuchTenant, TooManyKeys

Row = Mapping[Any, Any]
DEFAULT: Final = "default"
# Fields of accounts as clients of playback know them.
_FIELDS: Final = {
    "name": "name",
    "scopes": "scopes",
    "expires_at": "expiresAt",
    "rate_limit": "rateLimit",
    "rate_window_s": "rateWindowSeconds",
    "origins": "origins",
    "quota_playback_reports_daily": "dailyReports",
    "playback_rate_limit": "rateLimit",
    "playback_rate_window_s": "rateWindowSeconds",
}


async def tenants(db: Database, *, by: Actor) -> Sequence[Row]:
    """The apps that `by` may see, the oldest first."""
    async with db.read() as tx:
        return await queries.apps(tx, by)


async def tenant(db: Database, named: str, *, by: Actor) -> Row:
    """An app by its id or, of several the oldest, by its name. Raises NoSuchTenant."""
    async with db.read() as tx:
        return await _tenant(tx, named, by)


async def create_tenant(
    db: Database,
    *,
    name: str,
    organization: str | None,
    limits: Mapping[str, int | None],
    by: Actor,
    at: datetime,
) -> Row:
    """Register an app, in an organization given by id or name (without: `default`, else the oldest).

    Raises NoSuchTenant (no such organization) or InvalidSchema.
    """
    organization_id = await _organization(db, organization, by, at)
    try:
        row = await service.create_app(db, organization_id=organization_id, name=name, by=by, at=at)
        if any(value is not None for value in limits.values()):
            row = await service.update_app(db, row["id"], playback_limits=limits, by=by, at=at)
    except AppError as error:
        raise _told(error) from None
    return row


async def change_tenant(
    db: Database,
    named: str,
    *,
    name: str | None,
    limits: Mapping[str, int | None],
    by: Actor,
    at: datetime,
) -> Row:
    """Rename an app, or change its limits (None clears one). Raises NoSuchTenant or InvalidSchema."""
    app = await tenant(db, named, by=by)
    try:
        return await service.update_app(
            db, app["id"], name=name, playback_limits=limits, by=by, at=at
        )
    except AppError as error:
        raise _told(error) from None


async def delete_tenant(db: Database, named: str, *, by: Actor, at: datetime) -> None:
    """Switch an app and its keys off; its sessions stay until their time is over. Raises NoSuchTenant."""
    app = await tenant(db, named, by=by)
    try:
        await service.delete_app(db, app["id"], by=by, at=at)
    except AppError as error:
        raise _told(error) from None


async def keys(db: Database, app_id: UUID | None, *, by: Actor) -> Sequence[Row]:
    """The keys in force of an app, or of all apps; `replaced` says that another has taken the place of one."""
    async with db.read() as tx:
        rows = await queries.keys(tx, by, app_id=app_id)
    replaced = {row["rotated_from"] for row in rows}
    return [
        {**row, "replaced": row["key_id"] in replaced} for row in rows if row["app_id"] is not None
    ]


async def key(db: Database, named: str, *, by: Actor) -> Row:
    """A key of an app by its id, or by the eight characters by which a player's key is known. Raises NoSuchKey."""
    found = [row for row in await keys(db, None, by=by) if named in _names(row)]
    if not found:
        raise NoSuchKey
    return found[0]


async def create_key(
    db: Database,
    app_id: UUID,
    *,
    label: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    bounds: KeyBounds,
    by: Actor,
    at: datetime,
) -> tuple[Row, str]:
    """Make a player's key of an app; answers its row and the key, which is not stored.

    Raises NoSuchTenant, TooManyKeys or InvalidSchema.
    """
    try:
        row, secret = await service.create_key(
            db,
            app_id=app_id,
            scopes=scopes,
            name=label,
            expires_at=expires_at,
            bounds=bounds,
            player=True,
            by=by,
            at=at,
        )
    except AppError as error:
        raise _told(error) from None
    return {**row, "last_used_at": None, "replaced": False}, secret


async def rotate_key(
    db: Database, named: str, *, overlap_s: int, by: Actor, at: datetime
) -> tuple[Row, str]:
    """Replace a key; the old one is good for `overlap_s` seconds more. Raises NoSuchKey or TooManyKeys."""
    old = await key(db, named, by=by)
    try:
        row, secret = await service.rotate_key(db, old["key_id"], by=by, at=at, overlap_s=overlap_s)
    except AppError as error:
        raise _told(error) from None
    return {**row, "last_used_at": None, "replaced": False}, secret


async def revoke_key(db: Database, named: str, *, by: Actor, at: datetime) -> None:
    """Switch a key off at once. Raises NoSuchKey."""
    old = await key(db, named, by=by)
    try:
        await service.revoke_key(db, old["key_id"], by=by, at=at)
    except AppError as error:
        raise _told(error) from None


def _names(row: Row) -> set[str]:
    prefix = str(row["key_prefix"])
    return {str(row["key_id"]), prefix, prefix.partition("_")[2]}


async def _tenant(tx: Tx, named: str, by: Actor) -> Row:
    try:
        found = await queries.app(tx, by, UUID(named))
    except ValueError:
        found = next((app for app in await queries.apps(tx, by) if app["name"] == named), None)
    if found is None:
        raise NoSuchTenant
    return found


async def _organization(db: Database, named: str | None, by: Actor, at: datetime) -> UUID:
    async with db.read() as tx:
        known = await queries.organizations(tx, by)
    for row in known:
        if named in (str(row["id"]), row["name"]):
            return UUID(str(row["id"]))
    if named is not None:
        raise NoSuchTenant
    if not known:
        return UUID(str((await service.create_organization(db, name=DEFAULT, by=by, at=at))["id"]))
    named_so = [row for row in known if row["name"] == DEFAULT]
    return UUID(str((named_so or known)[0]["id"]))


def _told(error: AppError) -> AppError:
    """A refusal of accounts in playback's words."""
    if isinstance(error, refused.AppNotFound):
        return NoSuchTenant()
    if isinstance(error, refused.KeyNotFound):
        return NoSuchKey()
    if isinstance(error, refused.TooManyKeys):
        return TooManyKeys()
    if isinstance(error, refused.UnknownScope):
        return InvalidSchema([("scopes", "unknown")])
    parameter = str(error.facts.get("parameter") or "")
    if error.status == InvalidSchema.status:
        kind = "missing" if error.code == "missing_parameters" else "out_of_range"
        return InvalidSchema([(_FIELDS.get(parameter, parameter), kind)])
    return error
