"""One participant over time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from httpx import AsyncClient

from signalbox.core.ids import new_id
from signalbox.core.partitions import ensure_daily
from signalbox.monitoring.rules.measures import NAMES
from tests.monitoring.reading.conftest import AT, World


def device(kind: str, label: str) -> dict[str, str]:
    return {"kind": kind, "label": label, "deviceId": "x"}


async def stay(world: World, days: int = 0, **values: Any) -> None:
    devices = values.pop("devices", None)
    key = await world.put(
        "sessions", **world.owned(AT - timedelta(days=days)), conference_id=world.ids["conference"],
        participant_id=world.ids["ravi"], last_seen_at=AT, **values,
    )  # fmt: skip
    if devices is not None:
        async with world.db.begin() as tx:
            await tx.psycopg.execute(
                "UPDATE monitoring.sessions SET devices = %s::jsonb WHERE id = %s",
                [json.dumps(devices), key],
            )


async def profile(alice: AsyncClient, world: World, who: str = "ravi") -> dict[str, Any]:
    answer = await alice.get(f"/v1/participants/{world.ids[who]}/profile")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_days_are_the_last_31_with_those_without_calls(
    alice: AsyncClient, world: World
) -> None:
    for days, seconds in ((0, 90), (0, 40), (30, 600), (31, 999)):
        await stay(world, days, duration=seconds)

    days = (await profile(alice, world))["days"]

    assert len(days) == 31
    assert days[0] == {"date": "2026-10-22", "seconds": 600, "minutes": 10}
    assert days[-1] == {"date": "2026-11-21", "seconds": 130, "minutes": 2}
    assert sum(day["seconds"] for day in days) == 730


async def test_a_media_server_is_there_as_long_as_its_conferences(
    alice: AsyncClient, world: World
) -> None:
    call = await world.conference("with-sfu", AT, duration=300)
    await world.link(call, world.ids["sfu"], 0)

    days = (await profile(alice, world, "sfu"))["days"]

    assert days[-1]["seconds"] in (300, 390)  # with the stand-up's 90 where it is linked there


async def test_what_was_used_most_comes_first(alice: AsyncClient, world: World) -> None:
    headset, desk = device("audioinput", "Headset"), device("audioinput", "Desk")
    for n in range(3):
        await stay(
            world,
            n,
            devices=[headset, headset, device("videoinput", ""), device("audiooutput", "S")],
            platform={"browser": {"name": "Chrome", "version": "140"}, "os": {"name": "Linux"}},
            geo_ip={"city": "Oslo", "country_code": "NO", "latitude": 59.9, "longitude": 10.7},
        )
    others = [device("audioinput", name) for name in "abc"]
    await stay(
        world,
        200,
        devices=[desk, *others],
        platform={"browser": {"name": "Chrome", "version": "139"}},
    )
    await stay(world, 1, devices={"odd": True}, platform={"name": "Firefox", "version": "9"})

    found = await profile(alice, world)

    assert found["sessions"] == 5
    microphones = [(one["label"], one["count"]) for one in found["devices"]["microphones"]]
    assert microphones == [("Headset", 3), ("Desk", 1), ("a", 1)]
    assert found["devices"]["cameras"] == []
    assert found["devices"]["outputs"] == [{"label": "S", "count": 3}]
    chrome = found["browsers"][0]
    assert (chrome["name"], chrome["count"]) == ("Chrome", 4)
    assert [(one["version"], one["count"]) for one in chrome["versions"]] == [
        ("140", 3),
        ("139", 1),
    ]
    assert {one["name"]: one["count"] for one in found["os"]} == {"Linux": 3, "Unknown": 2}
    assert found["places"] == [
        {"city": "Oslo", "country": "NO", "latitude": 59.9, "longitude": 10.7, "count": 3}
    ]


async def minute(
    world: World, connection: Any, days: int, flow: int, relayed: bool | None, **figures: float
) -> None:
    at = AT - timedelta(days=days)
    totals = [figures.get(name, 0.0) * 8.0 for name in NAMES[flow]]
    weights = [8.0 if name in figures else 0.0 for name in NAMES[flow]]
    async with world.db.begin() as tx:
        await ensure_daily(tx.psycopg, "monitoring.track_minutes", at.date(), at.date())
        await tx.psycopg.execute(
            """INSERT INTO monitoring.track_minutes (minute, app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key,
                relayed, seconds, totals, weights)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '', %s, 60, %s, %s)""",
            [at, world.app, world.ids["conference"], world.ids["noor"], world.ids["session"], world.ids["sfu"], connection, flow, relayed, totals, weights],
        )  # fmt: skip


async def test_the_network_is_told_by_day(alice: AsyncClient, world: World) -> None:
    connection = world.ids["connection"]
    await minute(world, connection, 0, 4, True, rtt_ms=100.0)
    await minute(world, connection, 0, 0, None, loss_ratio=0.25, emos=4.0)
    await minute(world, connection, 0, 2, None, loss_ratio=0.75)
    await minute(world, connection, 1, 4, False, rtt_ms=30.0)
    await minute(world, connection, 40, 4, False, rtt_ms=999.0)

    days = (await profile(alice, world, "noor"))["network"]

    assert days == [
        {"date": "2026-11-20", "seconds": 60, "rtt_ms": 30, "loss_ratio": None, "emos": None, "relay_ratio": 0},
        {"date": "2026-11-21", "seconds": 60, "rtt_ms": 100, "loss_ratio": 0.5, "emos": 4, "relay_ratio": 1},
    ]  # fmt: skip
    assert (await profile(alice, world))["network"] == []


async def test_a_stranger_finds_no_profile(alice: AsyncClient, world: World) -> None:
    path = f"/v1/participants/{world.ids['noor']}/profile"
    for answer in (
        await alice.get(path, headers=world.charlie),
        await alice.get(f"/v1/participants/{new_id()}/profile"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "participant_not_found")
    alice.headers.pop("Authorization")
    assert (await alice.get(path)).status_code == 401
