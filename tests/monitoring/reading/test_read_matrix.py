"""Every reading route with every filter: what it finds for its owner, what for a stranger, and what it says to nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from tests.monitoring.reading.conftest import World

# Of each route its filters: a value that finds something, by its name in the world or literally, and one that cannot be.
IDS: dict[str, tuple[str, str]] = {
    "appId": ("app", "x"),
    "conferenceId": ("conference", "7"),
    "participantId": ("noor", "x" * 36),
    "sessionId": ("session", "-"),
    "connectionId": ("connection", "0-0"),
}
SPAN: dict[str, tuple[str, str]] = {
    "created_at_gt": ("=2026-11-21T11:59:59.999999Z", "soon"),
    "created_at_gte": ("=2026-11-21T13:00:00+01:00", "2026-13-01"),
    "created_at_lt": ("=2026-11-22", "21.11.2026"),
    "created_at_lte": ("=2026-11-21T12:00:00", "0"),
}
PAGES: dict[str, tuple[str, str]] = {
    "limit": ("=5", "five"),
    "offset": ("=0", "1.5"),
    "order": ("=-created_at", "name"),
}


def of(*names: str, **more: tuple[str, str]) -> dict[str, tuple[str, str]]:
    return {**{name: IDS[name] for name in names}, **SPAN, **PAGES, **more}


EVENTS = of("conferenceId", "participantId")
ROUTES: dict[str, dict[str, tuple[str, str]]] = {
    "conferences": of(
        "appId",
        "participantId",
        duration_gte=("=90", "long"),
        duration_lt=("=90.5", "inf"),
        issue_code=("=turn_used", "a\x00"),
        conference_ids=("conference", "1,2"),
    ),
    "sessions": of("appId", "conferenceId", "participantId"),
    "participants": of("appId", "conferenceId"),
    "connections": of("appId", "conferenceId", "participantId", "sessionId"),
    "tracks": of("conferenceId", "sessionId", "connectionId"),
    "issues": of(
        *("appId", "conferenceId", "participantId", "sessionId"),
        code=("=turn_used", "\x07"),
        type=("=warning", "fatal"),
    ),
    "connection": {**EVENTS, "type": ("=onicecandidate", "\n")},
    "stats": {**EVENTS, "type": ("=stats", "x" * 257)},
    "events/browser": {**EVENTS, "type": ("=custom", "\x00")},
    "events/get-user-media": {**EVENTS, "type": ("=getUserMedia", "\x00")},
    "conferences/{conference}/events": of(
        "participantId", "connectionId", type=("=-custom", "\x1b")
    ),
}
# These narrow a list, but do not make one by themselves.
ONLY_BESIDE = {*PAGES, "type"}
LIKE = [(path, name) for path, filters in ROUTES.items() for name in filters]


@pytest.fixture
async def call(world: World) -> World:
    """The call with an event of every category that is the same for all filters."""
    connection = world.ids["connection"]
    await world.put("issues", **world.owned(), **_place(world), type="warning", code="turn_used")
    await world.event("onicecandidate", "C", 0, {"x": 1}, connection_id=connection)
    await world.event("custom", "B", 0, {"x": 1}, connection_id=connection)
    await world.event("getUserMedia", "M", 0, {"constraints": {}}, connection_id=connection)
    await world.sample(0, {"connection": {}}, tracks=[None], emos=[None])
    return world


def _place(world: World) -> dict[str, Any]:
    ids = world.ids
    return {
        "conference_id": ids["conference"],
        "session_id": ids["session"],
        "participant_id": ids["noor"],
        "connection_id": ids["connection"],
    }


def value(world: World, told: str) -> str:
    if told.startswith("="):
        return told[1:]
    return str(world.app if told == "app" else world.ids[told])


def base(world: World, path: str, name: str) -> dict[str, str]:
    """What the route needs beside the filter to make a list."""
    needs = name in ONLY_BESIDE or (name in SPAN and (path in EVENT_ROUTES or path == "tracks"))
    if "{" in path or not needs:
        return {}
    other = "appId" if "appId" in ROUTES[path] else "conferenceId"
    return {other: value(world, IDS[other][0])}


EVENT_ROUTES = {"connection", "stats", "events/browser", "events/get-user-media"}


def address(world: World, path: str) -> str:
    return "/v1/" + path.replace("{conference}", str(world.ids["conference"]))


def items(body: dict[str, Any]) -> list[Any]:
    found: list[Any] = body["data"] if "data" in body else body["results"]
    return found


async def test_every_filter_finds_for_its_owner(alice: AsyncClient, call: World) -> None:
    for path, name in LIKE:
        given = {**base(call, path, name), name: value(call, ROUTES[path][name][0])}
        whole = await alice.get(address(call, path), params=given)
        page = await alice.get(address(call, path), params={**given, "limit": "200"})

        assert whole.status_code == 200, (path, name, whole.text)
        assert items(whole.json()), (path, name)
        if name not in ("limit", "offset"):
            assert list(whole.json()) == ["data"]
            assert page.json() == {
                "results": items(whole.json()),
                "count": len(items(whole.json())),
            }


async def test_no_filter_finds_for_a_stranger(site: AsyncClient, call: World) -> None:
    for path, name in LIKE:
        given = {**base(call, path, name), name: value(call, ROUTES[path][name][0])}
        answer = await site.get(address(call, path), params=given, headers=call.charlie)
        nobody = await site.get(address(call, path), params=given)

        assert (nobody.status_code, nobody.json()["error_code"]) == (401, "missing_token")
        if answer.status_code == 200:
            assert items(answer.json()) == [], (path, name)
        else:
            assert answer.json()["error_code"].endswith("_not_found"), (path, name, answer.text)
            assert "{" in path or answer.json()["field"] in {name, *base(call, path, name)}


async def test_an_impossible_value_is_refused_by_the_name_of_its_filter(
    alice: AsyncClient, call: World
) -> None:
    for path, name in LIKE:
        given = {**base(call, path, name), name: ROUTES[path][name][1]}
        answer = await alice.get(address(call, path), params=given)

        assert answer.status_code == 400, (path, name, answer.text)
        assert answer.json()["error_code"] == "invalid_parameters", (path, name)
        assert answer.json()["field"] == name, path


async def test_filters_hold_together(alice: AsyncClient, call: World) -> None:
    ids = {name: value(call, told) for name, (told, _) in IDS.items()}
    for path, filters in ROUTES.items():
        both = {name: ids[name] for name in filters if name in ids}
        everything = await alice.get(address(call, path), params=both)
        nothing = await alice.get(
            address(call, path), params={**both, "created_at_gt": "2030-01-01T00:00:00Z"}
        )
        assert items(everything.json()), path
        assert items(nothing.json()) == [], path
    silent = {"conferenceId": ids["conferenceId"], "participantId": str(call.ids["ravi"])}
    for path in ("sessions", "connections", "issues", "stats", "connection"):
        assert items((await alice.get(f"/v1/{path}", params=silent)).json()) == [], path


async def test_reading_addresses_take_nothing_else(alice: AsyncClient, call: World) -> None:
    for path in ROUTES:
        if path in EVENT_ROUTES or path in ("sessions", "tracks"):
            continue  # what is sent goes to the same addresses
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = await alice.request(method, address(call, path))
            assert (answer.status_code, answer.json()["error_code"]) == (405, "method_not_allowed")


async def test_participants_count_counts_people_who_were_there(
    alice: AsyncClient, call: World
) -> None:
    """SFUs, people only named by others and hidden ones do not count."""
    path = f"/v1/conferences/{call.ids['conference']}"
    assert (await alice.get(path)).json()["data"]["participants_count"] == 1

    sfu, hidden = await call.participant("s2", is_sfu=True), await call.participant("h")
    for other in (sfu, hidden):
        await call.link(call.ids["conference"], other, 2)
    assert (await alice.get(path)).json()["data"]["participants_count"] == 2
    async with call.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE monitoring.participants SET is_active = false WHERE id = %s", (hidden,)
        )
    assert (await alice.get(path)).json()["data"]["participants_count"] == 1
    lonely = await call.conference("lonely")
    assert (await alice.get(f"/v1/conferences/{lonely}")).json()["data"]["participants_count"] == 0


async def test_documented_answers_hold(alice: AsyncClient, call: World) -> None:
    """Fields that clients of the PeerMetrics API read."""
    ids = call.ids
    (session,) = (
        await alice.get("/v1/sessions", params={"conferenceId": str(ids["conference"])})
    ).json()["data"]
    conference = (await alice.get(f"/v1/conferences/{ids['conference']}")).json()["data"]
    (event,) = (
        await alice.get(f"/v1/conferences/{ids['conference']}/events", params={"type": "stats"})
    ).json()["data"]

    assert {
        *("id", "participant", "conference", "created_at", "end_time", "duration", "platform"),
        *("devices", "call_start", "metadata", "geo_ip", "session_info", "app_version"),
        *("webrtc_sdk", "issues"),
    } == set(session)
    assert {
        *("id", "conference_id", "conference_name", "start_time", "end_time", "duration"),
        *("ongoing", "app", "participants", "issues", "has_errors", "has_warnings"),
        *("participants_count", "conference_info", "call_start", "created_at"),
    } <= set(conference)
    assert event["type"] == "stats"
    assert event["category"] == "S"
    assert {"id", "data", "created_at", "participant", "session"} <= set(event)
    for at in (session["created_at"], conference["created_at"], event["created_at"]):
        assert at == "2026-11-21T12:00:00.000000Z"
