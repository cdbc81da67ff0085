"""Tenants, keys and policies as the operator's programs see them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from signalbox.playback.routes.shapes import Instant, Shape, printed


class PlaybackTenant(Shape, kw_only=True, rename="camel"):
    """A tenant, which is an app. Limits are its own; null: the installation's."""

    id: UUID
    name: str
    organization_id: UUID
    daily_reports: int | None
    rate_limit: int | None
    rate_window_seconds: int | None
    created_at: Instant


class PlaybackKey(Shape, kw_only=True, rename="camel"):
    """A key of a tenant, without its secret. `keyId` is the part by which it may be known.

    `status`: active, pending (not yet good), retiring (another has taken its place), expired. A `publishable` one may only ingest.
    """

    id: UUID
    key_id: str
    tenant_id: UUID
    label: str
    scopes: list[str]
    status: str
    publishable: bool
    origins: list[str] | None
    rate_limit: int | None
    rate_window_seconds: int | None
    not_before: Instant | None
    expires_at: Instant | None
    last_used_at: Instant | None
    created_at: Instant


class NewPlaybackKey(PlaybackKey, kw_only=True, rename="camel"):
    """A key just made; `key` is shown only here."""

    key: str


class RetentionPolicy(Shape, kw_only=True, rename="camel"):
    """How many days sessions of a tenant are kept, or those of a stream type or of contents that begin so. Null: the next policy's word."""

    id: UUID
    stream_type: str | None
    content_prefix: str | None
    sessions_days: int | None
    payload_days: int | None
    timeline_days: int | None
    events_days: int | None


class ScoreWeights(Shape, kw_only=True, rename="camel"):
    """What the parts of an experience score count; only their proportions matter."""

    success: float
    smoothness: float
    startup: float
    quality: float
    version: int


def tenant_item(row: Mapping[Any, Any]) -> PlaybackTenant:
    """An app of accounts."""
    return PlaybackTenant(
        id=row["id"],
        name=row["name"],
        organization_id=row["organization_id"],
        daily_reports=row["quota_playback_reports_daily"],
        rate_limit=row["playback_rate_limit"],
        rate_window_seconds=row["playback_rate_window_s"],
        created_at=printed(row["created_at"]),
    )


def key_item(row: Mapping[Any, Any], now: datetime) -> PlaybackKey:
    """A key of accounts."""
    return PlaybackKey(**_of_key(row, now))


def new_key_item(row: Mapping[Any, Any], now: datetime, secret: str) -> NewPlaybackKey:
    """A key of accounts, just after it was made."""
    return NewPlaybackKey(**_of_key(row, now), key=secret)


def _of_key(row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    return {
        "id": row["key_id"],
        "key_id": str(row["key_prefix"]).partition("_")[2],
        "tenant_id": row["app_id"],
        "label": row["name"],
        "scopes": row["scopes"],
        "status": _status(row, now),
        "publishable": row["scopes"] == ["ingest"],
        "origins": row["origins"],
        "rate_limit": row["rate_limit"],
        "rate_window_seconds": row["rate_window_s"],
        "not_before": _or_none(row["not_before"]),
        "expires_at": _or_none(row["expires_at"]),
        "last_used_at": _or_none(row["last_used_at"]),
        "created_at": printed(row["created_at"]),
    }


def _status(row: Mapping[Any, Any], now: datetime) -> str:
    if row["expires_at"] is not None and row["expires_at"] <= now:
        return "expired"
    if row["not_before"] is not None and row["not_before"] > now:
        return "pending"
    return "retiring" if row["replaced"] else "active"


def policy_item(row: Mapping[str, Any]) -> RetentionPolicy:
    """A row of the policies."""
    return RetentionPolicy(**{name: row[name] for name in RetentionPolicy.__struct_fields__})


def _or_none(at: datetime | None) -> str | None:
    return None if at is None else printed(at)
