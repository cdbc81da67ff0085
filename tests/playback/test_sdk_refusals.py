"""Every refusal of the door, in one envelope, in the order of the checks; nothing refused is stored."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from signalbox.core.errors import AppError, DatabaseAway, Overloaded
from signalbox.playback.ingest import door as doors
from tests.monitoring.conftest import House, Houses
from tests.playback.conftest import app_key, new_player
from tests.playback.playing import PATH, Player, report

JSON = {"Content-Type": "application/json"}


def code_of(answer: httpx.Response) -> str:
    """The code of a refusal; the envelope is checked on the way."""
    told = answer.json()["error"]
    assert told["code"]
    assert told["message"]
    assert isinstance(told["timestamp"], int)
    assert told["requestId"] == answer.headers["x-request-id"]
    assert ("details" in told) == (answer.status_code == 400)
    return str(told["code"])


async def stored(house: House, player: Player) -> int:
    """How many sessions the app has."""
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FROM playback.sessions WHERE app_id = %s", (player.app["id"],)
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b'"text"',
        b"{",
        b"{} x",
        b"{'a':1}",
        b"\xff\xfe{}",
        b'{"sessionId":"\xed\xa0\x80","timestamp":1}',
        json.dumps(report(extra=float("nan"))).encode(),
        json.dumps(report(extra=float("inf"))).encode(),
        json.dumps(report())[:-1].encode() + b',"x":1e999}',
        json.dumps(report())[:-1].encode() + b',"x":1e999,"y":"\\ud800"}',
        json.dumps(report())[:-1].encode() + b',"x":NaN,"y":"\\ud800"}',
        json.dumps(report(extra=10**40)).encode(),
        json.dumps(report(extra=nested(32))).encode(),
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"b":"\\ud800","a":' * 5_000 + b"1" + b"}" * 5_000,
        json.dumps(report(extra={str(n): n for n in range(2_000)})).encode(),
        json.dumps(report())[:-1].encode() + b',"x":' + b"9" * 5_000 + b"}",
    ],
)
async def test_what_is_no_report_is_refused(house: House, player: Player, body: bytes) -> None:
    answer = await player.post(body)

    assert answer.status_code == 400
    assert code_of(answer) == "INVALID_SCHEMA"
    assert await stored(house, player) == 0


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"sessionId": ...}, ["sessionId"]),
        ({"sessionId": " "}, ["sessionId"]),
        ({"sessionId": "a\u0000b"}, ["sessionId"]),
        ({"sessionId": "a\ud800"}, ["sessionId"]),
        ({"sessionId": "x" * 129}, ["sessionId"]),
        ({"timestamp": None}, ["timestamp"]),
        ({"timestamp": "soon"}, ["timestamp"]),
        ({"sessionDurationMs": ...}, ["sessionDurationMs"]),
        ({"sessionStartDateIso": None}, ["sessionStartDateIso"]),
        ({"sessionDurationMs": 0}, ["sessionDurationMs"]),
        ({"rebufferRatio": 1.01}, ["rebufferRatio"]),
        ({"startupTimeMs": True}, ["startupTimeMs"]),
        ({"startupTimeMs": -1, "rebufferCount": -1}, ["startupTimeMs", "rebufferCount"]),
        ({"startupTimeMs": 450.5, "timestamp": ..., "errorCount": "x"}, ["timestamp", "startupTimeMs", "errorCount"]),
    ],
)  # fmt: skip
async def test_all_wrong_fields_are_named(
    house: House, player: Player, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = await player.post(report(**changes))

    told = answer.json()["error"]
    assert (answer.status_code, code_of(answer)) == (400, "INVALID_SCHEMA")
    assert [detail["field"] for detail in told["details"]] == fields
    assert all(field in told["message"] for field in fields)
    assert await stored(house, player) == 0


async def test_the_message_of_a_refusal_reads_well(player: Player) -> None:
    answer = await player.post(report(startupTimeMs=-1, rebufferCount=-1))

    told = answer.json()["error"]
    assert told["message"] == "Out-of-range value for field(s): startupTimeMs, rebufferCount"
    assert told["details"][0] == {"field": "startupTimeMs", "problem": "negative"}


async def test_a_broken_packing_is_refused(player: Player) -> None:
    for body in (b"\x1f\x8bxx", gzip.compress(b"{}")[:-4]):
        answer = await player.post(body, {"Content-Encoding": "gzip"})
        assert (answer.status_code, code_of(answer)) == (400, "INVALID_SCHEMA")


async def test_all_bad_keys_look_the_same(house: House, player: Player) -> None:
    over = house.clock.now() + timedelta(seconds=1)
    ended = await app_key(house, player.app, "ingest", expires_at=over)
    house.clock.advance(1)
    keys = ["", "x", "mtk_" + "x" * 43, ended, "k" * 4000]
    answers = [await player.post(report(), {"X-API-Key": key}) for key in keys]

    assert [a.status_code for a in answers] == [401] * 5
    assert {code_of(a) for a in answers} == {"INVALID_API_KEY"}
    assert len({a.json()["error"]["message"] for a in answers}) == 1
    assert {a.headers["www-authenticate"] for a in answers} == {"ApiKey"}
    assert not any("x-ratelimit-limit" in a.headers for a in answers)


async def test_a_key_without_the_scope_is_refused(house: House) -> None:
    reader = await new_player(house, "read")

    answer = await reader.post(report())

    assert (answer.status_code, code_of(answer)) == (403, "FORBIDDEN")


async def test_a_key_of_an_organization_reports_for_no_app(house: House, player: Player) -> None:
    headers = await house.bearer(player.app, "ingest")
    key = headers["Authorization"].removeprefix("Bearer ")

    assert (await player.post(report(), {"X-API-Key": key})).status_code == 401


@pytest.mark.parametrize("path", ["/v1/playback/sessions", "/v1/playback/sessions/"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.put(path, json={})

    assert (answer.status_code, code_of(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST", "OPTIONS"}
    asked = await client.head(path)
    assert (asked.status_code, asked.headers["allow"]) == (405, answer.headers["allow"])


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b'{"a":"' + b"x" * 1_048_576 + b'"}'),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"{" + b" " * 200_000 + b"}")),
        ({"Content-Encoding": "gzip"}, gzip.compress(json.dumps([f"{n:x}" for n in range(600_000)]).encode())),
    ],
    ids=["as sent", "ratio", "unpacked"],
)  # fmt: skip
async def test_too_big_a_body_is_refused(
    player: Player, headers: dict[str, str], body: bytes
) -> None:
    answer = await player.post(body, headers)

    assert (answer.status_code, code_of(answer)) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_body_that_grows_too_big_is_refused(player: Player) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = await player.client.post(PATH, content=pieces(), headers={"X-API-Key": player.key} | JSON)  # fmt: skip

    assert (answer.status_code, code_of(answer)) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Encoding": "br"},
    ],
)
async def test_other_media_types_are_refused(player: Player, headers: dict[str, str]) -> None:
    answer = await player.post(report(), headers)

    assert (answer.status_code, code_of(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept"] == "application/json"
    assert answer.headers["x-ratelimit-limit"] == "100"  # who is known is told with every answer


async def test_a_body_that_does_not_come_is_given_up(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "BODY_WITHIN_S", 0.05)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    answer = await player.client.post(PATH, content=pieces(), headers={"X-API-Key": player.key} | JSON)  # fmt: skip

    assert (answer.status_code, code_of(answer)) == (408, "REQUEST_TIMEOUT")
    assert answer.headers["connection"] == "close"


async def test_a_failure_of_ours_is_told_without_its_cause(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_message: Any) -> Any:
        raise KeyError("secret")

    monkeypatch.setattr(house.site.kernel.playback.writer, "commit_fact", broken)
    answer = await player.post(report())

    assert (answer.status_code, code_of(answer)) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.text
    assert "KeyError" not in answer.text


async def test_a_full_writer_asks_to_come_again_soon(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_message: Any) -> Any:
        raise Overloaded(retry_after_s=1)

    monkeypatch.setattr(house.site.kernel.playback.writer, "commit_fact", full)
    answer = await player.post(report())

    assert (answer.status_code, code_of(answer)) == (503, "OVERLOADED")
    assert answer.headers["retry-after"] == "1"


async def test_a_database_that_is_away_for_a_moment_is_tried_again(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = house.site.kernel.playback.writer
    commit, failures = writer.commit_fact, [DatabaseAway(), DatabaseAway(), DatabaseAway()]

    async def flaky(message: Any) -> Any:
        if failures:
            raise failures.pop()
        return await commit(message)

    monkeypatch.setattr(writer, "commit_fact", flaky)

    assert (await player.post(report())).json()["result"] == "created"
    assert failures == []


async def test_a_database_that_stays_away_is_told(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_message: Any) -> Any:
        raise DatabaseAway(retry_after_s=1)

    monkeypatch.setattr(house.site.kernel.playback.writer, "commit_fact", away)
    answer = await player.post(report())

    assert (answer.status_code, code_of(answer)) == (503, "DATABASE_ERROR")
    assert answer.headers["retry-after"] == "5"


async def test_a_database_that_hangs_is_told_in_time(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hanging(_message: Any) -> Any:
        await asyncio.sleep(60)

    monkeypatch.setattr(doors, "ANSWER_WITHIN_S", 0.05)
    monkeypatch.setattr(house.site.kernel.playback.writer, "commit_fact", hanging)

    assert code_of(await player.post(report())) == "DATABASE_ERROR"


async def test_a_key_that_nobody_knows_now_is_no_wrong_key(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise OSError

    monkeypatch.setattr(house.site.kernel.playback.keys._db, "read", away)
    answer = await player.post(report())

    assert (answer.status_code, code_of(answer)) == (503, "DATABASE_ERROR")


async def test_the_checks_come_in_their_order(house: House, player: Player) -> None:
    """Declared size, key, scope, media type, body, fields: each hides what comes after it."""
    wrong = {"Content-Type": "text/plain", "X-API-Key": "x"}
    reader = await app_key(house, player.app, "read")

    assert code_of(await player.post(b" " * 1_048_577, wrong)) == "PAYLOAD_TOO_LARGE"
    assert code_of(await player.post(b"[", wrong)) == "INVALID_API_KEY"
    assert code_of(await player.post(b"[", wrong | {"X-API-Key": reader})) == "FORBIDDEN"
    assert code_of(await player.post(b"[", wrong | {"X-API-Key": player.key})) == "UNSUPPORTED_MEDIA_TYPE"  # fmt: skip
    assert code_of(await player.post(b"[")) == "INVALID_SCHEMA"


async def test_a_clients_own_request_id_is_kept_when_it_is_harmless(player: Player) -> None:
    kept = await player.post(b"", {"X-Request-Id": "abc-1.2_3"})
    replaced = await player.post(b"", {"X-Request-Id": "a b"})

    assert kept.headers["x-request-id"] == "abc-1.2_3"
    assert re.fullmatch(r"[0-9A-F]+", replaced.headers["x-request-id"])


async def test_a_paused_app_is_asked_to_come_again(house: House) -> None:
    paused = await new_player(house, recording=False)

    answer = await paused.post(report())

    assert (answer.status_code, code_of(answer)) == (429, "QUOTA_EXCEEDED")
    assert int(answer.headers["retry-after"]) > 0


async def test_the_built_in_key_reports_to_the_app_default(houses: Houses) -> None:
    async with houses(M3W_API_KEY="trying-out") as house:
        player = await new_player(house)
        trying = {"X-API-Key": "trying-out"}
        assert (await player.post(report(), trying)).status_code == 401
        app = await house.app(name="default")
        house.site.kernel.playback.keys.forget_all()

        assert (await player.post(report(), trying)).status_code == 200
        assert await stored(house, Player(player.client, app, "")) == 1


async def test_what_fails_in_the_writer_is_told_in_these_words_too(
    house: House, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(message: object) -> None:
        raise AppError

    monkeypatch.setattr(house.site.kernel.playback.writer, "commit_fact", broken)

    answer = await player.post(report())

    assert (answer.status_code, code_of(answer)) == (500, "INTERNAL_ERROR")
