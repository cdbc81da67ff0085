"""Search: what is found, in which order, by whom."""

from __future__ import annotations

import random
from typing import Any

import pytest
from httpx import AsyncClient

from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.monitoring.queries import search as search_queries
from signalbox.monitoring.rules.trigrams import similarity, trigrams
from tests.monitoring.reading.conftest import AT, World

PASSWORD = "correct horse battery"


async def found(client: AsyncClient, query: str, **headers: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/search", params={"query": query}, headers=headers)
    assert answer.status_code == 200, answer.text
    matches: list[dict[str, Any]] = answer.json()["matches"]
    return matches


async def logged_in(world: World, name: str, role: str) -> dict[str, str]:
    """Headers of somebody who has just signed in."""
    await service.create_user(
        world.db,
        email=f"{name}-{world.app.hex[:8]}@example.org",
        password=PASSWORD,
        organization_id=world.organization,
        organization_role=role,
        by=SYSTEM,
        at=AT,
    )
    login = await service.login(
        world.db, name=f"{name}-{world.app.hex[:8]}@example.org", password=PASSWORD, at=AT
    )
    return {"Cookie": f"pmsession={login.cookie}", "Authorization": ""}


async def test_names_and_ids_are_found_despite_mistakes(alice: AsyncClient, world: World) -> None:
    conference = {
        "name": "Stand-up",
        "id": "standup",
        "url": f"/conference/{world.ids['conference']}",
        "type": "conference",
    }
    noor = {
        "name": "Noor",
        "id": "u-7",
        "url": f"/participant/{world.ids['noor']}",
        "type": "participant",
    }

    assert await found(alice, "stand up") == [conference]
    assert await found(alice, "STANDUP") == [conference]
    assert await found(alice, "standpu") == [conference]
    assert await found(alice, "nor") == [noor]
    assert (await found(alice, "u-7"))[0] == noor
    assert await found(alice, "zebra crossing") == []
    assert await found(alice, "%_\\'\"") == []


@pytest.mark.parametrize(
    "name", ["می\u200cخواهم", "👨\u200d👩\u200d👧 ارزیابی", "Große\u00a0Runde", "100%_"]
)
async def test_names_in_any_script_are_found(alice: AsyncClient, world: World, name: str) -> None:
    """With the joiners and blanks that belong to them."""
    await world.conference(name, conference_name=name)

    assert [match["id"] for match in await found(alice, name)] == [name]
    part = {"appId": str(world.app), "query": name[1:-1]}
    assert [one["conference_id"] for one in (await alice.get("/v1/conferences", params=part)).json()["data"]] == [name]  # fmt: skip


async def test_apps_and_organizations_have_no_id_of_their_own(
    alice: AsyncClient, world: World
) -> None:
    matches = await found(alice, "ours")

    assert {(match["type"], match["id"], match["url"]) for match in matches} == {
        ("app", "", f"/apps/{world.app}"),
        ("organization", "", f"/organization/{world.organization}"),
    }


async def test_what_has_no_name_goes_by_its_id(alice: AsyncClient, world: World) -> None:
    await world.conference("nameless-call")

    (match,) = await found(alice, "nameless")

    assert (match["name"], match["id"]) == ("nameless-call", "nameless-call")


@pytest.mark.parametrize("query", ["", "x" * 65, "a\x00b"])
async def test_a_query_of_no_or_too_many_characters_is_refused(
    alice: AsyncClient, query: str
) -> None:
    answer = await alice.get("/v1/search", params={"query": query})
    without = await alice.get("/v1/search")

    for refused in (answer, without):
        assert (refused.status_code, refused.json()["error_code"]) == (400, "invalid_parameters")
    assert (await alice.get("/v1/search", params={"query": "x" * 64})).status_code == 200


async def test_the_five_best_come_best_first(alice: AsyncClient, world: World) -> None:
    dice = random.Random(7)
    words = ["lesson", "lessing", "blessing", "lesson plan", "passion", "session", "less", "mess"]
    names = [f"{dice.choice(words)} {dice.choice(words)} {n}" for n in range(60)]
    for number, name in enumerate(names):
        await world.conference(f"id{number}", conference_name=name)

    for query in ("lesson", "lesson plan 7", "blesing"):
        matches = await found(alice, query)
        told = [similarity(trigrams(query), match["name"]) for match in matches]
        best = sorted((similarity(trigrams(query), name) for name in names), reverse=True)[:5]
        assert told == best
        assert all(alike >= 0.3 for alike in told)


async def test_one_thing_is_found_once(alice: AsyncClient, world: World) -> None:
    await world.conference("retrospective", conference_name="Retrospective")

    assert [match["id"] for match in await found(alice, "retrospective")] == ["retrospective"]


async def test_only_owners_find_an_app_by_its_whole_key(site: AsyncClient, world: World) -> None:
    async with world.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT api_key FROM accounts.apps WHERE id = %s", (world.app,)
        )
        ((key,),) = await cursor.fetchall()
    owner = await logged_in(world, "owner", "owner")
    member = await logged_in(world, "member", "member")

    (match,) = await found(site, key, **owner)

    assert (match["type"], match["url"]) == ("app", f"/apps/{world.app}")
    assert await found(site, key[:-1], **owner) == []
    for headers in (member, world.alice, world.charlie):
        assert await found(site, key, **headers) == []
    assert key not in str(await found(site, "ours", **owner))


