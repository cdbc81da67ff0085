"""Charts under filters come from stored columns of days that are over, and tell the same as the rows: before, with and after them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from signalbox.core.clock import ManualClock
from signalbox.core.compression import unpack
from signalbox.monitoring.queries import columns as stored
from signalbox.monitoring.queries import scope
from signalbox.monitoring.rules import days as rules
from signalbox.monitoring.rules.overview import Stretch
from signalbox.monitoring.service import make_columns
from signalbox.monitoring.service import overview as service
from tests.monitoring import recount
from tests.monitoring.reading.conftest import World
from tests.monitoring.reading.test_read_overview import CHANGES, FILTERS, calls, charts
from tests.monitoring.reading.test_read_plans import (
    _FILL,
    BIG,
    _offenders,
    asked,  # noqa: F401 - a fixture
)

MORE_CHANGES = (
    *CHANGES,
    "UPDATE monitoring.sessions SET app_version = '4.0.0' WHERE app_id = %(app)s AND app_version = '3.1.0'",
    "UPDATE monitoring.sessions SET webrtc_sdk = 'livekit' WHERE app_id = %(app)s AND webrtc_sdk IS NULL",
    """UPDATE monitoring.sessions SET metadata = '{"plan": "pro"}' WHERE app_id = %(app)s AND metadata ->> 'plan' = 'free'""",
    """WITH gone AS (DELETE FROM monitoring.connections WHERE app_id = %(app)s), also AS (DELETE FROM monitoring.issues WHERE app_id = %(app)s),
        tracks AS (DELETE FROM monitoring.tracks WHERE app_id = %(app)s)
    DELETE FROM monitoring.sessions WHERE app_id = %(app)s AND app_version = '3.1.0' AND id IN (SELECT session_id FROM monitoring.connections)""",
)


async def made(world: World) -> None:
    """The worker has been here, as often as it takes: other tests have left days, too."""
    for _ in range(50):
        await make_columns(world.db, at=datetime.now(UTC))
        if not await _count(world, _DUE):
            return
    raise AssertionError("the worker does not get through")


_DUE = """
    SELECT count(DISTINCT (c.created_at AT TIME ZONE 'UTC')::date) FROM monitoring.conferences c
    WHERE c.app_id = %s AND c.created_at < date_trunc('day', now() - interval '6 hours', 'UTC') AND (
        NOT EXISTS (SELECT FROM monitoring.overview_columns k WHERE k.app_id = c.app_id AND k.day = (c.created_at AT TIME ZONE 'UTC')::date)
        OR EXISTS (SELECT FROM monitoring.overview_changes m WHERE m.app_id = c.app_id AND m.day = (c.created_at AT TIME ZONE 'UTC')::date))"""


async def _count(world: World, statement: str) -> int:
    async with world.db.read() as tx:
        row = await (await tx.psycopg.execute(statement, (world.app,))).fetchone()
    assert row is not None
    return int(row[0])


async def _kept(world: World) -> int:
    return await _count(
        world, "SELECT count(*) FROM monitoring.overview_columns WHERE app_id = %s AND name <> ''"
    )


async def test_columns_tell_what_the_rows_tell(
    alice: AsyncClient, world: World, statements: list[str]
) -> None:
    await calls(world)
    await made(world)
    rows = await recount.rows_of(world.db, world.app)
    assert await _kept(world) > 50

    for parameters, wanted in FILTERS:
        assert await charts(alice, world, **parameters) == recount.recount(rows, wanted=wanted), (
            parameters
        )


@pytest.mark.parametrize(
    ("from_hours", "to_hours"), [(100, None), (130, 20), (30, 2), (None, 60), (110, 109), (90, 95)]
)
async def test_bounds_cut_days_in_two(
    alice: AsyncClient, world: World, from_hours: int | None, to_hours: int | None
) -> None:
    await calls(world, conferences=80)
    await made(world)
    rows = await recount.rows_of(world.db, world.app)
    now = datetime.now(UTC)
    begin = None if from_hours is None else now - timedelta(hours=from_hours)
    last = None if to_hours is None else now - timedelta(hours=to_hours)
    bounds = {}
    if begin is not None:
        bounds["created_at_gte"] = begin.isoformat()
    if last is not None:
        bounds["created_at_lt"] = last.isoformat()

    for parameters, wanted in (FILTERS[0], FILTERS[5], FILTERS[8]):
        told = await charts(alice, world, **parameters, **bounds)

        assert told == recount.recount(rows, wanted=wanted, begin=begin, before=last)


async def in_all(alice: AsyncClient, world: World, **bounds: str) -> tuple[int, int]:
    """How many conferences a page says that there are, and how many there are."""
    query = {"appId": str(world.app), **bounds}
    page = await alice.get("/v1/conferences", params={**query, "limit": "1"})
    whole = await alice.get("/v1/conferences", params=query)
    return page.json()["count"], len(whole.json()["data"])


async def test_of_many_conferences_the_number_is_known_from_days_that_are_over(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is exact all the same: within bounds, before there are columns, and after changes."""
    looked_at: list[Stretch] = []
    count_now = stored.conferences_made

    async def noted(tx: Any, app_id: Any, parts: list[Stretch]) -> int:
        looked_at.extend(parts)
        return await count_now(tx, app_id, parts)

    monkeypatch.setattr(stored, "conferences_made", noted)
    monkeypatch.setattr(scope, "MANY", 3)
    await calls(world, conferences=80)
    now = datetime.now(UTC)
    instants = {hours: (now - timedelta(hours=hours)).isoformat() for hours in (130, 90, 20, 2)}
    some_bounds = [
        {},
        {"created_at_gte": instants[130]},
        {"created_at_gt": instants[90], "created_at_lte": instants[20]},
        {"created_at_lt": instants[90]},
        {"created_at_gte": instants[2]},
        {"created_at_gte": "1900-01-01", "created_at_lt": "9999-01-01"},
        {"created_at_gte": instants[20], "created_at_lt": instants[90]},
    ]

    async def all_agree() -> None:
        for bounds in some_bounds:
            told, there = await in_all(alice, world, **bounds)
            assert told == there, bounds

    await all_agree()
    await made(world)
    looked_at.clear()
    await all_agree()
    assert looked_at
    looked_at.clear()
    await in_all(alice, world)
    (only,) = looked_at  # what is not over
    assert only.begin is not None
    assert only.begin > now - timedelta(hours=31)
    for change in CHANGES:
        async with world.db.begin() as tx:
            await tx.psycopg.execute(change, {"app": world.app})
        await all_agree()


