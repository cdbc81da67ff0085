"""Who is asking: the own account over HTTP."""

from __future__ import annotations

import pytest
from httpx import AsyncClient

from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from tests.accounts.conftest import AT, PASSWORD, People, bearer
from tests.accounts.test_apps_door import refusal


@pytest.fixture
async def alice(site: AsyncClient, people: People) -> AsyncClient:
    """The site as alice's browser sees it."""
    body = {"email": people.alice_email, "password": PASSWORD}
    assert (await site.post("/v1/login", json=body)).status_code == 200
    return site


async def audited(db: Database, event: str, by: People) -> list[dict[str, object]]:
    async with db.read() as tx:
        found = await tx.psycopg.execute(
            "SELECT metadata FROM audit.audit_logs WHERE event_type = %s AND actor_user_id = %s",
            [event, by.alice.user_id],
        )
        return [row[0] for row in await found.fetchall()]


async def test_a_user_sees_themselves_and_their_roles(alice: AsyncClient, people: People) -> None:
    me = (await alice.get("/v1/me")).json()["data"]

    assert me["kind"] == "user"
    assert me["user"]["id"] == str(people.alice.user_id)
    assert me["user"]["email"] == people.alice_email
    assert (me["user"]["is_admin"], me["user"]["must_change_password"]) == (False, False)
    assert me["user"]["last_login_at"] == "2026-11-21T12:00:00.000000Z"
    own = [(one["id"], one["name"], one["role"]) for one in me["organizations"]]
    assert own == [(str(people.organization_id), "ours", "owner")]
    assert (me["app"], me["scopes"]) == (None, None)


async def test_a_viewer_and_an_administrator_know_what_they_may_do(
    site: AsyncClient, db: Database, people: People
) -> None:
    assert people.bob.user_id is not None
    await service.set_password(db, people.bob.user_id, password=PASSWORD, by=SYSTEM, at=AT)
    admin = await service.create_user(
        db, email=f"root-{people.alice_email}", role="admin", password=PASSWORD, by=SYSTEM, at=AT
    )
    seen = {}
    for name in (f"bob-{people.alice_email.removeprefix('alice-')}", admin["email"]):
        await site.post("/v1/login", json={"email": name, "password": PASSWORD})
        me = (await site.get("/v1/me")).json()["data"]
        roles = {one["id"]: one["role"] for one in me["organizations"]}
        seen[me["user"]["is_admin"]] = roles

    ours, theirs = str(people.organization_id), str(people.other_organization_id)
    assert seen[False] == {ours: "viewer"}
    assert (seen[True][ours], seen[True][theirs]) == ("owner", "owner")


async def test_a_key_is_told_what_it_is(site: AsyncClient, db: Database, people: People) -> None:
    headers = await bearer(db, people.alice, people.organization_id, "read", "manage")

    me = (await site.get("/v1/me", headers=headers)).json()["data"]
    change = await site.put("/v1/me", json={"name": "Key"}, headers=headers)

    assert (me["kind"], me["user"], me["scopes"]) == ("key", None, ["manage", "read"])
    assert [one["id"] for one in me["organizations"]] == [str(people.organization_id)]
    assert refusal(change) == (403, "forbidden")


async def test_a_stranger_is_nobody_unless_everybody_is_let_in(
    site: AsyncClient, open_access: AsyncClient
) -> None:
    assert refusal(await site.get("/v1/me")) == (401, "missing_token")
    assert refusal(await site.put("/v1/me", json={"name": "x"})) == (401, "missing_token")
    stale = await site.get("/v1/me", headers={"Cookie": "pmsession=unknown"})
    assert refusal(stale) == (401, "invalid_token")
    me = (await open_access.get("/v1/me")).json()["data"]
    assert (me["kind"], me["user"]) == ("everybody", None)


async def test_a_name_changes_and_is_recorded(
    alice: AsyncClient, db: Database, people: People
) -> None:
    changed = await alice.put("/v1/me", json={"name": " Alice A. "})
    nothing = await alice.put("/v1/me", json={})
    empty = await alice.put("/v1/me", json={"name": " "})
    wrong = await alice.put("/v1/me", json={"name": 7})

    assert changed.json()["data"]["user"]["name"] == "Alice A."
    assert nothing.json() == changed.json()
    assert refusal(empty) == (400, "missing_parameters")
    assert refusal(wrong) == (400, "invalid_parameters")
    assert await audited(db, "user_updated", people) == [{"fields": ["display_name"]}]


