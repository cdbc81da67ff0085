"""A token opens its own session only: ids of any other name nothing, whoever they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from tests.monitoring.conftest import House
from tests.monitoring.pages import Page
from tests.monitoring.records import records

WHO = [
    "another session of the user",
    "another user of the conference",
    "another conference",
    "another app",
]
EVENTS: dict[str, Any] = {
    "onconnectionstatechange": "closed",
    "oniceconnectionstatechange": "failed",
    "onsignalingstatechange": {"signalingState": "stable"},
    "onicegatheringstatechange": "complete",
    "onicecandidate": {"candidate": "c"},
    "onicecandidateerror": {"errorCode": 701},
    "onnegotiationneeded": None,
    "peerDetails": {"a": 1},
    "removeConnection": None,
    "removePeer": None,
    "unheard": 5,
}
MEDIA = {"id": "I", "trackIdentifier": "theirs", "bytesReceived": 5}
STATS = {"audio": {"inbound": [MEDIA]}, "connection": {"timestamp": 5, "local": {"candidateType": "relay", "protocol": "tcp"}}}  # fmt: skip


@dataclass(frozen=True)
class Meeting:
    """Mallory's page, and the page whose ids she has learned."""

    house: House
    apps: tuple[UUID, ...]
    own: Page
    theirs: Page

    async def say(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and answer of a post with Mallory's token."""
        sent = {"token": self.own.session, **body}
        answer = await self.house.client.request(method, f"/v1{path}", json=sent)
        assert answer.headers["access-control-allow-origin"] == "*"
        return answer.status_code, answer.json()

    async def stored(self) -> dict[str, tuple[int, str]]:
        """What is stored of everybody here."""
        return await records(self.house.db, *self.apps)


async def enter(house: House, app: Mapping[Any, Any], conference: str, user: str) -> Page:
    """A page as `Page.open` makes it, in any conference."""
    entry = {"apiKey": app["api_key"], "conferenceId": conference, "userId": user}
    init = (await house.client.post("/v1/initialize", json=entry)).json()["token"]
    page = replace(await Page.open(house, app, user), init=init)
    session = (await house.client.post("/v1/sessions", json={"token": init})).json()["token"]
    link = {"token": session, "eventName": "addConnection", "peerId": "v"}
    made = (await house.client.post("/v1/connection", json=link)).json()
    return replace(page, session=session, peer=made["peer_id"], connection=made["connection_id"])


@pytest.fixture(params=WHO)
async def meeting(request: pytest.FixtureRequest, house: House) -> Meeting:
    app = await house.app()
    other = app if request.param != "another app" else await house.app()
    user = "u" if request.param == "another session of the user" else "victim"
    room = "elsewhere" if request.param == "another conference" else "c"
    own = await Page.open(house, app)
    theirs = await enter(house, other, room, user)
    track = theirs.good("POST", "/v1/tracks") | {"trackId": "theirs"}
    assert (await house.client.post("/v1/tracks", json=track)).status_code == 200
    return Meeting(house, (app["id"], other["id"]), own, theirs)


async def test_events_do_not_reach_a_foreign_connection(meeting: Meeting) -> None:
    before = await meeting.stored()
    for name, data in EVENTS.items():
        event = {"eventName": name, "data": data, "connectionId": meeting.theirs.connection}
        for peer in ("v", meeting.own.peer):
            linked = event | {"peerId": peer}
            status, answer = await meeting.say("POST", "/connection", linked)
            assert (status, answer["error_code"]) == (400, "connection_not_found"), name
            batch = {"data": [linked, linked | {"eventName": "addConnection", "peerName": 5}]}
            status, answer = await meeting.say("POST", "/connection/batch", batch)
            codes = [entry["error_code"] for entry in answer["rejected"]]
            assert (status, codes) == (200, ["connection_not_found", "invalid_parameters"]), name

    assert await meeting.stored() == before


@pytest.mark.parametrize("path", ["/events/browser", "/events/get-user-media"])
async def test_browser_events_do_not_reach_a_foreign_connection(
    meeting: Meeting, path: str
) -> None:
    before = await meeting.stored()
    for event in (
        {"eventName": "custom", "data": 5},
        {"eventName": "unload"},
        {"eventName": "endCall"},
        {"eventName": "mediaDeviceChange", "devices": [{"kind": "audioinput"}]},
        {"eventName": "getUserMedia", "data": {"error": {"name": "NotAllowedError"}}},
        {"eventName": "getUserMedia", "data": {"audio": [{"id": "theirs"}]}},
    ):
        foreign = event | {"connectionId": meeting.theirs.connection}
        status, answer = await meeting.say("POST", path, foreign)
        assert (status, answer["error_code"]) == (400, "connection_not_found"), event

    assert await meeting.stored() == before


async def test_statistics_do_not_reach_a_foreign_connection(meeting: Meeting) -> None:
    before = await meeting.stored()
    for data in ({}, STATS, {"connection": {"state": "succeeded", "nominated": True}}):
        sent = {"connectionId": meeting.theirs.connection, "data": data}
        status, answer = await meeting.say("POST", "/stats", sent)
        assert (status, answer["error_code"]) == (400, "connection_not_found"), data

    assert await meeting.stored() == before


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_tracks_do_not_reach_a_foreign_connection(meeting: Meeting, method: str) -> None:
    before = await meeting.stored()
    for event in ("ontrack", "mute", "unmute", "ended", "overconstrained"):
        for track in ("theirs", "new"):
            sent = {"event": event, "trackId": track, "connectionId": meeting.theirs.connection}
            status, answer = await meeting.say(
                method, "/tracks", sent | {"data": {"kind": "video"}}
            )
            assert (status, answer["error_code"]) == (400, "connection_not_found"), sent

    assert await meeting.stored() == before


async def test_a_foreign_track_is_not_found(meeting: Meeting) -> None:
    before = await meeting.stored()
    for event in ("mute", "unmute", "ended", "overconstrained"):
        for link in ({}, {"connectionId": None}, {"connectionId": ""}):
            sent = {"event": event, "trackId": "theirs", "data": {"label": "stolen"}} | link
            status, answer = await meeting.say("PUT", "/tracks", sent)
            assert (status, answer["error_code"]) == (400, "track_not_found"), sent

    assert await meeting.stored() == before


async def test_a_track_of_the_same_name_is_another_track(meeting: Meeting) -> None:
    theirs = await foreign_tracks(meeting)
    named = {"trackId": "theirs", "connectionId": meeting.own.connection}
    announced = named | {"event": "ontrack", "data": {"kind": "video", "label": "mine"}}

    made = [
        await meeting.say("POST", "/tracks", announced),
        await meeting.say("PUT", "/tracks", named | {"event": "ended"}),
    ]
    counted = await meeting.say("POST", "/stats", named | {"data": STATS})

    assert counted == (200, "")
    assert {(status, answer["data"]["label"]) for status, answer in made} == {(200, "mine")}
    assert made[0][1]["data"]["connection"] == meeting.own.connection
    assert await foreign_tracks(meeting) == theirs


async def foreign_tracks(meeting: Meeting) -> list[Any]:
    """Everything about the tracks of the other page's connection."""
    async with meeting.house.db.read() as tx:
        sql = "SELECT to_jsonb(t) FROM monitoring.tracks t WHERE connection_id = %s ORDER BY id"
        rows = await (await tx.psycopg.execute(sql, (meeting.theirs.connection,))).fetchall()
    assert rows
    return list(rows)


async def test_a_participant_of_another_app_is_nobody(house: House) -> None:
    apps = await house.app(), await house.app()
    own, theirs = [await Page.open(house, app) for app in apps]
    client, before = house.client, await records(house.db, *(app["id"] for app in apps))
    for path, name in (
        ("/v1/connection", "peerDetails"),
        ("/v1/connection", "removePeer"),
        ("/v1/events/browser", "custom"),
        ("/v1/events/get-user-media", "getUserMedia"),
    ):
        sent = {"token": own.session, "eventName": name, "peerId": theirs.peer}
        answer = await client.post(path, json=sent)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "participant_not_found")

    assert await records(house.db, *(app["id"] for app in apps)) == before