@pytest.mark.parametrize("change", MORE_CHANGES)
async def test_a_change_counts_at_once_and_in_the_columns_made_after_it(
    alice: AsyncClient, world: World, clock: ManualClock, change: str
) -> None:
    await calls(world)
    await made(world)
    chosen = (FILTERS[0], FILTERS[5], FILTERS[7], FILTERS[8])
    before = [await charts(alice, world, **parameters) for parameters, _ in chosen]

    async with world.db.begin() as tx:
        await tx.psycopg.execute(change, {"app": world.app})
    for _ in range(2):
        clock.advance(service.REMEMBERED_S)
        rows = await recount.rows_of(world.db, world.app)
        told = [await charts(alice, world, **parameters) for parameters, _ in chosen]
        assert told == [recount.recount(rows, wanted=wanted) for _, wanted in chosen]
        assert told != before
        await made(world)
        # What is looked at without filters stores days, too: neither may make the other's old figures count.
        assert await charts(alice, world) == recount.recount(rows)


async def test_a_look_without_filters_does_not_bring_old_columns_back(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    await calls(world)
    await made(world)
    async with world.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE monitoring.sessions SET app_version = '9' WHERE app_id = %s", (world.app,)
        )

    await charts(alice, world)  # takes the marks away
    rows = await recount.rows_of(world.db, world.app)

    def wanted(row: dict[str, Any]) -> bool:
        return bool(row["app_version"] == "9")

    assert await charts(alice, world, app_version="9") == recount.recount(rows, wanted=wanted)


