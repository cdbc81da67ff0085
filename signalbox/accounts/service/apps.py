"""Verbs on apps. Whatever an ingest door may remember of an app is revoked in the same transaction."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from signalbox.accounts import rules, store
from signalbox.accounts.errors import AppNotFound, InvalidParameters
from signalbox.accounts.service.access import need_app, need_no_app_key, need_role
from signalbox.accounts.service.organizations import needed_name
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.ids import new_id

log = structlog.get_logger(__name__)

DEFAULT_INTERVAL_MS: Final = 10_000
GRACE_MAX_S: Final = 30 * 86_400
RETENTION_MAX_DAYS: Final = 36_500
RETENTION: Final = (
    "retention_events_days",
    "retention_points_days",
    "retention_rollups_days",
    "retention_days",
)
MASKS: Final = ("addresses", "sdp", "devices")
PLAYBACK_LIMITS: Final = (
    "quota_playback_reports_daily",
    "playback_rate_limit",
    "playback_rate_window_s",
)


class _Unchanged(enum.Enum):
    UNCHANGED = enum.auto()


UNCHANGED: Final = _Unchanged.UNCHANGED
"""Stands for "leave it as it is" where None means "clear it"."""


async def create_app(
    db: Database,
    *,
    organization_id: UUID,
    name: str,
    by: Actor,
    at: datetime,
    interval_ms: int = DEFAULT_INTERVAL_MS,
) -> Mapping[Any, Any]:
    """Register an app; members only. Answers its row, public key included.

    Raises OrganizationNotFound, Forbidden, or MissingParameters if nothing is left of the name.
    """
    need_no_app_key(by)
    async with db.begin() as tx:
        await need_role(tx, by, organization_id, rules.MEMBER)
        row = await add_app(
            tx, organization_id=organization_id, name=name, by=by, at=at, interval_ms=interval_ms
        )
    log.info("app.created", app_id=str(row["id"]), by=str(by.id))
    return row


async def add_app(
    tx: Tx,
    *,
    organization_id: UUID,
    name: str,
    by: Actor,
    at: datetime,
    interval_ms: int = DEFAULT_INTERVAL_MS,
) -> Mapping[Any, Any]:
    """As `create_app`, in a transaction that is open already and without asking for the role."""
    row = await store.insert_app(
        tx,
        {
            "id": new_id(),
            "organization_id": organization_id,
            "name": needed_name(name),
            "api_key": new_id().hex,
            "interval_ms": _needed_interval(interval_ms),
            "created_at": at,
            "updated_at": at,
        },
    )
    await store.app_changed(tx, row["id"])
    await audit.record(
        tx, by, "app_created", subject=row["id"], at=at, organization_id=organization_id
    )
    return row


async def update_app(
    db: Database,
    app_id: UUID,
    *,
    by: Actor,
    at: datetime,
    name: str | None = None,
    domain: str | _Unchanged | None = UNCHANGED,
    interval_ms: int | None = None,
    recording: bool | None = None,
    quota_participant_minutes_monthly: int | _Unchanged | None = UNCHANGED,
    retention: Mapping[str, int | None] | None = None,
    masks: Sequence[str] | _Unchanged | None = UNCHANGED,
    playback_limits: Mapping[str, int | None] | None = None,
) -> Mapping[Any, Any]:
    """Change an app; members only. None leaves a field as it is, but clears `domain` (so does "") and the quota.

    `retention` holds those of the fields `RETENTION` that change, in days; None stands for the installation's default.
    `masks` are some of `MASKS`, what is taken out of reports before they are stored; None likewise.
    `playback_limits` holds those of `PLAYBACK_LIMITS` that change: reports in a UTC day, requests of each key in a window of
    seconds; None likewise.

    Raises AppNotFound, Forbidden, MissingParameters (empty name), or InvalidParameters (not a domain name, an
    interval outside 1 000–60 000 ms, a negative quota, days outside 1–36 500, an unknown mask, an impossible limit).
    """
    changes: dict[str, Any] = _needed_retention(retention or {})
    changes |= _needed_limits(playback_limits or {})
    if name is not None:
        changes["name"] = needed_name(name)
    if domain is not UNCHANGED:
        changes["domain"] = _needed_domain(domain)
    if interval_ms is not None:
        changes["interval_ms"] = _needed_interval(interval_ms)
    if recording is not None:
        changes["recording"] = recording
    if quota_participant_minutes_monthly is not UNCHANGED:
        changes["quota_participant_minutes_monthly"] = _needed_quota(
            quota_participant_minutes_monthly
        )
    if masks is not UNCHANGED:
        changes["masks"] = _needed_masks(masks)
    async with db.begin() as tx:
        row = await need_app(tx, by, app_id, rules.MEMBER)
        return await _change(tx, row, changes, by, at) if changes else row


async def _change(
    tx: Tx, row: Mapping[Any, Any], changes: Mapping[Any, Any], by: Actor, at: datetime
) -> Mapping[Any, Any]:
    changed = await store.update_app(tx, row["id"], changes, at)
    if changed is None:
        raise AppNotFound
    await store.app_changed(tx, row["id"])
    await audit.record(
        tx,
        by,
        "app_updated",
        subject=row["id"],
        at=at,
        organization_id=row["organization_id"],
        facts={"fields": sorted(changes)},
    )
    return changed


async def reset_app_key(
    db: Database, app_id: UUID, *, by: Actor, at: datetime, grace_s: int = 0
) -> Mapping[Any, Any]:
    """Give an app another public key; members only. Answers its row with the new key.

    The old key dies at once, or is accepted for `grace_s` seconds more (at most 30 days).
    Raises AppNotFound, Forbidden or InvalidParameters.
    """
    if not 0 <= grace_s <= GRACE_MAX_S:
        raise InvalidParameters(parameter="grace_s")
    old_until = at + timedelta(seconds=grace_s) if grace_s else None
    async with db.begin() as tx:
        app = await need_app(tx, by, app_id, rules.MEMBER)
        row = await store.replace_app_key(tx, app_id, new_id().hex, old_until=old_until, at=at)
        if row is None:
            raise AppNotFound
        await store.app_changed(tx, app_id)
        await audit.record(
            tx,
            by,
            "app_key_reset",
            subject=app_id,
            at=at,
            organization_id=app["organization_id"],
            facts={"grace_s": grace_s},
        )
    log.info("app.key_reset", app_id=str(app_id), by=str(by.id))
    return row


async def delete_app(db: Database, app_id: UUID, *, by: Actor, at: datetime) -> None:
    """Switch an app and its bearer keys off; members only. Its data stays until retention takes it.

    Raises AppNotFound (also when it is off already) or Forbidden.
    """
    async with db.begin() as tx:
        app = await need_app(tx, by, app_id, rules.MEMBER)
        if not await store.deactivate_app(tx, app_id, at):
            raise AppNotFound
        await store.app_changed(tx, app_id)
        await audit.record(
            tx, by, "app_deleted", subject=app_id, at=at, organization_id=app["organization_id"]
        )
    log.info("app.deleted", app_id=str(app_id), by=str(by.id))


def _needed_domain(domain: str | None) -> str | None:
    if domain is None or not domain.strip():
        return None
    cleaned = rules.clean_domain(domain)
    if cleaned is None:
        raise InvalidParameters(parameter="domain")
    return cleaned


def _needed_interval(interval_ms: int) -> int:
    if not rules.INTERVAL_MIN_MS <= interval_ms <= rules.INTERVAL_MAX_MS:
        raise InvalidParameters(parameter="interval")
    return interval_ms


def _needed_retention(retention: Mapping[str, int | None]) -> dict[str, Any]:
    for name, days in retention.items():
        if name not in RETENTION or (days is not None and not 1 <= days <= RETENTION_MAX_DAYS):
            raise InvalidParameters(parameter=name)
    return dict(retention)


def _needed_limits(limits: Mapping[str, int | None]) -> dict[str, Any]:
    bounds = dict(
        zip(
            PLAYBACK_LIMITS,
            ((0, 2**63 - 1), (1, rules.RATE_MAX), (1, rules.RATE_WINDOW_MAX_S)),
            strict=True,
        )
    )
    for name, value in limits.items():
        least, most = bounds.get(name, (1, 0))
        if value is not None and not least <= value <= most:
            raise InvalidParameters(parameter=name)
    return dict(limits)


def _needed_masks(masks: Sequence[str] | None) -> list[str] | None:
    if masks is None:
        return None
    if any(mask not in MASKS for mask in masks):
        raise InvalidParameters(parameter="masks")
    return [mask for mask in MASKS if mask in masks]


def _needed_quota(minutes: int | None) -> int | None:
    if minutes is not None and not 0 <= minutes < 2**63:
        raise InvalidParameters(parameter="quota_participant_minutes_monthly")
    return minutes
