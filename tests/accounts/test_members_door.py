"""The people of an organization over HTTP."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from httpx import AsyncClient

from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from tests.accounts.conftest import AT, PASSWORD, People, bearer
from tests.accounts.test_apps_door import refusal


@pytest.fixture
async def alice(site: AsyncClient, people: People) -> AsyncClient:
    """The site as alice's browser sees it; she owns the organization."""
    await _sign_in(site, people.alice_email)
    return site


async def _sign_in(site: AsyncClient, email: str, password: str = PASSWORD) -> None:
    answer = await site.post("/v1/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text


async def _as(site: AsyncClient, db: Database, user_id: UUID | None, email: str) -> None:
    """Go on as somebody else, who gets a password for that."""
    assert user_id is not None
    await service.set_password(db, user_id, password=PASSWORD, by=SYSTEM, at=AT)
    await _sign_in(site, email)


def path(people: People, user: UUID | None = None) -> str:
    base = f"/v1/organizations/{people.organization_id}/members"
    return base if user is None else f"{base}/{user}"


def mail(people: People, name: str) -> str:
    return f"{name}-{people.alice_email.removeprefix('alice-')}"


async def audited(db: Database, event: str, organization: UUID) -> list[tuple[str, object]]:
    async with db.read() as tx:
        found = await tx.psycopg.execute(
            "SELECT target_id, metadata FROM audit.audit_logs"
            " WHERE event_type = %s AND organization_id = %s ORDER BY id",
            [event, organization],
        )
        return [(row[0], row[1]) for row in await found.fetchall()]


async def test_everybody_of_an_organization_sees_its_people(
    alice: AsyncClient, db: Database, people: People
) -> None:
    await _as(alice, db, people.bob.user_id, mail(people, "bob"))
    listed = (await alice.get(path(people))).json()["data"]
    page = (await alice.get(f"{path(people)}?limit=1&offset=1&order=-created_at")).json()

    roles = {one["email"]: (one["role"], one["pending"]) for one in listed}
    assert roles == {
        people.alice_email: ("owner", False),
        mail(people, "bob"): ("viewer", False),
    }
    assert (page["count"], len(page["results"])) == (2, 1)


async def test_somebody_new_gets_a_password_for_the_first_login(
    alice: AsyncClient, db: Database, people: People
) -> None:
    address = mail(people, "dora")
    body = {"email": address.upper(), "role": "member", "name": "Dora"}

    added = (await alice.post(path(people), json=body)).json()["data"]
    again = await alice.post(path(people), json=body)
    shown = [one for one in (await alice.get(path(people))).json()["data"] if one["pending"]]
    first = await alice.post("/v1/login", json={"email": address, "password": added["password"]})

    assert (added["name"], added["email"], added["role"]) == ("Dora", address, "member")
    assert len(added["password"]) == 16
    assert [one["user"] for one in shown] == [added["user"]]
    assert "password" not in shown[0]
    assert first.json()["data"]["must_change_password"] is True
    assert (*refusal(again), again.json()["field"]) == (409, "already_member", "email")
    told = await audited(db, "member_added", people.organization_id)
    assert told == [(added["user"], {"role": "member"})]


async def test_who_is_known_already_keeps_name_and_password(
    alice: AsyncClient, db: Database, people: People
) -> None:
    body = {"email": mail(people, "charlie"), "role": "viewer", "name": "Somebody"}

    added = (await alice.post(path(people), json=body)).json()["data"]
    await _as(alice, db, people.charlie.user_id, body["email"])
    own = (await alice.get("/v1/me")).json()["data"]["organizations"]

    assert (added["user"], added["password"]) == (str(people.charlie.user_id), None)
    assert added["name"].startswith("charlie-")
    assert {one["name"]: one["role"] for one in own} == {"ours": "viewer", "theirs": "owner"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "member"}, 400, "missing_parameters"),
        ({"email": "d@example.org"}, 400, "missing_parameters"),
        ({"email": "nowhere", "role": "member"}, 400, "invalid_email"),
        ({"email": "d@example.org", "role": "king"}, 400, "invalid_parameters"),
        ({"email": "d@example.org", "role": 7}, 400, "invalid_parameters"),
        ({"email": "d@example.org", "role": "member", "name": []}, 400, "invalid_parameters"),
    ],
)
async def test_a_bad_member_is_refused(
    alice: AsyncClient, people: People, body: dict[str, object], status: int, code: str
) -> None:
    assert refusal(await alice.post(path(people), json=body)) == (status, code)
    assert len((await alice.get(path(people))).json()["data"]) == 2


async def test_a_barred_user_comes_in_nowhere(
    alice: AsyncClient, db: Database, people: People
) -> None:
    assert people.charlie.user_id is not None
    await service.delete_user(db, people.charlie.user_id, by=SYSTEM, at=AT)

    answer = await alice.post(
        path(people), json={"email": mail(people, "charlie"), "role": "member"}
    )

    assert refusal(answer) == (409, "email_taken")


