"""Conferences that are looked for, and the orders in which they come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from signalbox.core.ids import new_id
from tests.monitoring.reading.conftest import AT, World

CHROME = {"browser": {"name": "Chrome", "version": "140"}, "os": {"name": "Linux"}}


@pytest.fixture
async def calls(world: World) -> World:
    """Beside the stand-up, of 90 s: `long` with two people and a bad score, `bad` with an error and a worse one, `now` that runs."""
    long = await world.conference("c-long", AT + timedelta(minutes=1), duration=4000)
    bad = await world.conference(
        "c-bad", AT + timedelta(minutes=2), duration=100, conference_name="100%_Planning"
    )
    await world.conference("c-now", AT + timedelta(minutes=3), ongoing=True)
    for name, conference in (("noor", long), ("ravi", long), ("ravi", bad)):
        await stay(world, conference, name, CHROME if name == "ravi" else {}, {"plan": "pro"})
    await world.issue("error", "ice_failed", conference_id=bad, session_id=None)
    await judged(world, long, "network", 40)
    await judged(world, bad, "relay", 10)
    return world


async def stay(world: World, conference: UUID, who: str, platform: Any, meta: Any) -> None:
    await world.link(conference, world.ids[who], 1)
    await world.put(
        "sessions", **world.owned(), conference_id=conference, participant_id=world.ids[who],
        platform=platform, metadata=meta, app_version="3.1", last_seen_at=AT,
    )  # fmt: skip


async def judged(world: World, conference: UUID, cause: str, score: int) -> None:
    await world.put(
        "diagnoses", app_id=world.app, organization_id=world.organization, conference_id=conference, cause=cause,
        sentence="So it was.", score=score, parts={}, events=[], issues=[], version=1, computed_at=AT,
    )  # fmt: skip


async def found(alice: AsyncClient, world: World, **query: str) -> list[str]:
    answer = await alice.get("/v1/conferences", params={"appId": str(world.app), **query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    items = body.get("results", body.get("data"))
    if "count" in body:
        assert body["count"] >= len(items)
    return [item["conference_id"] for item in items]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("newest", ["c-now", "c-bad", "c-long", "standup"]),
        ("oldest", ["standup", "c-long", "c-bad", "c-now"]),
        ("duration", ["c-long", "c-bad", "standup", "c-now"]),
        ("score", ["c-bad", "c-long", "c-now", "standup"]),
        ("participants", ["c-long", "c-bad", "standup", "c-now"]),
    ],
)
async def test_conferences_come_in_the_order_asked_for(
    alice: AsyncClient, calls: World, sort: str, names: list[str]
) -> None:
    assert await found(alice, calls, sort=sort, limit="10") == names
    assert await found(alice, calls, sort=sort, limit="2", offset="1") == names[1:3]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"query": "PLANN"}, ["c-bad"]),
        ({"query": "-b"}, ["c-bad"]),
        ({"query": "stand-up"}, ["standup"]),
        ({"query": "100%_"}, ["c-bad"]),
        ({"query": "%"}, ["c-bad"]),
        ({"query": "nothing"}, []),
        ({"status": "ongoing"}, ["c-now"]),
        ({"status": "error"}, ["c-bad"]),
        ({"status": "warning"}, ["standup"]),
        ({"status": "success"}, ["c-long"]),
        ({"cause": "relay"}, ["c-bad"]),
        ({"cause": "browser"}, []),
        ({"browser": "Chrome", "app_version": "3.1"}, ["c-long", "c-bad"]),
        ({"browser": "Unknown", "meta.plan": "pro"}, ["c-long"]),
        ({"meta.plan": "pro", "status": "error"}, ["c-bad"]),
        ({"os": "Linux", "query": "long"}, ["c-long"]),
        ({"country": "XX"}, []),
    ],
)
async def test_what_is_looked_for_is_found(
    alice: AsyncClient, calls: World, query: dict[str, str], names: list[str]
) -> None:
    assert await found(alice, calls, **query) == names
    assert await found(alice, calls, **query, limit="5") == names


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"sort": "name", "limit": "5"}, "invalid_parameters", "sort"),
        ({"sort": "score"}, "missing_parameters", "limit"),
        ({"status": "fine"}, "invalid_parameters", "status"),
        ({"cause": "weather"}, "invalid_parameters", "cause"),
        ({"query": "x" * 65}, "invalid_parameters", "query"),
        ({"query": "a\x00"}, "invalid_parameters", "query"),
        ({"meta.": "x"}, "invalid_parameters", "meta."),
    ],
)
async def test_a_bad_filter_is_named(
    alice: AsyncClient, world: World, query: dict[str, str], code: str, field: str
) -> None:
    answer = await alice.get("/v1/conferences", params={"appId": str(world.app), **query})

    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert answer.json()["field"] == field


async def test_filters_on_sessions_need_the_app(alice: AsyncClient, world: World) -> None:
    for query in ({"browser": "Chrome"}, {"query": "stand"}, {"status": "error"}):
        answer = await alice.get("/v1/conferences", params=query)
        assert (answer.status_code, answer.json()["field"]) == (400, "appId")


async def test_a_stranger_narrows_nothing(alice: AsyncClient, calls: World) -> None:
    for app in (str(calls.app), str(new_id())):
        answer = await alice.get(
            "/v1/conferences", params={"appId": app, "query": "stand"}, headers=calls.charlie
        )
        assert (answer.status_code, answer.json()["error_code"]) == (400, "app_not_found")


async def test_issues_are_narrowed_by_their_own_session(alice: AsyncClient, calls: World) -> None:
    """The stand-up's session has neither browser nor plan; the failure of `c-bad` has no session."""

    async def codes(**query: str) -> list[str]:
        answer = await alice.get("/v1/issues", params={"appId": str(calls.app), **query})
        assert answer.status_code == 200, answer.text
        return [one["code"] for one in answer.json()["data"]]

    every = await codes()
    assert "ice_failed" in every
    assert await codes(app_version="9.9") == []
    assert await codes(webrtc_sdk="Unknown") == [code for code in every if code != "ice_failed"]
    bare = await alice.get("/v1/issues", params={"browser": "Chrome"})
    assert (bare.status_code, bare.json()["field"]) == (400, "appId")
