"""Points of graphs: the documented counters of each stored report, as they were sent, while a conference runs and afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from httpx import AsyncClient

from signalbox.core.compression import pack
from signalbox.core.ids import derived_id
from signalbox.monitoring.routes import graphs
from tests.monitoring.reading.conftest import World

INBOUND_AUDIO = {
    "id": "IA",
    "mediaType": "audio",
    "headerBytesReceived": 10,
    "bytesReceived": 1000,
    "packetsReceived": 9,
    "packetsLost": 1,
    "jitter": 0.002,
}
OUTBOUND_AUDIO = {
    "id": "OA",
    "mediaType": "audio",
    "packetsSent": 3,
    "headerBytesSent": 7,
    "bytesSent": 8,
}
SIZE = {"frameWidth": 1280, "frameHeight": 720}
INBOUND_VIDEO = {
    **INBOUND_AUDIO,
    "id": "IV",
    "mediaType": "video",
    **SIZE,
    "framesReceived": 20,
    "framesDecoded": 19,
    "totalDecodeTime": 0.25,
}
OUTBOUND_VIDEO = {
    **OUTBOUND_AUDIO,
    "id": "OV",
    "mediaType": "video",
    **SIZE,
    "framesSent": 21,
    "framesEncoded": 22,
    "totalEncodeTime": 0.5,
}
PAIR = {
    "id": "CP",
    "bytesSent": 5,
    "packetsSent": 6,
    "responsesReceived": 7,
    "totalRoundTripTime": 0.3,
}
REMOTE = {"audio": {"inbound": [{"id": "RIA", "fractionLost": 0}]}, "own": [1, None]}
MORE = {"timestamp": 1.5, "kind": "any", "track": {"trackIdentifier": "x"}}
REPORT = {
    "audio": {"inbound": [INBOUND_AUDIO | MORE], "outbound": [OUTBOUND_AUDIO | MORE]},
    "video": {"inbound": [INBOUND_VIDEO | MORE], "outbound": [OUTBOUND_VIDEO | MORE]},
    "connection": {**PAIR, "state": "succeeded", "local": {"address": "192.0.2.1"}},
    "remote": REMOTE,
    "more": 1,
}
KEPT = {
    "audio": {"inbound": [{**INBOUND_AUDIO, "emos": 4.25}], "outbound": [OUTBOUND_AUDIO]},
    "video": {"inbound": [INBOUND_VIDEO], "outbound": [OUTBOUND_VIDEO]},
    "connection": PAIR,
    "remote": REMOTE,
}


async def asked(client: AsyncClient, world: World, **headers: str) -> dict[str, Any]:
    path = f"/v1/conferences/{world.ids['conference']}/graphs"
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def data_of(client: AsyncClient, world: World) -> list[Any]:
    return [point["data"] for point in (await asked(client, world))["summary"]["data"]]


async def test_a_point_keeps_the_documented_counters(alice: AsyncClient, world: World) -> None:
    sample = await world.sample(1, REPORT)

    body = await asked(alice, world)

    ids = world.ids
    assert body == {
        "summary": {
            "data": [
                {
                    "id": str(derived_id(sample, 0)),
                    "app": str(world.app),
                    "session": str(ids["session"]),
                    "conference": str(ids["conference"]),
                    "participant": str(ids["noor"]),
                    "peer": str(ids["sfu"]),
                    "connection": str(ids["connection"]),
                    "created_at": "2026-11-21T12:00:01.000000Z",
                    "type": "stats",
                    "data": KEPT,
                }
            ]
        }
    }
    events = await alice.get(f"/v1/conferences/{ids['conference']}/events?type=stats")
    assert events.json()["data"][0]["id"] == body["summary"]["data"][0]["id"]


async def test_numbers_are_told_as_they_were_sent(alice: AsyncClient, world: World) -> None:
    text = '{"connection": {"bytesSent": 12345678901234567890, "totalRoundTripTime": 1.10e-3}}'
    await world.sample(1, {}, report=pack(text.encode()))

    answer = await alice.get(f"/v1/conferences/{world.ids['conference']}/graphs")

    assert b'"bytesSent":12345678901234567890,"totalRoundTripTime":1.10e-3' in answer.content


async def test_a_running_conference_shows_its_points_so_far(
    alice: AsyncClient, world: World
) -> None:
    async with world.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE monitoring.conferences SET ongoing = true WHERE id = %s",
            (world.ids["conference"],),
        )

    none = await asked(alice, world)
    await world.sample(1, REPORT)
    one = await asked(alice, world)

    assert none == {"ongoing": True, "summary": {"data": []}}
    assert one["ongoing"] is True
    assert [point["data"] for point in one["summary"]["data"]] == [KEPT]


async def test_points_come_in_pieces_and_in_order_packed_or_not(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "CHUNK", 2)
    for second in (5, 1, 1, 3, 0, 2, 4):
        await world.sample(second, REPORT)

    plain = await asked(alice, world, **{"accept-encoding": "identity"})
    path = f"/v1/conferences/{world.ids['conference']}/graphs"
    packed = await alice.get(path, headers={"accept-encoding": "gzip"})

    times = [point["created_at"][17:19] for point in plain["summary"]["data"]]
    assert times == ["00", "01", "01", "02", "03", "04", "05"]
    assert len({point["id"] for point in plain["summary"]["data"]}) == 7
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain
    for refused in ("gzip;q=0", "br", ""):
        answer = await alice.get(path, headers={"accept-encoding": refused})
        assert "content-encoding" not in answer.headers, refused
        assert answer.json() == plain


ODD: list[Any] = [
    {},
    {"audio": None, "video": {"inbound": None}, "connection": None},
    {"audio": [], "video": "x", "connection": []},
    {"audio": {"inbound": [None, 7, INBOUND_AUDIO], "outbound": {}}},
    {"audio": {"inbound": [{"jitter": {"deep": []}}]}},
]


@pytest.mark.parametrize("report", ODD)
async def test_an_odd_report_makes_a_point_of_what_it_has(
    alice: AsyncClient, world: World, report: Any
) -> None:
    await world.sample(1, report, emos=[4.25], tracks=[None])

    (data,) = await data_of(alice, world)

    assert set(data) - {"remote"} == {"connection", "audio", "video"}
    assert set(data["audio"]) == set(data["video"]) == {"inbound", "outbound"}
    if report.get("audio") == ODD[3]["audio"]:
        assert data["audio"]["inbound"] == [{**INBOUND_AUDIO, "emos": 4.25}]


async def test_text_that_no_strict_reader_takes_makes_a_point(
    alice: AsyncClient, world: World
) -> None:
    text = rb'{"audio": {"inbound": [{"id": "\ud800"}]}, "connection": {"id": "x"}, "remote": {"y": "\ud800"}}'
    await world.sample(1, {}, report=pack(text), emos=[3.0], tracks=[None])

    (data,) = await data_of(alice, world)

    assert data["connection"] == {"id": "x"}
    assert data["audio"]["inbound"][0]["emos"] == 3.0


async def test_of_a_thinned_report_the_figures_are_left(alice: AsyncClient, world: World) -> None:
    await world.sample(1, None)

    (data,) = await data_of(alice, world)

    assert data["thinned"] is True
    assert data["audio"]["inbound"] == [
        {
            "type": "inbound-rtp",
            "kind": "audio",
            "bytesReceived": 1000,
            "packetsReceived": 10,
            "packetsLost": 1,
            "jitter": 0.002,
            "emos": 4.25,
        }
    ]
    assert data["video"] == {"inbound": [], "outbound": []}


async def test_nobody_sees_the_graphs_of_others(site: AsyncClient, world: World) -> None:
    await world.sample(1, REPORT)
    path = f"/v1/conferences/{world.ids['conference']}/graphs"

    nobody = await site.get(path)
    stranger = await site.get(path, headers=world.charlie)
    key = await site.get(path, headers=world.alice_app_key)

    assert (nobody.status_code, nobody.json()["error_code"]) == (401, "missing_token")
    assert (stranger.status_code, stranger.json()["error_code"]) == (404, "conference_not_found")
    assert key.status_code == 200
    assert (await site.post(path, headers=world.alice)).status_code == 405


async def test_the_reference_describes_points(site: AsyncClient) -> None:
    document = json.dumps((await site.get("/openapi.json")).json())

    assert "GraphPoint" in document
    assert "/v1/conferences/{conference_id}/graphs" in document
