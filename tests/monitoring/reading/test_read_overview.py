"""The eight charts: equal to what the rows say, under every filter, before and after changes, and only for whom the app belongs to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from signalbox.core.clock import ManualClock
from signalbox.core.ids import new_id
from signalbox.monitoring.service import overview as service
from tests.monitoring import recount
from tests.monitoring.reading.conftest import AT, World

CODES = [
    ("warning", "turn_used"),
    ("warning", "getusermedia_error"),
    ("error", "ice_failed"),
    ("error", "no_connection"),
]
PLATFORMS: list[Any] = [
    {"browser": {"name": "Chrome"}, "os": {"name": "Windows"}},
    {"browser": {"name": "Firefox"}, "os": "Linux"},
    {"name": "Safari", "os": {"version": "1"}},
    {"browser": {"name": ""}, "os": {"name": 7}},
    {"browser": "odd", "name": "Plain"},
    {},
    None,
]
PLACES: list[Any] = [
    {"country_code": "DE", "city": "Berlin", "latitude": 52.52, "longitude": 13.4},
    {"country_code": "FR", "city": None, "latitude": 48.85, "longitude": 2.35},
    {"country_code": None, "city": None, "latitude": None, "longitude": None},
    None,
]
REFUSALS: list[Any] = [
    {"name": "NotAllowedError", "message": "no"},
    {"name": "NotAllowedError", "message": "not again"},
    {"message": "nameless"},
    None,
]


async def calls(world: World, *, conferences: int = 40) -> None:
    """Calls of the last six days with all that charts tell apart. The days that are over and those that are not are both among them."""
    dice = random.Random(11)
    now = datetime.now(UTC).replace(microsecond=0)
    people = [await world.participant(f"p{number}", is_sfu=number == 0) for number in range(6)]
    for number in range(conferences):
        at = now - timedelta(minutes=dice.randrange(6 * 24 * 60))
        conference = await world.conference(
            f"gen{number}",
            at,
            duration=dice.choice([0, 59, 60, 700, 3600]),
            ongoing=number % 9 == 0,
        )
        for person in dice.sample(people, dice.randrange(4)):
            stays = dice.randrange(3)
            await world.link(conference, person, stays)
            for _ in range(stays):
                await _stay(world, dice, conference, person, at)


async def _stay(
    world: World, dice: random.Random, conference: Any, person: Any, at: datetime
) -> None:
    platform, place = dice.choice(PLATFORMS), dice.choice(PLACES)
    where = {**world.owned(at), "conference_id": conference, "participant_id": person}
    session = await world.put(
        "sessions",
        **where,
        last_seen_at=at,
        platform=platform,
        geo_ip=place,
        metadata=dice.choice([{"plan": "pro", "seats": 3}, {"plan": "free"}, None]),
        app_version=dice.choice(["3.1.0", "", None]),
        webrtc_sdk=dice.choice(["livekit", None]),
    )
    milliseconds = dice.choice([0, 249, 250, 1999, 7000])
    negotiation = {
        "status": dice.choice(["connected", "connected", "failed"]),
        "type": "initial",
        "start_time": at.isoformat(),
        "end_time": (at + timedelta(milliseconds=milliseconds)).isoformat(),
    }
    await world.put(
        "connections",
        **where,
        session_id=session,
        peer_id=person,
        connection_info={"negotiations": dice.choice([[negotiation], []])},
        start_time=at,
        last_seen_at=at,
        type=dice.choice(["host", "relay", None]),
    )
    for kind, code in dice.sample(CODES, dice.randrange(3)):
        data = dice.choice(REFUSALS) if code == "getusermedia_error" else None
        await world.put("issues", **where, session_id=session, type=kind, code=code, data=data)


async def charts(client: AsyncClient, world: World, **parameters: str) -> dict[str, Any]:
    """All eight answers, asked for at the same time as a dashboard does."""
    given = {"appId": str(world.app), **parameters}
    answers = await asyncio.gather(
        *(client.get(f"/v1/{path}", params=given) for path in recount.PATHS)
    )
    for answer in answers:
        assert answer.status_code == 200, answer.text
    return {
        path: recount.comparable(path, answer.json())
        for path, answer in zip(recount.PATHS, answers, strict=True)
    }


def is_in(field: str, *values: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda row: row[field] in values


FILTERS: list[tuple[dict[str, str], Callable[[dict[str, Any]], bool]]] = [
    ({"browser": "Chrome"}, lambda row: recount.browser(row) == "Chrome"),
    ({"browser": "Unknown"}, lambda row: recount.browser(row) == "Unknown"),
    ({"os": "Linux"}, lambda row: recount.system(row) == "Linux"),
    ({"country": "DE"}, lambda row: recount.country(row) == "DE"),
    ({"country": "Unknown"}, lambda row: recount.country(row) == "Unknown"),
    ({"app_version": "3.1.0"}, is_in("app_version", "3.1.0")),
    ({"app_version": "Unknown"}, is_in("app_version", "", None)),
    ({"webrtc_sdk": "livekit"}, is_in("webrtc_sdk", "livekit")),
    ({"meta.plan": "pro"}, lambda row: (row["metadata"] or {}).get("plan") == "pro"),
    ({"meta.seats": "3"}, lambda row: (row["metadata"] or {}).get("seats") == 3),
    ({"meta.plan": "Unknown"}, lambda row: "plan" not in (row["metadata"] or {})),
    (
        {"browser": "Chrome", "country": "DE", "meta.plan": "free"},
        lambda row: (
            recount.browser(row) == "Chrome"
            and recount.country(row) == "DE"
            and (row["metadata"] or {}).get("plan") == "free"
        ),
    ),
    ({"browser": "Netscape"}, lambda row: False),
]


async def test_without_filters_the_charts_tell_what_the_rows_tell(
    alice: AsyncClient, world: World
) -> None:
    await calls(world)

    told = await charts(alice, world)

    assert told == recount.recount(await recount.rows_of(world.db, world.app))
    assert told["conferences/summary"]["data"]
    async with world.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FROM monitoring.overview_days WHERE app_id = %s", (world.app,)
        )
        ((kept,),) = await cursor.fetchall()
    assert kept >= 3  # days that are over; the others were counted


async def test_under_filters_the_charts_tell_what_the_rows_tell(
    alice: AsyncClient, world: World
) -> None:
    await calls(world)
    rows = await recount.rows_of(world.db, world.app)

    for parameters, wanted in FILTERS:
        assert await charts(alice, world, **parameters) == recount.recount(rows, wanted=wanted), (
            parameters
        )


@pytest.mark.parametrize(("from_hours", "to_hours"), [(100, None), (130, 20), (30, 2), (None, 60)])
async def test_bounds_cut_in_the_middle_of_a_day(
    alice: AsyncClient, world: World, from_hours: int | None, to_hours: int | None
) -> None:
    await calls(world)
    now = datetime.now(UTC)
    begin = None if from_hours is None else now - timedelta(hours=from_hours)
    last = None if to_hours is None else now - timedelta(hours=to_hours)
    bounds = {}
    if begin is not None:
        bounds["created_at_gte"] = begin.isoformat()
    if last is not None:
        bounds["created_at_lte"] = last.isoformat().replace("+00:00", "Z")
    rows = await recount.rows_of(world.db, world.app)
    before = None if last is None else last + timedelta(microseconds=1)

    told = await charts(alice, world, **bounds)

    assert told == recount.recount(rows, begin=begin, before=before)
    narrow = await charts(alice, world, browser="Chrome", **bounds)
    wanted = FILTERS[0][1]
    assert narrow == recount.recount(rows, wanted=wanted, begin=begin, before=before)


CHANGES = (
    """UPDATE monitoring.conference_participants SET sessions = sessions + 1
    WHERE conference_id IN (SELECT id FROM monitoring.conferences WHERE app_id = %(app)s)""",
    "UPDATE monitoring.participants SET is_sfu = NOT is_sfu WHERE app_id = %(app)s",
    "UPDATE monitoring.conferences SET duration = duration + 3000 WHERE app_id = %(app)s",
    "UPDATE monitoring.conferences SET ongoing = NOT ongoing WHERE app_id = %(app)s",
    "UPDATE monitoring.issues SET code = 'tcp_used', type = 'warning' WHERE app_id = %(app)s AND code = 'ice_failed'",
    "DELETE FROM monitoring.issues WHERE app_id = %(app)s AND code = 'no_connection'",
    "UPDATE monitoring.connections SET type = 'relay' WHERE app_id = %(app)s AND type = 'host'",
    """UPDATE monitoring.connections SET connection_info = jsonb_set(connection_info, '{negotiations,0,status}', '"connected"')
    WHERE app_id = %(app)s AND connection_info #> '{negotiations,0}' IS NOT NULL""",
    "DELETE FROM monitoring.connections WHERE app_id = %(app)s AND type = 'relay'",
    """UPDATE monitoring.sessions SET platform = '{"browser": {"name": "Edge"}}' WHERE app_id = %(app)s AND app_version = '3.1.0'""",
    """UPDATE monitoring.sessions SET geo_ip = '{"country_code": "NG"}' WHERE app_id = %(app)s AND webrtc_sdk IS NULL""",
    "UPDATE monitoring.sessions SET is_active = false WHERE app_id = %(app)s AND metadata IS NULL",
    "UPDATE monitoring.conferences SET is_active = false WHERE app_id = %(app)s AND duration > 3000",
)


