"""Apps that may not report, and things that are not there or not any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.pages import DOORS, Page
from tests.monitoring.records import records
from tests.monitoring.refusals.scene import (
    ABSENT,
    WITH_KEY,
    WITH_TOKEN,
    Answers,
    Ask,
    Case,
    Doors,
    Scene,
    body,
    change,
    to,
)

ICE, LINK = "oniceconnectionstatechange", "onconnectionstatechange"

# --- apps -----------------------------------------------------------------------------------------

KEYS = ["x" * 31, "x" * 33, "X" * 32, "-" * 32, "0" * 32, 5, True, [], {}]


def in_an_app(doors: Doors, changes: Mapping[str, Any], origin: str | None = None) -> Ask:
    """Changes an app while a page is in a call (None: deletes it), then posts to another process."""

    async def asking(scene: Scene) -> Answers:
        house, at = scene.house, scene.house.clock.now()
        app = await house.app()
        page = await Page.open(house, app)
        if changes:
            await house.change(app, **changes)
        else:
            await accounts.delete_app(house.db, app["id"], by=SYSTEM, at=at)
        head = {} if origin is None else {"origin": origin}
        stored = await records(house.db, app["id"])
        answers = [
            await scene.far.client.request(method, path, json=page.good(method, path), headers=head)
            for method, path in doors
        ]
        assert await records(house.db, app["id"]) == stored
        return answers

    return asking


ENTRY = [("POST", "/v1/initialize")]
HERE, PAUSED, NO_MINUTES = (
    {"domain": "app.example.org"},
    {"recording": False},
    {"quota_participant_minutes_monthly": 0},
)
ORIGINS = [
    "https://other.example.org",
    "https://sub.app.example.org",
    "https://app.example.org.evil.example",
    "null",
    "//",
    "https://[",
]
APPS = [
    *(Case(f"key {key!r}", 400, "invalid_api_key",
           to(WITH_KEY, apiKey=key)) for key in KEYS),
    Case("deleted app", 400, "invalid_api_key", in_an_app(DOORS, {})),
    Case("paused app", 400, "app_not_recording", in_an_app(ENTRY, PAUSED)),
    Case("paused app, token held", 400, "app_not_recording", in_an_app(WITH_TOKEN, PAUSED)),
    Case("domain, no Origin", 403, "domain_not_allowed", in_an_app(ENTRY, HERE)),
    *(Case(f"domain, {origin}", 403, "domain_not_allowed", in_an_app([*ENTRY, *WITH_TOKEN], HERE, origin)) for origin in ORIGINS),
    Case("wildcard, the domain itself", 403, "domain_not_allowed",
         in_an_app([*ENTRY, *WITH_TOKEN], {"domain": "*.example.org"}, "https://example.org")),
    Case("minutes used up", 403, "quota_exceeded", in_an_app([*ENTRY, ("POST", "/v1/sessions")], NO_MINUTES)),
]  # fmt: skip


async def limited(scene: Scene) -> Answers:
    """One request more than allowed, of a known app, of an unknown one, of none, and without a good token."""
    refused = []
    async with scene.houses(SIGNALBOX_RATE_LIMITS="on", SIGNALBOX_INGEST_PER_MINUTE="3") as house:
        app = await house.app(**PAUSED)
        body = {"conferenceId": "c", "userId": "u"}
        for path, sent in (
            ("/v1/initialize", body | {"apiKey": app["api_key"]}),
            ("/v1/initialize", body | {"apiKey": "x"}),
            ("/v1/initialize", {}),
            ("/v1/initialize", body | {"conferenceId": 5}),
            ("/v1/services/get-url", {"apiKey": app["api_key"]}),
            ("/v1/services/stop-conference", {}),
            ("/v1/stats", {"token": "x"}),
        ):
            house.clock.advance(61)
            for _ in range(3):
                assert (await house.client.post(path, json=sent)).status_code in (400, 401)
            preflight = await house.client.options(path)
            assert preflight.status_code == 204
            refused.append(await house.client.post(path, json=sent))
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    return refused


async def away(scene: Scene) -> Answers:
    """The writer stands still."""
    async with scene.houses() as house:
        await house.site.kernel.writer.close()
        answers = [
            await house.client.request(method, path, json=scene.page.good(method, path))
            for method, path in DOORS
            if "get-url" not in path and "batch" not in path
        ]
        link = scene.page.good("POST", "/v1/connection")
        batch = {"token": scene.page.session, "data": [link, link | {"eventName": "stats"}]}
        answers.append(await house.client.post("/v1/connection/batch", json=batch))
        await house.site.kernel.writer.open()
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    return answers


# --- things ---------------------------------------------------------------------------------------

NOWHERE = ["5d0f1a0e-0000-4000-8000-000000000000", "x", "91aa", 5, [], True]
EVENT_DOORS = [
    ("POST", f"/v1{path}") for path in ("/connection", "/events/browser", "/events/get-user-media")
]
LINKED = [*EVENT_DOORS, ("POST", "/v1/stats"), ("POST", "/v1/tracks"), ("PUT", "/v1/tracks")]
STATES = {
    ICE: "failed",
    LINK: "failed",
    "onicegatheringstatechange": "complete",
    "onsignalingstatechange": {"signalingState": "stable"},
}


async def ended(scene: Scene) -> Answers:
    """Statistics from three seconds after the end."""
    house, app = scene.house, await scene.house.app()
    page = await Page.open(house, app)
    link = page.good("POST", "/v1/stats")
    closed = link | {"eventName": LINK, "data": "closed"}
    assert (await house.client.post("/v1/connection", json=closed)).status_code == 200
    house.clock.advance(3)
    stored = await records(house.db, app["id"])
    answers = [
        await house.client.post("/v1/stats", json=link | {"data": data})
        for data in (link["data"], {}, {"connection": {"timestamp": 2}})
    ]
    assert await records(house.db, app["id"]) == stored
    return answers


async def own_uuid(scene: Scene) -> Answers:
    """The sender's own uuid as peer."""
    async with scene.house.db.read() as tx:
        row = await (await tx.psycopg.execute(
            "SELECT id FROM monitoring.participants WHERE app_id = %s AND participant_id = 'u'", (scene.app["id"],)
        )).fetchone()  # fmt: skip
    assert row is not None
    answers = [
        await scene.good(path[3:], method, peerId=str(row[0])) for method, path in EVENT_DOORS
    ]
    return [answer for [answer] in answers]


