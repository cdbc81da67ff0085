"""The operator's routes: off without a token, tenants, keys with bounds, rotation with an overlap, and retention."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.monitoring.conftest import House
from tests.playback.playing import report

TOKEN = "t" * 40
WEEK_S = 604_800


class Operator:
    """Somebody with the token."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def ask(
        self, method: str, path: str, body: Any = None, token: str = TOKEN
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"/v1/playback/admin{path}"
        return await self.house.client.request(method, url, json=body, headers=headers)

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.ask(method, path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def tenant(self, **more: Any) -> Any:
        return await self.ok("POST", "/tenants", {"name": f"tv-{uuid4().hex[:8]}"} | more)

    async def key(self, tenant: Any, **more: Any) -> Any:
        body = {"label": "phone", "scopes": ["ingest"]} | more
        return await self.ok("POST", f"/tenants/{tenant['id']}/keys", body)

    async def report(self, key: str, **headers: str) -> int:
        sent = {"X-API-Key": key, "Content-Type": "application/json"} | headers
        answer = await self.house.client.post("/v1/playback/sessions", json=report(), headers=sent)
        return answer.status_code


@pytest.fixture(scope="module")
async def operator(houses: Any) -> AsyncIterator[Operator]:
    async with houses(SIGNALBOX_PLAYBACK_ADMIN_TOKEN=TOKEN) as house:
        await house.site.kernel.notices.wait_listening()
        yield Operator(house)


async def test_without_a_token_nothing_is_there(house: House) -> None:
    answer = await Operator(house).ask("GET", "/tenants")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_another_token_does_not_pass(operator: Operator) -> None:
    answers = [await operator.ask("GET", "/tenants", token="t" * 39 + "x")]
    answers.append(await operator.house.client.get("/v1/playback/admin/keys"))

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "INVALID_API_KEY")


async def test_a_tenant_is_made_changed_found_by_name_and_deleted(operator: Operator) -> None:
    made = await operator.tenant(dailyReports=7)
    named = await operator.ok("GET", f"/tenants/{made['name']}")
    changed = await operator.ok(
        "POST", f"/tenants/{made['id']}", {"name": "tv", "rateLimit": 9, "dailyReports": None}
    )
    listed = await operator.ok("GET", "/tenants")
    gone = await operator.ask("DELETE", f"/tenants/{made['id']}")

    assert named == made
    assert (made["dailyReports"], made["rateLimit"], made["rateWindowSeconds"]) == (7, None, None)
    assert (changed["name"], changed["rateLimit"], changed["dailyReports"]) == ("tv", 9, None)
    assert changed in listed["items"]
    assert gone.status_code == 204
    assert (await operator.ask("GET", f"/tenants/{made['id']}")).status_code == 404
    assert (await operator.ask("DELETE", f"/tenants/{made['id']}")).status_code == 404


async def test_a_key_is_shown_once_and_works(operator: Operator) -> None:
    tenant = await operator.tenant()
    made = await operator.key(tenant)
    listed = await operator.ok("GET", f"/tenants/{tenant['id']}/keys")
    found = await operator.ok("GET", f"/keys/{made['keyId']}")

    name, secret = made["key"].removeprefix("pbk_").split("_")
    assert (name, len(secret)) == (made["keyId"], 43)
    assert (made["status"], made["publishable"], made["label"]) == ("active", True, "phone")
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    assert "key" not in listed["items"][0]
    assert found["id"] == made["id"]
    assert await operator.report(made["key"]) == 200


