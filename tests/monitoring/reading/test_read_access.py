"""Who may read what: nobody without a login, nobody another tenant's things."""

from __future__ import annotations

from uuid import uuid4

import pytest
from httpx import AsyncClient

from tests.monitoring.reading.conftest import World

SINGLES = {
    "conferences": "conference",
    "sessions": "session",
    "participants": "participant",
    "connections": "connection",
    "tracks": "track",
    "issues": "issue",
}
KEYS = {**{name: name for name in SINGLES.values()}, "participant": "noor"}
FILTERED = [
    ("conferences", "participantId", "noor", "participant_not_found"),
    ("sessions", "conferenceId", "conference", "conference_not_found"),
    ("participants", "conferenceId", "conference", "conference_not_found"),
    ("connections", "sessionId", "session", "session_not_found"),
    ("tracks", "connectionId", "connection", "connection_not_found"),
    ("issues", "participantId", "noor", "participant_not_found"),
    ("connection", "conferenceId", "conference", "conference_not_found"),
    ("stats", "participantId", "noor", "participant_not_found"),
    ("events/browser", "conferenceId", "conference", "conference_not_found"),
    ("events/get-user-media", "conferenceId", "conference", "conference_not_found"),
]


@pytest.mark.parametrize("path", [*SINGLES, "stats", "connection", "conferences/" + "0" * 8])
async def test_without_a_login_nothing_is_shown(site: AsyncClient, world: World, path: str) -> None:
    answer = await site.get(f"/v1/{path}", params={"appId": str(world.app)})

    assert answer.status_code == (404 if path.endswith("0") else 401)
    if answer.status_code == 401:
        assert answer.json()["error_code"] == "missing_token"


@pytest.mark.parametrize(("plural", "name"), SINGLES.items())
async def test_a_stranger_does_not_find_a_single(
    site: AsyncClient, world: World, plural: str, name: str
) -> None:
    path = f"/v1/{plural}/{world.ids[KEYS[name]]}"

    ours = await site.get(path, headers=world.alice)
    theirs = await site.get(path, headers=world.charlie)

    assert ours.status_code == 200
    assert (theirs.status_code, theirs.json()["error_code"]) == (404, f"{name}_not_found")


@pytest.mark.parametrize(("path", "parameter", "key", "code"), FILTERED)
async def test_a_stranger_does_not_find_anything_by_a_filter(
    site: AsyncClient, world: World, path: str, parameter: str, key: str, code: str
) -> None:
    parameters = {parameter: str(world.ids[key])}

    ours = await site.get(f"/v1/{path}", params=parameters, headers=world.alice)
    theirs = await site.get(f"/v1/{path}", params=parameters, headers=world.charlie)

    assert ours.status_code == 200
    assert (theirs.status_code, theirs.json()["error_code"]) == (400, code)


async def test_a_stranger_does_not_find_anything_by_date(site: AsyncClient, world: World) -> None:
    parameters = {"created_at_gte": "2000-01-01"}
    for path in ("conferences", "participants", "connections", "sessions", "issues"):
        answer = await site.get(f"/v1/{path}", params=parameters, headers=world.charlie)
        assert answer.json() == {"data": []}


async def test_a_stranger_does_not_find_the_events(site: AsyncClient, world: World) -> None:
    path = f"/v1/conferences/{world.ids['conference']}/events"

    answer = await site.get(path, headers=world.charlie)

    assert (answer.status_code, answer.json()["error_code"]) == (404, "conference_not_found")


async def test_a_key_of_an_app_sees_only_that_app(site: AsyncClient, world: World) -> None:
    headers = world.alice_app_key
    path = f"/v1/conferences/{world.ids['conference']}"
    assert (await site.get(path, headers=headers)).status_code == 200

    async with world.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE monitoring.conferences SET app_id = %s WHERE id = %s",
            (world.other_app, world.ids["conference"]),
        )
    assert (await site.get(path, headers=headers)).status_code == 404


async def test_things_of_a_deleted_app_are_gone(alice: AsyncClient, world: World) -> None:
    async with world.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.apps SET is_active = false WHERE id = %s", (world.app,)
        )

    single = await alice.get(f"/v1/conferences/{world.ids['conference']}")
    listed = await alice.get("/v1/conferences", params={"appId": str(world.app)})

    assert single.status_code == 404
    assert (listed.status_code, listed.json()["error_code"]) == (400, "app_not_found")


@pytest.mark.parametrize("name", SINGLES)
async def test_an_unknown_or_malformed_id_in_the_path_is_not_found(
    alice: AsyncClient, name: str
) -> None:
    unknown = await alice.get(f"/v1/{name}/{uuid4()}")
    malformed = await alice.get(f"/v1/{name}/nonsense")

    assert (unknown.status_code, malformed.status_code) == (404, 404)
    assert unknown.json()["error_code"].endswith("_not_found")
    assert malformed.json()["error_code"] == "not_found"


async def test_unknown_paths_are_json_for_programs_and_pages_for_browsers(
    alice: AsyncClient,
) -> None:
    program = await alice.get("/v1/nothing")
    browser = await alice.get("/v1/nothing", headers={"accept": "text/html,*/*"})

    assert program.json()["error_code"] == "not_found"
    assert browser.status_code == 404
    assert browser.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_method_that_is_not_there_is_refused(alice: AsyncClient, method: str) -> None:
    answer = await alice.request(method, "/v1/conferences")
    batch = await alice.get("/v1/connection/batch")

    assert (answer.status_code, answer.json()["error_code"]) == (405, "method_not_allowed")
    assert (batch.status_code, batch.json()["error_code"]) == (405, "method_not_allowed")
