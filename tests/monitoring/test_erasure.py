"""One person is taken out of everything that is stored; what others are counted by stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from signalbox.core.actor import SYSTEM
from signalbox.core.compression import unpack
from signalbox.monitoring.service import (
    diagnose_conference,
    erase_participant,
    erasure,
    finish_erasures,
)
from signalbox.monitoring.store import erasure as statements
from signalbox.site.commands.monitoring import monitoring
from tests.monitoring.conftest import House
from tests.monitoring.labelled import SETTINGS
from tests.monitoring.pages import Page
from tests.monitoring.refusals.tokens import claims_of
from tests.monitoring.replay import replay, trace

Row = Mapping[Any, Any]


async def rows(house: House, sql: str, *values: object) -> list[Any]:
    async with house.db.read() as tx:
        return list(await (await tx.psycopg.execute(f"SELECT {sql}", values)).fetchall())


async def person(house: House, app: Row, name: str) -> UUID:
    sql = "id FROM monitoring.participants WHERE app_id = %s AND participant_id = %s"
    [(found,)] = await rows(house, sql, app["id"], name)
    assert isinstance(found, UUID)
    return found


async def everything(house: House, app: Row) -> str:
    """All that is stored for an app, payloads unpacked, as one text."""
    found = []
    for table, column in (("events", "data"), ("samples", "report")):
        sql = f"{column} FROM monitoring.{table} WHERE app_id = %s AND {column} IS NOT NULL"
        found += [unpack(packed).decode() for (packed,) in await rows(house, sql, app["id"])]
    for table in ("participants", "sessions", "connections", "tracks", "issues", "erasures"):
        sql = f"t::text FROM monitoring.{table} t WHERE app_id = %s"
        found += [text for (text,) in await rows(house, sql, app["id"])]
    for life, parent in (("session", "sessions"), ("connection", "connections")):
        sql = f"l.facts::text FROM monitoring.{life}_lives l JOIN monitoring.{parent} p ON p.id = l.{life}_id WHERE p.app_id = %s"
        found += [text for (text,) in await rows(house, sql, app["id"])]
    return "\n".join(found)


async def charts(house: House, app: Row, headers: dict[str, str]) -> dict[str, Any]:
    """What is counted, without what was personal."""
    shown = {}
    for path in ("conferences", "sessions", "connections", "issues"):
        answer = await house.client.get(f"/v1/{path}?appId={app['id']}", headers=headers)
        assert answer.status_code == 200
        items = answer.json()["data"]
        keep = ("id", "duration", "end_time", "start_time", "state", "type", "code", "ongoing")
        shown[path] = [{key: item[key] for key in keep if key in item} for item in items]
    return shown


async def finish(house: House) -> int:
    house.clock.advance(11)
    return await finish_erasures(house.db, at=house.clock.now())


@pytest.fixture(autouse=True)
async def nothing_waits(house: House) -> None:
    """Erasures that other tests have left open are finished before those of a test are counted."""
    while await finish(house):
        pass


async def test_a_person_vanishes_from_a_recorded_call_and_the_counts_stay(house: House) -> None:
    app = await house.app()
    headers = await house.bearer(app, "read", "manage")
    await replay(house.client, house.clock, app["api_key"], trace("two-participants"))
    before, text = await charts(house, app, headers), await everything(house, app)
    usage = await rows(house, "* FROM monitoring.app_usage WHERE app_id = %s", app["id"])
    assert '"alice"' in text
    alice = await person(house, app, "alice")

    answer = await house.client.delete(f"/v1/participants/{alice}", headers=headers)

    assert answer.status_code == 202
    asked = answer.json()["data"]
    assert (asked["participant"], asked["done_at"]) == (str(alice), None)
    shown = await house.client.get(f"/v1/participants/{alice}", headers=headers)
    assert shown.json()["data"]["participant_id"] == f"erased-{alice.hex}"
    assert shown.json()["data"]["participant_name"] is None
    assert await finish(house) == 1
    done = await house.client.get(f"/v1/erasures/{asked['id']}", headers=headers)
    assert done.json()["data"]["done_at"] is not None
    left = await everything(house, app)
    assert "alice" not in left.lower()
    assert "bob" in left
    assert await charts(house, app, headers) == before
    assert await rows(house, "* FROM monitoring.app_usage WHERE app_id = %s", app["id"]) == usage
    own = "WHERE app_id = %s AND participant_id = %s"
    for table in ("events", "samples", "tracks"):
        assert await rows(house, f"1 FROM monitoring.{table} {own}", app["id"], alice) == []
    for column in ("platform", "devices", "constraints", "metadata", "geo_ip", "browser"):
        sql = f"{column} FROM monitoring.sessions {own}"
        assert await rows(house, sql, app["id"], alice) == [(None,)]


async def test_what_others_saw_of_the_person_is_cut(house: House) -> None:
    app = await house.app()
    page = await Page.open(house, app, "bob")
    link = {"token": page.session, "peerId": page.peer, "connectionId": page.connection}
    candidate = {"candidate": "candidate:1 1 udp 2 198.51.100.23 9 typ host", "address": None}
    report = {"connection": {"remote": {"address": "198.51.100.23"}, "timestamp": 1}}
    event = link | {"eventName": "onicecandidate", "data": candidate}
    for path, body in (("connection", event), ("stats", link | {"data": report})):
        assert (await house.client.post(f"/v1/{path}", json=body)).status_code == 200
    assert "198.51.100.23" in await everything(house, app)

    await erase_participant(
        house.db, await person(house, app, "v"), by=SYSTEM, at=house.clock.now()
    )
    await finish(house)

    left = await everything(house, app)
    assert "198.51.100.23" not in left
    assert "198.51.100.0" in left
    assert '"peerId":"v"' not in left.replace(" ", "")
    assert '"connectionState":"new"' in left.replace(" ", "")


@pytest.mark.parametrize("name", ["host", "connection", "1", "e", "audio", "bob"])
async def test_a_word_of_the_protocol_may_be_a_name(house: House, name: str) -> None:
    app = await house.app()
    headers = await house.bearer(app, "read")
    page = await Page.open(house, app, "caller")
    link = {"token": page.session, "connectionState": "new", "peerId": name, "peerName": name}
    added = await house.client.post("/v1/connection", json=link | {"eventName": "addConnection"})
    ends = {"peerId": added.json()["peer_id"], "connectionId": added.json()["connection_id"]}
    report = {
        "audio": {"inbound": [{"kind": "audio", "id": "1", "packetsReceived": 1}]},
        "connection": {
            "local": {"candidateType": "host"},
            "id": "e",
            "timestamp": 1,
            "bytesSent": 1,
        },
    }
    told = {"token": page.session, **ends}
    await house.client.post("/v1/stats", json=told | {"data": report})
    state = told | {"eventName": "onconnectionstatechange", "data": "failed"}
    await house.client.post("/v1/connection", json=state)
    [call] = (await house.client.get(f"/v1/conferences?appId={app['id']}", headers=headers)).json()[
        "data"
    ]
    await diagnose_conference(house.db, UUID(call["id"]), settings=SETTINGS, at=house.clock.now())
    path = f"/v1/conferences/{call['id']}"

    async def told_of_the_call() -> list[Any]:
        parts = ("graphs", "events?type=stats", "events?type=onconnectionstatechange", "diagnosis")
        answers = [await house.client.get(f"{path}/{part}", headers=headers) for part in parts]
        *same, diagnosis = [answer.json() for answer in answers]
        return [*same, diagnosis["data"]["conference"]["sentence"]]

    before = await told_of_the_call()

    await erase_participant(
        house.db, await person(house, app, name), by=SYSTEM, at=house.clock.now()
    )
    for _ in range(3):
        await finish_erasures(house.db, at=house.clock.now())
    await finish(house)

    assert await told_of_the_call() == before
    events = (await house.client.get(f"{path}/events?type=addConnection", headers=headers)).json()
    erased = f"erased-{UUID(ends['peerId']).hex}"
    named = [event["data"] for event in events["data"] if event["peer"] == ends["peerId"]]
    assert [(data["peerId"], data["peerName"]) for data in named] == [(erased, erased)]


async def test_peers_that_a_trace_named_after_the_person_lose_the_name(house: House) -> None:
    app = await house.app()
    headers = await house.bearer(app, "read", "manage")
    lines = [
        ["create", None, {}, 1_795_204_761_335],
        ["create", "PC_0", {}, 1],
        ["close", "PC_0", None, 1],
    ]
    content = "\n".join(map(json.dumps, lines))
    query = {"appId": str(app["id"]), "user": "alice"}
    done = await house.client.post("/v1/imports", params=query, content=content, headers=headers)
    assert done.status_code == 200
    assert "alice/PC_0" in await everything(house, app)
    await Page.open(house, app, "alice/PC_1")  # somebody else

    await erase_participant(
        house.db, await person(house, app, "alice"), by=SYSTEM, at=house.clock.now()
    )

    people = await house.client.get(f"/v1/participants?appId={app['id']}", headers=headers)
    names = {one["participant_id"] for one in people.json()["data"]}
    assert "alice/PC_1" in names
    assert not {"alice", "alice/PC_0"} & names
    await finish(house)
    assert "alice" not in (await everything(house, app)).replace("alice/PC_1", "")


async def test_what_others_called_the_tracks_of_the_person_goes(house: House) -> None:
    app = await house.app()
    page = await Page.open(house, app)
    body = page.good("POST", "/v1/tracks")
    body["data"]["label"] = "camera of Violet"
    assert (await house.client.post("/v1/tracks", json=body)).status_code == 200

    await erase_participant(
        house.db, await person(house, app, "v"), by=SYSTEM, at=house.clock.now()
    )
    await finish(house)

    labels = await rows(house, "label FROM monitoring.tracks WHERE app_id = %s", app["id"])
    assert labels == [(None,)]


async def test_an_issue_keeps_what_is_counted(house: House) -> None:
    app = await house.app()
    page = await Page.open(house, app)
    error = {"name": "NotAllowedError", "message": "Alice said no"}
    body = {"token": page.session, "data": {"constraints": {"audio": True}, "error": error}}
    path = "/v1/events/get-user-media"
    assert (await house.client.post(path, json=body)).status_code == 200

    await erase_participant(
        house.db, await person(house, app, "u"), by=SYSTEM, at=house.clock.now()
    )
    await finish(house)

    sql = "code, data, events FROM monitoring.issues WHERE app_id = %s ORDER BY code"
    found = await rows(house, sql, app["id"])
    assert ("getusermedia_error", {"name": "NotAllowedError"}, []) in found


async def test_a_running_call_is_ended_and_its_page_is_told(house: House) -> None:
    app = await house.app()
    page = await Page.open(house, app)
    await erase_participant(
        house.db, await person(house, app, "u"), by=SYSTEM, at=house.clock.now()
    )
    await finish(house)
    at = house.clock.now()

    for method, path in (
        ("POST", "/v1/stats"),
        ("POST", "/v1/connection"),
        ("POST", "/v1/events/browser"),
        ("POST", "/v1/events/get-user-media"),
        ("POST", "/v1/tracks"),
        ("PUT", "/v1/sessions"),
    ):
        for delta in (0, 60_000):  # what happened before is as little wanted
            body = page.good(method, path) | {"delta": delta}
            answer = await house.client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["error_code"]) == (400, "connection_ended"), (
                path
            )
    again = await house.client.post("/v1/sessions", json={"token": page.init})
    assert (again.status_code, again.json()["error_code"]) == (401, "invalid_token")
    sql = "ongoing, end_time < %s, duration FROM monitoring.conferences WHERE app_id = %s"
    assert await rows(house, sql, at, app["id"]) == [(False, True, 0)]
    assert await rows(house, "1 FROM monitoring.events WHERE app_id = %s", app["id"]) == []


async def test_whoever_comes_back_under_the_same_name_is_somebody_new(house: House) -> None:
    app = await house.app()
    old = claims_of((await Page.open(house, app)).init)["p"]
    await erase_participant(house.db, UUID(old), by=SYSTEM, at=house.clock.now())

    assert claims_of((await Page.open(house, app)).init)["p"] != old
    await finish(house)
    assert len(await rows(house, "1 FROM monitoring.events WHERE app_id = %s", app["id"])) == 1


async def test_who_may_erase(house: House) -> None:
    app, other = await house.app(), await house.app()
    await Page.open(house, app)
    path = f"/v1/participants/{await person(house, app, 'u')}"
    own = await house.bearer(app, "read", "manage", only_app=True)
    charlie = await house.bearer(other, "read", "manage")
    reader = await house.bearer(app, "read")

    async def refusal(headers: dict[str, str]) -> tuple[int, str]:
        answer = await house.client.delete(path, headers=headers)
        return answer.status_code, answer.json()["error_code"]

    assert await refusal(charlie) == (404, "participant_not_found")
    assert await refusal(reader) == (403, "insufficient_scope")
    assert await refusal({}) == (401, "missing_token")
    first = await house.client.delete(path, headers=own)
    assert first.status_code == 202
    assert (await house.client.delete(path, headers=own)).json() == first.json()
    erasure_path = f"/v1/erasures/{first.json()['data']['id']}"
    assert (await house.client.get(erasure_path, headers=charlie)).status_code == 404
    await finish(house)
    sql = "event_type, target_id, metadata FROM audit.audit_logs WHERE organization_id = %s AND event_type LIKE 'participant%%'"
    entries = await rows(house, sql, app["organization_id"])
    assert [entry[0] for entry in entries] == ["participant_erased"]
    assert "u" not in json.dumps(entries[0][2]).split('"')


async def test_many_sessions_and_payloads_go_in_pieces(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "SESSIONS_AT_ONCE", 2)
    monkeypatch.setattr(erasure, "PAYLOADS_AT_ONCE", 2)
    app = await house.app()
    for _ in range(5):
        await Page.open(house, app)
    for name in ("u", "v"):
        who = await person(house, app, name)
        await erase_participant(house.db, who, by=SYSTEM, at=house.clock.now())
    assert await finish(house) == 2

    left = await everything(house, app)
    assert '"v"' not in left
    assert (
        len(
            await rows(
                house,
                "1 FROM monitoring.sessions WHERE app_id = %s AND erased_at IS NOT NULL",
                app["id"],
            )
        )
        == 5
    )


async def test_a_locked_session_is_left_for_the_next_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_PATIENCE", "SET LOCAL lock_timeout = '50ms'")
    app = await house.app()
    await Page.open(house, app)
    await erase_participant(
        house.db, await person(house, app, "u"), by=SYSTEM, at=house.clock.now()
    )
    async with await psycopg.AsyncConnection.connect(house.db.url) as holder:
        await holder.execute(
            "SELECT 1 FROM monitoring.sessions WHERE app_id = %s FOR UPDATE", (app["id"],)
        )
        assert await finish(house) == 0
    assert await finish(house) == 1


async def test_names_are_kept_until_nothing_can_be_added(house: House) -> None:
    app = await house.app()
    await Page.open(house, app)
    at = house.clock.now()
    await erase_participant(house.db, await person(house, app, "u"), by=SYSTEM, at=at)

    assert await finish_erasures(house.db, at=at + timedelta(seconds=1)) == 0
    sql = "words FROM monitoring.erasures WHERE app_id = %s"
    assert await rows(house, sql, app["id"]) == [(["u"],)]
    assert await finish(house) == 1
    assert await rows(house, sql, app["id"]) == [(None,)]


async def test_an_operator_erases_by_the_applications_name(house: House) -> None:
    app = await house.app()
    page = await Page.open(house, app)
    leave = {"token": page.session, "eventName": "endCall"}
    assert (await house.client.post("/v1/events/browser", json=leave)).status_code == 200
    shell = CliRunner()

    def erase(*args: str) -> Result:
        environ = {"SIGNALBOX_DATABASE_URL": house.db.url}
        return shell.invoke(monitoring, ["erase-participant", *args, "--yes"], env=environ)

    made = await asyncio.to_thread(erase, "u", "--app", str(app["id"]), "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["participant"] == claims_of(page.init)["p"]
    assert await rows(house, "1 FROM monitoring.events WHERE app_id = %s", app["id"]) == []
    unknown = await asyncio.to_thread(erase, "u", "--app", str(app["id"]))
    assert unknown.exit_code == 1
    assert "no such participant" in unknown.output
    assert (await asyncio.to_thread(erase, "u")).exit_code == 2