async def test_changes_of_days_that_are_over_are_seen(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    await calls(world)
    before = await charts(alice, world)

    for change in CHANGES:
        async with world.db.begin() as tx:
            await tx.psycopg.execute(change, {"app": world.app})
            cursor = await tx.psycopg.execute(
                """SELECT count(*) FROM monitoring.overview_days JOIN monitoring.overview_changes USING (app_id, day)
                WHERE app_id = %s""",
                (world.app,),
            )
            assert await cursor.fetchone() != (0,), change
        clock.advance(service.REMEMBERED_S)
        told = await charts(alice, world)
        assert told == recount.recount(await recount.rows_of(world.db, world.app)), change
        assert told != before, change
        before = told


async def test_what_comes_late_to_a_day_that_is_over_is_seen(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    await calls(world, conferences=5)
    await charts(alice, world)
    old = datetime.now(UTC) - timedelta(days=4)

    late = await world.conference("late", old, duration=61)
    noor, session = world.ids["noor"], new_id()
    where = {**world.owned(old), "conference_id": late, "participant_id": noor}
    await world.link(late, noor, 1)
    await world.put("sessions", **{**where, "id": session}, last_seen_at=old, platform=PLATFORMS[0])
    await world.put(
        "connections",
        **where,
        session_id=session,
        peer_id=noor,
        connection_info={},
        start_time=old,
        last_seen_at=old,
        type="relay",
    )
    # It happens now, and colours a conference of four days ago.
    young = {**where, "created_at": datetime.now(UTC)}
    await world.put("issues", **young, session_id=session, type="error", code="ice_failed")
    clock.advance(service.REMEMBERED_S)

    assert await charts(alice, world) == recount.recount(await recount.rows_of(world.db, world.app))


async def test_a_change_that_is_not_committed_yet_is_not_lost(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    """Figures made beside an open transaction do not count once that transaction ends."""
    old = datetime.now(UTC) - timedelta(days=4)
    conference = await world.conference("old", old, duration=10)
    await charts(alice, world)
    change = "UPDATE monitoring.conferences SET duration = %s WHERE id = %s"
    for duration, is_marked in ((100, False), (400, True)):
        if is_marked:  # the open transaction then finds a mark and leaves none of its own
            async with world.db.begin() as tx:
                await tx.psycopg.execute(change, (duration + 300, conference))
        async with await world.db.connect() as beside:
            await beside.execute("BEGIN")
            await beside.execute(change, (duration, conference))
            clock.advance(service.REMEMBERED_S)
            await charts(alice, world)
            await beside.execute("COMMIT")
        clock.advance(service.REMEMBERED_S)

        told = await charts(alice, world)

        assert told == recount.recount(await recount.rows_of(world.db, world.app))


async def test_answers_are_remembered_for_a_minute(
    alice: AsyncClient, world: World, clock: ManualClock, statements: list[str]
) -> None:
    first = await charts(alice, world)
    await world.issue("error", "ice_failed")
    clock.advance(service.REMEMBERED_S - 1)
    again = await charts(alice, world)
    clock.advance(1)
    anew = await charts(alice, world)

    assert again == first
    assert anew != first


async def test_what_is_remembered_is_not_shown_to_strangers(
    site: AsyncClient, world: World
) -> None:
    parameters = {"appId": str(world.app)}
    for path in recount.PATHS:
        ours = await site.get(f"/v1/{path}", params=parameters, headers=world.alice)
        key = await site.get(f"/v1/{path}", params=parameters, headers=world.alice_app_key)
        theirs = await site.get(f"/v1/{path}", params=parameters, headers=world.charlie)
        nobody = await site.get(f"/v1/{path}", params=parameters)

        assert ours.status_code == key.status_code == 200
        assert (theirs.status_code, theirs.json()["error_code"]) == (400, "app_not_found")
        assert (nobody.status_code, nobody.json()["error_code"]) == (401, "missing_token")
        other = {"appId": str(world.other_app)}
        foreign = await site.get(f"/v1/{path}", params=other, headers=world.alice_app_key)
        assert (foreign.status_code, foreign.json()["error_code"]) == (400, "app_not_found")


async def test_an_app_without_calls_has_empty_charts(site: AsyncClient, world: World) -> None:
    site.headers.update(world.charlie)
    mine = World(**{**vars(world), "app": world.other_app})

    told = await charts(site, mine)

    assert told["conferences/summary"] == {"data": []}
    assert told["conferences/participant-count-summary"] == {"data": [], "total_conferences": 0}
    assert [item["count"] for item in told["conferences/duration-summary"]["data"]] == [0] * 12
    assert [item["count"] for item in told["connections/setup-time-summary"]["data"]] == [0] * 11
    assert told["sessions/summary"] == {"browsers": [], "os": [], "countries": [], "cities": []}


async def test_buckets_carry_their_labels(alice: AsyncClient, world: World) -> None:
    parameters = {"appId": str(world.app)}
    durations = (await alice.get("/conferences/duration-summary", params=parameters)).json()["data"]
    setups = (await alice.get("/connections/setup-time-summary", params=parameters)).json()["data"]

    assert [item["range"] for item in durations[:2]] == ["< 1 m", "1 - 3 m"]
    assert durations[-1] == {"range": "> 60 m", "min_sec": 3600, "max_sec": None, "count": 0}
    assert [item["range"] for item in setups[:2]] == ["< 250 ms", "250 - 500 ms"]
    assert setups[-1]["range"] == "> 5000 ms"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"appId": ""}, "missing_parameters"),
        ({"appId": "nonsense"}, "invalid_parameters"),
        ({"created_at_gte": "yesterday"}, "invalid_parameters"),
        ({"created_at_lte": "2026-02-30"}, "invalid_parameters"),
        ({"browser": "a\x00"}, "invalid_parameters"),
        ({"meta.": "x"}, "invalid_parameters"),
        ({"meta.plan": "x" * 300}, "invalid_parameters"),
        ({f"meta.{n}": "x" for n in range(6)}, "invalid_parameters"),
    ],
)
async def test_impossible_parameters_are_refused(
    alice: AsyncClient, world: World, parameters: dict[str, str], code: str
) -> None:
    for path in recount.PATHS:
        answer = await alice.get(f"/v1/{path}", params={"appId": str(world.app), **parameters})

        assert (answer.status_code, answer.json()["error_code"]) == (400, code)


