"""What players are answered where they report CMCD."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.conftest import House, Houses
from tests.playback.pages import Page, new_page
from tests.playback.recorded import posts, recorded, seen_requests

T = 1_772_445_600_000


def line(session: str = "", **told: object) -> str:
    fields = {"e": "ps", "sid": f'"{session or uuid4()}"', "sn": 0, "sta": "s", "ts": T, "v": 2}
    return ",".join(f"{key}={value}" for key, value in (fields | told).items())


@pytest.fixture
async def page(house: House) -> Page:
    return await new_page(house)


async def test_lines_are_taken_without_a_word(page: Page) -> None:
    answer = await page.post(f"{line('a')}\n\n{line('a', sn=1)}\n")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-request-id"]
    assert "content-length" not in answer.headers
    assert [row["sn"] for row in await page.lines()] == [0, 1]


@pytest.mark.parametrize(
    "kind", ["application/cmcd", "text/cmcd", "text/plain", "text/plain;charset=UTF-8"]
)
async def test_players_send_them_as_one_of_these(page: Page, kind: str) -> None:
    assert (await page.post(line(), {"Content-Type": kind})).status_code == 204


async def test_one_good_line_is_enough(page: Page) -> None:
    answer = await page.post(f"hello (\n{line('a')}\ne=t\n{'x' * 9000}")

    assert answer.status_code == 204
    assert len(await page.lines()) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [("hello (", "CMCD"), ("", "no line"), ("e=t,sn=5", "sid"), (f'sid="{"x" * 65}"', "sid")],
)
async def test_without_a_good_line_it_is_refused(page: Page, body: str, words: str) -> None:
    answer = await page.post(body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "INVALID_SCHEMA")
    assert words in error["message"]
    assert set(error) == {"code", "message", "timestamp", "requestId", "details"}
    assert error["requestId"] == answer.headers["x-request-id"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert await page.lines() == []


async def test_a_report_in_a_query_is_taken(page: Page) -> None:
    answer = await page.get(quote('sid="a",sta=p,br=(500;v 64;a)'))

    assert (answer.status_code, answer.content) == (204, b"")
    assert [row["line"] for row in await page.lines()] == ['sid="a",sta=p,br=(500;v 64;a)']


@pytest.mark.parametrize("query", ["", "?x=1"])
async def test_a_query_without_a_report_is_refused(page: Page, query: str) -> None:
    answer = await page.client.get(page.path + query)

    assert answer.status_code == 400
    assert "CMCD" in answer.json()["error"]["message"]


async def test_requests_that_a_cdn_has_seen_are_taken(page: Page) -> None:
    told = {
        "ts": T,
        "url": "https://cdn.test/a.m4s?token=x&CMCD=sid%3D%22a%22%2Cbr%3D100",
        "headers": {"CMCD-Object": "br=200"},
    }
    answer = await page.post(
        json.dumps(told), {"Content-Type": "application/x-ndjson"}, "/requests"
    )

    assert answer.status_code == 204
    assert [row["line"] for row in await page.lines()] == [
        'sid="a",br=200,url="https://cdn.test/a.m4s"'
    ]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("", "POST, GET, OPTIONS"), ("/requests", "POST, OPTIONS")],
)
async def test_other_methods_are_refused(page: Page, path: str, allowed: str) -> None:
    answer = await page.client.put(page.path + path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


async def test_requests_cannot_be_got(page: Page) -> None:
    assert (await page.client.get(page.path + "/requests")).status_code == 405


async def test_a_preflight_is_answered_without_a_key(client: httpx.AsyncClient) -> None:
    for path in ("/v1/cmcd/unknown", "/v1/cmcd/unknown/requests", "/v1/cmcd/unknown/"):
        answer = await client.options(path, headers={"Origin": "https://page.test"})

        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == "POST, GET, OPTIONS"
        assert "content-type" in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-max-age"] == "86400"


async def test_an_unknown_key_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/cmcd/pbk_nobody", content=line(), headers={"Content-Type": "application/cmcd"}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "INVALID_API_KEY")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "nobody" not in answer.text


async def test_a_revoked_key_is_gone(house: House, page: Page) -> None:
    assert (await page.post(line())).status_code == 204
    await accounts.revoke_key(house.db, page.key_id, by=SYSTEM, at=house.clock.now())
    house.site.kernel.playback.keys.forget_key(str(page.key_id))

    for _ in range(2):
        answer = await page.post(line())
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "KEY_REVOKED")


async def test_a_key_that_may_only_read_is_refused(house: House) -> None:
    page = await new_page(house, "read")

    assert (await page.post(line())).status_code == 403


async def test_a_paused_app_is_told_to_wait(house: House) -> None:
    page = await new_page(house, recording=False)
    answer = await page.post(line())

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "QUOTA_EXCEEDED")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("kind", "path"), [("application/json", ""), ("", ""), ("application/cmcd", "/requests")]
)
async def test_another_kind_of_body_is_refused(page: Page, kind: str, path: str) -> None:
    answer = await page.post(line(), {"Content-Type": kind}, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept"] == ("application/cmcd" if not path else "application/x-ndjson")


async def test_a_packed_body_is_unpacked(page: Page) -> None:
    answer = await page.post(gzip.compress(line("a").encode()), {"Content-Encoding": "gzip"})

    assert answer.status_code == 204
    assert len(await page.lines()) == 1
    assert (await page.post(b"nonsense", {"Content-Encoding": "gzip"})).status_code == 400
    assert (await page.post(b"nonsense", {"Content-Encoding": "br"})).status_code == 415


async def test_too_much_is_refused(page: Page) -> None:
    most = "\n".join(line("a", sn=number) for number in range(1001))

    assert (await page.post(most)).status_code == 413
    assert (await page.post("x" * (1024 * 1024 + 1))).status_code == 413
    assert await page.lines() == []
    assert (await page.post("\n".join(most.splitlines()[:1000]))).status_code == 204
    assert len(await page.lines()) == 1000


async def test_a_batch_that_comes_again_is_stored_once(page: Page) -> None:
    body = "\n".join(line("a", sn=number, ts=T + number) for number in range(20))

    for _ in range(3):
        assert (await page.post(body)).status_code == 204
    assert len(await page.lines()) == 20


async def test_strangers_share_no_session(house: House, page: Page) -> None:
    charlie = await new_page(house)
    await page.post(line("a"))
    await charlie.post(line("a"))

    assert len(await page.lines()) == len(await charlie.lines()) == 1


async def test_lines_are_counted_by_what_became_of_them(house: House, page: Page) -> None:
    body = f"{line('a')}\nhello (\ne=t\n"
    await page.post(body)
    await page.post(body)
    text = (await page.client.get("/metrics")).text

    name = page.app["name"]
    for result, version in (("stored", 2), ("duplicate", 2)):
        assert (
            f'playback_cmcd_lines_total{{result="{result}",tenant="{name}",version="{version}"}}'
            in text
        )
    assert 'result="no_sid"' in text
    assert 'result="bad"' in text


async def test_no_key_is_written_anywhere(
    houses: Houses, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        houses() as house
    ):  # one of its own: a log keeps the output that there was at its beginning
        page = await new_page(house)
        await page.post(line("a"))
        await page.post("hello (")
        figures = (await page.client.get("/metrics")).text
    told = capsys.readouterr()

    assert "POST /v1/cmcd/{key} - 204" in told.err
    assert page.key not in told.out + told.err
    assert page.key not in figures


@pytest.fixture(scope="module")
async def strict(houses: Houses) -> AsyncIterator[House]:
    """A site with limits, for pages of one origin."""
    async with houses(
        SIGNALBOX_RATE_LIMITS="on",
        SIGNALBOX_CMCD_RATE_LIMIT="50",
        SIGNALBOX_PLAYBACK_CORS_ORIGINS="https://page.test",
    ) as one:
        yield one


async def test_only_so_many_requests_pass(strict: House) -> None:
    page = await new_page(strict)
    answers = [await page.post(line()) for _ in range(51)]

    assert [answer.status_code for answer in answers] == [204] * 50 + [429]
    assert answers[0].headers["x-ratelimit-limit"] == "50"
    assert answers[0].headers["x-ratelimit-remaining"] == "49"
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    strict.clock.advance(61)
    assert (await page.post(line())).status_code == 204


async def test_a_player_that_cannot_stop_is_stopped(houses: Houses) -> None:
    async with houses(SIGNALBOX_RATE_LIMITS="on") as house:
        page = await new_page(house)
        statuses = [(await page.post(line("a", sn=n))).status_code for n in range(301)]
        other = await page.post(line("b"))

    assert statuses == [204] * 300 + [429]
    assert other.status_code == 204


async def test_pages_of_other_origins_may_not_read_answers(strict: House) -> None:
    page = await new_page(strict)
    ours = await page.post(line(), {"Origin": "https://page.test"})
    foreign = await page.post(line(), {"Origin": "https://other.test"})
    preflight = await page.client.options(page.path, headers={"Origin": "https://other.test"})

    assert ours.headers["access-control-allow-origin"] == "https://page.test"
    assert "origin" in ours.headers["vary"].lower()
    assert "access-control-allow-origin" not in foreign.headers
    assert preflight.status_code == 204
    assert "access-control-allow-origin" not in preflight.headers


async def test_a_key_may_be_bound_to_pages(strict: House) -> None:
    page = await new_page(strict, origins=["https://own.test"])
    own = {"Origin": "https://own.test"}
    preflight = await page.client.options(page.path, headers=own)
    ours, foreign = (
        await page.post(line(), own),
        await page.post(line(), {"Origin": "https://page.test"}),
    )

    assert preflight.headers["access-control-allow-origin"] == "https://own.test"
    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (
        204,
        "https://own.test",
    )
    assert foreign.status_code == 403


# What recorded players said, through the door: the figures were worked out from the lines by hand.
PLAYED = {
    "hlsjs": (690, 32_915, 4320, 2, 31, 1, 2014, 40_000, "CMCD2"),
    "dashjs": (417, 30_291, 3751, 1, 18, 1, 2022, 40_004, "CMCD2"),
    "shaka": (284, None, None, None, None, None, None, 40_000, "CMCD2"),
    "hlsjs-batch5": (1054, 13_081, 0, 0, 124, 1, 706, 15_000, "CMCD2"),
}
_COLUMNS = (
    "player_startup_ms, play_time_ms, rebuffer_time_ms, rebuffer_count, seek_time_ms, seek_count, "
    "(payload->>'pauseMs')::int, duration_ms, dialect"
)


async def replay(page: Page, requests: Sequence[Mapping[str, Any]]) -> None:
    for request in requests:
        answer = await page.client.request(
            request["method"],
            page.path,
            content=request["body"].encode() or None,
            headers={
                name: value
                for name, value in request["headers"].items()
                if name in ("Content-Type", "Origin", "Access-Control-Request-Method")
            },
        )
        assert answer.status_code == 204, answer.text


@pytest.mark.parametrize("name", PLAYED)
@pytest.mark.parametrize("order", ["as recorded", "backwards", "doubled"])
async def test_a_recorded_player_comes_out_as_its_lines_say(
    page: Page, name: str, order: str
) -> None:
    requests = recorded(f"cmcd-v2-events-{name}")
    if order == "backwards":
        requests.reverse()
    await replay(page, requests * (2 if order == "doubled" else 1))
    await page.written()

    (row,) = await page.rows(f"SELECT {_COLUMNS} FROM playback.sessions WHERE app_id = %s")
    assert row == PLAYED[name]
    assert len(await page.lines()) == sum(
        len(post["body"].splitlines()) for post in posts(f"cmcd-v2-events-{name}")
    )


async def test_any_order_gives_the_same_timeline(house: House, page: Page) -> None:
    other = await new_page(house)
    requests = recorded("cmcd-v2-events-dashjs")
    await replay(page, requests)
    for request in reversed(requests):
        await replay(other, [request])
        if request["method"] == "POST":
            house.clock.advance(6)
            await other.written()
    await page.written()
    await other.written()

    query = (
        "SELECT elapsed_ms, playback_state, current_bitrate_bps, buffered_ms, rebuffer_count, rebuffer_time_ms "
        "FROM playback.session_timeline WHERE app_id = %s ORDER BY 1, 2"
    )
    assert await page.rows(query) == await other.rows(query)
    assert len(await page.rows(query)) > 10


@pytest.mark.parametrize("name", ["cmcd-v1-query", "cmcd-v1-headers", "cmcd-v2-query"])
async def test_recorded_media_requests_are_sessions(page: Page, name: str) -> None:
    sent = "\n".join(json.dumps(told) for told in seen_requests(f"{name}-requests"))
    for _ in range(2):
        answer = await page.post(sent, {"Content-Type": "application/x-ndjson"}, "/requests")
        assert answer.status_code == 204, answer.text
    await page.written()

    rows = await page.rows(
        "SELECT dialect, content_id, cdn, mean_bitrate_bps > 0, play_time_ms IS NULL FROM playback.sessions WHERE app_id = %s"
    )
    v2 = "v2" in name
    assert len(rows) == 3
    assert {row[:4] for row in rows} == {("CMCD2" if v2 else "CMCD1", "asset-1", "edge", True)}
    assert v2 or all(row[4] for row in rows)
    assert len(await page.lines()) == len(sent.splitlines())


async def test_an_event_of_yesterday_and_its_repetition_are_one(house: House, page: Page) -> None:
    await page.post(line("a"))
    house.clock.advance(timedelta(days=1).total_seconds())
    await page.post(line("a"))
    house.clock.advance(-timedelta(days=1).total_seconds())

    assert len(await page.lines()) == 1


async def test_the_score_is_weighted_as_the_app_wants_it(house: House, page: Page) -> None:
    plain = await new_page(house)
    async with house.db.begin() as tx:
        await tx.psycopg.execute(
            "INSERT INTO playback.score_weights (app_id, success, smoothness, startup, quality, version) "
            "VALUES (%s, 0, 0, 1, 0, 7)",
            (page.app["id"],),
        )
    body = f"{line('a')}\n{line('a', sn=1, sta='p', ts=T + 2000)}\n"
    for one in (page, plain):
        await one.post(body)
        await one.written()

    query = "SELECT round(score::numeric), score_version FROM playback.sessions WHERE app_id = %s"
    assert await page.rows(query) == [(80, 7)]
    assert (await plain.rows(query))[0][1] == 1


async def test_who_cannot_be_stored_is_told_to_come_again(houses: Houses) -> None:
    async with houses() as house:
        page = await new_page(house)
        assert (await page.post(line("a"))).status_code == 204
        await house.site.kernel.playback.lines.close()
        answer = await page.post(line("a", sn=1))
        stored = await page.lines()

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (503, "OVERLOADED")
    assert answer.headers["retry-after"] == "1"
    assert [row["sn"] for row in stored] == [0]


async def test_who_starts_plays_waits_or_seeks_is_watching(house: House) -> None:
    page = await new_page(house, "ingest", "read")
    now = round(house.clock.now().timestamp() * 1000)
    for state in "dspkrwaefq":
        await page.post(line(state, sta=state, ts=now))
    await page.post(f'sid="silent",e=t,ts={now}')
    await page.written()

    answer = await page.client.get("/v1/playback/live", headers={"X-API-Key": page.key})
    found = answer.json()

    assert {one["sessionId"] for one in found["sessions"]} == set("spkrw")
    assert found["concurrentViewers"] == 5


@pytest.mark.parametrize(("environment", "status"), [("development", 204), ("production", 401)])
async def test_the_key_of_the_settings_stands_in_pages_outside_production_only(
    houses: Houses, environment: str, status: int
) -> None:
    given = {"SIGNALBOX_PLAYBACK_KEY": "a key of the settings", "SIGNALBOX_ENV": environment}
    given |= {"SIGNALBOX_RATE_LIMITS": "on"}  # which production insists on
    async with houses(**given) as house:
        app = await house.app(name="default")
        answer = await house.client.post(
            "/v1/cmcd/a%20key%20of%20the%20settings",
            content=line(),
            headers={"Content-Type": "application/cmcd"},
        )
        await house.change(app, name="no default any more")  # for tests that need there to be none

    assert answer.status_code == status, answer.text
