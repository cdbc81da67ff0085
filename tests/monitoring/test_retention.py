"""Apps decide for themselves how long their events, stats and calls are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.core.partitions import ensure_daily
from signalbox.monitoring.service import delete_expired
from signalbox.monitoring.store import retention
from signalbox.site.app import create_site
from signalbox.site.migrate import migrate
from signalbox.site.settings import Settings, load_settings
from signalbox.site.worker import keeps_of_apps, maintain_partitions

START = datetime(2026, 5, 4, 22, 0, tzinfo=UTC)
STATS = {
    "connection": {"timestamp": 1.0},
    "audio": {"inbound": [{"id": "A", "packetsReceived": 9}]},
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    long = {"SIGNALBOX_SESSION_TOKEN_LIFESPAN": str(90 * 86_400)}
    return load_settings(environment | long)


@pytest.fixture
async def site_app(settings: Settings, clock: ManualClock) -> Any:
    """As everywhere, but with tokens that outlive a call's retention."""
    app = create_site(settings, clock=clock, metrics=Metrics())
    await app.kernel.open()
    yield app
    await app.kernel.close()


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> Iterator[str]:
    """A database of our own: we delete what is old by a clock that is far ahead of other tests'."""
    name = f"signalbox_retention_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    migrate(url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def advance(clock: ManualClock, **span: int) -> None:
    clock.advance(timedelta(**span).total_seconds())


async def app_of(db: Database, **retention: int | None) -> Mapping[Any, Any]:
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=START)
    app = await accounts.create_app(
        db, organization_id=organization["id"], name="app", by=SYSTEM, at=START
    )
    return await accounts.update_app(db, app["id"], retention=retention, by=SYSTEM, at=START)


class Call:
    """A call of one participant with stats, by the doors."""

    def __init__(self, site: httpx.AsyncClient, app: Mapping[Any, Any]) -> None:
        self._site, self._app = site, app
        self.one: dict[str, Any] = {}

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return await self._site.post(path, json=dict(body))

    async def begin(self, conference: str, person: str = "alice") -> None:
        entry = {"apiKey": self._app["api_key"], "conferenceId": conference, "userId": person}
        init = (await self.post("/v1/initialize", entry)).json()
        token = (await self.post("/v1/sessions", {"token": init["token"]})).json()["token"]
        add = {"token": token, "eventName": "addConnection", "peerId": f"peer of {person}"}
        added = (await self.post("/v1/connection", add)).json()
        peer, link = added["peer_id"], added["connection_id"]
        self.one = {"token": token, "peerId": peer, "connectionId": link}
        assert (await self.stats()).status_code == 200

    async def stats(self) -> httpx.Response:
        return await self.post("/v1/stats", self.one | {"data": STATS})

    async def end(self) -> None:
        body = {"token": self.one["token"], "eventName": "endCall"}
        assert (await self.post("/v1/events/browser", body)).status_code == 200


def count(database_url: str, table: str, app: Mapping[Any, Any]) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM monitoring.{table} WHERE app_id = %s", (app["id"],)
        ).fetchone()
    assert row is not None
    return int(row[0])


async def expire(db: Database, settings: Settings, clock: ManualClock) -> int:
    return await delete_expired(db, await keeps_of_apps(db, settings), at=clock.now())


async def test_each_app_keeps_its_events_and_stats_for_its_own_days(
    site: httpx.AsyncClient, db: Database, settings: Settings, clock: ManualClock
) -> None:
    short = await app_of(db, retention_events_days=3, retention_points_days=1)
    usual = await app_of(db)
    for app in (short, usual):
        call = Call(site, app)
        await call.begin("standup")
        await call.end()
    events, samples = count(db.url, "events", short), count(db.url, "samples", short)
    assert events
    assert samples

    advance(clock, hours=25)  # late on the day after the day of the call
    await expire(db, settings, clock)
    assert count(db.url, "samples", short) == samples
    advance(clock, hours=2)
    await expire(db, settings, clock)
    assert count(db.url, "samples", short) == 0
    assert count(db.url, "events", short) == events
    advance(clock, days=2)
    await expire(db, settings, clock)

    assert count(db.url, "events", short) == 0
    assert count(db.url, "conferences", short) == 1
    assert count(db.url, "sessions", short) == 1
    assert count(db.url, "events", usual) == events
    assert count(db.url, "samples", usual) == samples


