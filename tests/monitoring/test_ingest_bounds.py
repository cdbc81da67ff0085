"""One page cannot make the database grow, or everybody's commits slow, by what a single request or session holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from signalbox.monitoring.ingest.reading import MAX_FLOWS, MAX_MEDIA_TRACKS
from signalbox.monitoring.store import events
from tests.monitoring.conftest import House
from tests.monitoring.pages import Page
from tests.monitoring.records import records


async def tracks_after(house: House, path: str, data: Mapping[str, Any]) -> int:
    """How many tracks an app has after one post with this data."""
    app = await house.app()
    page = await Page.open(house, app)
    answer = await house.client.post(path, json=page.good("POST", path) | {"data": data})
    assert answer.status_code == 200
    return (await records(house.db, app["id"]))["tracks"][0]


async def test_a_report_names_so_many_tracks_at_most(house: House) -> None:
    inbound = [{"id": str(n), "trackIdentifier": f"t{n}"} for n in range(MAX_FLOWS - 5)]
    outbound = [{"id": str(n), "trackIdentifier": f"o{n}"} for n in range(10)]
    data = {"audio": {"inbound": inbound}, "video": {"outbound": outbound}}
    assert await tracks_after(house, "/v1/stats", data) == MAX_FLOWS


async def test_a_request_for_media_names_so_many_tracks_at_most(house: House) -> None:
    tracks = [{"id": f"t{n}"} for n in range(MAX_MEDIA_TRACKS + 1)]
    data = {"audio": tracks, "video": [{"id": "v"}]}
    count = await tracks_after(house, "/v1/events/get-user-media", data)
    assert count == MAX_MEDIA_TRACKS + 1


async def test_a_session_that_reports_without_end_still_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_FACTS", 3)
    app = await house.app()
    page = await Page.open(house, app)
    for number in range(10):
        body = {"token": page.session, "data": {"constraints": {"a": number}}}
        await house.client.post("/v1/events/get-user-media", json=body)
    for number in range(10):
        leave = {"token": page.session, "eventName": "unload", "data": number}
        assert (await house.client.post("/v1/events/browser", json=leave)).status_code == 200
    async with house.db.read() as tx:
        query = """SELECT jsonb_array_length(l.facts), s.end_time IS NULL,
                (SELECT count(*) FROM monitoring.events e WHERE e.session_id = s.id)
            FROM monitoring.sessions s JOIN monitoring.session_lives l ON l.session_id = s.id WHERE s.app_id = %s"""
        row = await (await tx.psycopg.execute(query, (app["id"],))).fetchone()
    assert row == (6, False, 21)
