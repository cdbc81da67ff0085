"""Verbs on bearer keys. The key itself is shown once, in the answer that makes it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from signalbox.accounts import queries, rules, store
from signalbox.accounts.errors import (
    InvalidParameters,
    KeyNotFound,
    MissingParameters,
    TooManyKeys,
    UnknownScope,
)
from signalbox.accounts.service.access import need_app, need_person, need_role
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.ids import new_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBounds:
    """What narrows a key besides its scopes: when it begins to be good, how often it may be used, and by which pages.

    None: at once, as often as any, by all. `origins` are as browsers send them.
    """

    not_before: datetime | None = None
    rate_limit: int | None = None
    rate_window_s: int | None = None
    origins: list[str] | None = None


NO_BOUNDS = KeyBounds()
ROTATION_OVERLAP_S: Final = 7 * 86_400  # of a player's key: it sits in apps that are updated slowly
ROTATION_OVERLAP_MAX_S: Final = 400 * 86_400
_KEPT = (
    *("organization_id", "app_id", "user_id", "name", "scopes", "expires_at"),
    *("rate_limit", "rate_window_s", "origins"),
)


async def create_key(
    db: Database,
    *,
    scopes: Sequence[str],
    by: Actor,
    at: datetime,
    app_id: UUID | None = None,
    organization_id: UUID | None = None,
    name: str = "",
    expires_at: datetime | None = None,
    bounds: KeyBounds = NO_BOUNDS,
    player: bool = False,
) -> tuple[Mapping[Any, Any], str]:
    """Make a bearer key of one app, or of a whole organization; members only. Answers its row and the key.

    A key made by a user can never do more than that user. A `player` key belongs to an app, and of one name there are
    few at a time: players carry it for years.

    Raises:
        AppNotFound, OrganizationNotFound, Forbidden: as every verb on those.
        MissingParameters: neither app nor organization, or no scope.
        UnknownScope: a scope that does not exist.
        InvalidParameters: it would expire in the past or before it begins, or a bound is none.
        TooManyKeys: as many player keys of this name are in force as there may be.
    """
    need_person(by)
    _check_scopes(scopes)
    _check_times(bounds.not_before, expires_at, at)
    bounds = _clean(bounds)
    if player and app_id is None:
        raise MissingParameters(parameter="app")
    async with db.begin() as tx:
        if app_id is not None:
            organization_id = (await need_app(tx, by, app_id, rules.MEMBER))["organization_id"]
        elif organization_id is not None:
            await need_role(tx, by, organization_id, rules.MEMBER)
        else:
            raise MissingParameters(parameter="app")
        values = {
            "organization_id": organization_id,
            "app_id": app_id,
            "user_id": by.user_id,
            "name": rules.clean_name(name) or "key",
            "scopes": sorted(set(scopes)),
            "expires_at": expires_at,
            **asdict(bounds),
        }
        row, key = await _add(tx, values, at, player=player)
        await _tell(tx, by, "api_key_created", row, at)
    log.info("api_key.created", key_id=str(row["key_id"]), by=str(by.id))
    return row, key


async def rotate_key(
    db: Database, key_id: UUID, *, by: Actor, at: datetime, overlap_s: int = 0
) -> tuple[Mapping[Any, Any], str]:
    """Replace a key by another with the same rights, which is good at once. The old one dies now, or `overlap_s` seconds later.

    Both count against the same limit. Raises KeyNotFound, Forbidden or TooManyKeys.
    """
    need_person(by)
    async with db.begin() as tx:
        old = await _needed_key(tx, key_id, by)
        values = {name: old[name] for name in _KEPT}
        values |= {"rotated_from": key_id, "bucket_id": old["bucket_id"] or key_id}
        if overlap_s > 0:
            await store.end_key(tx, key_id, until=at + timedelta(seconds=overlap_s), at=at)
        elif not await store.revoke_key(tx, key_id, at):
            raise KeyNotFound
        player = rules.is_player_key(old["key_prefix"])
        row, key = await _add(tx, values, at, player=player)
        await _tell(tx, by, "api_key_rotated", row, at)
    return row, key


async def revoke_key(db: Database, key_id: UUID, *, by: Actor, at: datetime) -> None:
    """Switch a key off at once. Raises KeyNotFound (also when it is off already) or Forbidden."""
    need_person(by)
    async with db.begin() as tx:
        row = await _needed_key(tx, key_id, by)
        if not await store.revoke_key(tx, key_id, at):
            raise KeyNotFound
        await _tell(tx, by, "api_key_revoked", row, at)
    log.info("api_key.revoked", key_id=str(key_id), by=str(by.id))


async def _needed_key(tx: Tx, key_id: UUID, by: Actor) -> Mapping[Any, Any]:
    row = await queries.key(tx, by, key_id)
    if row is None:
        raise KeyNotFound
    await need_role(tx, by, row["organization_id"], rules.MEMBER)
    return row


async def _add(
    tx: Tx, values: Mapping[Any, Any], at: datetime, *, player: bool
) -> tuple[Mapping[Any, Any], str]:
    if player:
        await _need_room(tx, values, at)
    entropy = secrets.token_bytes(rules.KEY_ENTROPY_BYTES)
    name = secrets.token_bytes(rules.KEY_ID_ENTROPY_BYTES)
    key = rules.player_key(name, entropy) if player else rules.bearer_key(entropy)
    made = {
        "key_id": new_id(),
        "key_hash": rules.secret_hash(key),
        "key_prefix": rules.key_prefix(key),
        "created_at": at,
        "updated_at": at,
    }
    return await store.insert_key(tx, {**values, **made}), key


async def _need_room(tx: Tx, values: Mapping[Any, Any], at: datetime) -> None:
    there = await store.count_labelled(tx, values["app_id"], values["name"], rules.PLAYER_KEY, at)
    if there >= rules.PLAYER_KEYS_PER_LABEL:
        raise TooManyKeys(name=values["name"], most=rules.PLAYER_KEYS_PER_LABEL)


async def _tell(tx: Tx, by: Actor, event: str, row: Mapping[Any, Any], at: datetime) -> None:
    await audit.record(
        tx,
        by,
        event,
        subject=row["key_id"],
        subject_type="api_key",
        at=at,
        organization_id=row["organization_id"],
        facts={"scopes": list(row["scopes"])},
    )


def _check_scopes(scopes: Sequence[str]) -> None:
    if not scopes:
        raise MissingParameters(parameter="scopes")
    unknown = sorted(set(scopes) - rules.SCOPES)
    if unknown:
        raise UnknownScope(scope=unknown[0])


def _check_times(not_before: datetime | None, expires_at: datetime | None, at: datetime) -> None:
    if expires_at is not None and expires_at <= max(at, not_before or at):
        raise InvalidParameters(parameter="expires_at")


def _clean(bounds: KeyBounds) -> KeyBounds:
    limit, window_s = bounds.rate_limit, bounds.rate_window_s
    if limit is not None and not 1 <= limit <= rules.RATE_MAX:
        raise InvalidParameters(parameter="rate_limit")
    if window_s is not None and not 1 <= window_s <= rules.RATE_WINDOW_MAX_S:
        raise InvalidParameters(parameter="rate_window_s")
    if not bounds.origins:
        return replace(bounds, origins=None)
    origins = [rules.clean_origin(origin) for origin in bounds.origins]
    known = sorted({origin for origin in origins if origin is not None})
    if None in origins or len(known) > rules.ORIGINS_MAX:
        raise InvalidParameters(parameter="origins")
    return replace(bounds, origins=known)
