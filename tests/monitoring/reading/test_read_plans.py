"""No list reads a whole table: every statement of a page goes through an index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import AsyncClient
from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from signalbox.monitoring.queries.narrowing import SORTS
from tests.monitoring.reading.conftest import AT, World
from tests.monitoring.recount import PATHS

BIG = 12_000  # rows of somebody else; the house's rule begins at 10 000
_FILL = (
    """INSERT INTO monitoring.conferences (id, app_id, organization_id, created_at, last_seen_at, conference_id)
    SELECT gen_random_uuid(), %(app)s, %(org)s, %(at)s + n * interval '1 second', %(at)s, 'big' || n FROM generate_series(1, %(n)s) n""",
    """INSERT INTO monitoring.participants (id, app_id, organization_id, created_at, participant_id)
    SELECT gen_random_uuid(), %(app)s, %(org)s, %(at)s, 'big' || n FROM generate_series(1, %(n)s) n""",
    """INSERT INTO monitoring.sessions (id, app_id, organization_id, created_at, last_seen_at, conference_id, participant_id)
    SELECT gen_random_uuid(), c.app_id, %(org)s, %(at)s, %(at)s, c.id, p.id FROM monitoring.conferences c
    JOIN monitoring.participants p ON p.app_id = c.app_id AND p.participant_id = c.conference_id WHERE c.app_id = %(app)s""",
    """INSERT INTO monitoring.conference_participants SELECT conference_id, participant_id, 1 FROM monitoring.sessions WHERE app_id = %(app)s""",
    """INSERT INTO monitoring.connections (id, app_id, organization_id, created_at, last_seen_at, start_time, session_id, conference_id,
        participant_id, peer_id, connection_info)
    SELECT gen_random_uuid(), app_id, %(org)s, %(at)s, %(at)s, %(at)s, id, conference_id, participant_id, participant_id, '{}'
    FROM monitoring.sessions WHERE app_id = %(app)s""",
    """INSERT INTO monitoring.tracks (id, app_id, organization_id, created_at, session_id, conference_id, participant_id, connection_id,
        track_id, direction)
    SELECT gen_random_uuid(), app_id, %(org)s, %(at)s, session_id, conference_id, participant_id, id, 't', 'inbound'
    FROM monitoring.connections WHERE app_id = %(app)s""",
    """INSERT INTO monitoring.issues (id, app_id, organization_id, created_at, session_id, conference_id, participant_id, type, code)
    SELECT gen_random_uuid(), app_id, %(org)s, %(at)s, id, conference_id, participant_id, 'error', 'ice_failed'
    FROM monitoring.sessions WHERE app_id = %(app)s""",
    """INSERT INTO monitoring.events (id, app_id, conference_id, participant_id, session_id, type, category, created_at, received_at)
    SELECT gen_random_uuid(), app_id, conference_id, participant_id, id, 'custom', 'B', %(at)s, %(at)s
    FROM monitoring.sessions WHERE app_id = %(app)s""",
    """INSERT INTO monitoring.samples (id, app_id, conference_id, participant_id, session_id, peer_id, connection_id, created_at, received_at,
        flows, tracks, bytes, packets, lost, jitter_ms, emos)
    SELECT gen_random_uuid(), app_id, conference_id, participant_id, session_id, peer_id, id, %(at)s, %(at)s,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}' FROM monitoring.connections WHERE app_id = %(app)s""",
)
NARROWED = ("browser=Chrome", "meta.plan=pro", "query=stand", "status=success", "cause=network")
# What the planner was told holds until the end of the transaction.
BEGIN = "SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = on"
# A small table, such as a partition with a few rows of another test, is rightly read whole.
_BIG_TABLES = """SELECT relname FROM pg_class WHERE relnamespace = 'monitoring'::regnamespace AND relkind = 'r' AND reltuples >= 10000"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Statements with their parameters, as they are run, and what the planner is told before them."""
    seen: list[tuple[str, Any]] = []

    execute = AsyncCursor.execute

    async def noted(self: Any, query: Any, params: Any = None, **how: Any) -> Any:
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            seen.append((BEGIN, None))
        if isinstance(query, str) and any(
            word in query for word in ("monitoring.", "set_config", "SET LOCAL")
        ):
            seen.append((query, params))
        return await execute(self, query, params, **how)

    monkeypatch.setattr(AsyncCursor, "execute", noted)
    return seen


async def _fill(world: World) -> None:
    async with world.db.begin() as tx:
        values = {"app": world.other_app, "org": world.other_organization, "at": AT, "n": BIG}
        for statement in _FILL:
            await tx.psycopg.execute(statement, values)
    async with await world.db.connect() as connection:
        await connection.execute("ANALYZE")


def _scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if plan["Node Type"] == "Seq Scan":
        yield plan.get("Schema", ""), plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _scans(part)