async def test_a_role_changes_and_is_recorded(
    alice: AsyncClient, db: Database, people: People
) -> None:
    where = path(people, people.bob.user_id)

    changed = await alice.put(where, json={"role": "owner"})
    same = await alice.put(where, json={"role": "owner"})
    odd = await alice.put(where, json={"role": "king"})
    unknown = await alice.put(path(people, new_id()), json={"role": "owner"})
    stranger = await alice.put(path(people, people.charlie.user_id), json={"role": "owner"})

    assert changed.json()["data"]["role"] == "owner"
    assert same.json() == changed.json()
    assert refusal(odd) == (400, "invalid_parameters")
    assert refusal(unknown) == refusal(stranger) == (404, "user_not_found")
    told = await audited(db, "role_changed", people.organization_id)
    assert told == [(str(people.bob.user_id), {"role": "owner"})]


async def test_the_last_owner_stays(alice: AsyncClient, db: Database, people: People) -> None:
    own = path(people, people.alice.user_id)
    assert people.alice.user_id is not None

    assert refusal(await alice.put(own, json={"role": "member"})) == (409, "last_owner")
    assert refusal(await alice.delete(own)) == (409, "last_owner")
    await alice.put(path(people, people.bob.user_id), json={"role": "owner"})
    assert (await alice.put(own, json={"role": "member"})).status_code == 200
    # She has no say in it any more.
    assert refusal(await alice.put(own, json={"role": "owner"})) == (403, "forbidden")


async def test_two_owners_cannot_both_leave_at_once(
    alice: AsyncClient, db: Database, people: People
) -> None:
    assert people.bob.user_id is not None
    await alice.put(path(people, people.bob.user_id), json={"role": "owner"})

    answers = await asyncio.gather(
        *(alice.delete(path(people, user.user_id)) for user in (people.bob, people.alice))
    )

    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 404])
    async with db.read() as tx:
        found = await tx.psycopg.execute(
            "SELECT count(*) FROM accounts.memberships WHERE organization_id = %s AND role = 'owner'",
            [people.organization_id],
        )
        assert await found.fetchone() == (1,)


async def test_who_is_removed_is_out_with_their_keys(
    alice: AsyncClient, db: Database, people: People
) -> None:
    where = path(people, people.bob.user_id)
    await alice.put(where, json={"role": "member"})
    key = await bearer(db, people.bob, people.organization_id, "read")
    assert (await alice.get("/v1/apps", headers=key)).status_code == 200

    removed = await alice.delete(where)
    again = await alice.delete(where)

    assert removed.text == '""'
    assert refusal(again) == (404, "user_not_found")
    assert refusal(await alice.get("/v1/apps", headers=key)) == (401, "invalid_token")
    assert (await alice.get(f"{path(people)[:-8]}/keys")).json() == {"data": []}
    told = await audited(db, "member_removed", people.organization_id)
    assert told == [(str(people.bob.user_id), {"keys_revoked": 1})]


async def test_a_viewer_may_leave_and_do_nothing_else(
    alice: AsyncClient, db: Database, people: People
) -> None:
    await _as(alice, db, people.bob.user_id, mail(people, "bob"))
    body = {"email": mail(people, "dora"), "role": "member"}

    assert refusal(await alice.post(path(people), json=body)) == (403, "forbidden")
    own = path(people, people.bob.user_id)
    assert refusal(await alice.put(own, json={"role": "owner"})) == (403, "forbidden")
    assert refusal(await alice.delete(path(people, people.alice.user_id))) == (403, "forbidden")
    assert (await alice.delete(own)).status_code == 200
    assert refusal(await alice.get(path(people))) == (404, "organization_not_found")


async def test_a_stranger_finds_no_people(alice: AsyncClient, db: Database, people: People) -> None:
    await _as(alice, db, people.charlie.user_id, mail(people, "charlie"))
    bob = path(people, people.bob.user_id)
    body = {"email": mail(people, "dora"), "role": "owner"}

    for answer in (
        await alice.get(path(people)),
        await alice.post(path(people), json=body),
        await alice.put(bob, json={"role": "owner"}),
        await alice.delete(bob),
    ):
        assert refusal(answer) == (404, "organization_not_found")
    alice.cookies.clear()
    assert refusal(await alice.get(path(people))) == (401, "missing_token")


async def test_a_key_may_look_and_changes_no_people(
    site: AsyncClient, db: Database, people: People
) -> None:
    key = await bearer(db, people.alice, people.organization_id, "read", "manage")
    app = await service.create_app(
        db, organization_id=people.organization_id, name="shop", by=people.alice, at=AT
    )
    _, secret = await service.create_key(
        db, app_id=app["id"], scopes=["read", "manage"], by=people.alice, at=AT
    )
    body = {"email": mail(people, "dora"), "role": "owner"}

    assert len((await site.get(path(people), headers=key)).json()["data"]) == 2
    assert refusal(await site.post(path(people), json=body, headers=key)) == (403, "forbidden")
    bound = {"Authorization": f"Bearer {secret}"}
    assert refusal(await site.get(path(people), headers=bound)) == (403, "forbidden")
