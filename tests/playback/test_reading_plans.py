"""No question reads a table of more than ten thousand rows from its beginning to its end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncCursor

from signalbox.core.db import Database
from signalbox.core.partitions import ensure
from signalbox.playback.queries import audience, sessions
from signalbox.playback.queries.selecting import Selection
from signalbox.playback.queries.sessions import Position
from signalbox.playback.rules.figures import SUMMED
from signalbox.playback.service import figures
from signalbox.playback.service.figures import Source
from signalbox.playback.store.retention import ensure_live_indexes
from signalbox.site.partitions import playback_policies
from tests.playback.played import GOOD, SETTINGS, TEN

MANY = 12_000
HOUR = timedelta(hours=1)
MONTH = TEN - timedelta(days=200)  # one in which no other test stores anything

_SESSIONS = """
    INSERT INTO playback.sessions (app_id, session_id, partition_ts, source, dialect, "timestamp", client_ts_ms, started_at, duration_ms,
        player_startup_ms, play_time_ms, rebuffer_time_ms, rebuffer_count, error_count, content_id, stream_type, payload_hash, outcome, last_state,
        state_since, revision, created_at, updated_at, first_received_at, last_received_at)
    SELECT %(other)s, 's' || n, at, 'media3watch', 'D3', at, 1, at - interval '1 minute', 60000, n %% 5000, 50000, 0, 0, (n %% 50 = 0)::int,
        'c' || n %% 40, 'VOD', '', 'played', 'PLAYING', at, 1, at, at, at, at
    FROM (SELECT n, %(at)s::timestamptz + n * interval '1 second' AS at FROM generate_series(1, %(many)s) n) g"""
_KEYS = """
    INSERT INTO playback.session_keys SELECT app_id, session_id, partition_ts FROM playback.sessions WHERE app_id = %(other)s"""
_ROLLUPS = """
    INSERT INTO playback.rollup_{table} SELECT %(other)s, %(at)s::timestamptz + n * interval '{step}', 'VOD', NULL, NULL, NULL, 'c' || n %% 40, false,
        {sums} ARRAY[300], ARRAY[1::bigint] FROM generate_series(1, %(many)s) n"""


@pytest.fixture(scope="module")
async def crowded(database_url: str) -> AsyncIterator[Database]:
    """Twelve thousand sessions, and as many rows of rollups, of somebody else."""
    db = Database(database_url)
    await db.open()
    connection = await db.connect()
    for policy in playback_policies(SETTINGS):
        for day in range(0, 330, 25):
            at = (MONTH + timedelta(days=day)).date()
            await ensure(connection, policy, at, at)
    await ensure_live_indexes(connection, today=MONTH.date())
    values = {"other": uuid4(), "at": MONTH, "many": MANY}
    sums = ", ".join("1" for _ in SUMMED) + ","
    await connection.execute(_SESSIONS, values)
    await connection.execute(_KEYS, values)
    for table, step in (("1m", "1 minute"), ("1h", "30 minutes")):
        await connection.execute(_ROLLUPS.format(table=table, step=step, sums=sums), values)
    await connection.execute("ANALYZE playback.sessions, playback.session_keys, playback.rollup_1m, playback.rollup_1h")  # fmt: skip
    yield db
    for table in ("sessions", "session_keys", "rollup_1m", "rollup_1h"):
        await connection.execute(f"DELETE FROM playback.{table} WHERE app_id = %(other)s", values)
    await connection.close()
    await db.close()


@contextmanager
def explained(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the tables that every statement inside reads from end to end, with their rows."""
    found: list[str] = []
    execute = AsyncCursor.execute

    async def explain(self: Any, statement: Any, values: Any = None, **rest: Any) -> Any:
        if "playback." in str(statement):
            await execute(self, f"EXPLAIN (FORMAT JSON) {statement}", values)
            row = await self.fetchone()
            plan = row["QUERY PLAN"] if isinstance(row, dict) else row[0]
            text = plan if isinstance(plan, str) else json.dumps(plan)
            found.extend(scans(json.loads(text)[0]["Plan"]))
        return await execute(self, statement, values, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(AsyncCursor, "execute", explain)
        yield found


def scans(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from scans(part)


async def large(db: Database, names: list[str]) -> list[str]:
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'playback'::regnamespace AND relname = ANY(%s) AND reltuples > 10000",
            [names],
        )
        return [row[0] for row in await cursor.fetchall()]


async def ask_everything(db: Database, app: UUID) -> None:
    span: dict[str, Any] = {"app_id": app, "begin": MONTH, "end": MONTH + 2 * HOUR}
    chosen = Selection(**span)
    narrow = [
        Selection(**span, equal={"contentId": "c1"}),
        Selection(**span, equal={"streamType": "VOD"}),
        Selection(**span, has_errors=True),
        Selection(**span, min_startup_ms=4000),
    ]
    sources: tuple[Source, ...] = ("sessions", "rollups", "auto")
    async with db.read() as tx:
        await sessions.session(tx, app, "s1")
        await sessions.timeline(tx, app, "s1")
        await sessions.sessions(tx, chosen, after=Position(MONTH + HOUR, 5), most=101)
        for some in narrow:
            await sessions.sessions(tx, some, after=None, most=101)
        for source in sources:
            await figures.summary(tx, chosen, GOOD, source=source)
            await figures.groups(tx, chosen, GOOD, by="contentId", source=source)
            await figures.series(tx, chosen, GOOD, metric="plays", step=HOUR / 60, source=source)
        await audience.watching(tx, [app], at=MONTH + HOUR, window_s=45)
        await audience.live_sessions(tx, app, at=MONTH + HOUR, window_s=45, most=10)


async def test_no_large_table_is_read_whole(
    crowded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with explained(monkeypatch) as read:
        await ask_everything(crowded, uuid4())

    assert await large(crowded, read) == []


async def test_a_table_that_is_read_whole_is_noticed(
    crowded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with explained(monkeypatch) as read:
        async with crowded.read() as tx, tx.psycopg.cursor() as cursor:
            await cursor.execute("SELECT count(*) FROM playback.sessions s WHERE s.dialect = 'x'")

    # Other tests may have filled other months.
    assert f"sessions_{MONTH:%Y_%m}" in await large(crowded, read)


async def test_old_and_later_months_are_not_looked_at(crowded: Database) -> None:
    chosen = Selection(app_id=uuid4(), begin=MONTH, end=MONTH + HOUR)
    where, values = chosen.conditions(chosen.begin, chosen.end)
    async with crowded.read() as tx:
        cursor = await tx.psycopg.execute(
            f"EXPLAIN SELECT count(*) FROM playback.sessions s WHERE {where}", values
        )
        plan = "\n".join(row[0] for row in await cursor.fetchall())

    months = set(re.findall(r"sessions_(\d{4}_\d\d)", plan))
    first = MONTH - timedelta(days=1)
    assert months
    assert min(months) >= f"{first:%Y_%m}"
