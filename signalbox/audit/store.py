"""Statements that change the audit log."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql
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
_LOCK_KEY: Final = 0x51674175  # any number that nobody else locks


async def insert(tx: Tx, entry: Mapping[str, Any]) -> None:
    """Append one entry."""
    await tx.psycopg.execute(_INSERT, {**entry, "facts": Jsonb(entry["facts"])})


async def ensure_month(tx: Tx, first: date, after: date) -> bool:
    """Give the month [first, after) a partition of its own; False if it has one.

    Entries of that month that already wait in the default partition move along: PostgreSQL refuses to attach a
    range that the default partition holds rows of.
    """
    name = f"audit_logs_y{first.year:04}m{first.month:02}"
    await tx.psycopg.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
    there = await tx.psycopg.execute("SELECT to_regclass(%s) IS NOT NULL", [f"audit.{name}"])
    if (await there.fetchone() or (False,))[0]:
        return False
    table = sql.Identifier("audit", name)
    span: dict[str, sql.Composable] = {
        "table": table,
        "first": sql.Literal(first),
        "after": sql.Literal(after),
    }
    for statement in (
        "CREATE TABLE {table} (LIKE audit.audit_logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        "LOCK TABLE audit.audit_logs_default IN ACCESS EXCLUSIVE MODE",
        (
            "WITH moved AS (DELETE FROM audit.audit_logs_default"
            " WHERE created_at >= {first} AND created_at < {after} RETURNING *)"
            " INSERT INTO {table} SELECT * FROM moved"
        ),
        "ALTER TABLE audit.audit_logs ATTACH PARTITION {table} FOR VALUES FROM ({first}) TO ({after})",
    ):
        await tx.psycopg.execute(sql.SQL(statement).format(**span))
    return True
