"""What the doors must know of API keys and the apps that they belong to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.db import Tx
from signalbox.playback.rules.keys import BUILT_IN, KeyFacts
from signalbox.playback.rules.scores import DEFAULT_WEIGHTS, Weights

_KEY = """
    SELECT a.id, a.name, a.organization_id, a.recording, a.quota_playback_reports_daily,
        w.success, w.smoothness, w.startup, w.quality, w.version,
        k.key_id, k.scopes, EXISTS (SELECT FROM accounts.api_keys n WHERE n.rotated_from = k.key_id),
        coalesce(k.bucket_id, k.key_id)::text, coalesce(k.rate_limit, a.playback_rate_limit),
        coalesce(k.rate_window_s, a.playback_rate_window_s), k.origins, k.not_before, k.expires_at
    FROM accounts.api_keys k
    JOIN accounts.apps a ON a.id = k.app_id AND a.is_active
    JOIN accounts.organizations o ON o.id = k.organization_id AND o.is_active
    LEFT JOIN accounts.users u ON u.user_id = k.user_id
    LEFT JOIN playback.score_weights w ON w.app_id = a.id
    WHERE k.key_hash = %s AND k.is_active AND (k.user_id IS NULL OR u.is_active)"""
_DEFAULT = """
    SELECT a.id, a.name, a.organization_id, a.recording, a.quota_playback_reports_daily,
        w.success, w.smoothness, w.startup, w.quality, w.version,
        a.playback_rate_limit, a.playback_rate_window_s
    FROM accounts.apps a
    JOIN accounts.organizations o ON o.id = a.organization_id AND o.is_active
    LEFT JOIN playback.score_weights w ON w.app_id = a.id
    WHERE a.name = 'default' AND a.is_active ORDER BY a.created_at LIMIT 1"""
_REVOKED = "SELECT EXISTS (SELECT FROM accounts.api_keys WHERE key_hash = %s AND NOT is_active)"
_WEIGHTS = """
    SELECT app_id, success, smoothness, startup, quality, version FROM playback.score_weights WHERE app_id = ANY(%s)"""


async def key_by_hash(tx: Tx, key_hash: str) -> KeyFacts | None:
    """The key of an app with this SHA-256, also one that is not yet or no longer good; None when there is none."""
    row = await (await tx.psycopg.execute(_KEY, (key_hash,))).fetchone()
    if row is None:
        return None
    app, rest = row[:10], row[10:]
    key_id, scopes, is_replaced, bucket, limit, window_s, origins, not_before, expires_at = rest
    return _facts(app)._replace(
        id=key_id,
        scopes=frozenset(scopes),
        status="retiring" if is_replaced else "active",
        bucket=bucket,
        limit=limit,
        window_s=window_s,
        origins=tuple(origins or ()),
        not_before=not_before,
        expires_at=expires_at,
    )


async def was_revoked(tx: Tx, key_hash: str) -> bool:
    """Whether there was a key with this SHA-256 that somebody has switched off."""
    row = await (await tx.psycopg.execute(_REVOKED, (key_hash,))).fetchone()
    return row is not None and bool(row[0])


async def weights_of(
    connection: AsyncConnection[Any], apps: Collection[UUID]
) -> dict[UUID, Weights]:
    """The weights of scores of those apps that have their own."""
    cursor = await connection.execute(_WEIGHTS, (list(apps),))
    return {
        app: Weights(
            success=success,
            smoothness=smoothness,
            startup=startup,
            quality=quality,
            version=version,
        )
        for app, success, smoothness, startup, quality, version in await cursor.fetchall()
    }


async def built_in_key(tx: Tx) -> KeyFacts | None:
    """The key of the settings: it reports to and reads the app `default`. None when there is no such app."""
    row = await (await tx.psycopg.execute(_DEFAULT)).fetchone()
    if row is None:
        return None
    return _facts(row[:10])._replace(
        scopes=frozenset({"ingest", "read"}), bucket="built-in", limit=row[10], window_s=row[11]
    )


def _facts(row: tuple[Any, ...]) -> KeyFacts:
    app, name, organization, records, quota, success, smoothness, startup, quality, version = row
    weights = DEFAULT_WEIGHTS
    if version is not None:
        weights = Weights(
            success=success,
            smoothness=smoothness,
            startup=startup,
            quality=quality,
            version=version,
        )
    return KeyFacts(
        id=BUILT_IN,
        app=app,
        app_name=name,
        organization=organization,
        scopes=frozenset(),
        records=records,
        daily_quota=quota,
        weights=weights,
    )
