"""What people write: rules, channels, that they have seen an alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.ids import new_id


async def insert_rule(
    connection: AsyncConnection[Any],
    *,
    app_id: UUID,
    organization_id: UUID,
    definition: bytes,
    enabled: bool,
    at: datetime,
    built_in: str | None = None,
) -> UUID:
    """Add a rule, or put one in the place of a built-in one; its id."""
    row = await (
        await connection.execute(
            """INSERT INTO alerts.rules (id, app_id, organization_id, built_in, enabled, definition, created_at, updated_at)
            VALUES (%(id)s, %(app)s, %(organization)s, %(built_in)s, %(enabled)s, %(definition)s, %(at)s, %(at)s)
            ON CONFLICT (app_id, built_in) DO UPDATE SET enabled = excluded.enabled, definition = excluded.definition, updated_at = excluded.updated_at
            RETURNING id""",
            {
                "id": new_id(),
                "app": app_id,
                "organization": organization_id,
                "built_in": built_in,
                "enabled": enabled,
                "definition": definition.decode(),
                "at": at,
            },
        )
    ).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


async def update_rule(
    connection: AsyncConnection[Any],
    rule_id: UUID,
    *,
    definition: bytes,
    enabled: bool,
    at: datetime,
) -> None:
    """Replace a rule."""
    await connection.execute(
        "UPDATE alerts.rules SET definition = %s, enabled = %s, updated_at = %s WHERE id = %s",
        (definition.decode(), enabled, at, rule_id),
    )


async def delete_rule(
    connection: AsyncConnection[Any], app_id: UUID, *, rule_id: UUID | None, built_in: str | None
) -> bool:
    """Take a rule away, or what was changed of a built-in one; False when there was nothing."""
    cursor = await connection.execute(
        "DELETE FROM alerts.rules WHERE app_id = %s AND (id = %s OR built_in = %s)",
        (app_id, rule_id, built_in),
    )
    return cursor.rowcount > 0


async def insert_channel(
    connection: AsyncConnection[Any],
    *,
    app_id: UUID,
    organization_id: UUID,
    kind: str,
    name: str,
    shown: str,
    target: bytes,
    secret: bytes | None,
    enabled: bool,
    at: datetime,
) -> UUID:
    """Add a channel; its id."""
    key = new_id()
    await connection.execute(
        """INSERT INTO alerts.channels (id, app_id, organization_id, kind, name, shown, target, secret, enabled, created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (key, app_id, organization_id, kind, name, shown, target, secret, enabled, at, at),
    )
    return key


async def update_channel(
    connection: AsyncConnection[Any],
    channel_id: UUID,
    *,
    name: str,
    shown: str,
    target: bytes,
    enabled: bool,
    at: datetime,
) -> None:
    """Replace all of a channel but its kind and its secret."""
    await connection.execute(
        "UPDATE alerts.channels SET name = %s, shown = %s, target = %s, enabled = %s, updated_at = %s WHERE id = %s",
        (name, shown, target, enabled, at, channel_id),
    )


async def delete_channel(connection: AsyncConnection[Any], channel_id: UUID) -> None:
    """Take a channel away."""
    await connection.execute("DELETE FROM alerts.channels WHERE id = %s", (channel_id,))


async def acknowledge(
    connection: AsyncConnection[Any],
    alert_id: UUID,
    *,
    user_id: UUID | None,
    note: str | None,
    at: datetime | None,
) -> None:
    """Somebody has seen it, or (`at` None) it is as if nobody had."""
    await connection.execute(
        "UPDATE alerts.alerts SET acknowledged_at = %s, acknowledged_by = %s, note = %s WHERE id = %s",
        (at, user_id, note, alert_id),
    )


async def forget(connection: AsyncConnection[Any], *, before: datetime) -> int:
    """Delete alerts that were closed before an instant, with all that belongs to them; how many."""
    cursor = await connection.execute("DELETE FROM alerts.alerts WHERE cleared_at < %s", (before,))
    return cursor.rowcount
