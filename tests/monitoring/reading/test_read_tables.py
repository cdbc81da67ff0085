"""The models say what the migrations made, and the reference says what the routes answer."""

from __future__ import annotations

from typing import Any

from httpx import AsyncClient
from sqlalchemy.dialects import postgresql

from signalbox.core.db import Database
from signalbox.monitoring.tables import Base

_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'monitoring'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND a.attnum > 0 AND NOT a.attisdropped"""
_SPELLINGS = {
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BYTEA": "bytea",
    "DOUBLE PRECISION[]": "double precision[]",
}


async def test_the_models_mirror_the_tables(db: Database) -> None:
    async with db.read() as tx:
        rows = await (await tx.psycopg.execute(_COLUMNS)).fetchall()
    actual = {(table, name): (kind, required) for table, name, kind, required in rows}
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

    def spelled(kind: Any) -> str:
        text = str(kind.compile(dialect=dialect))
        return _SPELLINGS.get(text, text if text == '"char"' else text.lower())

    modelled = {
        (table.name, column.name): (spelled(column.type), not column.nullable)
        for table in Base.metadata.tables.values()
        for column in table.columns
    }

    assert modelled == actual


async def test_the_reference_lists_every_reading_route(site: AsyncClient) -> None:
    document = (await site.get("/openapi.json")).json()

    for path in ("/v1/conferences", "/v1/conferences/{conference_id}/events", "/v1/stats"):
        assert "200" in document["paths"][path]["get"]["responses"]
    assert "/conferences" not in document["paths"]


async def test_the_reference_page_loads_nothing_from_elsewhere(site: AsyncClient) -> None:
    for path in ("/docs", "/docs/page.js", "/docs/page.css"):
        answer = await site.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
