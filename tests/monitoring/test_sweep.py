"""Conferences that nobody hears of any more are ended as of their last activity."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.monitoring import service
from signalbox.site.commands.monitoring import monitoring

SILENCE = timedelta(hours=4)


@pytest.fixture
async def app(db: Database, clock: ManualClock) -> Mapping[Any, Any]:
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=clock.now())
    return await accounts.create_app(
        db, organization_id=organization["id"], name="app", by=SYSTEM, at=clock.now()
    )


async def post(site: httpx.AsyncClient, path: str, body: object) -> Any:
    response = await site.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def call(site: httpx.AsyncClient, app: Mapping[Any, Any], name: str) -> dict[str, str]:
    entry = {"apiKey": app["api_key"], "conferenceId": name, "userId": f"{name}-alice"}
    init = await post(site, "/v1/initialize", entry)
    token = (await post(site, "/v1/sessions", {"token": init["token"]}))["token"]
    added = {"token": token, "eventName": "addConnection", "peerId": f"{name}-bob"}
    made = await post(site, "/v1/connection", added)
    return {"token": token, "connectionId": made["connection_id"]}


async def rows(db: Database, app: Mapping[Any, Any]) -> dict[str, tuple[Any, ...]]:
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            """SELECT c.conference_id, c.ongoing, c.end_time, c.duration, s.end_time, c.last_seen_at
            FROM monitoring.conferences c JOIN monitoring.sessions s ON s.conference_id = c.id WHERE c.app_id = %s""",
            (app["id"],),
        )
        return {name: tuple(more) for name, *more in await cursor.fetchall()}


async def sweep(db: Database, clock: ManualClock) -> None:
    """As the worker does, minute by minute: conferences of other tests may come first."""
    while await service.end_stale_conferences(db, silent_for=SILENCE, at=clock.now()):
        pass


async def report(site: httpx.AsyncClient, one: Mapping[str, str], at: datetime) -> None:
    pair = {"timestamp": at.timestamp() * 1000, "bytesSent": 1}
    await post(site, "/v1/stats", {**one, "data": {"connection": pair}})


async def test_a_forgotten_conference_ends_when_it_was_last_heard_of(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], clock: ManualClock
) -> None:
    begun = clock.now()
    silent, alive = await call(site, app, "silent"), await call(site, app, "alive")
    clock.advance(600)
    await report(site, silent, clock.now())
    clock.advance(4 * 3600)
    await report(site, alive, clock.now())
    clock.advance(60)

    await sweep(db, clock)

    found = await rows(db, app)
    last = begun + timedelta(seconds=600)
    assert found["silent"][:4] == (False, last, 600, last)
    assert found["alive"][:4] == (True, None, 0, None)


@pytest.mark.parametrize("hours", [1, 5])
async def test_one_that_only_reports_is_not_looked_at_again_and_again(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], clock: ManualClock, hours: int
) -> None:
    """Whether its row tells of it within the silence that is allowed or not: it would stand in the way of a call that was sent late."""
    alive = await call(site, app, "alive")
    clock.advance(5 * 3600)
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE monitoring.conferences SET last_seen_at = %s WHERE app_id = %s",
            (clock.now() - timedelta(hours=hours), app["id"]),
        )
    await report(site, alive, clock.now())
    heard = clock.now()
    clock.advance(60)

    await sweep(db, clock)

    assert (await rows(db, app))["alive"][4] == heard


async def test_one_that_was_sent_long_afterwards_ends_when_no_more_of_it_comes(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], clock: ManualClock
) -> None:
    """What happened days ago has been silent for long, though it came just now."""
    ago = {"delta": 9 * 86_400_000}
    entry = {"apiKey": app["api_key"], "conferenceId": "late", "userId": "late-alice", **ago}
    init = await post(site, "/v1/initialize", entry)
    token = (await post(site, "/v1/sessions", {"token": init["token"], **ago}))["token"]
    added = {"token": token, "eventName": "addConnection", "peerId": "late-bob", **ago}
    await post(site, "/v1/connection", added)
    began = clock.now() - timedelta(days=9)
    clock.advance(110)

    await sweep(db, clock)
    assert (await rows(db, app))["late"][0] is True

    clock.advance(20)
    await sweep(db, clock)
    ongoing, ended, _, left, _ = (await rows(db, app))["late"]
    assert (ongoing, ended, left) == (False, began, began)


async def test_one_whose_sessions_were_deleted_ends_too(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], clock: ManualClock
) -> None:
    """And is not found again and again, before all others."""
    begun = clock.now()
    await call(site, app, "emptied")
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE monitoring.conferences SET ongoing = true, call_start = %s WHERE app_id = %s",
            (begun - timedelta(seconds=90), app["id"]),
        )
        await tx.psycopg.execute(
            "UPDATE monitoring.sessions SET is_active = false WHERE app_id = %s", (app["id"],)
        )
    clock.advance(4 * 3600 + 60)

    await sweep(db, clock)

    assert (await rows(db, app))["emptied"][:3] == (False, begun, 90)


async def test_an_operator_sees_and_ends_what_was_forgotten(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], clock: ManualClock
) -> None:
    begun = clock.now()  # years ago, as the command sees it
    made = await call(site, app, "silent")

    def end_stale(*args: str) -> Result:
        environ = {"SIGNALBOX_DATABASE_URL": db.url}
        return CliRunner().invoke(monitoring, ["end-stale", *args], env=environ)

    def of_app(result: Result) -> list[dict[str, Any]]:
        assert result.exit_code == 0, result.output
        return [row for row in json.loads(result.stdout) if row["app_id"] == str(app["id"])]

    seen = of_app(await asyncio.to_thread(end_stale, "--dry-run", "--json"))
    assert (await rows(db, app))["silent"][0] is True
    ended = of_app(await asyncio.to_thread(end_stale, "--hours", "0.5", "--json"))
    again = of_app(await asyncio.to_thread(end_stale, "--json"))
    refused = await asyncio.to_thread(end_stale, "--hours", "0")

    assert [(row["conference_id"], row["last_activity"]) for row in seen] == [
        ("silent", f"{begun:%Y-%m-%dT%H:%M:%S.%fZ}")
    ]
    assert (ended, again) == (seen, [])
    assert (await rows(db, app))["silent"][:4] == (False, begun, 0, begun)
    assert refused.exit_code == 2
    late = {**made, "data": {"connection": {"timestamp": 1}}}
    clock.advance(3)
    answer = await site.post("/v1/stats", json=late)
    assert answer.json()["error_code"] == "connection_ended"
