"""Events: stored ones, and those that a stored report is expanded into."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from signalbox.core.ids import derived_id
from signalbox.monitoring import queries
from signalbox.monitoring.routes import events
from tests.monitoring.reading.conftest import World

INBOUND = {"id": "IT", "type": "inbound-rtp", "packetsReceived": 10, "own": {"x": 1}}
OUTBOUND = {"id": "OT", "type": "outbound-rtp", "packetsSent": 20}
REPORT = {
    "audio": {"inbound": [INBOUND], "outbound": [OUTBOUND]},
    "video": {"inbound": [], "outbound": []},
    "connection": {"id": "CP", "bytesSent": 5},
    "remote": {"audio": {"inbound": []}},
}


async def listed(client: AsyncClient, world: World, **parameters: str) -> dict[str, Any]:
    path = f"/v1/conferences/{world.ids['conference']}/events"
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_report_becomes_a_main_event_and_one_for_each_track(
    alice: AsyncClient, world: World
) -> None:
    sample = await world.sample(1, REPORT)

    main, track = (await listed(alice, world))["data"]

    assert main["id"] == str(derived_id(sample, 0))
    assert track["id"] == str(derived_id(sample, 1))
    assert main["data"] == {
        "connection": REPORT["connection"],
        "audio": {"inbound": [], "outbound": [OUTBOUND]},
        "remote": REPORT["remote"],
    }
    assert track["data"] == INBOUND
    assert (main["track"], track["track"]) == (None, str(world.ids["track"]))
    for event in (main, track):
        assert (event["type"], event["category"], event["category_name"]) == ("stats", "S", "stats")
        assert event["connection"] == str(world.ids["connection"])
        assert event["peer"] == str(world.ids["sfu"])
        assert event["created_at"] == "2026-11-21T12:00:01.000000Z"


async def test_a_thinned_report_is_rebuilt_from_its_figures(
    alice: AsyncClient, world: World
) -> None:
    await world.sample(1, None, rtt_ms=30.0, available_bps=1e6)

    main, track = (await listed(alice, world))["data"]

    assert main["data"] == {
        "thinned": True,
        "connection": {"currentRoundTripTime": 0.03, "availableOutgoingBitrate": 1e6},
        "audio": {
            "inbound": [],
            "outbound": [
                {"type": "outbound-rtp", "kind": "audio", "bytesSent": 2000, "packetsSent": 20}
            ],
        },
    }
    assert track["data"] == {
        "type": "inbound-rtp",
        "kind": "audio",
        "bytesReceived": 1000,
        "packetsReceived": 10,
        "packetsLost": 1,
        "jitter": 0.002,
        "emos": 4.25,
        "thinned": True,
    }


async def test_types_categories_and_connections_are_told_apart(
    alice: AsyncClient, world: World
) -> None:
    await world.event("tabFocus", "B", 1, {"focus": True})
    await world.event("onicecandidate", "C", 2, None, connection_id=world.ids["connection"])
    await world.event("getUserMedia", "M", 3, {"constraints": {}})
    await world.sample(4, REPORT)

    async def types(**parameters: str) -> list[str]:
        return [event["type"] for event in (await listed(alice, world, **parameters))["data"]]

    assert await types() == ["tabFocus", "onicecandidate", "getUserMedia", "stats", "stats"]
    assert await types(type="stats") == ["stats", "stats"]
    assert await types(type="-stats") == ["tabFocus", "onicecandidate", "getUserMedia"]
    assert await types(type="tabFocus") == ["tabFocus"]
    assert await types(connectionId=str(world.ids["connection"])) == [
        "onicecandidate",
        "stats",
        "stats",
    ]
    assert await types(participantId=str(world.ids["ravi"])) == []
    assert await types(created_at_gt="2026-11-21T12:00:03Z") == ["stats", "stats"]
    by_route = {
        "connection": ["onicecandidate"],
        "stats": ["stats", "stats"],
        "events/browser": ["tabFocus"],
        "events/get-user-media": ["getUserMedia"],
    }
    for filters in ({"conferenceId": "conference"}, {"participantId": "noor"}):
        parameters = {name: str(world.ids[key]) for name, key in filters.items()}
        for path, expected in by_route.items():
            whole = await alice.get(f"/{path}", params=parameters)
            page = await alice.get(f"/{path}", params={**parameters, "limit": "9"})
            assert [event["type"] for event in whole.json()["data"]] == expected
            assert page.json() == {"results": whole.json()["data"], "count": len(expected)}


async def test_events_are_found_by_their_ids(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What evidence names. A report comes with its tracks, whichever of its events is asked for."""
    monkeypatch.setattr(queries.events, "TRIED", 2)
    tab, _ = [await world.event("tabFocus", "B", second, None) for second in range(2)]
    reports = [await world.sample(second, REPORT) for second in range(2, 8)]

    async def found(*ids: UUID, **parameters: str) -> list[str]:
        asked = ",".join(map(str, ids))
        body = await listed(alice, world, event_ids=asked, **parameters)
        page = await listed(alice, world, event_ids=asked, limit="9", **parameters)
        assert page == {"results": body["data"], "count": len(body["data"])}
        return [event["id"] for event in body["data"]]

    last = [str(derived_id(reports[5], part)) for part in (0, 1)]
    assert await found(tab) == [str(tab)]
    assert await found(tab, derived_id(reports[5], 0)) == [str(tab), *last]
    assert await found(derived_id(reports[5], 1)) == last
    assert await found(derived_id(reports[5], 0), created_at_lt="2026-11-21T12:00:07Z") == []
    assert await found(tab, type="-tabFocus") == []
    assert await found(reports[0], world.ids["noor"]) == []


async def test_pages_count_expanded_events_and_agree_with_the_whole_list(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "CHUNK", 2)
    for second in range(4):
        await world.event("custom", "B", second, second)
        await world.sample(second, REPORT)

    for order in ("created_at", "-created_at"):
        whole = (await listed(alice, world, order=order))["data"]
        pages = []
        for offset in range(0, 14, 5):
            page = await listed(alice, world, order=order, limit="5", offset=str(offset))
            assert page["count"] == 12
            pages.extend(page["results"])
        assert len(whole) == 12
        assert pages == whole
        times = [event["created_at"] for event in whole]
        assert times == sorted(times, reverse=order.startswith("-"))


async def test_a_page_of_events_costs_few_statements(
    alice: AsyncClient, world: World, statements: list[str]
) -> None:
    for second in range(20):
        await world.event("custom", "B", second, second)
        await world.sample(second, REPORT)
    statements.clear()

    await listed(alice, world, limit="50")

    # The conference, the keys of the page, its events, its reports, the count.
    assert len(statements) == 5
