"""rtcstats-js tells while it happens, over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
import zstandard

from signalbox.core.actor import SYSTEM
from signalbox.monitoring.service import erase_participant, finish_erasures
from signalbox.monitoring.sockets import rtcstats
from tests.monitoring.conftest import House, Houses
from tests.monitoring.refusals.tokens import claims_of

DATA = Path(__file__).resolve().parents[1] / "data"
Row = Mapping[Any, Any]
ORIGIN = "https://shop.example"
PROTOCOL = "rtcstats#5.0"


def recorded(name: str) -> list[str]:
    """The messages of a recording of the socket."""
    packed = (DATA / f"{name}.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().decompress(packed).decode().splitlines()
    return [row["data"] for row in map(json.loads, lines) if row["kind"] == "text"]


class Socket:
    """A browser's end of a WebSocket, against the ASGI application."""

    def __init__(
        self, house: House, path: str, *, origin: str | None = ORIGIN, **query: str
    ) -> None:
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": urlencode(query).encode(),
            "headers": [(b"origin", origin.encode())] if origin else [],
            "client": ("127.0.0.1", 1),
            "subprotocols": [PROTOCOL],
        }

        async def send(message: Any) -> None:
            self._out.put_nowait(message)

        self._task = asyncio.create_task(house.site(scope, self._in.get, send))

    async def answer(self) -> dict[str, Any]:
        """The next message of the server."""
        message: dict[str, Any] = await asyncio.wait_for(self._out.get(), 20)
        return message

    def say(self, *messages: str | bytes) -> None:
        """Send messages."""
        for message in messages:
            kind = "bytes" if isinstance(message, bytes) else "text"
            self._in.put_nowait({"type": "websocket.receive", kind: message})

    async def close(self, code: int = 1005) -> None:
        """Go away, and wait until the server has taken note of it."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": code})
        await asyncio.wait_for(self._task, 20)

    async def closed(self) -> tuple[int, str]:
        """How the server ends it."""
        message = await self.answer()
        assert message["type"] == "websocket.close", message
        await asyncio.wait_for(self._task, 20)
        return message["code"], message["reason"]

    async def stop(self) -> None:
        """Whatever happened."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def socket(house: House, path: str, **options: Any) -> AsyncIterator[Socket]:
    """A socket that the server has accepted."""
    opened = Socket(house, path, **options)
    assert await opened.answer() == {"type": "websocket.accept", "subprotocol": PROTOCOL}
    try:
        yield opened
    finally:
        await opened.stop()


async def ask(house: House, app: Row, path: str, **query: str) -> Any:
    headers = await house.bearer(app, "read")
    answer = await house.client.get(f"/v1{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize(
    ("name", "samples", "conference", "user"),
    [
        ("rtcstats-js-p2p", 80, "conf-1", "somebody"),
        # Which says itself whose it is; the path is that of the page.
        ("rtcstats-legacy-p2p", 0, "conf-1", "alice"),
    ],
)
async def test_a_recorded_client_becomes_a_call(
    house: House, name: str, samples: int, conference: str, user: str
) -> None:
    app = await house.app()
    rest = "conf-1" if samples else "some/page.html"
    async with socket(house, f"/rtcstats/{app['api_key']}/{rest}") as page:
        page.say(*recorded(name))
        await page.close()

    [call] = await ask(house, app, "/conferences", appId=str(app["id"]))
    assert (call["conference_id"], call["ongoing"]) == (conference, False)
    people = await ask(house, app, "/participants", conferenceId=call["id"])
    assert {one["participant_id"] for one in people} == {user, f"{user}/PC_0", f"{user}/PC_1"}
    links = await ask(house, app, "/connections", conferenceId=call["id"])
    assert [one["connection_info"]["negotiations"][0]["status"] for one in links] == [
        "connected"
    ] * 2
    assert all(one["end_time"] for one in links)
    events = await ask(house, app, f"/conferences/{call['id']}/events")
    stats = [one for one in events if one["type"] == "stats" and "connection" in one["data"]]
    assert len(stats) == samples
    [session] = await ask(house, app, "/sessions", conferenceId=call["id"])
    # However the page's clock goes, the last of it was now.
    assert session["end_time"] == "2026-03-02T10:00:00.000000Z"