async def test_a_key_does_not_reach_a_foreign_conference(house: House) -> None:
    own_app, app = await house.app(), await house.app()
    await enter(house, app, "theirs", "victim")
    key, before = {"apiKey": own_app["api_key"]}, await records(house.db, own_app["id"], app["id"])
    for path, named, code in (
        ("/v1/services/stop-conference", {"conferenceId": "theirs"}, "conference_not_found"),
        ("/v1/services/get-url", {"conferenceId": "theirs"}, "conference_not_found"),
        ("/v1/services/get-url", {"userId": "victim"}, "participant_not_found"),
    ):
        answer = await house.client.post(path, json=key | named)
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)

    assert await records(house.db, own_app["id"], app["id"]) == before


async def test_removing_a_peer_spares_the_connections_of_others(house: House) -> None:
    app = await house.app()
    own, theirs = await Page.open(house, app), await enter(house, app, "c", "victim")
    house.clock.advance(1)

    sent = {"token": own.session, "eventName": "removePeer", "peerId": "v"}
    assert (await house.client.post("/v1/connection", json=sent)).status_code == 200

    async with house.db.read() as tx:
        sql = "SELECT id, end_time IS NULL FROM monitoring.connections WHERE id = ANY(%s)"
        ids = [UUID(own.connection), UUID(theirs.connection)]
        open_ones = dict(await (await tx.psycopg.execute(sql, (ids,))).fetchall())
    assert open_ones == {ids[0]: False, ids[1]: True}