async def test_both_keys_of_a_rotation_work_until_the_overlap_ends(operator: Operator) -> None:
    tenant = await operator.tenant()
    old = await operator.key(tenant, rateLimit=50)

    new = await operator.ok("POST", f"/keys/{old['id']}/rotate")
    both = {
        key["id"]: key
        for key in (await operator.ok("GET", f"/tenants/{tenant['id']}/keys"))["items"]
    }

    assert [await operator.report(key["key"]) for key in (old, new)] == [200, 200]
    assert both[old["id"]]["status"] == "retiring"
    assert both[new["id"]] == {name: value for name, value in new.items() if name != "key"} | {
        "lastUsedAt": both[new["id"]]["lastUsedAt"]
    }
    assert new["rateLimit"] == 50
    now = operator.house.clock.now()
    ends = (now + timedelta(seconds=WEEK_S)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert both[old["id"]]["expiresAt"] == ends


async def test_both_keys_of_a_rotation_share_one_limit(houses: Any) -> None:
    limits = {"SIGNALBOX_RATE_LIMITS": "on", "SIGNALBOX_PLAYBACK_ADMIN_TOKEN": TOKEN}
    async with houses(**limits) as house:
        operator = Operator(house)
        old = await operator.key(await operator.tenant(), rateLimit=3)
        new = await operator.ok("POST", f"/keys/{old['id']}/rotate", {"overlapSeconds": 60})

        answers = [await operator.report(key["key"]) for key in (old, new, old, new)]

    assert answers == [200, 200, 200, 429]


async def test_a_rotation_without_overlap_and_a_revocation_act_at_once(operator: Operator) -> None:
    first = await operator.key(await operator.tenant())
    second = await operator.ok("POST", f"/keys/{first['id']}/rotate", {"overlapSeconds": 0})
    assert await operator.report(second["key"]) == 200

    gone = await operator.ask("DELETE", f"/keys/{second['id']}")

    assert gone.status_code == 204
    assert (await operator.ask("DELETE", f"/keys/{second['id']}")).status_code == 404
    for _ in range(200):  # the notice is on its way
        if await operator.report(second["key"]) == 401:
            break
    assert [await operator.report(key["key"]) for key in (first, second)] == [401, 401]


async def test_of_one_label_five_keys_are_in_force_at_most(operator: Operator) -> None:
    tenant = await operator.tenant()
    for _ in range(5):
        await operator.key(tenant)

    refused = await operator.ask(
        "POST", "/keys", {"tenant": tenant["name"], "label": "phone", "scopes": ["ingest"]}
    )
    other = await operator.key(tenant, label="set-top")

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "TOO_MANY_KEYS")
    assert other["label"] == "set-top"


async def test_a_key_in_a_page_is_bound_to_its_pages(operator: Operator) -> None:
    tenant = await operator.tenant()
    made = await operator.key(tenant, scopes=None, publishable=True, origins=["https://TV.example"])

    assert made["scopes"] == ["ingest"]
    assert made["origins"] == ["https://tv.example"]
    assert await operator.report(made["key"], Origin="https://tv.example") == 200
    assert await operator.report(made["key"], Origin="https://evil.example") == 403