async def test_nobody_finds_the_things_of_others(site: AsyncClient, world: World) -> None:
    await world.conference("hidden-call", is_active=False)

    nobody = await site.get("/v1/search", params={"query": "standup"})

    assert (nobody.status_code, nobody.json()["error_code"]) == (401, "missing_token")
    assert len(await found(site, "standup", **world.alice)) == 1
    for query in ("standup", "Noor", "ours"):
        assert await found(site, query, **world.charlie) == []
    assert await found(site, "hidden-call", **world.alice) == []


async def test_a_key_of_an_app_finds_only_in_that_app(site: AsyncClient, world: World) -> None:
    sibling = await service.create_app(
        world.db, organization_id=world.organization, name="sibling", by=SYSTEM, at=AT
    )
    await world.put(
        "conferences",
        **{**world.owned(), "app_id": sibling["id"]},
        conference_id="elsewhere",
        last_seen_at=AT,
    )

    assert len(await found(site, "elsewhere", **world.alice)) == 1
    assert await found(site, "elsewhere", **world.alice_app_key) == []
    assert await found(site, "sibling", **world.alice_app_key) == []
    assert len(await found(site, "standup", **world.alice_app_key)) == 1


async def test_things_of_a_deleted_app_are_not_found(alice: AsyncClient, world: World) -> None:
    async with world.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.apps SET is_active = false WHERE id = %s", (world.app,)
        )

    assert await found(alice, "standup") == []


async def test_among_very_many_alike_the_best_are_still_found(
    alice: AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statistics that the plan goes by are those of the database; the limits are lowered for the test."""
    monkeypatch.setattr(search_queries, "MOST_CANDIDATES", 20)
    async with world.db.begin() as tx:
        await tx.psycopg.execute(
            """INSERT INTO monitoring.conferences (id, app_id, organization_id, created_at, last_seen_at, conference_id, conference_name)
            SELECT gen_random_uuid(), %(app)s, %(org)s, %(at)s, %(at)s, 'weekly-' || n, 'Weekly call ' || n FROM generate_series(1000, 1400) n""",
            {"app": world.app, "org": world.organization, "at": AT},
        )
    async with await world.db.connect() as connection:
        await connection.execute("ANALYZE monitoring.conferences")

    exact = await found(alice, "Weekly call 1234")
    mistaken = await found(alice, "Weekkly call")
    general = await found(alice, "weekly")

    assert exact[0]["name"] == "Weekly call 1234"
    assert len(mistaken) == len(general) == 5
    assert all(match["name"].startswith("Weekly call") for match in mistaken + general)
