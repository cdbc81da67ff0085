"""What the doors make of fields: cut, kept, left out, and what follows from them; row by row of the wire reference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from signalbox.core.compression import unpack
from tests.monitoring.conftest import House, Houses
from tests.monitoring.pages import Page
from tests.monitoring.refusals.tokens import claims_of


@pytest.fixture
async def app(house: House) -> Mapping[Any, Any]:
    return await house.app()


@pytest.fixture
async def page(house: House, app: Mapping[Any, Any]) -> Page:
    return await Page.open(house, app)


async def ask(house: House, sql: str, *values: object) -> list[Any]:
    """Rows of a query; `SELECT` is added."""
    async with house.db.read() as tx:
        return list(await (await tx.psycopg.execute(f"SELECT {sql}", values)).fetchall())


async def say(house: House, method: str, path: str, body: object) -> Any:
    """The answer of a post that is taken."""
    answer = await house.client.request(method, f"/v1{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def data_of(house: House, page: Page, name: str) -> Any:
    """Data of the one event with this name."""
    key = claims_of(page.session)["s"]
    [(data,)] = await ask(
        house, "data FROM monitoring.events WHERE session_id = %s AND type = %s", key, name
    )
    return None if data is None else json.loads(unpack(data))


# --- POST /initialize -----------------------------------------------------------------------------


async def test_names_are_cut_by_characters_and_kept_when_none_comes(
    house: House, app: Mapping[Any, Any]
) -> None:
    entry = {"apiKey": app["api_key"], "conferenceId": "ž" * 65, "userId": "😀" * 70}
    for names in (
        {"conferenceName": "a" * 63 + "bc", "userName": "n" * 70, "token": 5},
        {"conferenceName": None, "userName": ""},
        {},
    ):
        said = await say(house, "POST", "/initialize", entry | names)
        assert said.keys() == {"token", "getStatsInterval", "batchConnectionEvents", "time"}
        assert said["batchConnectionEvents"] is False
        assert said["time"] == house.clock.now().timestamp()

    rooms = await ask(house, "conference_id, conference_name FROM monitoring.conferences WHERE app_id = %s", app["id"])  # fmt: skip
    people = await ask(house, "participant_id, participant_name FROM monitoring.participants WHERE app_id = %s", app["id"])  # fmt: skip
    assert rooms == [("ž" * 64, "a" * 63 + "b")]
    assert people == [("😀" * 64, "n" * 64)]


async def test_entering_at_the_same_time_makes_one_conference(
    house: House, app: Mapping[Any, Any]
) -> None:
    entry = {"apiKey": app["api_key"], "conferenceId": "c"}
    await asyncio.gather(
        *(say(house, "POST", "/initialize", entry | {"userId": f"u{n % 3}"}) for n in range(12))
    )

    [found] = await ask(
        house,
        "(SELECT count(*) FROM monitoring.conferences WHERE app_id = %s), (SELECT count(*) FROM monitoring.participants WHERE app_id = %s)",
        app["id"], app["id"],
    )  # fmt: skip
    assert found == (1, 3)


async def test_the_interval_of_a_new_app_is_the_sites(houses: Houses) -> None:
    async with houses(STATS_INTERVAL_MS="2500", SIGNALBOX_OPEN_ACCESS="true") as house:
        organization = await house.client.post("/v1/organizations", json={"name": "o"})
        sent = {"organization": organization.json()["data"]["id"], "name": "n"}
        app = (await house.client.post("/v1/apps", json=sent)).json()["data"]
        assert app["interval"] == 2_500

        entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "u"}
        assert (await say(house, "POST", "/initialize", entry))["getStatsInterval"] == 2_500


# --- /sessions ------------------------------------------------------------------------------------


async def test_an_update_changes_what_comes_and_nothing_else(house: House, page: Page) -> None:
    own = {"token": page.session}
    full = {"platform": {"a": 1}, "constraints": {"b": 2}, "webrtcSdk": "s" * 20, "devices": [1]}
    await say(house, "PUT", "/sessions", own | full)
    said = await say(house, "PUT", "/sessions", own | {"devices": [2], "platform": None, "webrtcSdk": ""})  # fmt: skip

    shown = said["data"]
    assert (shown["platform"], shown["constraints"], shown["devices"]) == ({"a": 1}, {"b": 2}, [2])
    assert shown["webrtc_sdk"] == "s" * 16
    assert shown["id"] == claims_of(page.session)["s"]
    assert shown["session_info"] == {}


async def test_an_init_token_may_be_used_again_which_is_a_rejoin(house: House, page: Page) -> None:
    for _ in range(2):
        await say(house, "POST", "/sessions", {"token": page.init})

    codes = await ask(
        house, "code, type FROM monitoring.issues WHERE conference_id = %s", claims_of(page.init)["c"]
    )  # fmt: skip
    assert codes == [("multiple_rejoins", "warning")] * 2


PLATFORM = {
    "x-appengine-country": "nl",
    "x-appengine-region": "nh",
    "x-appengine-city": "amsterdam",
    "x-appengine-citylatlong": "52.374030,4.889690",
}
NOWHERE = dict.fromkeys(("country_code", "region_code", "city", "latitude", "longitude"))
AMSTERDAM = {
    "country_code": "NL", "region_code": "nh", "city": "amsterdam", "latitude": 52.37403, "longitude": 4.88969,
}  # fmt: skip


@pytest.mark.parametrize(
    ("proxies", "head", "place"),
    [
        ("", PLATFORM, NOWHERE),
        ("127.0.0.1", PLATFORM, AMSTERDAM),
        ("127.0.0.1", PLATFORM | {"x-appengine-country": "ZZ"}, NOWHERE),
        (
            "127.0.0.1",
            {"x-appengine-country": "NL", "x-appengine-city": "?", "x-appengine-citylatlong": "0.0,0.0"},
            NOWHERE | {"country_code": "NL"},
        ),
        (
            "127.0.0.1",
            {"x-appengine-country": "NL", "x-appengine-citylatlong": "nan,1e9"},
            NOWHERE | {"country_code": "NL"},
        ),
    ],
)  # fmt: skip
async def test_a_platforms_word_on_places_counts_through_a_trusted_proxy(
    houses: Houses, proxies: str, head: dict[str, str], place: dict[str, Any]
) -> None:
    async with houses(SIGNALBOX_TRUSTED_PROXIES=proxies) as house:
        page = await Page.open(house, await house.app())
        began = await house.client.post("/v1/sessions", json={"token": page.init}, headers=head)

        key = claims_of(began.json()["token"])["s"]
        assert await ask(house, "geo_ip FROM monitoring.sessions WHERE id = %s", key) == [(place,)]


# --- events ---------------------------------------------------------------------------------------


async def test_what_stands_beside_data_is_kept_as_data(house: House, page: Page) -> None:
    own = {"token": page.session}
    await say(house, "POST", "/events/browser", own | {"type": "tabFocus", "focus": False})
    heard = own | {"eventName": "mediaDeviceChange", "type": "x", "devices": [{"deviceId": "d"}]}
    await say(house, "POST", "/events/browser", heard)
    await say(house, "POST", "/events/browser", own | {"eventName": "n" * 40, "data": 0})
    await say(house, "POST", "/events/get-user-media", own | {"data": None})

    assert await data_of(house, page, "tabFocus") == {"focus": False}
    assert await data_of(house, page, "mediaDeviceChange") == {"devices": [{"deviceId": "d"}]}
    assert await data_of(house, page, "n" * 32) == 0
    assert await data_of(house, page, "getUserMedia") is None
    key = claims_of(page.session)["s"]
    rows = await ask(house, "devices FROM monitoring.sessions WHERE id = %s", key)
    assert rows == [([{"deviceId": "d"}],)]


async def test_of_a_candidate_only_known_keys_are_kept(house: House, page: Page) -> None:
    sent = {"candidate": "c", "sdpMid": "0", "port": 5, "tcpType": None, "url": "turn:x", "a": 1}
    link = page.good("POST", "/v1/connection") | {"eventName": "onicecandidate", "data": sent}
    await say(house, "POST", "/connection", link)

    assert await data_of(house, page, "onicecandidate") == {"candidate": "c", "sdpMid": "0", "port": 5}  # fmt: skip


SERVER = {"urls": ["turn:turn.example"], "username": "x", "credentialType": "password"}


@pytest.mark.parametrize("as_list", [True, False])
async def test_passwords_of_ice_servers_are_not_kept(
    house: House, page: Page, as_list: bool
) -> None:
    server = SERVER | {"credential": "hunter2"}
    told = {"options": {"peerId": "v"}, "peerConfiguration": {"iceServers": [server] if as_list else server}}  # fmt: skip
    await say(house, "POST", "/connection", page.good("POST", "/v1/connection") | {"data": told})

    kept = await data_of(house, page, "peerDetails")
    assert kept["peerConfiguration"] == {"iceServers": [SERVER] if as_list else SERVER}
    assert kept["options"] == {"peerId": "v"}


async def test_the_peer_may_be_named_either_way(house: House, page: Page) -> None:
    for peer in (page.peer, "v"):
        link = page.good("POST", "/v1/connection") | {"peerId": peer, "eventName": f"by {peer}"}
        assert await say(house, "POST", "/connection", link) == ""

    key = claims_of(page.session)["s"]
    rows = await ask(
        house,
        "DISTINCT peer_id, connection_id FROM monitoring.events WHERE session_id = %s AND type LIKE %s",
        key, "by %",
    )  # fmt: skip
    assert rows == [(UUID(page.peer), UUID(page.connection))]


async def test_a_peer_is_cut_and_once_an_sfu_stays_one(
    house: House, app: Mapping[Any, Any], page: Page
) -> None:
    add = {"token": page.session, "eventName": "addConnection", "peerId": "p" * 70}
    made = [
        await say(house, "POST", "/connection", add | more)
        for more in (
            {"peerName": "n" * 70, "isSfu": True, "connectionState": "connected"},
            {"isSfu": False, "connectionState": "checking"},
            {"isSfu": "yes", "connectionState": {}, "peerName": ""},
        )
    ]

    assert all(answer.keys() == {"peer_id", "connection_id"} for answer in made)
    assert len({answer["peer_id"] for answer in made}) == 1
    assert len({answer["connection_id"] for answer in made}) == 3
    rows = await ask(
        house,
        "participant_name, is_sfu FROM monitoring.participants WHERE app_id = %s AND participant_id = %s",
        app["id"], "p" * 64,
    )  # fmt: skip
    assert rows == [("n" * 64, True)]
    states = [
        (await ask(house, "state FROM monitoring.connections WHERE id = %s", answer["connection_id"]))[0][0]
        for answer in made
    ]  # fmt: skip
    assert states == ["connected", "new", "new"]


async def test_delays_add_up_and_are_cut(house: House, page: Page) -> None:
    link = page.good("POST", "/v1/connection") | {"data": 1}
    del link["token"]
    events = [
        link | {"eventName": "both", "delta": 500},
        link | {"eventName": "named otherwise", "timeDelta": 250},
        link | {"eventName": "ahead", "delta": -10},
        link | {"eventName": "ancient", "delta": 1e300},
    ]
    said = await say(house, "POST", "/connection/batch", {"token": page.session, "events": events, "delta": 1_000})  # fmt: skip
    assert said == {"accepted": 4, "rejected": []}

    rows = await ask(
        house,
        "type, created_at FROM monitoring.events WHERE session_id = %s AND type = ANY(%s)",
        claims_of(page.session)["s"], [event["eventName"] for event in events],
    )  # fmt: skip
    now = house.clock.now()
    ages = {name: now - at for name, at in rows}
    assert ages == {
        "both": timedelta(milliseconds=1_500),
        "named otherwise": timedelta(milliseconds=1_250),
        "ahead": timedelta(seconds=1),
        "ancient": timedelta(days=31, seconds=1),  # each of the two is cut
    }


# --- statistics -----------------------------------------------------------------------------------


async def test_the_kind_of_candidate_is_that_of_the_latest_report_that_names_one(
    house: House, page: Page
) -> None:
    kinds = []
    pairs: tuple[dict[str, Any] | None, ...] = (
        {"local": {"candidateType": "srflx"}},
        {},
        {"local": {}},
        None,
        {"local": {"candidateType": "teleport"}},
        {"local": {"candidateType": "prflx"}},
    )
    for pair in pairs:
        house.clock.advance(1)
        sent = page.good("POST", "/v1/stats") | {
            "data": {} if pair is None else {"connection": pair}
        }
        assert await say(house, "POST", "/stats", sent) == ""
        [(kind,)] = await ask(house, "type FROM monitoring.connections WHERE id = %s", page.connection)  # fmt: skip
        kinds.append(kind)

    assert kinds == ["srflx", "srflx", "srflx", "srflx", None, "prflx"]


# --- tracks ---------------------------------------------------------------------------------------


async def test_a_track_needs_no_label_and_no_kind(house: House, page: Page) -> None:
    bare = page.good("POST", "/v1/tracks") | {"trackId": "t" * 50}
    for data in ({"label": None, "muted": True, "constraints": {"a": 1}}, None, {"constraints": {"b": 2}}):  # fmt: skip
        shown = (await say(house, "POST", "/tracks", bare | {"data": data}))["data"]

    assert (shown["track_id"], shown["direction"], shown["label"]) == ("t" * 40, "inbound", None)
    assert shown["track_info"] == {"muted": True, "constraints": [{"a": 1}, {"b": 2}]}
    for event, info in (("unmute", {"muted": False}), ("ended", {"ended": True, "readyState": "ended"})):  # fmt: skip
        house.clock.advance(1)
        changed = bare | {"event": event, "data": {"check": "readyState"}}
        shown = (await say(house, "PUT", "/tracks", changed))["data"]
        assert info.items() <= shown["track_info"].items()


async def test_a_change_that_overtakes_its_track_is_applied_when_repeated(
    house: House, page: Page
) -> None:
    mute = {"token": page.session, "event": "mute", "trackId": "mic"}
    early = await house.client.put("/v1/tracks", json=mute)
    assert (early.status_code, early.json()["error_code"]) == (400, "track_not_found")

    track = {"id": "mic", "kind": "audio", "label": "Desk mic", "muted": False}
    house.clock.advance(0.5)
    gum = {"token": page.session, "data": {"audio": [track], "video": []}, "delta": 700}
    await say(house, "POST", "/events/get-user-media", gum)
    house.clock.advance(0.5)
    shown = (await say(house, "PUT", "/tracks", mute | {"delta": 1_000}))["data"]

    assert (shown["direction"], shown["track_info"]["muted"]) == ("outbound", True)


# --- services -------------------------------------------------------------------------------------


async def test_stopping_ends_what_beforeunload_left_open(
    house: House, app: Mapping[Any, Any], page: Page
) -> None:
    await say(house, "POST", "/events/browser", {"token": page.session, "eventName": "beforeunload"})  # fmt: skip
    house.clock.advance(5)
    stop = {"apiKey": app["api_key"], "conferenceId": "c"}
    assert await say(house, "POST", "/services/stop-conference", stop) == {}

    [found] = await ask(
        house,
        "k.end_time IS NOT NULL, k.duration, c.ongoing, s.duration FROM monitoring.connections k"
        " JOIN monitoring.conferences c ON c.id = k.conference_id JOIN monitoring.sessions s ON s.id = k.session_id WHERE k.id = %s",
        page.connection,
    )  # fmt: skip
    assert found == (True, 5, False, 0)
    house.clock.advance(3)
    assert await say(house, "POST", "/services/stop-conference", stop) == {}
    late = await house.client.post("/v1/stats", json=page.good("POST", "/v1/stats"))
    assert late.json()["error_code"] == "connection_ended"
    await say(house, "POST", "/events/browser", page.good("POST", "/v1/events/browser"))
    add = {"token": page.session, "eventName": "addConnection", "peerId": "v"}
    await say(house, "POST", "/connection", add)
    rows = await ask(house, "ongoing, end_time FROM monitoring.conferences WHERE app_id = %s", app["id"])  # fmt: skip
    assert rows == [(True, None)]


async def test_the_page_of_a_conference_wins_over_that_of_a_participant(
    house: House, app: Mapping[Any, Any], page: Page
) -> None:
    claims = claims_of(page.init)
    key = {"apiKey": app["api_key"], "userId": "u"}
    both = await say(house, "POST", "/services/get-url", key | {"conferenceId": "c"})
    one = await say(house, "POST", "/services/get-url", key | {"conferenceId": None})

    assert both == {"url": f"https://signalbox.test/conference/{claims['c']}"}
    assert one == {"url": f"https://signalbox.test/participant/{claims['p']}"}


async def test_a_page_whose_remembered_session_was_deleted_is_told_to_stop(
    house: House, page: Page
) -> None:
    key = claims_of(page.session)["s"]
    async with house.db.begin() as tx:
        for table, column in (
            ("connection_lives", "connection_id IN (SELECT id FROM monitoring.connections WHERE session_id = %s)"),
            ("connections", "session_id = %s"),
            ("session_lives", "session_id = %s"),
            ("sessions", "id = %s"),
        ):  # fmt: skip
            await tx.psycopg.execute(f"DELETE FROM monitoring.{table} WHERE {column}", (key,))
    answers: list[httpx.Response] = [
        await house.client.post("/v1/events/browser", json=page.good("POST", "/v1/events/browser")),
        await house.client.put("/v1/sessions", json=page.good("PUT", "/v1/sessions")),
        await house.client.post("/v1/connection", json={"token": page.session, "eventName": "addConnection", "peerId": "v"}),
    ]  # fmt: skip

    assert [(answer.status_code, answer.json()["error_code"]) for answer in answers] == [
        (400, "connection_ended")
    ] * 3


@pytest.mark.parametrize("path", ["/initialize", "/v1/initialize", "/v1/initialize/", "/initialize/"])  # fmt: skip
@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/json", "image/png"])
async def test_paths_and_media_types_do_not_matter(
    house: House, app: Mapping[Any, Any], path: str, kind: str
) -> None:
    entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "u"}
    head = {"content-type": kind}
    answer = await house.client.post(path, content=json.dumps(entry).encode(), headers=head)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("/v1/initialize", "OPTIONS, POST"),
        ("/sessions", "GET, HEAD, OPTIONS, POST, PUT"),
        ("/v1/connection/batch", "OPTIONS, POST"),
        ("/v1/tracks/", "GET, HEAD, OPTIONS, POST, PUT"),
    ],
)
async def test_a_refused_method_is_told_which_are_taken(
    house: House, path: str, taken: str
) -> None:
    answer = await house.client.delete(path)

    assert (answer.status_code, answer.headers["allow"]) == (405, taken)
    assert answer.headers["access-control-allow-origin"] == "*"
