"""Lists and singles: filters, pages, order, shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from signalbox.monitoring.routes import answers
from tests.monitoring.reading.conftest import AT, World

LISTS = ("conferences", "sessions", "participants", "connections", "tracks", "issues")
FILTER = dict.fromkeys(LISTS, ("appId", "app")) | {"tracks": ("sessionId", "session")}


def query(world: World, name: str) -> dict[str, str]:
    """A filter that finds the things of the call."""
    parameter, key = FILTER[name]
    return {parameter: str(world.app if key == "app" else world.ids[key])}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_list_answers_under_both_prefixes_and_with_a_trailing_slash(
    alice: AsyncClient, world: World, name: str, prefix: str, slash: str
) -> None:
    answer = await alice.get(f"{prefix}/{name}{slash}", params=query(world, name))

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json()["data"]


@pytest.mark.parametrize("name", [*LISTS, "stats", "connection", "events/browser"])
async def test_a_list_without_a_filter_is_refused(alice: AsyncClient, name: str) -> None:
    answer = await alice.get(f"/v1/{name}", params={"limit": "5"})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "missing_parameters")


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_carries_results_and_the_total(
    alice: AsyncClient, world: World, name: str
) -> None:
    answer = await alice.get(f"/v1/{name}", params={**query(world, name), "limit": "1"})

    body = answer.json()
    assert set(body) == {"results", "count"}
    assert len(body["results"]) == 1
    assert body["count"] == (3 if name == "participants" else 1)


async def test_pages_are_clamped_and_ordered(alice: AsyncClient, world: World) -> None:
    for minute in range(4):
        await world.conference(f"c{minute}", AT + timedelta(minutes=minute + 1))

    async def names(**parameters: str) -> list[str]:
        answer = await alice.get("/conferences", params={"appId": str(world.app), **parameters})
        body = answer.json()
        return [item["conference_id"] for item in body.get("results", body.get("data"))]

    assert await names() == ["standup", "c0", "c1", "c2", "c3"]
    assert await names(order="-created_at") == ["c3", "c2", "c1", "c0", "standup"]
    assert await names(limit="2", offset="1") == ["c0", "c1"]
    assert await names(limit="0") == ["standup"]
    assert await names(limit="9999", offset="-5") == ["standup", "c0", "c1", "c2", "c3"]
    assert await names(offset="4") == ["c3"]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", "ten"),
        ("offset", "1.5"),
        ("limit", "9" * 30),
        ("order", "name"),
        ("appId", "not-a-uuid"),
        ("participantId", "0" * 32),
        ("duration_gte", "long"),
        ("duration_lt", "nan"),
        ("created_at_gte", "yesterday"),
        ("created_at_lt", "2026-13-01"),
        ("created_at_gt", "0001-01-01T00:00:00+10:00"),
        ("conference_ids", "x,y"),
        ("issue_code", "a\x00b"),
    ],
)
async def test_a_malformed_parameter_is_refused(
    alice: AsyncClient, world: World, parameter: str, value: str
) -> None:
    parameters = {"appId": str(world.app), parameter: value}
    answer = await alice.get("/v1/conferences", params=parameters)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_parameters")


@pytest.mark.parametrize(
    ("path", "parameter", "code"),
    [
        ("conferences", "appId", "app_not_found"),
        ("conferences", "participantId", "participant_not_found"),
        ("sessions", "conferenceId", "conference_not_found"),
        ("connections", "sessionId", "session_not_found"),
        ("tracks", "connectionId", "connection_not_found"),
        ("stats", "conferenceId", "conference_not_found"),
    ],
)
async def test_an_unknown_id_in_a_filter_is_a_bad_request(
    alice: AsyncClient, world: World, path: str, parameter: str, code: str
) -> None:
    answer = await alice.get(f"/v1/{path}", params={parameter: str(uuid4())})

    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


@pytest.mark.parametrize(
    ("bound", "found"),
    [
        ({"created_at_gte": "2026-11-21T12:00:00Z"}, True),
        ({"created_at_gt": "2026-11-21T12:00:00Z"}, False),
        ({"created_at_lte": "2026-11-21T13:00:00+01:00"}, True),
        ({"created_at_lt": "2026-11-21"}, False),
        ({"created_at_gte": "2026-11-21", "created_at_lt": "2026-11-22"}, True),
    ],
)
async def test_dates_take_zones_and_bare_days(
    alice: AsyncClient, world: World, bound: dict[str, str], found: bool
) -> None:
    answer = await alice.get("/v1/conferences", params={"appId": str(world.app), **bound})

    assert bool(answer.json()["data"]) is found


async def test_a_conference_tells_colour_counts_and_links(alice: AsyncClient, world: World) -> None:
    ids = world.ids
    answer = await alice.get(f"/v1/conferences/{ids['conference']}")

    data = answer.json()["data"]
    assert data["app"] == str(world.app)
    assert data["created_at"] == "2026-11-21T12:00:00.000000Z"
    assert (data["has_errors"], data["has_warnings"], data["status"]) == (False, True, "warning")
    assert data["participants_count"] == 1
    assert set(data["participants"]) == {str(ids[name]) for name in ("noor", "ravi", "sfu")}
    assert data["issues"] == [str(ids["issue"])]
    assert data["duration"] == 90


async def test_conferences_are_found_by_issue_duration_participant_and_id(
    alice: AsyncClient, world: World
) -> None:
    other = await world.conference("other", duration=10)
    await world.issue("error", "ice_failed", conference_id=other)
    await world.issue("error", "ice_failed", conference_id=other)

    async def found(**parameters: str) -> set[str]:
        parameters = {"appId": str(world.app), **parameters}
        answer = await alice.get("/conferences", params=parameters)
        items = [item["id"] for item in answer.json()["data"]]
        assert len(items) == len(set(items))
        return set(items)

    ours = str(world.ids["conference"])
    assert await found(issue_code="ice_failed") == {str(other)}
    assert await found(duration_gte="11") == {ours}
    assert await found(duration_lt="90") == {str(other)}
    assert await found(participantId=str(world.ids["noor"])) == {ours}
    assert await found(conference_ids=f"{other},{uuid4()}") == {str(other)}


async def test_a_session_shows_constraints_only_by_itself(alice: AsyncClient, world: World) -> None:
    ids = world.ids
    listed = await alice.get("/sessions", params={"conferenceId": str(ids["conference"])})
    single = await alice.get(f"/sessions/{ids['session']}")

    (item,) = listed.json()["data"]
    data = single.json()["data"]
    assert "constraints" not in item
    assert data["constraints"] == {"width": True}
    for session in (item, data):
        assert session["participant"] == str(ids["noor"])
        assert session["conference"] == str(ids["conference"])
        assert session["issues"] == [str(ids["issue"])]
        assert session["metadata"] == {"plan": "pro"}


async def test_sessions_older_than_thirty_days_are_not_listed(
    alice: AsyncClient, world: World
) -> None:
    old = await world.put(
        "sessions",
        **world.owned(AT - timedelta(days=31)),
        conference_id=world.ids["conference"],
        participant_id=world.ids["noor"],
        last_seen_at=AT,
    )

    listed = await alice.get("/sessions", params={"participantId": str(world.ids["noor"])})

    assert [item["id"] for item in listed.json()["data"]] == [str(world.ids["session"])]
    assert (await alice.get(f"/sessions/{old}")).status_code == 200


async def test_an_issue_is_explained(alice: AsyncClient, world: World) -> None:
    listed = await alice.get(
        "/issues", params={"sessionId": str(world.ids["session"]), "type": "warning"}
    )
    single = await alice.get(f"/issues/{world.ids['issue']}")

    assert listed.json()["data"] == [single.json()["data"]]
    data = single.json()["data"]
    assert data["code"] == "turn_used"
    assert data["title"]
    assert data["explanation"]
    assert data["connection"] == str(world.ids["connection"])


async def test_hidden_rows_are_invisible(alice: AsyncClient, world: World) -> None:
    hidden = await world.conference("hidden", is_active=False)

    listed = await alice.get("/conferences", params={"appId": str(world.app)})

    assert str(hidden) not in {item["id"] for item in listed.json()["data"]}
    assert (await alice.get(f"/conferences/{hidden}")).status_code == 404


async def test_a_long_list_is_sent_in_pieces_and_complete(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        await world.conference(f"n{number}")  # all at the same instant
    monkeypatch.setattr(answers, "CHUNK", 3)

    async def ids(**parameters: str) -> list[str]:
        answer = await alice.get("/conferences", params={"appId": str(world.app), **parameters})
        return [item["id"] for item in answer.json()["data"]]

    up, down = await ids(), await ids(order="-created_at")

    assert len(up) == len(set(up)) == 8
    assert down == up[::-1]


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_costs_three_statements(
    alice: AsyncClient, world: World, statements: list[Any], name: str
) -> None:
    parameters = {**query(world, name), "limit": "50"}
    await alice.get(f"/v1/{name}", params=parameters)

    # The page and the count; the filter's id is checked against accounts, or is one more.
    assert 2 <= len(statements) <= 3
