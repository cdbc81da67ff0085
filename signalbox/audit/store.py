"""Statements that change the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signalbox.core.db import Tx

_INSERT: Final = """
    INSERT INTO audit.audit_logs (
        event_type, actor_user_id, actor_key_id, actor_type, organization_id, target_type, target_id,
        action, result, error_message, ip_address, user_agent, metadata, created_at
    ) VALUES (
        %(event_type)s, %(actor_user_id)s, %(actor_key_id)s, %(actor_type)s, %(organization_id)s, %(target_type)s,
        %(target_id)s, %(action)s, %(result)s, %(error_message)s, %(ip_address)s, %(user_agent)s, %(facts)s,
        %(created_at)s
    )
"""


async def insert(tx: Tx, entry: Mapping[str, Any]) -> None:
    """Append one entry."""
    await tx.psycopg.execute(_INSERT, {**entry, "facts": Jsonb(entry["facts"])})