@pytest.mark.slow
async def test_lists_go_through_indexes(
    alice: AsyncClient, world: World, asked: list[tuple[str, Any]]
) -> None:
    await _fill(world)
    asked.clear()
    ids = {name: str(key) for name, key in world.ids.items()}
    app, noor, room = (
        f"appId={world.app}",
        f"participantId={ids['noor']}",
        f"conferenceId={ids['conference']}",
    )
    paths = [
        *(
            f"conferences?{query}"
            for query in (app, noor, "created_at_gte=2026-01-01", f"{app}&issue_code=turn_used")
        ),
        *(f"conferences/{ids['conference']}{tail}?limit=5" for tail in ("", "/events")),
        *(f"sessions?{query}" for query in (app, noor, room)),
        *(f"conferences?{app}&{more}" for more in NARROWED),
        f"issues?{app}&browser=Chrome",
        *(f"participants?{query}" for query in (app, room)),
        *(f"connections?{query}" for query in (app, noor, room, f"sessionId={ids['session']}")),
        *(f"tracks?{query}" for query in (room, f"connectionId={ids['connection']}")),
        *(f"issues?{query}" for query in (app, noor, room, "code=turn_used")),
        *(f"{path}?{query}" for path in ("stats", "connection") for query in (noor, room)),
        f"conferences/{ids['conference']}/graphs",
        *(f"search?query={text}" for text in ("standup", "noor", "big", "big 1234", "u-7")),
    ]
    for path in paths:
        for page in ("", "&limit=20"):
            answer = await alice.get(f"/v1/{path}{page if '?' in path else ''}")
            assert answer.status_code == 200, (path, answer.text)
    await _search_as_stranger(alice, world)
    for owner, app_id, who in ((None, world.app, noor), (world.charlie, world.other_app, None)):
        for path in (
            f"apps/{app_id}/dimensions?created_at_gte=2026-11-21",
            *(f"issues/groups?appId={app_id}{more}" for more in ("", "&browser=Chrome")),
            *([] if who is None else [f"participants/{ids['noor']}/profile"]),
        ):
            answer = await alice.get(f"/v1/{path}", headers=owner)
            assert answer.status_code == 200, (path, answer.text)
    theirs = f"appId={world.other_app}&limit=20"
    plain = ("order=-created_at", "created_at_gte=2026-11-21T13:00:00Z")
    for more in (*plain, *NARROWED, *(f"sort={name}" for name in SORTS)):
        answer = await alice.get(f"/v1/conferences?{theirs}&{more}", headers=world.charlie)
        assert answer.status_code == 200, (more, answer.text)

    assert any("search_keys" in statement for statement, _ in asked)
    assert not await _offenders(world, asked)


async def _search_as_stranger(alice: AsyncClient, world: World) -> None:
    """Charlie owns all the rows: every one of them matches."""
    for text in ("big", "big 1234", "nothing"):
        answer = await alice.get(f"/v1/search?query={text}", headers=world.charlie)
        assert answer.status_code == 200


@pytest.mark.slow
async def test_charts_go_through_indexes(
    alice: AsyncClient, world: World, asked: list[tuple[str, Any]]
) -> None:
    """A small app beside a big one; and the big one itself, of which an index on it may be counted."""
    await _fill(world)
    asked.clear()
    day = "created_at_gte=2026-11-20T12:00:00Z&created_at_lte=2026-11-21T12:30:00Z"
    for more in ("", f"&{day}", "&browser=Chrome", f"&meta.plan=pro&{day}"):
        for path in PATHS:
            answer = await alice.get(f"/v1/{path}?appId={world.app}{more}")
            assert answer.status_code == 200, (path, answer.text)
    for path in PATHS:
        answer = await alice.get(f"/v1/{path}?appId={world.other_app}", headers=world.charlie)
        assert answer.status_code == 200, (path, answer.text)

    assert not await _offenders(world, asked)


FILLED = frozenset({"conferences", "connections", f"events_{AT:%Y%m%d}"})


async def _offenders(
    world: World, asked: list[tuple[str, Any]], *, filled: frozenset[str] = FILLED
) -> set[tuple[str, str]]:
    """Big tables that are read whole, with the statement. `filled` must be among them."""
    offenders = set()
    async with world.db.read() as tx:
        cursor = tx.psycopg.cursor(row_factory=tuple_row)
        await cursor.execute(_BIG_TABLES)
        big = {name for (name,) in await cursor.fetchall()}
        assert filled <= big
        for statement, parameters in list(asked):
            if statement == BEGIN or "set_config" in statement or "SET LOCAL" in statement:
                await cursor.execute(statement)
                continue
            await cursor.execute("EXPLAIN (VERBOSE, FORMAT JSON) " + statement, parameters)
            row = await cursor.fetchone()
            assert row is not None
            plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
            for schema, relation in _scans(plan[0]["Plan"]):
                if schema == "monitoring" and relation in big:
                    offenders.add((relation, statement))
    return offenders
