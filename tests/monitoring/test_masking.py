"""What an app does not want to be stored is taken out of its reports at the door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from signalbox.core.compression import unpack
from tests.monitoring.conftest import House, Houses
from tests.monitoring.pages import Page
from tests.monitoring.replay import replay, trace


async def stored(house: House, app: Mapping[Any, Any]) -> str:
    """All that was stored for an app, as text."""
    found: list[str] = []
    async with house.db.read() as tx:
        for table, column in (("events", "data"), ("samples", "report")):
            sql = f"SELECT {column} FROM monitoring.{table} WHERE app_id = %s AND {column} IS NOT NULL"
            rows = await (await tx.psycopg.execute(sql, (app["id"],))).fetchall()
            found.extend(unpack(row[0]).decode() for row in rows)
        for table in ("sessions", "connections", "tracks", "issues"):
            sql = f"SELECT t::text FROM monitoring.{table} t WHERE app_id = %s"
            rows = await (await tx.psycopg.execute(sql, (app["id"],))).fetchall()
            found.extend(row[0] for row in rows)
        sql = "SELECT l.facts::text FROM monitoring.connection_lives l JOIN monitoring.connections c ON c.id = l.connection_id WHERE c.app_id = %s"
        rows = await (await tx.psycopg.execute(sql, (app["id"],))).fetchall()
        found.extend(row[0] for row in rows)
    return "\n".join(found)


TRACES = {
    # The address of a TURN server is nobody's secret.
    "addresses": re.compile(r"(?<!turn:)127\.0\.0\.1"),
    "sdp": re.compile(
        r'ice-pwd:[^*]|ice-ufrag:[^*]|fingerprint:[^*]|ufrag (?!\*)|usernameFragment":"[^*]'
    ),
    "devices": re.compile(r'(?i:fake)[ _]|deviceId": ?"[^"]|groupId": ?"[^"]'),
}


@pytest.mark.parametrize("mask", TRACES)
@pytest.mark.parametrize("recorded", ["p2p", "relay"])
async def test_nothing_that_is_masked_is_stored_of_a_real_call(
    house: House, mask: str, recorded: str
) -> None:
    app = await house.app(masks=[mask])

    played = await replay(house.client, house.clock, app["api_key"], trace(recorded))

    assert {answer.status for answer in played.answers} <= {200, 204}
    text = await stored(house, app)
    for name, pattern in TRACES.items():
        assert bool(pattern.search(text)) is (name != mask), name


async def test_the_installation_decides_for_apps_that_do_not(houses: Houses) -> None:
    async with houses(SIGNALBOX_MASKS="addresses,devices") as house:
        silent, other = await house.app(), await house.app(masks=[])
        for app, kept in ((silent, "198.51.100.0"), (other, "198.51.100.23")):
            page = await Page.open(house, app)
            data = {"connection": {"local": {"address": "198.51.100.23"}}}
            body = page.good("POST", "/v1/stats") | {"data": data}
            assert (await house.client.post("/v1/stats", json=body)).status_code == 200
            text = await stored(house, app)
            assert f'"address":"{kept}"' in text.replace(": ", ":")


async def test_an_event_of_the_application_is_left_alone(house: House) -> None:
    app = await house.app(masks=["addresses", "devices", "sdp"])
    page = await Page.open(house, app)
    body = {"token": page.session, "eventName": "custom", "data": {"label": "chair 7"}}

    assert (await house.client.post("/v1/events/browser", json=body)).status_code == 200

    assert '"chair 7"' in await stored(house, app)


async def test_batches_and_devices_are_masked_too(house: House) -> None:
    app = await house.app(masks=["addresses", "devices"])
    page = await Page.open(house, app)
    event = page.good("POST", "/v1/connection") | {
        "eventName": "onicecandidate",
        "data": {"address": "198.51.100.23", "port": 18446744073709551616},
    }
    for field in ("data", "events"):
        batch = {"token": page.session, field: [event]}
        assert (await house.client.post("/v1/connection/batch", json=batch)).json()["accepted"] == 1
    devices = {"token": page.session, "devices": [{"label": "Alice's", "kind": "audioinput"}]}
    assert (await house.client.put("/v1/sessions", json=devices)).status_code == 200

    text = await stored(house, app)

    assert "198.51.100.23" not in text
    assert "18446744073709551616" in text
    assert "Alice" not in text
    assert "audioinput" in text


async def test_an_app_chooses_its_masks_and_its_quota(house: House) -> None:
    app = await house.app()
    client, path = house.client, f"/v1/apps/{app['id']}"
    headers = await house.bearer(app, "read", "manage")

    async def put(**fields: Any) -> Any:
        return (await client.put(path, json=fields, headers=headers)).json()

    changed = (await put(masks=["sdp", "addresses"], quota_participant_minutes_monthly=5))["data"]
    assert (changed["masks"], changed["quota_participant_minutes_monthly"]) == (
        ["addresses", "sdp"],
        5,
    )
    for wrong in ({"masks": ["faces"]}, {"masks": "sdp"}, {"masks": [7]}):
        assert (await put(**wrong))["error_code"] == "invalid_parameters"
    assert (await put(quota_participant_minutes_monthly=-1))["error_code"] == "invalid_parameters"
    assert (await put(name="other"))["data"]["masks"] == ["addresses", "sdp"]
    changed = (await put(masks=None, quota_participant_minutes_monthly=None))["data"]
    assert (changed["masks"], changed["quota_participant_minutes_monthly"]) == (None, None)
