"""What the SDK reported in a recorded call can be read back, report by report."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from tests.monitoring.replay import replay, trace


def reports(data: dict[str, Any]) -> list[str]:
    """All RTP reports in a stats object, as sorted text."""
    found: list[Any] = []
    for kind in ("audio", "video"):
        for direction in ("inbound", "outbound"):
            found += (data.get(kind) or {}).get(direction) or []
    return sorted(json.dumps(report, sort_keys=True) for report in found)


async def read(site: httpx.AsyncClient, key: str, path: str, **parameters: str) -> Any:
    """An answer of the private API."""
    headers = {"authorization": f"Bearer {key}"}
    answer = await site.get(path, params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_recorded_call_reads_back_as_it_was_sent(
    site: httpx.AsyncClient, db: Database, clock: ManualClock
) -> None:
    at = clock.now()
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=at)
    owner = {"organization_id": organization["id"], "by": SYSTEM, "at": at}
    app = await accounts.create_app(db, name="app", **owner)
    _, key = await accounts.create_key(db, scopes=["read"], **owner)
    requests = trace("p2p")
    await replay(site, clock, app["api_key"], requests)

    (conference,) = (await read(site, key, "/v1/conferences", appId=str(app["id"])))["data"]
    path = f"/v1/conferences/{conference['id']}/events"
    stats = (await read(site, key, path, type="stats"))["data"]
    page = await read(site, key, path, type="stats", limit="3")
    sent = [json.loads(r.body)["data"] for r in requests if r.path == "/v1/stats" and r.body]

    main = [event for event in stats if event["track"] is None]
    assert page["count"] == len(stats)
    assert page["results"] == stats[:3]
    assert len(main) == len(sent)
    by_pair = {json.dumps(data["connection"], sort_keys=True): data for data in sent}
    for event in main:
        data = by_pair[json.dumps(event["data"]["connection"], sort_keys=True)]
        parts = [
            other["data"]
            for other in stats
            if other["track"]
            and other["created_at"] == event["created_at"]
            and other["connection"] == event["connection"]
        ]
        told = reports(event["data"]) + [json.dumps(part, sort_keys=True) for part in parts]
        assert sorted(told) == reports(data)
        assert event["data"].get("remote") == data.get("remote")

    for route, category in (("stats", "S"), ("connection", "C"), ("events/browser", "B")):
        listed = await read(site, key, f"/v1/{route}/", conferenceId=conference["id"])
        assert {event["category"] for event in listed["data"]} == {category}
    tracks = (await read(site, key, "/v1/tracks", conferenceId=conference["id"]))["data"]
    assert {event["track"] for event in stats if event["track"]} <= {t["id"] for t in tracks}
    assert all(UUID(event["id"]) for event in stats)
    others = (await read(site, key, path, type="-stats"))["data"]
    assert {event["category"] for event in others} <= set("BMCT")


async def test_doors_of_both_kinds_share_addresses_and_the_reference(
    site: httpx.AsyncClient,
) -> None:
    batch = await site.get("/v1/connection/batch")
    stats = await site.get("/v1/stats")
    page = await site.get("/nothing", headers={"accept": "text/html"})
    paths = (await site.get("/openapi.json")).json()["paths"]

    assert (batch.status_code, batch.json()["error_code"]) == (405, "method_not_allowed")
    assert (stats.status_code, stats.json()["error_code"]) == (401, "missing_token")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert {"get", "post"} <= set(paths["/v1/stats"])
    assert (await site.get("/docs")).status_code == 200


async def test_no_page_of_the_framework_loads_scripts_from_elsewhere(
    site: httpx.AsyncClient,
) -> None:
    for path in ("", "/", "/redoc", "/swagger", "/elements", "/rapidoc"):
        answer = await site.get(f"/schema{path}", headers={"accept": "text/html"})
        assert "<script" not in answer.text
