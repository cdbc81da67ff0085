"""What the reading routes refuse."""

from __future__ import annotations

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.refusals.scene import OWN_PAGES, Answers, Ask, Case, Scene

MB = 1024 * 1024

# --- reading --------------------------------------------------------------------------------------


def reading(path: str, **params: str) -> Ask:
    return lambda scene: scene.read(path, **params)


def managing(method: str, path: str, sent: object) -> Ask:
    head = {"origin": OWN_PAGES}
    return lambda scene: scene.send(method, f"/v1{path}", sent, **scene.owner, **head)


async def too_many_questions(scene: Scene) -> Answers:
    async with scene.houses(
        SIGNALBOX_RATE_LIMITS="on", SIGNALBOX_QUERY_PER_MINUTE="3", SIGNALBOX_WEB_DOMAIN=OWN_PAGES
    ) as house:
        head = scene.owner | {"origin": OWN_PAGES}
        house.clock.advance(3_600)
        for _ in range(3):
            assert (await house.client.get("/v1/apps", headers=head)).status_code == 200
        refused = await house.client.get("/v1/apps", headers=head)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    return [refused]


async def one_organization_too_many(scene: Scene) -> Answers:
    head = scene.owner | {"origin": OWN_PAGES}
    async with scene.houses(
        SIGNALBOX_MAX_ORGANIZATIONS="1", SIGNALBOX_WEB_DOMAIN=OWN_PAGES
    ) as house:
        return [await house.client.post("/v1/organizations", json={"name": "n"}, headers=head)]


async def nobody(scene: Scene) -> Answers:
    head = {"origin": OWN_PAGES}
    return [
        await scene.house.client.get(f"/v1{path}", headers=head)
        for path in (
            "/conferences",
            "/sessions",
            "/stats",
            "/apps",
            "/issues/5d0c1a52-6f0e-4b4e-9d55-0c6a4f7f1a01",
        )
    ]


async def unknown_key(scene: Scene) -> Answers:
    head = {"origin": OWN_PAGES, "authorization": "Bearer mtk_" + "0" * 43}
    return [await scene.house.client.get("/v1/conferences", headers=head)]


async def only_reading(scene: Scene) -> Answers:
    _, key = await accounts.create_key(
        scene.house.db, organization_id=scene.app["organization_id"], scopes=["read"], by=SYSTEM, at=scene.house.clock.now()
    )  # fmt: skip
    head = {"origin": OWN_PAGES, "authorization": f"Bearer {key}"}
    return [await scene.house.client.delete(f"/v1/apps/{scene.app['id']}", headers=head)]


GONE = "5d0f1a0e-0000-4000-8000-000000000000"
NAMES = ("conference", "session", "participant", "connection", "track", "issue")
FILTERS = {
    "app": "/conferences", "conference": "/sessions", "participant": "/issues", "session": "/connections", "connection": "/tracks",
}  # fmt: skip
READING = [
    Case("nobody", 401, "missing_token", nobody, private=True),
    Case("unknown key", 401, "invalid_token", unknown_key, private=True),
    Case("reading key", 403, "insufficient_scope", only_reading, private=True),
    *(Case(f"no {name}", 404, f"{name}_not_found", reading(f"/{name}s/{GONE}"), private=True) for name in NAMES),
    Case("no app", 404, "app_not_found", reading(f"/apps/{GONE}"), private=True),
    Case("no organization", 404, "organization_not_found", reading(f"/organizations/{GONE}"), private=True),
    *(Case(f"filter by no {name}", 400, f"{name}_not_found", reading(path, **{f"{name}Id": GONE}), private=True)
      for name, path in FILTERS.items()),
    Case("app in no organization", 400, "organization_not_found",
         managing("POST", "/apps", {"organization": GONE, "name": "n"}), private=True),
    Case("no filter", 400, "missing_parameters", reading("/conferences"), private=True),
    Case("bad date", 400, "invalid_parameters", reading("/conferences", created_at_gte="soon"), private=True),
    Case("bad limit", 400, "invalid_parameters", reading("/apps", limit="many"), private=True),
    Case("bad uuid", 400, "invalid_parameters", reading("/conferences", appId="x"), private=True),
    Case("bad body", 400, "unknown_error", managing("POST", "/organizations", b"hello"), private=True),
    Case("large body", 413, "payload_too_large", managing("POST", "/organizations", b" " * MB), private=True),
    Case("malformed id", 404, "not_found", reading("/conferences/x"), private=True),
    Case("no such path", 404, "not_found", reading("/nowhere"), private=True),
    *(Case(f"{method} {path}", 405, "method_not_allowed", managing(method, path, {}), private=True)
      for method, path in (("POST", f"/sessions/{GONE}"), ("PATCH", f"/apps/{GONE}"), ("POST", f"/apps/{GONE}"), ("PATCH", "/conferences"))),
    Case("too many questions", 429, "rate_limited", too_many_questions, private=True),
    Case("one organization too many", 400, "max_organizations_reached", one_organization_too_many, private=True),
]  # fmt: skip