async def test_another_address_needs_the_password_and_must_be_free(
    alice: AsyncClient, people: People
) -> None:
    address = f"new-{people.alice_email}"
    bob = f"bob-{people.alice_email.removeprefix('alice-')}"

    bare = await alice.put("/v1/me", json={"email": address})
    wrong = await alice.put("/v1/me", json={"email": address, "password": "wrong password"})
    odd = await alice.put("/v1/me", json={"email": "nowhere", "password": PASSWORD})
    taken = await alice.put("/v1/me", json={"email": bob.upper(), "password": PASSWORD})

    assert refusal(bare) == (400, "missing_parameters")
    assert refusal(wrong) == (401, "invalid_credentials")
    assert refusal(odd) == (400, "invalid_email")
    assert (*refusal(taken), taken.json()["field"]) == (409, "email_taken", "email")
    assert (await alice.get("/v1/me")).json()["data"]["user"]["email"] == people.alice_email


async def test_a_changed_address_signs_in(alice: AsyncClient, people: People) -> None:
    address = f"new-{people.alice_email}"

    changed = await alice.put("/v1/me", json={"email": address, "password": PASSWORD})
    again = await alice.post("/v1/login", json={"email": address, "password": PASSWORD})
    old = await alice.post("/v1/login", json={"email": people.alice_email, "password": PASSWORD})

    assert changed.json()["data"]["user"]["email"] == address
    assert (again.status_code, refusal(old)) == (200, (401, "invalid_credentials"))


async def test_passwords_cannot_be_guessed_by_changing_the_address(
    alice: AsyncClient, people: People
) -> None:
    body = {"email": f"new-{people.alice_email}", "password": "wrong password"}
    tries = [await alice.put("/v1/me", json=body) for _ in range(5)]

    assert refusal(tries[0]) == (401, "invalid_credentials")
    assert refusal(tries[-1]) == (429, "rate_limited")  # the login was the first try


async def test_a_foreign_page_changes_nothing(alice: AsyncClient) -> None:
    headers = {"Origin": "https://evil.example"}

    answer = await alice.put("/v1/me", json={"name": "Eve"}, headers=headers)

    assert refusal(answer) == (403, "foreign_origin")


@pytest.mark.parametrize("path", ["/login", "/v1/login"])
async def test_a_form_of_a_script_is_answered_as_a_script(
    site: AsyncClient, people: People, path: str
) -> None:
    form = {"username": people.alice_email, "password": PASSWORD, "next": "/apps/1?day=2"}
    accept = {"Accept": "application/json"}

    done = await site.post(path, data=form, headers=accept)
    wrong = await site.post(path, data={**form, "password": "wrong password"}, headers=accept)

    assert done.json()["data"]["next"] == "/apps/1?day=2"
    assert done.json()["data"]["must_change_password"] is False
    assert "pmsession=" in done.headers["set-cookie"]
    assert refusal(wrong) == (401, "invalid_credentials")


async def test_a_chosen_password_leads_to_its_change_and_elsewhere_is_nowhere(
    site: AsyncClient, db: Database, people: People
) -> None:
    assert people.alice.user_id is not None
    await service.set_password(
        db, people.alice.user_id, password=PASSWORD, by=SYSTEM, at=AT, must_change=True
    )
    body = {"email": people.alice_email, "password": PASSWORD, "next": "//evil.example"}

    done = (await site.post("/v1/login", json=body)).json()["data"]
    warned = (await site.get("/v1/me")).json()["data"]["user"]["must_change_password"]
    new = {"password": "quite another one", "password_again": "quite another one"}
    differs = await site.post("/v1/change-password", json={**new, "password_again": "x"})
    changed = await site.post("/v1/change-password", json=new)

    assert (done["must_change_password"], done["next"]) == (True, "/change-password?next=%2F")
    assert warned is True
    assert (*refusal(differs), differs.json()["problem"]) == (400, "weak_password", "differs")
    assert changed.text == '""'
    assert (await site.get("/v1/me")).json()["data"]["user"]["must_change_password"] is False
    assert (await site.post("/v1/logout")).text == '""'
    assert refusal(await site.get("/v1/me")) == (401, "missing_token")
