"""Reading stored sessions through the door: their shape, lists, erasure, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.conftest import House
from tests.playback.conftest import app_key, new_player
from tests.playback.played import TEN, body, ms, sample, store
from tests.playback.playing import PHONE, Player, T, report

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def reader(house: House) -> Reader:
    """A player, and a key of the same app that reads and erases."""
    player = await new_player(house)
    key = await app_key(house, player.app, "read")
    admin = await app_key(house, player.app, "admin")
    return Reader(house, player, key, admin)


class Reader:
    def __init__(self, house: House, player: Player, key: str, admin: str) -> None:
        self.house, self.player, self.key, self.admin = house, player, key, admin

    async def get(self, path: str, key: str | None = None, **params: Any) -> httpx.Response:
        headers = {"X-API-Key": key or self.key}
        return await self.house.client.get(f"/v1/playback{path}", params=params, headers=headers)

    async def ok(self, path: str, **params: Any) -> Any:
        answer = await self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def erase(self, name: str, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.admin}"}
        return await self.house.client.delete(f"/v1/playback/sessions/{name}", headers=headers)

    async def play(self, **changes: Any) -> str:
        sent = report(**changes)
        answer = await self.player.post(sent)
        assert answer.status_code == 200, answer.text
        return str(sent["sessionId"])


async def test_a_phones_report_reads_as_in_the_reference(reader: Reader) -> None:
    await reader.player.post(PHONE)

    found = await reader.ok(f"/sessions/{PHONE['sessionId']}")

    told = {
        "sessionId": "3f0c9a52-77d1-4f0e-9a53-5b8f6f1f20aa", "tenant": "app", "source": "media3watch", "dialect": "D3",
        "timestamp": "2026-01-01T00:00:45.000Z", "clientTimestampMs": 1767225645000, "startedAt": "2026-01-01T00:00:00.000Z",
        "durationMs": 45000, "startupTimeMs": 450, "playTimeMs": 42000, "rebufferTimeMs": 1200, "rebufferCount": 2,
        "rebufferRatio": 0.027778, "rebufferRatioReported": 0.0271, "droppedFrames": 12, "seekCount": 1, "seekTimeMs": 650,
        "meanBitrateBps": 2500000, "errorCount": 0, "contentId": None, "streamType": None, "deviceModel": "Tab X", "osVersion": "34",
        "sdkVersion": "0.4.0", "connectionType": "Wi-Fi", "outcome": "played", "score": 89.89, "clockSkew": None, "flags": [],
        "revision": 1, "firstReceivedAt": "2026-03-02T10:00:00.000Z", "lastReceivedAt": "2026-03-02T10:00:00.000Z",
        "payload": {name: value for name, value in PHONE.items() if name != "timelineEvents"},
    }  # fmt: skip
    assert {name: found[name] for name in told} == told
    assert found["tenantId"] == str(reader.player.app["id"])


async def test_a_failed_start_without_figures_reads_too(reader: Reader) -> None:
    name = await reader.play(
        startupTimeMs=None, playTimeMs=0, rebufferTimeMs=0, errorCount=1, meanVideoFormatBitrate=-1
    )

    found = await reader.ok(f"/sessions/{name}")

    assert (found["outcome"], found["rebufferRatio"], found["meanBitrateBps"]) == (
        "start_failure",
        None,
        None,
    )


async def test_a_timeline_is_told_in_its_own_order(reader: Reader) -> None:
    first = PHONE["timelineEvents"][0]
    events = [first | {"elapsedMs": at, "timestampMs": T + at} for at in (900, 100, 500)]
    name = await reader.play(timelineEvents=events)
    silent = await reader.play(timelineEvents=...)

    found = await reader.ok(f"/sessions/{name}/timeline")

    assert [item["elapsedMs"] for item in found["items"]] == [100, 500, 900]
    assert found["items"][0] == first | {"elapsedMs": 100, "timestampMs": T + 100}
    assert await reader.ok(f"/sessions/{silent}/timeline") == {"items": []}
    assert (await reader.get("/sessions/unknown/timeline")).status_code == 404


async def test_pages_of_a_list_do_not_shift_while_sessions_come(reader: Reader) -> None:
    names = [await reader.play(timestamp=T - number * 1000) for number in range(5)]
    span = {"from": T - 60_000, "to": T + 60_000, "limit": 2}

    first = await reader.ok("/sessions", **span)
    await reader.play(timestamp=T + 1)
    second = await reader.ok("/sessions", **span, cursor=first["nextCursor"])
    third = await reader.ok("/sessions", limit=2, cursor=second["nextCursor"])

    seen = [item["sessionId"] for page in (first, second, third) for item in page["items"]]
    assert seen == names
    assert third["nextCursor"] is None
    assert "payload" not in first["items"][0]


async def test_sessions_that_ended_at_the_same_instant_are_all_listed(reader: Reader) -> None:
    names = {await reader.play(timestamp=T - 5) for _ in range(5)}
    seen: list[str] = []
    cursor = None
    while True:
        given = {"cursor": cursor} if cursor else {"from": T - 10, "to": T}
        page = await reader.ok("/sessions", limit=2, **given)
        seen += [item["sessionId"] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert len(seen) == 5
    assert set(seen) == names


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "ABCDEF"),
        ({"contentId": "film"}, "B"),
        ({"streamType": "live"}, "C"),
        ({"outcome": "ebvs"}, "E"),
        ({"deviceModel": "Tab Y"}, "D"),
        ({"sdkVersion": "0.5.0"}, "D"),
        ({"connectionType": "Cellular"}, "A"),
        ({"hasErrors": "true"}, "CD"),
        ({"hasErrors": "false"}, "ABEF"),
        ({"minStartupMs": "1200"}, "BC"),
        ({"minStartupMs": "1200", "hasErrors": "1"}, "C"),
        ({"contentId": "none"}, ""),
    ],
)
async def test_lists_are_narrowed(reader: Reader, filters: dict[str, str], found: str) -> None:
    a, b, c, d, e, f = sample()
    a["connectionType"] = "Cellular"
    b["contentId"] = "film"
    c["streamType"] = "Live"
    d |= {"deviceModel": "Tab Y", "sdkVersion": "0.5.0"}
    at = TEN + 30 * MINUTE
    await store(reader.house.db, reader.player.app["id"], [a, b, c, d, e, f], at=at)

    page = await reader.ok("/sessions", **{"from": TEN.isoformat(), "to": ms(at)}, **filters)

    assert sorted(item["sessionId"] for item in page["items"]) == list(found)


async def test_the_span_is_half_open_and_a_day_by_itself(reader: Reader) -> None:
    at, app = reader.house.clock.now(), reader.player.app["id"]
    ends = {
        "now": at,
        "just before": at - MINUTE,
        "a day ago": at - timedelta(days=1),
        "older": at - timedelta(days=1, seconds=1),
    }
    await store(reader.house.db, app, [body(name, end, 1000) for name, end in ends.items()], at=at)

    page = await reader.ok("/sessions")

    assert [item["sessionId"] for item in page["items"]] == ["just before", "a day ago"]


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({"from": "yesterday"}, ["from"]),
        ({"from": "2026-03-02", "to": "2026-03-01"}, ["from"]),
        ({"from": "x", "to": "y", "hasErrors": "z", "minStartupMs": "-1"}, ["to", "from", "hasErrors", "minStartupMs"]),
        ({"limit": "0"}, ["limit"]),
        ({"limit": "501"}, ["limit"]),
        ({"limit": "many"}, ["limit"]),
        ({"cursor": "made up"}, ["cursor"]),
        ({"cursor": "gA"}, ["cursor"]),
        ({"contentId": "a\x00b"}, ["contentId"]),
        ({"appId": "x"}, ["appId"]),
    ],
)  # fmt: skip
async def test_what_is_malformed_is_named(
    reader: Reader, params: dict[str, str], fields: list[str]
) -> None:
    answer = await reader.get("/sessions", **params)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "INVALID_SCHEMA")
    assert [problem["field"] for problem in error["details"]] == fields
    assert all(field in error["message"] for field in fields)
    assert error["requestId"] == answer.headers["x-request-id"]


async def test_a_session_of_somebody_else_is_not_there(reader: Reader, house: House) -> None:
    name = await reader.play()
    charlie = await new_player(house, "read", "admin")

    for path in (f"/sessions/{name}", f"/sessions/{name}/timeline"):
        answer = await reader.get(path, charlie.key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (await reader.erase(name, charlie.key)).status_code == 404
    page = await reader.get("/sessions", charlie.key, **{"from": 0})
    named = await reader.get("/sessions", charlie.key, appId=str(reader.player.app["id"]))
    assert page.json()["items"] == []
    assert named.status_code == 404
    assert (await reader.get(f"/sessions/{name}")).status_code == 200


async def test_an_erased_session_stays_erased_for_thirty_days(reader: Reader) -> None:
    sent = report()
    await reader.player.post(sent)

    answer = await reader.erase(sent["sessionId"])
    again = await reader.player.post(sent | {"timestamp": T + 1000})

    assert (answer.status_code, answer.content) == (204, b"")
    assert again.json()["result"] == "erased"
    assert (await reader.get(f"/sessions/{sent['sessionId']}")).status_code == 404
    assert (await reader.erase(sent["sessionId"])).status_code == 404
    async with reader.house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT state, erased_until FROM playback.session_keys WHERE session_id = %s",
            [sent["sessionId"]],
        )
        state, until = await cursor.fetchone() or (None, None)
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FROM playback.session_timeline WHERE session_id = %s",
            [sent["sessionId"]],
        )
        [left] = await cursor.fetchone() or [None]
        cursor = await tx.psycopg.execute(
            "SELECT event_type, organization_id FROM audit.audit_logs WHERE target_id = %s",
            [sent["sessionId"]],
        )
        events = await cursor.fetchall()
    assert (state, until) == ("erased", reader.house.clock.now() + timedelta(days=30))
    assert left == 0
    assert events == [("playback_session_erased", reader.player.app["organization_id"])]


async def test_scopes_are_needed(reader: Reader) -> None:
    name = await reader.play()

    refused = [
        await reader.get("/sessions", reader.player.key),
        await reader.get("/sessions", reader.admin),
        await reader.erase(name, reader.key),
    ]
    unknown = await reader.get("/sessions", "pbk_00000000_" + "0" * 43)

    assert [(one.status_code, one.json()["error"]["code"]) for one in refused] == [
        (403, "FORBIDDEN")
    ] * 3
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (401, "INVALID_API_KEY")
    assert unknown.headers["www-authenticate"] == "ApiKey"
    assert (await reader.house.client.get("/v1/playback/sessions")).status_code == 401


async def test_every_answer_says_how_much_of_the_limit_is_left(reader: Reader) -> None:
    answer = await reader.get("/sessions/unknown")

    assert answer.status_code == 404
    assert answer.headers["x-ratelimit-limit"] == "100"
    assert {"x-ratelimit-remaining", "x-ratelimit-reset"} <= set(answer.headers)


async def test_a_wrong_method_or_path_is_told_in_the_same_envelope(reader: Reader) -> None:
    client = reader.house.client

    method = await client.put("/v1/playback/qoe/summary")
    path = await client.get("/v1/playback/nothing/here")

    assert (method.status_code, method.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in method.headers["allow"]
    assert (path.status_code, path.json()["error"]["code"]) == (404, "NOT_FOUND")
    for answer in (method, path):
        assert answer.json()["error"]["requestId"] == answer.headers["x-request-id"]
    own = await client.get("/v1/playback/nothing", headers={"X-Request-Id": "mine"})
    assert own.json()["error"]["requestId"] == "mine"


async def test_a_key_of_the_organization_reads_all_its_apps(reader: Reader, house: House) -> None:
    name = await reader.play()
    organization, stranger = reader.player.app["organization_id"], await new_player(house)
    _, key = await accounts.create_key(house.db, organization_id=organization, scopes=["read"], by=SYSTEM, at=house.clock.now())  # fmt: skip
    mine, theirs = {"appId": str(reader.player.app["id"])}, {"appId": str(stranger.app["id"])}

    found = await reader.get(f"/sessions/{name}", key, **mine)

    assert (found.status_code, found.json()["sessionId"]) == (200, name)
    assert found.headers["x-ratelimit-limit"] == "100"
    assert (await reader.get("/qoe/summary", key, **mine)).status_code == 200
    nowhere = await reader.get(f"/sessions/{name}", key)
    assert (nowhere.status_code, nowhere.json()["error"]["details"]) == (400, [{"field": "appId", "problem": "missing"}])  # fmt: skip
    foreign = await reader.get("/sessions", key, **theirs)
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "NOT_FOUND")
    url = f"/v1/playback/sessions/{name}"
    erased = await house.client.delete(url, params=mine, headers={"Authorization": f"Bearer {key}"})
    assert (erased.status_code, erased.json()["error"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("name", ["a/b", "a/timeline", "/", "//x", "b/", "50%2F", "ü/?#", ".."])
async def test_a_session_is_found_whatever_its_id(reader: Reader, name: str) -> None:
    await reader.play(sessionId=name)
    path = f"/sessions/{quote(name, safe='').replace('..', '%2E%2E')}"

    assert (await reader.ok(path))["sessionId"] == name
    assert len((await reader.ok(f"{path}/timeline"))["items"]) == 1
    assert (await reader.erase(path.removeprefix("/sessions/"))).status_code == 204
    assert (await reader.get(path)).status_code == 404
