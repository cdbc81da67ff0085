"""No look reads a whole table: every statement goes through an index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import AsyncCursor

from tests.alerts.conftest import Scene, new_app
from tests.alerts.sessions import played
from tests.alerts.test_calls import calls

BIG = 12_000  # rows; the house's rule begins at 10 000
_BIG_TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace IN ('playback'::regnamespace, 'monitoring'::regnamespace, 'alerts'::regnamespace)
        AND relkind = 'r' AND reltuples >= 10000"""
_SCHEMAS = ("playback.", "monitoring.", "alerts.")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Statements that read, with their parameters."""
    seen: list[tuple[str, Any]] = []
    execute = AsyncCursor.execute

    async def noted(self: Any, query: Any, params: Any = None, **how: Any) -> Any:
        reads = isinstance(query, str) and query.lstrip().startswith(("SELECT", "WITH"))
        if reads and any(schema in query for schema in _SCHEMAS):
            seen.append((query, params))
        return await execute(self, query, params, **how)

    monkeypatch.setattr(AsyncCursor, "execute", noted)
    return seen


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """Tables that are read whole."""
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from scans(part)


async def test_no_look_reads_a_whole_table(scene: Scene, asked: list[tuple[str, Any]]) -> None:
    other = Scene(scene.db, await new_app(scene.db))
    for big in (scene, other):
        await calls(big, BIG, ago=30 * 1440, minutes=29 * 1440, code="no_connection")
        await played(big.db, big.id, BIG, begin=big.now_less(30 * 1440), minutes=29 * 1440)
    await scene.usual_day(device="Tab X")
    await scene.play(100, ago=0, minutes=3, device="Tab X", outcome="start_failure")
    await calls(scene, 100, ago=0, minutes=3, code="no_connection", score=20)
    async with await scene.db.connect() as connection:
        await connection.execute("ANALYZE")
        asked.clear()
        for minute in (2, 3):
            await scene.look(minute)
        statements = list(asked)

        assert len(statements) > 20
        big_tables = {row[0] for row in await (await connection.execute(_BIG_TABLES)).fetchall()}
        assert "issues" in big_tables
        # In a month of its own, where another test has made it.
        assert any(name.startswith("sessions_") for name in big_tables)
        for statement, params in statements:
            async with connection.transaction():
                await connection.execute("SET LOCAL enable_seqscan = off")
                cursor = await connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", params)
                row = await cursor.fetchone()
            assert row is not None
            plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
            assert not big_tables & set(scans(plan[0]["Plan"])), statement
    await other.leave()
