"""No figure reads a whole table: neither for a small app beside a big one, nor for the big one, nor for the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from signalbox.core.partitions import ensure_daily
from signalbox.monitoring.service import Minutes, finish_days, roll_up
from tests.monitoring.reading.conftest import AT, World
from tests.monitoring.reading.test_read_plans import (
    _fill,
    _offenders,
    asked,  # noqa: F401 - a fixture
)

_MINUTES = """
    INSERT INTO monitoring.track_minutes (minute, app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key, seconds, totals, weights)
    SELECT date_trunc('minute', %(at)s::timestamptz) - (number %% 1000) * interval '1 minute', app_id, conference_id, participant_id, session_id, peer_id, id, 2, 'k', 60,
        array_fill(1.0::float8, ARRAY[13]), array_fill(2.0::float8, ARRAY[13])
    FROM (SELECT k.*, row_number() OVER () AS number FROM monitoring.connections k WHERE app_id = %(app)s) k"""
MORE = (
    "",
    "&group_by=browser",
    "&group_by=meta.plan&series=day",
    "&browser=Chrome&country=DE",
    "&from=2026-11-21T03:13",
)
_MARKS = "INSERT INTO monitoring.figure_changes SELECT DISTINCT app_id, date_trunc('hour', minute, 'UTC') FROM monitoring.track_minutes"


@pytest.mark.slow
async def test_figures_go_through_indexes(
    alice: AsyncClient,
    world: World,
    asked: list[tuple[str, Any]],  # noqa: F811
) -> None:
    await _fill(world)
    async with world.db.begin() as tx:
        await ensure_daily(
            tx.psycopg, "monitoring.track_minutes", (AT - timedelta(days=1)).date(), AT.date()
        )
        for app in (world.app, world.other_app):
            await tx.psycopg.execute(_MINUTES, {"at": AT, "app": app})
        await tx.psycopg.execute(_MARKS)
        await tx.psycopg.execute(
            "INSERT INTO monitoring.figure_progress VALUES ('minutes', %s) ON CONFLICT (step) DO UPDATE SET received_through = excluded.received_through",
            (AT + timedelta(seconds=1),),
        )
    async with await world.db.connect() as connection:
        await connection.execute("ANALYZE")
    asked.clear()
    room = f"conferences/{world.ids['conference']}/figures"
    paths = [room, f"{room}?resolution=interval", f"{room}?participantId={world.ids['noor']}"]
    for app, who in ((world.app, world.alice), (world.other_app, world.charlie)):
        paths += [f"figures?appId={app}{more}" for more in MORE]
        paths.append(f"figures/compare?appId={app}&b_from=2026-11-21T03:13")
        for path in paths:
            answer = await alice.get(f"/v1/{path}", headers=who)
            assert answer.status_code == 200, (path, answer.text)
        paths = []
    await Minutes(world.db, emos_version=2).advance(at=AT + timedelta(minutes=1))
    await roll_up(world.db, at=AT + timedelta(hours=3))
    await finish_days(world.db, at=AT + timedelta(days=2))

    assert any("track_minutes" in statement for statement, _ in asked)
    reads = [(s, p) for s, p in asked if not s.lstrip().startswith("COPY")]
    assert not await _offenders(world, reads)
