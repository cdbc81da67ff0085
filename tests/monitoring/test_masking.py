"""What an app does not want to be stored is taken out of its reports at the door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from signalbox.core.compression import unpack
from signalbox.monitoring.rules.masking import Masker, truncated
from tests.monitoring.conftest import House, Houses
from tests.monitoring.pages import Page
from tests.monitoring.replay import replay, trace

LINES = """\
v=0
o=- 42 2 IN IP4 198.51.100.23
c=IN IP6 2001:db8:1:2::3
a=rtcp:9 IN IP4 198.51.100.23
a=ice-ufrag:vGkt
a=ice-pwd:Bsmi8TjN6reP0zLRmRkoaz2c
a=fingerprint:sha-256 31:47:B4
a=crypto:1 AES_CM_128 inline:key
a=candidate:1 1 udp 2122 198.51.100.23 34989 typ srflx raddr 10.1.2.3 rport 9 ufrag vGkt
a=candidate:2 1 udp 2122 0a1b.local 34990 typ host
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
"""
SDP = LINES.replace("\n", "\r\n")
CANDIDATE = {
    "candidate": "candidate:1 1 udp 2 2001:db8:1:2::3 9 typ host ufrag vGkt",
    "usernameFragment": "vGkt",
    "address": "2001:db8:1:2::3",
    "relatedAddress": "10.1.2.3",
}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("198.51.100.23", "198.51.100.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("[2001:db8:1:2::3]", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:198.51.100.23", "::ffff:198.51.100.0"),
        ("0a1b.local", "0a1b.local"),
        ("turn.example.org", "turn.example.org"),
        ("", ""),
    ],
)
def test_addresses_lose_their_last_part(given: str, kept: str) -> None:
    assert truncated(given) == kept


def test_a_description_loses_addresses_alone() -> None:
    masked = Masker(["addresses"])({"sdp": SDP})["sdp"].split("\r\n")

    assert masked[1:4] == [
        "o=- 42 2 IN IP4 198.51.100.0",
        "c=IN IP6 2001:db8:1::",
        "a=rtcp:9 IN IP4 198.51.100.0",
    ]
    assert masked[4:8] == SDP.split("\r\n")[4:8]
    assert masked[8] == (
        "a=candidate:1 1 udp 2122 198.51.100.0 34989 typ srflx raddr 10.1.2.0 rport 9 ufrag vGkt"
    )
    assert masked[9:] == SDP.split("\r\n")[9:]


def test_a_description_loses_secrets_alone() -> None:
    masked = Masker(["sdp"])([SDP])[0].split("\r\n")

    assert masked[:4] == SDP.split("\r\n")[:4]
    assert masked[4:8] == ["a=ice-ufrag:*", "a=ice-pwd:*", "a=fingerprint:*", "a=crypto:*"]
    assert masked[8].endswith("198.51.100.23 34989 typ srflx raddr 10.1.2.3 rport 9 ufrag *")
    assert masked[10] == SDP.split("\r\n")[10]


def test_candidates_lose_addresses_and_secrets_in_every_field() -> None:
    assert Masker(["addresses", "sdp"])(CANDIDATE) == {
        "candidate": "candidate:1 1 udp 2 2001:db8:1:: 9 typ host ufrag *",
        "usernameFragment": "*",
        "address": "2001:db8:1::",
        "relatedAddress": "10.1.2.0",
    }


def test_other_spellings_of_addresses() -> None:
    given = {
        "hostCandidate": "198.51.100.23:4000",
        "ip": None,
        "address": 7,
        "text": "198.51.100.9",
    }
    assert Masker(["addresses"])(given) == {
        "hostCandidate": "198.51.100.0:4000",
        "ip": None,
        "address": 7,
        "text": "198.51.100.9",
    }
    assert Masker(["addresses"])({"hostCandidate": "[2001:db8:1:2::3]:5"}) == {
        "hostCandidate": "2001:db8:1:::5"
    }
    loose = "candidate:1 address: 198.51.100.23, port: 5"
    assert Masker(["addresses"])(loose) == "candidate:1 address: 198.51.100.0, port: 5"


def test_devices_lose_names_and_ids_in_every_shape() -> None:
    given = [
        {"kind": "audioinput", "label": "Alice's headset", "deviceId": "d", "groupId": "g"},
        {"video": {"deviceId": {"exact": ["d", "e"]}, "width": 3}},
    ]
    assert Masker(["devices"])(given) == [
        {"kind": "audioinput", "label": "", "deviceId": "", "groupId": ""},
        {"video": {"deviceId": {"exact": ["", ""]}, "width": 3}},
    ]


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
