"""What arrives after a session was left still counts as of the time at which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database

Reporter = Mapping[str, str]


@pytest.fixture
async def app(db: Database, clock: ManualClock) -> Mapping[Any, Any]:
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=clock.now())
    return await accounts.create_app(
        db, organization_id=organization["id"], name="app", by=SYSTEM, at=clock.now()
    )


@pytest.fixture
async def token(site: httpx.AsyncClient, app: Mapping[Any, Any]) -> str:
    entry = {"apiKey": app["api_key"], "conferenceId": "late", "userId": "alice"}
    init = await post(site, "/v1/initialize", entry)
    answer = await post(site, "/v1/sessions", {"token": init["token"]})
    return str(answer["token"])


async def post(site: httpx.AsyncClient, path: str, body: object) -> Any:
    response = await site.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def add(site: httpx.AsyncClient, token: str) -> Reporter:
    body = {"token": token, "eventName": "addConnection", "peerId": "bob"}
    made = await post(site, "/v1/connection", body)
    return {"token": token, "peerId": made["peer_id"], "connectionId": made["connection_id"]}


async def state(site: httpx.AsyncClient, one: Reporter, value: str, *, delta_ms: int = 0) -> None:
    event = {"eventName": "onconnectionstatechange", "data": value, "delta": delta_ms}
    assert await post(site, "/v1/connection", {**one, **event}) == ""


async def leave(site: httpx.AsyncClient, token: str) -> None:
    assert await post(site, "/v1/events/browser", {"token": token, "eventName": "endCall"}) == ""


async def codes(db: Database, app: Mapping[Any, Any]) -> list[str]:
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT code FROM monitoring.issues WHERE app_id = %s AND is_active ORDER BY code",
            (app["id"],),
        )
        return [code for (code,) in await cursor.fetchall()]


async def test_a_late_connected_takes_no_connection_back(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], token: str, clock: ManualClock
) -> None:
    one = await add(site, token)
    clock.advance(5)
    await leave(site, token)
    assert await codes(db, app) == ["no_connection"]
    clock.advance(2)

    await state(site, one, "connected", delta_ms=4_000)

    assert await codes(db, app) == []


async def test_a_late_connected_from_after_the_end_changes_nothing(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], token: str, clock: ManualClock
) -> None:
    one = await add(site, token)
    clock.advance(5)
    await leave(site, token)
    clock.advance(2)

    await state(site, one, "connected")

    assert await codes(db, app) == ["no_connection"]


async def test_a_connection_added_after_the_leave_is_judged_with_its_session(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], token: str, clock: ManualClock
) -> None:
    await add(site, token)
    clock.advance(5)
    await leave(site, token)
    clock.advance(5)
    again = await add(site, token)
    assert await codes(db, app) == ["no_connection"]
    clock.advance(1)

    await state(site, again, "connected")

    assert await codes(db, app) == []


async def test_a_leave_that_arrives_late_marks_what_was_added_after_it(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], token: str, clock: ManualClock
) -> None:
    await add(site, token)
    clock.advance(5)
    again = await add(site, token)
    clock.advance(1)
    late = {"token": token, "eventName": "endCall", "delta": 3_000}
    assert await post(site, "/v1/events/browser", late) == ""
    assert await codes(db, app) == ["no_connection"]

    await state(site, again, "connected")

    assert await codes(db, app) == []