async def test_a_client_with_an_init_token_enters_where_the_token_says(house: House) -> None:
    app = await house.app(domain="shop.example")
    entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "alice"}
    headers = {"origin": ORIGIN}
    made = await house.client.post("/v1/initialize", json=entry, headers=headers)
    token = made.json()["token"]
    async with socket(house, "/rtcstats", **{"rtcstats-token": token}) as page:
        page.say(*recorded("rtcstats-js-p2p")[:40])
        await page.close()

    [session] = await ask(house, app, "/sessions", appId=str(app["id"]))
    claims = claims_of(token)
    assert (session["conference"], session["participant"]) == (claims["c"], claims["p"])


async def test_a_broken_socket_is_gone_on_with_by_the_next_of_the_same_client(house: House) -> None:
    app = await house.app()
    path, messages = f"/rtcstats/{app['api_key']}/c", recorded("rtcstats-js-p2p")
    for part, code in ((messages[:200], 1006), (messages[200:], 1005)):
        async with socket(house, path, client="one", user="alice") as page:
            page.say(*part)
            await page.close(code)

    [session] = await ask(house, app, "/sessions", appId=str(app["id"]))
    assert session["end_time"]
    links = await ask(house, app, "/connections", sessionId=session["id"])
    assert len(links) == 2
    events = await ask(house, app, f"/conferences/{session['conference']}/events")
    stats = [one for one in events if one["type"] == "stats" and "connection" in one["data"]]
    assert len(stats) == 80
    # Stats are differences to those before: they were remembered too.
    assert all(one["data"]["connection"].get("local") for one in stats)


async def test_a_broken_socket_without_a_client_name_is_the_end(house: House) -> None:
    app = await house.app()
    async with socket(house, f"/rtcstats/{app['api_key']}") as page:
        page.say(*recorded("rtcstats-js-p2p")[:100])
        await page.close(1006)
    [session] = await ask(house, app, "/sessions", appId=str(app["id"]))
    assert session["end_time"]


async def test_who_is_turned_away(house: House) -> None:
    app, closed = await house.app(domain="other.example"), await house.app(recording=False)
    full = await house.app(quota_participant_minutes_monthly=0)
    for path, origin, query, reason in (
        ("/rtcstats", ORIGIN, {}, "missing_token"),
        ("/rtcstats/x", ORIGIN, {}, "invalid_api_key"),
        ("/rtcstats/" + "ž" * 32, ORIGIN, {}, "invalid_api_key"),
        ("/rtcstats/", ORIGIN, {"apiKey": "0" * 32}, "invalid_api_key"),
        ("/rtcstats/", ORIGIN, {"rtcstats-token": "x"}, "invalid_token"),
        (f"/rtcstats/{app['api_key']}", ORIGIN, {}, "domain_not_allowed"),
        (f"/rtcstats/{app['api_key']}", None, {}, "domain_not_allowed"),
        (f"/rtcstats/{closed['api_key']}", ORIGIN, {}, "app_not_recording"),
        (f"/rtcstats/{full['api_key']}", ORIGIN, {}, "quota_exceeded"),
    ):
        async with socket(house, path, origin=origin, **query) as page:
            assert await page.closed() == (1008, reason), path


async def test_what_is_no_trace_ends_the_socket_and_keeps_what_came_before(house: House) -> None:
    app = await house.app()
    path = f"/rtcstats/{app['api_key']}"
    start = '["create",null,{},1795204761335]'
    for wrong in (
        "nonsense",
        "{}",
        "[]",
        "[39,7,{},5]",
        '["x",null,1,"t"]',
        "[39,null,{},1e999]",
        b"\xff\xfe",
    ):
        async with socket(house, path) as page:
            page.say(start)
            await asyncio.sleep(0)
            page.say(wrong)
            assert await page.closed() == (1007, "invalid_trace"), wrong


