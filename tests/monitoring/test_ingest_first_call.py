"""One call through the doors: stored, judged, readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database

STATS: dict[str, Any] = {
    "audio": {
        "inbound": [
            {
                "id": "IT1", "type": "inbound-rtp", "kind": "audio", "packetsReceived": 94, "packetsLost": 1,
                "bytesReceived": 4390, "trackIdentifier": "t-in", "track": {}, "timestamp": 1.0,
            }
        ],
        "outbound": [],
    },
    "video": {"inbound": [], "outbound": []},
    "connection": {
        "state": "succeeded", "nominated": True, "bytesSent": 10, "timestamp": 1.0,
        "local": {"candidateType": "relay", "protocol": "tcp"}, "remote": {"candidateType": "host"},
    },
}  # fmt: skip


@pytest.fixture
async def app(db: Database, clock: ManualClock) -> Mapping[Any, Any]:
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=clock.now())
    return await accounts.create_app(
        db, organization_id=organization["id"], name="app", by=SYSTEM, at=clock.now()
    )


async def post(site: httpx.AsyncClient, path: str, body: object) -> Any:
    response = await site.post(path, json=body)
    assert response.status_code == 200, response.text
    assert response.headers["access-control-allow-origin"] == "*"
    return response.json()


async def test_a_call_is_stored_judged_and_readable(
    site: httpx.AsyncClient, db: Database, app: Mapping[Any, Any], clock: ManualClock
) -> None:
    entry = {"apiKey": app["api_key"], "conferenceId": "c1", "userId": "alice"}
    init = await post(site, "/v1/initialize", entry)
    assert init["getStatsInterval"] == 10_000
    assert init["batchConnectionEvents"] is False
    session = (await post(site, "/v1/sessions", {"token": init["token"], "meta": {"plan": "pro"}}))[
        "token"
    ]
    added = await post(
        site,
        "/v1/connection",
        {"token": session, "eventName": "addConnection", "peerId": "bob", "peerName": "Bob"},
    )
    one = {"token": session, "peerId": added["peer_id"], "connectionId": added["connection_id"]}
    clock.advance(1)
    assert (
        await post(
            site,
            "/v1/connection",
            one | {"eventName": "onconnectionstatechange", "data": "connected"},
        )
        == ""
    )
    clock.advance(4)
    assert await post(site, "/v1/stats", one | {"data": STATS}) == ""
    assert await post(site, "/v1/stats", one | {"data": STATS, "delta": 0}) == ""
    clock.advance(5)
    assert await post(site, "/v1/events/browser", {"token": session, "eventName": "unload"}) == ""

    async with db.read() as tx:
        row = await (await tx.psycopg.execute(
            "SELECT state, duration, type, connection_info, established FROM monitoring.connections WHERE id = %s",
            (UUID(added["connection_id"]),),
        )).fetchone()  # fmt: skip
        assert row is not None
        assert row[:3] == ("connected", 10, "relay")
        assert row[3]["detected_tcp"]
        assert row[3]["detected_turn"]
        assert row[3]["negotiations"][0]["duration"] == 1
        conference = await (await tx.psycopg.execute(
            "SELECT ongoing, duration FROM monitoring.conferences WHERE app_id = %s", (app["id"],)
        )).fetchone()  # fmt: skip
        assert conference == (False, 10)
        samples = await (await tx.psycopg.execute(
            "SELECT flows, bytes, tracks[1] IS NOT NULL FROM monitoring.samples WHERE app_id = %s", (app["id"],)
        )).fetchall()  # fmt: skip
        assert samples == [([0], [4390], True)]
        issues = await (await tx.psycopg.execute(
            "SELECT code FROM monitoring.issues WHERE app_id = %s AND is_active ORDER BY code", (app["id"],)
        )).fetchall()  # fmt: skip
        assert [code for (code,) in issues] == ["tcp_used", "turn_used"]
        usage = await (await tx.psycopg.execute(
            "SELECT seconds FROM monitoring.app_usage WHERE app_id = %s", (app["id"],)
        )).fetchall()  # fmt: skip
        assert usage == [(10,)]
    refused = await site.post("/v1/stats", json=one | {"data": {"connection": {"timestamp": 9}}})
    assert refused.status_code == 200  # within two seconds of the end
    clock.advance(3)
    refused = await site.post("/v1/stats", json=one | {"data": {"connection": {"timestamp": 10}}})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "connection_ended")
    assert (await site.get("/v1/conferences?appId=x")).status_code == 401