async def test_a_day_is_walked_through_once_and_in_pieces(
    site: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BLOCKS", 1)
    app = await app_of(db, retention_events_days=1, retention_points_days=1)
    for number in range(12):
        call = Call(site, app)
        await call.begin(f"call {number}")
        await call.end()
    events = count(db.url, "events", app) + count(db.url, "samples", app)
    advance(clock, days=3)

    assert await expire(db, settings, clock) >= events
    assert count(db.url, "events", app) == 0
    async with db.read() as tx:
        through = await retention.deleted_through(tx.psycopg, "events")
    assert through[app["id"]] >= START.date()
    assert await expire(db, settings, clock) == 0


async def test_partitions_live_as_long_as_any_app_wants(
    site: httpx.AsyncClient, db: Database, settings: Settings, clock: ManualClock
) -> None:
    """An app may keep longer than the installation; the others' rows go all the same."""
    long = await app_of(db, retention_events_days=400)
    usual = await app_of(db)
    for app in (long, usual):
        await Call(site, app).begin("standup")
    events = count(db.url, "events", long)
    advance(clock, days=settings.monitoring.events_days + 2)

    await maintain_partitions(db, settings, clock.now())
    assert count(db.url, "events", long) == count(db.url, "events", usual) == events
    await expire(db, settings, clock)
    assert count(db.url, "events", long) == events
    assert count(db.url, "events", usual) == 0

    await accounts.update_app(
        db, long["id"], retention={"retention_events_days": None}, by=SYSTEM, at=clock.now()
    )
    await maintain_partitions(db, settings, clock.now())
    assert count(db.url, "events", long) == 0


_MINUTE = """
    INSERT INTO monitoring.track_minutes (minute, app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key, seconds, totals, weights)
    SELECT %(at)s, %(app)s, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), flow, 'k', 60, '{1}', '{2}'
    FROM generate_series(0, 4) AS f (flow)"""
_ROLLUP = """
    INSERT INTO monitoring.figure_rollups (app_id, span, starts, dimension, value, flow, version, sessions, sketches)
    VALUES (%(app)s, %(span)s, date_trunc(%(name)s, %(at)s, 'UTC'), '', '', 0, 1, 1, '')"""


async def measured(db: Database, app: Mapping[Any, Any], *instants: datetime) -> None:
    """Minutes of every flow at some instants, with the rollups of their hours and days."""
    async with db.begin() as tx:
        for at in instants:
            await ensure_daily(tx.psycopg, "monitoring.track_minutes", at.date(), at.date())
            await tx.psycopg.execute(_MINUTE, {"app": app["id"], "at": at})
            for span, name in (("h", "hour"), ("d", "day")):
                values = {"app": app["id"], "at": at, "span": span, "name": name}
                await tx.psycopg.execute(_ROLLUP + " ON CONFLICT DO NOTHING", values)


async def test_each_app_keeps_its_figures_for_its_own_days(
    db: Database, settings: Settings, clock: ManualClock
) -> None:
    """Never shorter than the reports that they are made of, from which they would be made again."""
    short = await app_of(db, retention_points_days=1, retention_rollups_days=3)
    reports = await app_of(db, retention_points_days=30, retention_rollups_days=3)
    usual = await app_of(db)
    # Two hours of the 4th of May, one of the 5th; what a trace of long ago left.
    hours = [START, START + timedelta(hours=1), START + timedelta(hours=3)]
    for app in (short, reports, usual):
        await measured(db, app, *hours, START - timedelta(days=30))

    def left(app: Mapping[Any, Any]) -> list[int]:
        return [count(db.url, table, app) for table in ("track_minutes", "figure_rollups")]

    await expire(db, settings, clock)
    assert [left(app) for app in (short, reports, usual)] == [[15, 5], [15 + 5, 5 + 2], [20, 7]]

    advance(clock, days=4)  # the 8th: the 4th is more than three days ago
    await expire(db, settings, clock)
    assert [left(app) for app in (short, reports, usual)] == [[5, 2], [15, 5], [20, 7]]
    advance(clock, days=1)
    await expire(db, settings, clock)
    assert left(short) == [0, 0]
    assert count(db.url, "figure_changes", short) == 0
    advance(clock, days=26)
    await expire(db, settings, clock)
    assert [left(app) for app in (reports, usual)] == [[5, 2], [20, 7]]

    advance(clock, days=settings.monitoring.rollups_days)
    await maintain_partitions(db, settings, clock.now())
    assert left(usual)[0] == 0
    await expire(db, settings, clock)
    assert left(usual) == [0, 0]


TABLES = (
    "conferences", "participants", "sessions", "connections", "tracks", "events", "samples", "issues",
)  # fmt: skip


async def test_calls_are_deleted_with_all_that_belongs_to_them(
    site: httpx.AsyncClient, db: Database, settings: Settings, clock: ManualClock
) -> None:
    app, other = await app_of(db, retention_days=10), await app_of(db)
    for each in (app, other):
        for _ in range(2):  # a rejoin is an issue
            call = Call(site, each)
            await call.begin("standup")
            assert (await call.post("/v1/events/get-user-media", {"token": call.one["token"], "data": {"error": {"name": "E"}}})).status_code == 200  # fmt: skip
            await call.end()
    before = {table: count(db.url, table, app) for table in TABLES}
    assert before["issues"]
    advance(clock, days=10, seconds=-1)
    await expire(db, settings, clock)
    assert {table: count(db.url, table, app) for table in TABLES} == before

    advance(clock, seconds=2)
    await expire(db, settings, clock)

    left = {table: count(db.url, table, app) for table in TABLES}
    assert left == dict.fromkeys(TABLES, 0)
    assert {table: count(db.url, table, other) for table in TABLES} == before


async def test_a_room_in_daily_use_loses_only_its_old_calls(
    site: httpx.AsyncClient, db: Database, settings: Settings, clock: ManualClock
) -> None:
    app = await app_of(db, retention_days=10)
    old, new = Call(site, app), Call(site, app)
    await old.begin("standup", "alice")
    await old.end()
    advance(clock, days=9)
    await maintain_partitions(db, settings, clock.now())
    await new.begin("standup", "bob")
    begun = clock.now()
    advance(clock, days=2)
    await maintain_partitions(db, settings, clock.now())

    await expire(db, settings, clock)

    assert count(db.url, "sessions", app) == 1
    assert count(db.url, "conferences", app) == 1
    with psycopg.connect(db.url) as connection:
        people = connection.execute(
            "SELECT participant_id FROM monitoring.participants WHERE app_id = %s ORDER BY 1",
            (app["id"],),
        ).fetchall()
    assert [name for (name,) in people] == ["bob", "peer of bob"]
    assert (await new.stats()).status_code == 200
    await new.end()
    with psycopg.connect(db.url) as connection:
        left = connection.execute(
            "SELECT start_time, duration FROM monitoring.conferences WHERE app_id = %s",
            (app["id"],),
        ).fetchall()
    assert left == [(begun, 2 * 86_400)]  # what was deleted no longer counts


async def test_a_running_call_is_never_deleted(
    site: httpx.AsyncClient, db: Database, settings: Settings, clock: ManualClock
) -> None:
    app = await app_of(db, retention_days=1)
    call = Call(site, app)
    await call.begin("endless")
    body = call.one | {"eventName": "onconnectionstatechange", "data": "connected"}
    assert (await call.post("/v1/connection", body)).status_code == 200
    advance(clock, days=5)

    await expire(db, settings, clock)

    assert count(db.url, "sessions", app) == 1


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_client_of_a_deleted_call_is_told_to_stop(
    site: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    clock: ManualClock,
    remembered: bool,
) -> None:
    """`connection_ended` stops the SDK, which would repeat anything else. To a process that never knew the session its token is just invalid."""
    app = await app_of(db, retention_days=2)
    call = Call(site, app)
    await call.begin("standup")
    await call.end()
    advance(clock, days=3)
    await expire(db, settings, clock)
    assert count(db.url, "sessions", app) == 0

    one = call.one
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/stats", one | {"data": STATS}),
        (
            "POST",
            "/v1/tracks",
            one | {"event": "ontrack", "trackId": "t", "data": {"kind": "audio"}},
        ),
        ("PUT", "/v1/tracks", one | {"event": "mute", "trackId": "t"}),
        ("POST", "/v1/events/browser", one | {"eventName": "endCall"}),
        ("POST", "/v1/events/browser", one | {"eventName": "tabFocus", "data": {"focus": True}}),
        ("POST", "/v1/connection", one | {"eventName": "onicecandidate", "data": None}),
        ("POST", "/v1/connection", one | {"eventName": "addConnection", "peerId": "carol"}),
        ("PUT", "/v1/sessions", one | {"devices": []}),
    ]
    if remembered:
        await answers(site, requests, (400, "connection_ended"))
        return
    fresh = create_site(settings, clock=clock, metrics=Metrics())
    await fresh.kernel.open()
    transport = httpx.ASGITransport(app=fresh)
    async with httpx.AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        await answers(client, requests, (401, "invalid_token"))
    await fresh.kernel.close()


