"""`POST /v1/sessions` belongs to two contexts: a key or a player's body makes it playback's."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.monitoring.conftest import House, Houses
from tests.playback.conftest import new_player
from tests.playback.playing import Player, report


def is_playback(answer: httpx.Response) -> bool:
    """Whether playback has answered: its refusals have an envelope."""
    return "x-request-id" in answer.headers


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sessions/", "/v1/playback/sessions", "/v1/playback/sessions/"])  # fmt: skip
async def test_a_key_makes_it_playbacks(player: Player, path: str) -> None:
    answer = await player.post(report(), path=path)

    assert (answer.status_code, answer.json()["result"]) == (200, "created")


@pytest.mark.parametrize(
    ("headers", "content", "playback"),
    [
        ({"X-API-Key": ""}, b"", True),
        ({"X-API-Key": "x"}, b'{"token":"t"}', True),
        ({}, b'{"sessionId":"s"}', True),
        ({}, b'{"timestamp":1,"token":"t"}', True),
        ({}, b'\xef\xbb\xbf{"timestamp":null}', True),
        ({}, b'{"token":"t"}', False),
        ({}, b'{"platform":{},"devices":[]}', False),
        ({}, b'{"nested":{"sessionId":"s"}}', False),
        ({}, b"{}", False),
        ({}, b"[1]", False),
        ({}, b"", False),
        ({}, b"no json", False),
        ({}, b"[" * 20_000, False),
        ({"Content-Encoding": "gzip"}, b"broken", False),
    ],
)
async def test_without_a_key_the_body_decides(
    client: httpx.AsyncClient, headers: dict[str, str], content: bytes, playback: bool
) -> None:
    answer = await client.post(
        "/v1/sessions", content=content, headers={"Content-Type": "application/json"} | headers
    )

    assert is_playback(answer) == playback
    if playback:
        assert answer.json()["error"]["code"] == "INVALID_API_KEY"
    else:
        assert answer.status_code in (400, 401)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "error_code" in answer.json()


async def test_a_report_with_a_bearer_key_is_stored(player: Player) -> None:
    answer = await player.client.post(
        "/v1/sessions", json=report(), headers={"Authorization": f"Bearer {player.key}"}
    )

    assert answer.json()["result"] == "created"


async def test_a_monitored_session_still_starts(house: House) -> None:
    app = await house.app()
    entered = await house.client.post(
        "/v1/initialize",
        json={"apiKey": app["api_key"], "conferenceId": "c", "userId": "u"},
    )
    started = await house.client.post("/v1/sessions", json={"token": entered.json()["token"]})

    assert started.status_code == 200
    assert not is_playback(started)


async def test_other_methods_are_monitorings(client: httpx.AsyncClient) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert not is_playback(await client.request(method, "/v1/sessions", json={}))


async def test_a_host_of_its_own_gets_everything(houses: Houses) -> None:
    async with houses(PLAYBACK_HOSTS="play.example.org, :8081") as house:
        player = await new_player(house)
        for host in ("play.example.org", "PLAY.example.org:8443", "any.example.org:8081"):
            answer = await player.client.post("/v1/sessions", content=b"", headers={"Host": host})
            assert is_playback(answer), host
            refused = await player.client.delete("/v1/sessions", headers={"Host": host})
            assert refused.status_code == 405
            assert refused.headers["allow"]
        other = await player.client.post("/v1/sessions", content=b"", headers={"Host": "a.org:80"})
        assert not is_playback(other)


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sessions/", "/v1/playback/sessions"])
async def test_a_preflight_needs_no_key(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(path, headers={"Origin": "https://tv.example.org"})

    assert (answer.status_code, answer.content) == (204, b"")


async def test_pages_of_allowed_origins_may_report(houses: Houses) -> None:
    page = {"Origin": "https://tv.example.org"}
    async with houses(PLAYBACK_CORS_ORIGINS="https://tv.example.org") as house:
        player = await new_player(house)
        preflight = await player.client.options("/v1/sessions", headers=page)
        answer = await player.post(report(), page)
        foreign = await player.post(report(), {"Origin": "https://evil.example.org"})

    assert preflight.status_code == 204
    assert "x-api-key" in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "https://tv.example.org"
    assert "access-control-allow-origin" not in foreign.headers


async def test_a_key_may_be_bound_to_pages(house: House, player: Player) -> None:
    async with house.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.api_keys SET origins = %s WHERE app_id = %s",
            (["https://tv.example.org"], player.app["id"]),
        )

    allowed = await player.post(report(), {"Origin": "https://tv.example.org"})
    foreign = await player.post(report(), {"Origin": "https://evil.example.org"})
    phone = await player.post(report())

    assert [a.status_code for a in (allowed, foreign, phone)] == [200, 403, 200]


async def test_a_body_in_pieces_reaches_whoever_it_is_for(house: House) -> None:
    app = await house.app()
    entered = await house.client.post(
        "/v1/initialize", json={"apiKey": app["api_key"], "conferenceId": "c", "userId": "u"}
    )
    content = json.dumps({"token": entered.json()["token"], "meta": {"a": "b"}}).encode()

    async def pieces() -> Any:
        for at in range(0, len(content), 7):
            yield content[at : at + 7]

    assert (await house.client.post("/v1/sessions", content=pieces())).status_code == 200