ALWAYS = ("0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59.999999Z")


@pytest.mark.parametrize(
    "bound", ["created_at_gt", "created_at_gte", "created_at_lt", "created_at_lte"]
)
async def test_bounds_at_the_ends_of_the_calendar_hold(
    alice: AsyncClient, world: World, bound: str
) -> None:
    for path in recount.PATHS:
        for at in ALWAYS:
            # A filter, so that no days are stored.
            parameters = {"appId": str(world.app), bound: at, "os": "Linux"}
            answer = await alice.get(f"/v1/{path}", params=parameters)
            assert answer.status_code == 200, (path, at, answer.text)


async def test_days_before_the_first_call_are_not_counted(alice: AsyncClient, world: World) -> None:
    await calls(world, conferences=5)
    since = await charts(alice, world, created_at_gte="2019-01-01")

    assert since == await charts(alice, world)
    async with world.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT min(day) FROM monitoring.overview_days WHERE app_id = %s", (world.app,)
        )
        (first,) = await cursor.fetchone() or (None,)
    assert first is not None
    # Those of the last six days, and the stand-up's.
    assert first >= min(AT, datetime.now(UTC) - timedelta(days=7)).date()


async def test_the_reference_describes_the_charts(site: AsyncClient) -> None:
    document = (await site.get("/openapi.json")).json()

    for path in (*recount.PATHS, "search"):
        operation = document["paths"][f"/v1/{path}"]["get"]
        assert "schema" in operation["responses"]["200"]["content"]["application/json"]
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert ("query" if path == "search" else "browser") in names