async def test_a_message_may_not_be_too_long(houses: Houses) -> None:
    async with houses(SIGNALBOX_MAX_BODY_BYTES="65536") as house:
        app = await house.app()
        async with socket(house, f"/rtcstats/{app['api_key']}") as page:
            page.say("x" * 65_537)
            assert await page.closed() == (1009, "payload_too_large")


async def test_too_many_sockets_or_messages_are_told_to_come_later(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with houses(SIGNALBOX_RATE_LIMITS="on", SIGNALBOX_INGEST_PER_MINUTE="20") as house:
        app = await house.app()
        path = f"/rtcstats/{app['api_key']}"
        async with socket(house, path) as page:
            page.say(*recorded("rtcstats-js-p2p")[:30])
            assert await page.closed() == (1013, "rate_limited")
        monkeypatch.setattr(rtcstats, "MOST_SOCKETS", 0)
        async with socket(house, path) as page:
            assert await page.closed() == (1013, "unavailable")


async def test_other_sockets_are_not_ours(house: House) -> None:
    page = Socket(house, "/rtcstatsx")
    message = await page.answer()
    assert message["type"] != "websocket.accept"
    await page.stop()


async def test_masks_hold_for_sockets(house: House) -> None:
    app = await house.app(masks=["addresses", "sdp", "devices"])
    async with socket(house, f"/rtcstats/{app['api_key']}") as page:
        page.say(*recorded("rtcstats-js-p2p"))
        await page.close()
    [call] = await ask(house, app, "/conferences", appId=str(app["id"]))
    text = json.dumps(await ask(house, app, f"/conferences/{call['id']}/events"))
    assert "127.0.0.0" in text
    assert "127.0.0.1" not in text
    assert "Fake" not in text


async def test_a_slow_store_stops_the_reading_and_a_full_process_the_socket(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await house.app()
    path = f"/rtcstats/{app['api_key']}"
    monkeypatch.setattr(rtcstats, "MOST_BYTES", 1_000)
    monkeypatch.setattr(rtcstats, "QUEUE", 2)
    async with socket(house, path) as page:
        page.say(*recorded("rtcstats-js-p2p"))
        await page.close()
    [call] = await ask(house, app, "/conferences", appId=str(app["id"]))
    assert len(await ask(house, app, "/connections", conferenceId=call["id"])) == 2
    monkeypatch.setattr(rtcstats, "MOST_BYTES_IN_ALL", 1_000)
    async with socket(house, path) as page:
        page.say(*recorded("rtcstats-js-p2p")[:60])
        assert await page.closed() == (1013, "unavailable")


@pytest.mark.parametrize("rest", [slice(140, 262), slice(2, 3)])
async def test_a_page_whose_user_was_erased_is_told_to_stop(house: House, rest: slice) -> None:
    app = await house.app()
    messages = recorded("rtcstats-js-p2p")
    async with socket(house, f"/rtcstats/{app['api_key']}", user="alice") as page:
        page.say(*messages[:140])
        people: list[Any] = []
        while len(people) < 3:
            people = await ask(house, app, "/participants", appId=str(app["id"]))
        [alice] = [one["id"] for one in people if one["participant_id"] == "alice"]
        await erase_participant(house.db, UUID(alice), by=SYSTEM, at=house.clock.now())
        await finish_erasures(house.db, at=house.clock.now())
        page.say(*messages[rest])
        assert await page.closed() == (1008, "connection_ended")
    async with house.db.read() as tx:
        for table in ("events", "samples"):
            sql = f"SELECT 1 FROM monitoring.{table} WHERE app_id = %s"
            assert await (await tx.psycopg.execute(sql, (app["id"],))).fetchall() == []
