"""Signing in to the dashboard, as a program and as a browser."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest
from httpx import AsyncClient, Response

from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from tests.accounts.conftest import AT, PASSWORD, People

DAY_S = 86_400


async def sign_in(site: AsyncClient, people: People, **more: str) -> Response:
    body = {"email": people.alice_email, "password": PASSWORD, **more}
    return await site.post("/login", json=body)


async def test_a_login_opens_the_private_routes_for_28_days(
    site: AsyncClient, people: People, clock: ManualClock
) -> None:
    answer = await sign_in(site, people)

    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 200
    assert "pmsession=" in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert f"max-age={28 * DAY_S}" in cookie
    assert "secure" not in cookie
    assert (await site.get("/v1/organizations")).json()["data"][0]["name"] == "ours"
    clock.advance(28 * DAY_S)
    late = await site.get("/v1/organizations")
    assert (late.status_code, late.json()["error_code"]) == (401, "expired_token")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "ALICE"}, 400, "missing_parameters"),
        ({"password": PASSWORD}, 400, "missing_parameters"),
        ({"email": "ALICE", "password": "wrong password"}, 401, "invalid_credentials"),
        ({"email": "nobody@example.org", "password": PASSWORD}, 401, "invalid_credentials"),
        ({"email": "ALICE", "password": "x" * 2000}, 401, "invalid_credentials"),
        ({"email": "ALICE", "password": 7}, 400, "invalid_parameters"),
        ({"email": "a\x00", "password": PASSWORD}, 400, "invalid_parameters"),
        ([], 400, "invalid_parameters"),
    ],
)
async def test_a_bad_login_is_refused(
    site: AsyncClient, people: People, body: Any, status: int, code: str
) -> None:
    if isinstance(body, dict) and body.get("email") == "ALICE":
        body = {**body, "email": people.alice_email}

    answer = await site.post("/login", json=body)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert "set-cookie" not in answer.headers


async def test_the_sixth_try_in_five_minutes_does_not_count(
    site: AsyncClient, people: People, clock: ManualClock
) -> None:
    for _ in range(5):
        await sign_in(site, people, password="wrong password")

    refused = await sign_in(site, people)
    as_form = await site.post("/login", data={"username": people.alice_email, "password": PASSWORD})
    clock.advance(300)
    later = await sign_in(site, people)

    assert (refused.status_code, refused.json()["error_code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert as_form.status_code == 200
    assert "Too many attempts" in as_form.text
    assert later.status_code == 200


async def test_the_form_leads_back_and_tells_when_wrong(site: AsyncClient, people: People) -> None:
    form = {"username": people.alice_email, "password": PASSWORD, "next": "/app/1"}

    wrong = await site.post("/login", data={**form, "password": '"><script>'})
    foreign = await site.post("/login", data={**form, "next": "//evil.example"})
    right = await site.post("/login", data=form)

    assert wrong.status_code == 200
    assert 'role="alert"' in wrong.text
    assert "<script" not in wrong.text
    assert foreign.headers["location"] == "/"
    assert (right.status_code, right.headers["location"]) == (303, "/app/1")


async def test_pages_load_nothing_from_elsewhere(site: AsyncClient) -> None:
    page = await site.get("/login?next=/a%22%3E%3Cscript%3E")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    assert "<script" not in page.text


async def test_the_start_page_shows_key_and_snippet(
    site: AsyncClient, db: Database, people: People
) -> None:
    stranger = await site.get("/")
    app = await service.create_app(
        db, organization_id=people.organization_id, name="<shop>", by=SYSTEM, at=AT
    )
    await sign_in(site, people)

    page = await site.get("/")

    assert (stranger.status_code, stranger.headers["location"]) == (303, "/login")
    assert app["api_key"] in page.text
    assert "make web" in page.text
    assert "&lt;shop&gt;" in page.text
    assert "http://signalbox.test/v1" in page.text


async def test_logging_out_ends_the_login_on_the_server(site: AsyncClient, people: People) -> None:
    cookie = (await sign_in(site, people)).cookies["pmsession"]

    out = await site.post("/logout")
    again = await site.get("/v1/apps", headers={"Cookie": f"pmsession={cookie}"})

    assert out.text == '""'
    assert (again.status_code, again.json()["error_code"]) == (401, "invalid_token")
    assert (await site.post("/logout", data={"from": "page"})).headers["location"] == "/login"


async def test_another_site_cannot_use_the_cookie(site: AsyncClient, people: People) -> None:
    await sign_in(site, people)
    evil = {"Origin": "https://evil.example"}

    for path in ("/v1/organizations", "/logout", "/login", "/change-password"):
        answer = await site.post(path, json={"name": "x"}, headers=evil)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "foreign_origin")
    crossed = await site.post(
        "/v1/organizations", json={"name": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert crossed.status_code == 403
    own = {"Origin": "http://signalbox.test"}
    assert (await site.post("/v1/organizations", json={"name": "x"}, headers=own)).is_success


async def test_a_new_password_ends_the_other_logins(site: AsyncClient, people: People) -> None:
    other = (await sign_in(site, people)).cookies["pmsession"]
    await sign_in(site, people)
    twice = {"password": "another password", "password_again": "another password"}

    short = await site.post(
        "/change-password", json={"password": "short", "password_again": "short"}
    )
    differs = await site.post("/change-password", data={**twice, "password_again": "different one"})
    changed = await site.post("/change-password", data={**twice, "next": "/app/1"})

    assert (short.status_code, short.json()["error_code"]) == (400, "weak_password")
    assert "differ" in differs.text
    assert changed.headers["location"] == "/app/1"
    assert (await site.get("/v1/apps")).status_code == 200
    site.cookies.clear()
    old = await site.get("/v1/apps", headers={"Cookie": f"pmsession={other}"})
    assert old.status_code == 401
    assert (await sign_in(site, people)).status_code == 401
    assert (await sign_in(site, people, password="another password")).status_code == 200


async def test_strangers_cannot_change_a_password(site: AsyncClient) -> None:
    body = {"password": "another password", "password_again": "another password"}

    assert (await site.post("/change-password", json=body)).status_code == 401
    assert (await site.post("/change-password", data=body)).headers["location"].startswith("/login")
    assert (await site.get("/change-password")).headers["location"].startswith("/login")


async def test_a_password_that_was_chosen_for_somebody_is_asked_to_be_changed(
    site: AsyncClient, db: Database, people: People
) -> None:
    assert people.alice.user_id is not None
    await service.set_password(
        db, people.alice.user_id, password=PASSWORD, by=SYSTEM, at=AT, must_change=True
    )
    form = {"username": people.alice_email, "password": PASSWORD}

    first = await site.post("/login", data=form)
    page = await site.get(first.headers["location"])
    again = await site.post("/login", data=form)

    assert first.headers["location"].startswith("/change-password?next=")
    assert "chosen for you" in page.text
    assert again.headers["location"] == first.headers["location"]


async def test_a_bcrypt_hash_is_accepted_once_and_replaced(
    site: AsyncClient, db: Database, people: People
) -> None:
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    values = [old, people.alice.user_id]
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.users SET password_hash = %s WHERE user_id = %s", values
        )

    wrong = await sign_in(site, people, password="wrong password")
    first = await sign_in(site, people)
    second = await sign_in(site, people)

    assert (wrong.status_code, first.status_code, second.status_code) == (401, 200, 200)
    async with db.read() as tx:
        found = await tx.psycopg.execute(
            "SELECT password_hash FROM accounts.users WHERE user_id = %s", values[1:]
        )
        row = await found.fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$")


async def test_in_production_the_cookie_travels_only_over_tls(
    production: AsyncClient, people: People
) -> None:
    cookie = (await sign_in(production, people)).headers["set-cookie"].lower()

    assert "secure" in cookie


async def test_an_open_server_answers_everyone_in_development_only(
    site: AsyncClient, production: AsyncClient, open_access: AsyncClient
) -> None:
    assert (await site.get("/v1/apps")).status_code == 401
    assert (await production.get("/v1/apps")).status_code == 401
    assert (await open_access.get("/v1/apps")).status_code == 200


async def test_a_barred_user_is_out_at_once(
    site: AsyncClient, db: Database, people: People
) -> None:
    await sign_in(site, people)
    assert people.alice.user_id is not None

    await service.delete_user(db, people.alice.user_id, by=SYSTEM, at=AT)

    assert (await site.get("/v1/apps")).status_code == 401
    assert (await sign_in(site, people)).status_code == 401
