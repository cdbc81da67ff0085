"""What the API tells of recorded calls equals what the rows and the recorded requests say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.monitoring.rules.overview import MAX_CONFERENCE_IDS
from tests.monitoring import recompute, recount
from tests.monitoring.replay import replay, trace

TRACES = (
    "p2p",
    "two-participants",
    "gum-denied",
    "ice-fail",
    "relay",
    "janus",
    "endcall",
    "killed",
)
PAIR = {"id", "bytesSent", "packetsSent", "responsesReceived", "totalRoundTripTime"}


async def owner(db: Database, clock: ManualClock) -> tuple[Any, dict[str, str]]:
    at = clock.now()
    organization = await accounts.create_organization(db, name="alice", by=SYSTEM, at=at)
    app = await accounts.create_app(
        db, organization_id=organization["id"], name="app", by=SYSTEM, at=at
    )
    _, key = await accounts.create_key(
        db, organization_id=organization["id"], scopes=["read"], by=SYSTEM, at=at
    )
    return app, {"authorization": f"Bearer {key}"}


async def told(
    site: httpx.AsyncClient, app: Any, headers: dict[str, str], **more: str
) -> dict[str, Any]:
    answers = await asyncio.gather(
        *(
            site.get(f"/v1/{path}", params={"appId": str(app["id"]), **more}, headers=headers)
            for path in recount.PATHS
        )
    )
    return {
        path: recount.comparable(path, answer.json())
        for path, answer in zip(recount.PATHS, answers, strict=True)
    }


async def test_charts_of_recorded_calls_can_be_recounted(
    site: httpx.AsyncClient, db: Database, clock: ManualClock
) -> None:
    app, headers = await owner(db, clock)
    for name in TRACES:
        await replay(site, clock, app["api_key"], trace(name))
        clock.advance(3600)
    rows = await recount.rows_of(db, app["id"])

    whole = await told(site, app, headers)
    chrome = await told(site, app, headers, browser="Chrome", os="Linux")

    assert whole == recount.recount(rows)
    assert chrome == recount.recount(
        rows, wanted=lambda row: recount.browser(row) == "Chrome" and recount.system(row) == "Linux"
    )
    # The recordings hold what the charts are for.
    assert whole["conferences/participant-count-summary"]["total_conferences"] >= 5
    assert whole["issues/gum-summary"]["total"] > 0
    assert all(item["count"] for item in whole["connections/summary"]["data"])
    assert sum(item["count"] for item in whole["connections/setup-time-summary"]["data"]) > 0
    assert len(whole["connections/setup-time-summary"]["data"]) == 11
    assert MAX_CONFERENCE_IDS >= 200


async def test_charts_of_recorded_calls_follow_from_raw_events(
    site: httpx.AsyncClient, db: Database, clock: ManualClock
) -> None:
    """From events and reports as they are stored, whatever else was derived from them when they came."""
    app, headers = await owner(db, clock)
    for name in TRACES:
        await replay(site, clock, app["api_key"], trace(name))
        clock.advance(3600)

    rows = await recompute.recomputed(db, app["id"])

    assert await told(site, app, headers) == recount.recount(rows)


@pytest.mark.parametrize("name", ["p2p", "janus"])
async def test_graphs_of_a_recorded_call_hold_what_was_sent(
    site: httpx.AsyncClient, db: Database, clock: ManualClock, name: str
) -> None:
    app, headers = await owner(db, clock)
    requests = trace(name)
    await replay(site, clock, app["api_key"], requests)
    listed = await site.get("/v1/conferences", params={"appId": str(app["id"])}, headers=headers)
    sent = [json.loads(r.body)["data"] for r in requests if r.path == "/v1/stats" and r.body]

    points: list[Any] = []
    for conference in listed.json()["data"]:
        answer = await site.get(f"/v1/conferences/{conference['id']}/graphs", headers=headers)
        assert answer.status_code == 200
        found = answer.json()["summary"]["data"]
        assert [point["created_at"] for point in found] == sorted(p["created_at"] for p in found)
        points += found

    def text(value: Any) -> str:
        return json.dumps(value, sort_keys=True)

    assert sorted(text(point["data"]["connection"]) for point in points) == sorted(
        text({key: value for key, value in data["connection"].items() if key in PAIR})
        for data in sent
    )
    assert sorted(text(point["data"].get("remote")) for point in points) == sorted(
        text(data.get("remote")) for data in sent
    )
    for kind in ("audio", "video"):
        for direction in ("inbound", "outbound"):
            assert sorted(
                report["id"] for point in points for report in point["data"][kind][direction]
            ) == sorted(report["id"] for data in sent for report in data[kind][direction])
    scored = [r for p in points for r in p["data"]["audio"]["inbound"] if "emos" in r]
    assert scored
    assert all(1 <= report["emos"] <= 5 for report in scored)