async def test_a_session_that_comes_late_to_an_old_conference_counts(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    old = datetime.now(UTC) - timedelta(days=4)
    conference = await world.conference("long", old, duration=10)
    noor = world.ids["noor"]
    await world.link(conference, noor, 1)
    await made(world)
    now = datetime.now(UTC)
    where = {**world.owned(now), "conference_id": conference, "participant_id": noor}
    session = await world.put("sessions", **where, last_seen_at=now, app_version="5")
    for version in ("5", "6"):
        rows = await recount.rows_of(world.db, world.app)

        def wanted(row: dict[str, Any], version: str = version) -> bool:
            return bool(row["app_version"] == version)

        told = await charts(alice, world, app_version=version)
        assert told == recount.recount(rows, wanted=wanted)
        assert told["conferences/participant-count-summary"]["total_conferences"] == 1
        await made(world)
        async with world.db.begin() as tx:
            await tx.psycopg.execute(
                "UPDATE monitoring.sessions SET app_version = '6' WHERE id = %s", (session,)
            )


async def test_a_change_of_a_session_reaches_what_belongs_to_it_on_other_days(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    """A conference before midnight, its session a day later, connection and issue one and two days after that."""
    first = datetime.now(UTC) - timedelta(days=8)
    conference = await world.conference("long", first, duration=10)
    noor = world.ids["noor"]
    await world.link(conference, noor, 1)

    def where(days: int) -> dict[str, Any]:
        at = first + timedelta(days=days)
        return {**world.owned(at), "conference_id": conference, "participant_id": noor}

    session = await world.put("sessions", **where(1), last_seen_at=first, app_version="5")
    await world.put(
        "connections",
        **where(2),
        session_id=session,
        peer_id=noor,
        connection_info={},
        start_time=first,
        last_seen_at=first,
        type="relay",
    )
    await world.put("issues", **where(3), session_id=session, type="error", code="ice_failed")
    await made(world)
    for change in ("app_version = '6'", """metadata = '{"plan": "x"}'""", "is_active = false"):
        async with world.db.begin() as tx:
            await tx.psycopg.execute(
                f"UPDATE monitoring.sessions SET {change} WHERE id = %s", (session,)
            )
        rows = await recount.rows_of(world.db, world.app)
        clock.advance(service.REMEMBERED_S)
        for version in ("5", "6"):

            def wanted(row: dict[str, Any], version: str = version) -> bool:
                return bool(row["app_version"] == version)

            told = await charts(alice, world, app_version=version)
            assert told == recount.recount(rows, wanted=wanted), change
        await made(world)


async def test_rare_keys_of_metadata_are_counted_from_the_rows(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_KEYS", 1)
    await calls(world)
    await made(world)
    rows = await recount.rows_of(world.db, world.app)

    for parameters, wanted in FILTERS:
        assert await charts(alice, world, **parameters) == recount.recount(rows, wanted=wanted)


async def test_values_of_metadata_are_not_legible_in_columns(world: World) -> None:
    await calls(world)
    await made(world)
    async with world.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT packed FROM monitoring.overview_columns WHERE app_id = %s AND name LIKE '%%.meta.%%'",
            (world.app,),
        )
        packed = [bytes(row[0]) for row in await cursor.fetchall()]

    assert packed
    assert not any(word in unpack(part) for part in packed for word in (b"pro", b"free"))


@pytest.mark.slow
async def test_columns_are_made_and_read_through_indexes(
    alice: AsyncClient,
    world: World,
    asked: list[tuple[str, Any]],  # noqa: F811
) -> None:
    """For a small app beside a big one, and for the big one."""
    old = datetime.now(UTC) - timedelta(days=5)
    values = {"app": world.other_app, "org": world.other_organization, "at": old, "n": BIG}
    async with world.db.begin() as tx:
        for statement in _FILL:
            if "monitoring.events" not in statement and "monitoring.samples" not in statement:
                await tx.psycopg.execute(statement, values)
    await calls(world)
    async with await world.db.connect() as connection:
        await connection.execute("ANALYZE")
    asked.clear()
    await made(world)
    await made(World(**{**vars(world), "app": world.other_app}))
    for app, who in ((world.app, world.alice), (world.other_app, world.charlie)):
        for path in recount.PATHS:
            for more in ("&browser=Unknown", "&meta.plan=Unknown"):
                answer = await alice.get(f"/v1/{path}?appId={app}{more}", headers=who)
                assert answer.status_code == 200, (path, answer.text)
        answer = await alice.get(f"/v1/conferences/summary?appId={app}&os=Unknown", headers=who)
        counted = sum(day["total"] for day in answer.json()["data"])
        assert counted == BIG if app == world.other_app else counted

    assert any("overview_columns" in statement for statement, _ in asked)
    ours = [(s, p) for s, p in asked if "count(DISTINCT" not in s]
    assert not await _offenders(world, ours, filled=frozenset({"conferences", "connections"}))


async def test_days_are_made_once_and_those_without_anything_are_known(world: World) -> None:
    await world.conference("lonely", datetime.now(UTC) - timedelta(days=9))

    await made(world)
    known = "SELECT count(*) FROM monitoring.overview_columns WHERE app_id = %s AND name = ''"
    mark = "SELECT coalesce(sum(xmin::text::bigint), 0) FROM monitoring.overview_columns WHERE app_id = %s"
    days, writers = await _count(world, known), await _count(world, mark)
    await made(world)
    await make_columns(world.db, at=datetime.now(UTC))

    assert days >= 8
    assert await _count(world, known) == days
    assert await _count(world, mark) == writers