async def answers(
    site: httpx.AsyncClient,
    requests: list[tuple[str, str, dict[str, Any]]],
    expected: tuple[int, str],
) -> None:
    for method, path, body in requests:
        response = await site.request(method, path, json=body)
        told = (response.status_code, response.json()["error_code"])
        assert told == expected, (method, path, body)


async def test_an_unknown_connection_of_a_living_session_is_not_ended(
    site: httpx.AsyncClient, db: Database
) -> None:
    call = Call(site, await app_of(db))
    await call.begin("standup")

    call.one["connectionId"] = str(uuid4())
    assert (await call.stats()).json()["error_code"] == "connection_not_found"
    body = call.one | {"eventName": "onicecandidate", "data": None}
    assert (await call.post("/v1/connection", body)).json()["error_code"] == "connection_not_found"


async def test_what_somebody_holds_is_left_for_the_next_run(
    site: httpx.AsyncClient, db: Database, settings: Settings, clock: ManualClock
) -> None:
    app = await app_of(db, retention_days=1)
    call = Call(site, app)
    await call.begin("standup")
    await call.end()
    advance(clock, days=2)
    with psycopg.connect(db.url) as holder:
        holder.execute(
            "SELECT 1 FROM monitoring.sessions WHERE app_id = %s FOR UPDATE", (app["id"],)
        )
        await expire(db, settings, clock)
        assert count(db.url, "sessions", app) == 1

    await expire(db, settings, clock)
    assert count(db.url, "sessions", app) == 0


async def test_a_partition_that_is_dropped_meanwhile_is_no_error(db: Database) -> None:
    async with db.begin() as tx:
        assert await retention.blocks_of(tx.psycopg, "events_19990101") == 0
