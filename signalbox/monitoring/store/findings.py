"""Issues: written when they are found, taken back when later facts show that they were none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.monitoring.rules.issues import Finding
from signalbox.monitoring.store.news import News, Owner

__all__ = ["Owner", "difference", "write_findings"]


_UPSERT = """
    INSERT INTO monitoring.issues AS known (id, app_id, organization_id, conference_id, participant_id, session_id, connection_id,
        created_at, updated_at, ended_at, type, code, data, count, events)
    SELECT id, app, org, conference, participant, session, connection, at, at, at, type, code, data, count, events::uuid[]
    FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        AS new (id, app, org, conference, participant, session, connection, at, type, code, data, count, events)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, updated_at = excluded.updated_at, ended_at = excluded.ended_at,
        data = excluded.data, count = excluded.count, events = excluded.events, is_active = true
    RETURNING id, (xmax = 0) OR NOT coalesce((SELECT old.is_active FROM monitoring.issues old WHERE old.id = known.id), false)"""
_WITHDRAW = """
    UPDATE monitoring.issues SET is_active = false WHERE id = ANY(%s) AND is_active
    RETURNING id, app_id, organization_id, conference_id, participant_id, session_id, connection_id, type, code"""


async def write_findings(
    connection: AsyncConnection[Any],
    found: Iterable[tuple[Owner, Finding]],
    gone: Iterable[UUID],
    news: News,
) -> None:
    """Store the found ones, new or changed, and withdraw those that are gone."""
    rows = {finding.id: (owner, finding) for owner, finding in found}
    if rows:
        owners, findings = zip(*rows.values(), strict=True)
        cursor = await connection.execute(
            _UPSERT,
            (p.uuids(f.id for f in findings), p.uuids(o.app for o in owners), p.uuids(o.organization for o in owners),
             p.uuids(o.conference for o in owners), p.uuids(o.participant for o in owners), p.uuids(o.session for o in owners),
             p.uuids(o.connection for o in owners), p.instants(f.at_us for f in findings), p.texts(f.type for f in findings),
             p.texts(f.code for f in findings), p.jsons(None if f.data is None else json.dumps(f.data).encode() for f in findings),
             p.ints(f.count for f in findings), p.texts("{" + ",".join(map(str, f.events)) + "}" for f in findings)),
        )  # fmt: skip
        for found_id, opened in await cursor.fetchall():
            owner, finding = rows[found_id]
            news.issue(owner, "opened" if opened else "updated", finding)
    withdrawn = sorted(set(gone) - set(rows))
    if withdrawn:
        cursor = await connection.execute(_WITHDRAW, (p.uuids(withdrawn),))
        for issue, *owner_row, kind, code in await cursor.fetchall():
            news.withdrawn(Owner(*owner_row), issue, kind, code)


def difference(
    before: Iterable[Finding], after: Iterable[Finding]
) -> tuple[list[Finding], list[UUID]]:
    """Which findings are new or changed, and the ids of those that are gone."""
    old = {finding.id: finding for finding in before}
    new = {finding.id: finding for finding in after}
    changed = [finding for key, finding in new.items() if old.get(key) != finding]
    return changed, [key for key in old if key not in new]
