"""Every way in which a door refuses: with the documented code, readable from any page, and nothing is stored."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from signalbox.accounts import errors as accounts_errors
from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.errors import AppError
from signalbox.monitoring import errors as monitoring_errors
from signalbox.monitoring.queries import refusals as reading_errors
from tests.monitoring.conftest import Houses
from tests.monitoring.pages import Page
from tests.monitoring.records import counts, records
from tests.monitoring.refusals.bodies import BODIES, INVALID, METAS, MISSING
from tests.monitoring.refusals.reading import READING
from tests.monitoring.refusals.scene import OWN_PAGES, WITH_SESSION, Case, Scene
from tests.monitoring.refusals.things import APPS, KEYS, METHODS, NO_MINUTES, THINGS
from tests.monitoring.refusals.tokens import TOKEN_CASES, claims_of


@pytest.fixture(scope="module")
async def scene(houses: Houses) -> AsyncIterator[Scene]:
    async with houses(SIGNALBOX_WEB_DOMAIN=OWN_PAGES) as house, houses() as far:
        app = await house.app()
        page = await Page.open(house, app)
        at = house.clock.now()
        _, key = await accounts.create_key(
            house.db, organization_id=app["organization_id"], scopes=["read", "manage"], by=SYSTEM, at=at
        )  # fmt: skip
        yield Scene(house, houses, far, app, page, {"authorization": f"Bearer {key}"})


CASES = [*MISSING, *INVALID, *METAS, *BODIES, *TOKEN_CASES, *APPS, *THINGS, *METHODS, *READING]


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"[^\w/.-]+", "-", case.name))
async def test_a_refusal_names_its_code_and_stores_nothing(scene: Scene, case: Case) -> None:
    before = await records(scene.house.db, scene.app["id"])

    answers = await case.ask(scene)

    assert answers
    for answer in answers:
        told = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:200]}"
        assert (answer.status_code, answer.json()["error_code"]) == (case.status, case.code), told
        # Reading tells which filter is wrong, too.
        named = {"field"} if case.private else set()
        assert answer.json().keys() - named == {"error_code", "message"}, told
        assert answer.json()["message"], told
        assert answer.headers["content-type"] == "application/json; charset=utf-8", told
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (OWN_PAGES if case.private else "*"), told
        assert (answer.headers.get("access-control-allow-credentials") == "true") is case.private
    assert await records(scene.house.db, scene.app["id"]) == before


async def test_nothing_at_all_is_stored_of_what_cannot_be_attributed(scene: Scene) -> None:
    before = await counts(scene.house.db)
    for case in (*TOKEN_CASES, *BODIES, *METHODS):
        await case.ask(scene)
    for key in KEYS:
        await scene.good("/initialize", apiKey=key, conferenceId="new", userId="new")

    assert await counts(scene.house.db) == before


# Codes that no ingest or reading route raises; the doors and commands of accounts do, and their tests.
ELSEWHERE = {
    "already_member", "email_taken", "erasure_not_found", "forbidden", "foreign_origin", "invalid_credentials", "invalid_email",
    "key_not_found", "last_owner", "invalid_trace", "secrets_differ", "too_many_keys", "too_many_streams", "unknown_scope", "user_not_found", "weak_password",
}  # fmt: skip
TABLE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "monitoring-wire.md"


def documented() -> dict[str, set[int]]:
    """Statuses by code, from the table of refusals."""
    text = TABLE.read_text()
    table = text[text.index("### 1.1 Refusals") : text.index("### 1.2 ")]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| ")]
    return {
        code.strip(): {int(number) for number in re.findall(r"\d{3}", statuses)}
        for codes, statuses in rows
        for code in codes.split(",")
        if code.strip() not in ("error_code", "---")
    }


def test_every_code_is_provoked_and_documented() -> None:
    provoked = {case.code for case in CASES}
    classes = {
        kind.code
        for module in (monitoring_errors, accounts_errors, reading_errors)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, AppError) and kind is not AppError
    }

    assert provoked == classes - ELSEWHERE | {"unavailable"}
    assert set(documented()) == provoked
    assert not provoked & ELSEWHERE


def test_the_statuses_are_those_of_the_table() -> None:
    statuses = documented()

    assert {case.name for case in CASES if case.status not in statuses[case.code]} == set()


# --- what is not refused --------------------------------------------------------------------------


async def test_a_page_of_the_apps_domain_may_report(scene: Scene) -> None:
    house = scene.house
    for domain, origin in (
        ("app.example.org", "https://APP.example.org.:8443"),
        ("*.example.org", "https://a.b.example.org"),
        ("localhost", "http://localhost:3000"),
        ("192.0.2.7", "https://192.0.2.7"),
        ("2001:DB8::1", "https://[2001:db8::1]:8443"),
    ):
        app = await house.app(domain=domain)
        entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "u"}
        head = {"origin": origin}
        entered = await house.client.post("/v1/initialize", json=entry, headers=head)
        init = {"token": entered.json()["token"]}
        for sent in (head, {}):  # a server of the same owner sends no Origin later
            began = await house.client.post("/v1/sessions", json=init, headers=sent)
            assert began.status_code == 200, (domain, origin)
            said = {"token": began.json()["token"], "eventName": "custom"}
            told = await house.client.post("/v1/events/browser", json=said, headers=sent)
            assert told.status_code == 200, (domain, origin)


async def test_a_call_that_runs_is_not_cut_off_by_the_quota(scene: Scene) -> None:
    app = await scene.house.app()
    page = await Page.open(scene.house, app)
    await scene.house.change(app, **NO_MINUTES)

    for method, path in WITH_SESSION:
        said = await scene.far.client.request(method, path, json=page.good(method, path))
        assert said.status_code == 200, said.text


async def test_bounds_are_on_the_inside(scene: Scene) -> None:
    house, now = scene.house, scene.house.clock.now()
    page = await Page.open(house, await house.app())
    meta = {"k" * 64: "v" * 128, "b": True, "f": 1.5, "i": -3, "n": None}
    kept = {"k" * 64: "v" * 128, "b": True, "f": 1.5, "i": -3}
    large = {
        "platform": "x" * 32_766,
        "constraints": {"a": "x" * 32_758},
        "devices": ["x" * 40_000],
    }
    for more, row in (
        (large | {"meta": meta, "appVersion": "v" * 17}, (kept, "v" * 16, now)),
        ({"meta": None, "delta": 1e300}, ({}, None, now - timedelta(days=31))),
        ({"meta": 0, "delta": -59_999}, ({}, None, now)),
        (
            {"meta": "", "delta": 1_500, "devices": {"a": 1}},
            ({}, None, now - timedelta(seconds=1.5)),
        ),
    ):
        answer = await house.client.post("/v1/sessions", json={"token": page.init} | more)
        assert answer.status_code == 200, answer.text
        key = claims_of(answer.json()["token"])["s"]
        async with house.db.read() as tx:
            stored = await (await tx.psycopg.execute(
                "SELECT metadata, app_version, created_at FROM monitoring.sessions WHERE id = %s", (key,)
            )).fetchone()  # fmt: skip
        assert stored == row


async def test_a_batch_of_500_is_judged_event_by_event(scene: Scene) -> None:
    page = await Page.open(scene.house, await scene.house.app())
    good = page.good("POST", "/v1/connection")
    bad = [
        {"eventName": "x"},
        5,
        good | {"delta": "x"},
        good | {"connectionId": "x"},
        good | {"n": 9**400},
    ]
    batch = {
        "token": page.session,
        "data": [*bad, *({"eventName": f"e{n}", "peerId": "v"} for n in range(495))],
    }

    answer = await scene.house.client.post("/v1/connection/batch", json=batch)

    assert answer.json() == {"accepted": 496, "rejected": [
        {"index": 0, "error_code": "missing_parameters"},
        {"index": 1, "error_code": "invalid_parameters"},
        {"index": 2, "error_code": "invalid_parameters"},
        {"index": 3, "error_code": "connection_not_found"},
    ]}  # fmt: skip


async def test_text_beyond_ascii_and_halves_of_pairs_are_kept(scene: Scene) -> None:
    page = await Page.open(scene.house, app := await scene.house.app())
    odd = page.good("POST", "/v1/events/browser") | {"data": {"a": "žluťoučký 😀", "b": "\\u0000"}}
    for raw in (
        json.dumps(odd, ensure_ascii=False).encode(),
        json.dumps(odd | {"data": {"half": "\ud800"}}).encode(),
    ):
        [answer] = await scene.send("POST", "/v1/events/browser", raw)
        assert (answer.status_code, answer.text) == (200, '""')
    assert (await records(scene.house.db, UUID(str(app["id"]))))["events"][0] == 3
