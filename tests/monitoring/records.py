"""What monitoring has stored, for telling whether a request changed anything."""

from __future__ import annotations

from uuid import UUID

from psycopg.sql import SQL, Identifier

from signalbox.core.db import Database

OF_AN_APP = (
    "conferences", "participants", "sessions", "connections", "tracks", "events", "samples", "issues", "app_usage",
)  # fmt: skip
OF_A_PARENT = {
    "conference_participants": ("conference_id", "conferences"),
    "session_lives": ("session_id", "sessions"),
    "connection_lives": ("connection_id", "connections"),
}
_ALL = "SELECT count(*), coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM monitoring.{} t WHERE "


async def records(db: Database, *apps: UUID) -> dict[str, tuple[int, str]]:
    """Per table, how many rows these apps have, and a digest of all that is in them."""
    found = {}
    async with db.read() as tx:
        for name in OF_AN_APP:
            wanted = SQL(_ALL + "t.app_id = ANY(%s)").format(Identifier(name))
            found[name] = await (await tx.psycopg.execute(wanted, (list(apps),))).fetchone()
        for name, (key, parent) in OF_A_PARENT.items():
            of = "t.{} IN (SELECT id FROM monitoring.{} WHERE app_id = ANY(%s))"
            wanted = SQL(_ALL + of).format(Identifier(name), Identifier(key), Identifier(parent))
            found[name] = await (await tx.psycopg.execute(wanted, (list(apps),))).fetchone()
    return {name: (row[0], row[1]) for name, row in found.items() if row is not None}


async def counts(db: Database) -> dict[str, int]:
    """Per table, how many rows there are at all."""
    found = {}
    async with db.read() as tx:
        for name in (*OF_AN_APP, *OF_A_PARENT):
            count = SQL("SELECT count(*) FROM monitoring.{}").format(Identifier(name))
            row = await (await tx.psycopg.execute(count)).fetchone()
            found[name] = row[0] if row is not None else 0
    return found