async def test_a_key_is_pending_until_it_begins(operator: Operator) -> None:
    at = operator.house.clock.now() + timedelta(hours=1)
    made = await operator.key(await operator.tenant(), notBefore=at.isoformat())

    assert made["status"] == "pending"
    assert await operator.report(made["key"]) == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("POST", "/tenants", {}, ["name"]),
        ("POST", "/tenants", {"name": 7, "rateLimit": "x"}, ["name", "rateLimit"]),
        ("POST", "/tenants", {"name": "a", "rateLimit": 0}, ["rateLimit"]),
        ("POST", "/tenants", {"name": "\x00"}, ["name"]),
        ("POST", "/tenants", [1], ["body"]),
        ("POST", "/keys", {"scopes": ["ingest"]}, ["tenant"]),
        ("POST", "/tenants/{tenant}/keys", {}, ["scopes"]),
        ("POST", "/tenants/{tenant}/keys", {"scopes": ["everything"]}, ["scopes"]),
        ("POST", "/tenants/{tenant}/keys", {"scopes": [1]}, ["scopes"]),
        ("POST", "/tenants/{tenant}/keys", {"scopes": ["read"], "publishable": True}, ["scopes"]),
        ("POST", "/tenants/{tenant}/keys", {"scopes": ["read"], "expiresAt": "2020-01-01"}, ["expiresAt"]),
        ("POST", "/tenants/{tenant}/keys", {"scopes": ["read"], "expiresAt": "soon"}, ["expiresAt"]),
        ("POST", "/tenants/{tenant}/keys", {"scopes": ["read"], "origins": ["x"]}, ["origins"]),
        ("POST", "/keys/{key}/rotate", {"overlapSeconds": -1}, ["overlapSeconds"]),
        ("POST", "/keys/{key}/rotate", {"overlapSeconds": 400 * 86_400 + 1}, ["overlapSeconds"]),
        ("POST", "/tenants/{tenant}/retention", {"streamType": "VOD"}, ["sessionsDays"]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(
    operator: Operator, method: str, path: str, body: Any, fields: list[str]
) -> None:
    tenant = await operator.tenant()
    key = await operator.key(tenant)

    answer = await operator.ask(method, path.format(tenant=tenant["id"], key=key["keyId"]), body)

    assert answer.status_code == 400, answer.text
    assert [one["field"] for one in answer.json()["error"]["details"]] == fields


async def test_what_is_not_there_is_not_there(operator: Operator) -> None:
    asked = [
        ("GET", "/tenants/nobody"),
        ("POST", "/tenants/nobody/keys"),
        ("GET", f"/keys/{uuid4()}"),
        ("GET", "/keys/00000000"),
        ("POST", "/keys/00000000/rotate"),
        ("DELETE", f"/retention/{uuid4()}"),
        ("GET", "/tenants/nobody/retention"),
    ]
    body = {"scopes": ["ingest"]}
    answers = [
        await operator.ask(method, path, body if method == "POST" else None)
        for method, path in asked
    ]
    no_organization = await operator.ask("POST", "/tenants", {"name": "x", "organization": "none"})

    assert [answer.status_code for answer in (*answers, no_organization)] == [404] * 8


async def test_retention_is_said_listed_and_taken_back(operator: Operator) -> None:
    tenant = await operator.tenant()
    path = f"/tenants/{tenant['id']}/retention"

    made = await operator.ok("POST", path, {"streamType": "live", "sessionsDays": 7})
    listed = await operator.ok("GET", path)
    gone = await operator.ask("DELETE", f"/retention/{made['id']}")

    assert (made["streamType"], made["sessionsDays"], made["payloadDays"]) == ("LIVE", 7, None)
    assert listed == {"items": [made]}
    assert gone.status_code == 204
    assert await operator.ok("GET", path) == {"items": []}


async def test_other_weights_make_other_scores_of_another_version(operator: Operator) -> None:
    tenant = await operator.tenant()
    path = f"/tenants/{tenant['id']}/score"
    key = await operator.key(tenant, scopes=["ingest", "read"])

    own = await operator.ok("GET", path)
    chosen = await operator.ok("POST", path, {"success": 1, "smoothness": 0, "startup": 0.5})
    again = await operator.ok("POST", path, {"startup": 0.5})
    refused = await operator.ask("POST", path, {"success": -1, "quality": 1001})
    nothing = await operator.ask("POST", path, dict.fromkeys(("success", "startup", "quality"), 0))

    assert own == {"success": 0.4, "smoothness": 0.3, "startup": 0.2, "quality": 0.1, "version": 1}
    assert chosen == {"success": 1, "smoothness": 0, "startup": 0.5, "quality": pytest.approx(0.1), "version": 2}  # fmt: skip
    assert again["version"] == 2
    assert [one["field"] for one in refused.json()["error"]["details"]] == ["success", "quality"]
    assert nothing.status_code == 400
    sent = report()
    await operator.house.client.post(
        "/v1/playback/sessions", json=sent, headers={"X-API-Key": key["key"]}
    )
    answer = await operator.house.client.get(
        f"/v1/playback/sessions/{sent['sessionId']}", headers={"X-API-Key": key["key"]}
    )
    # Success 100 and startup 94.67, without what is known of no top bitrate.
    assert answer.json()["score"] == pytest.approx((100 + 0.5 * 94.67) / 1.5, abs=0.01)
    assert answer.json()["scoreVersion"] == 2


async def test_a_body_that_is_too_large_is_refused_in_playbacks_words(operator: Operator) -> None:
    answer = await operator.ask("POST", "/tenants", {"name": "x" * 70_000})

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