THINGS = [
    Case("stop unknown conference", 400, "conference_not_found", change("/services/stop-conference", conferenceId="nowhere")),
    Case("page of unknown conference", 400, "conference_not_found", change("/services/get-url", conferenceId="nowhere", userId="u")),
    Case("page of unknown participant", 400, "participant_not_found", change("/services/get-url", conferenceId=ABSENT, userId="nobody")),
    *(Case(f"peer {peer}", 400, "participant_not_found",
           to(EVENT_DOORS, peerId=peer))
      for peer in ("nobody", "5d0c1a52-6f0e-4b4e-9d55-0c6a4f7f1a01")),
    *(Case(f"connection {key!r}", 400, "connection_not_found",
           to(LINKED, connectionId=key)) for key in NOWHERE),
    *(Case(f"stats, connection {key!r}", 400, "connection_not_found", change("/stats", connectionId=key)) for key in (ABSENT, None, "")),
    *(Case(f"{name} without connection {key!r}", 400, "connection_not_found",
           change("/connection", eventName=name, data=data, connectionId=key)) for name, data in STATES.items() for key in (ABSENT, "")),
    *(Case(f"track {key} on {link!r}", 400, "track_not_found", change("/tracks", "PUT", trackId=key, connectionId=link))
      for key in ("unheard", "x" * 41) for link in (ABSENT, None)),
    Case("peer is oneself", 400, "participant_equal_peer",
         to(EVENT_DOORS, peerId="u")),
    Case("peer is oneself by uuid", 400, "participant_equal_peer", own_uuid),
    Case("connection to oneself", 400, "participant_equal_peer",
         change("/connection", eventName="addConnection", peerId="u", peerName="Renamed", isSfu=True)),
    Case("statistics after the end", 400, "connection_ended", ended),
    Case("rate", 429, "rate_limited", limited),
    Case("writer away", 503, "unavailable", away),
]  # fmt: skip
UNREADABLE = [*(path for _, path in WITH_KEY), "/v1/connection/batch"]
METHODS = [
    Case(f"{method} {path}", 405, "method_not_allowed", body(method, path[3:], b"{}"))
    for path in sorted({path for _, path in DOORS})
    for method in ("GET", "PUT", "PATCH", "DELETE")
    if (method, path) not in DOORS and not (method == "GET" and path not in UNREADABLE)
]
