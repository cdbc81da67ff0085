"""Live streams of real processes: told by one, heard at the other, ended in order."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from signalbox.core.live import Live
from signalbox.core.streams import Publisher, Telling
from tests.site.real import PASSWORD, Serve, Servers, log_in, servers, serving, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.faults]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def world() -> Iterator[Servers]:
    with servers() as running:
        yield running


@pytest.fixture
def pair(world: Servers) -> Iterator[list[Serve]]:
    with serving(world, ["one", "two"], SIGNALBOX_LIVE_QUEUE="200") as both:
        yield both


@dataclass
class Heard:
    """What came over one stream."""

    response: aiohttp.ClientResponse
    last_id: str = ""
    _rest: bytes = b""
    _blocks: list[bytes] = field(default_factory=list)

    async def next(self) -> tuple[str, Any]:
        while not self._blocks:
            chunk = await self.response.content.readany()
            assert chunk, "the stream has ended"
            *self._blocks, self._rest = (self._rest + chunk).split(b"\n\n")
        fields = dict(line.split(": ", 1) for line in self._blocks.pop(0).decode().splitlines())
        self.last_id = fields.get("id", self.last_id)
        return fields["event"], json.loads(fields["data"])

    async def until(self, event: str, change: str | None = None) -> list[tuple[str, Any]]:
        """All events up to this one."""
        heard = []
        async with asyncio.timeout(PATIENCE_S):
            while True:
                heard.append(await self.next())
                name, data = heard[-1]
                if name == event and change in (None, data.get("change")):
                    return heard

    async def until_ended(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.response.content.readany():
                pass


@asynccontextmanager
async def watching(serve: Serve, headers: dict[str, str], **query: str) -> AsyncIterator[Heard]:
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(f"{serve.url}/v1/live", params=query, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
        yield Heard(response)


async def enter(world: Servers, serve: Serve, conference: str) -> None:
    """Somebody enters a new conference at this process."""
    body = {"apiKey": world.first.api_key, "conferenceId": conference, "userId": "alice"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{serve.url}/v1/initialize", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()


@pytest.fixture
def cookie(world: Servers, pair: list[Serve]) -> dict[str, str]:
    status, cookie = log_in(pair[0], world.first.email, PASSWORD)
    assert status == 200
    return {"Cookie": cookie}


@pytest.fixture
def organization(world: Servers) -> str:
    return str(world.rows("SELECT id FROM accounts.organizations")[0][0])


async def test_what_one_commits_is_heard_at_both_and_may_be_resumed_at_either(
    world: Servers, pair: list[Serve], cookie: dict[str, str], organization: str
) -> None:
    one, two = pair
    async with (
        watching(one, cookie, organizationId=organization) as here,
        watching(two, cookie, organizationId=organization) as there,
    ):
        await enter(world, one, "first")
        for heard in (here, there):
            told = await heard.until("conference", "created")
            assert told[-1][1]["data"]["conference_id"] == "first"
        left_at = there.last_id
    for name in ("second", "third"):
        await enter(world, two, name)

    headers = cookie | {"Last-Event-ID": left_at}
    async with watching(one, headers, organizationId=organization) as back:
        names = [
            (await back.until("conference", "created"))[-1][1]["data"]["conference_id"]
            for _ in range(2)
        ]
    assert names == ["second", "third"]


async def test_a_process_that_is_asked_to_end_ends_its_streams_and_itself(
    world: Servers, pair: list[Serve], cookie: dict[str, str], organization: str
) -> None:
    one, two = pair
    async with watching(two, cookie, organizationId=organization) as heard:
        await heard.until("ready")
        two.process.send_signal(signal.SIGTERM)
        await heard.until_ended()
        await enter(world, one, "meanwhile")
        last = heard.last_id
    code = await asyncio.to_thread(two.process.wait, PATIENCE_S)

    assert code == 0
    assert "refused to gracefully stop" not in two.output
    async with watching(one, cookie, organizationId=organization, lastEventId=last) as back:
        told = await back.until("conference", "created")
    assert told[-1][1]["data"]["conference_id"] == "meanwhile"


async def test_a_socket_that_is_not_read_is_closed_and_nobody_else_notices(
    world: Servers, pair: list[Serve], cookie: dict[str, str], organization: str
) -> None:
    serve = pair[0]
    deaf = socket.create_connection(("127.0.0.1", serve.port))
    request = f"GET /v1/live?organizationId={organization} HTTP/1.1\r\nHost: x\r\nCookie: {cookie['Cookie']}\r\n\r\n"
    deaf.sendall(request.encode())
    assert deaf.recv(12) == b"HTTP/1.1 200"
    live = Live(world.redis.url, timeout_ms=20_000)
    await live.open()
    publisher = Publisher(live, keep=1_000)
    await publisher.open()
    async with watching(serve, cookie, organizationId=organization) as other:
        await other.until("ready")
        big = b'{"x":"%s"}' % (b"x" * 200_000)
        for _ in range(60):
            publisher.tell([Telling(organization.replace("-", ""), ("*",), "big", big)])
            await other.until("big")
        await asyncio.to_thread(wait_for, lambda: '"why":"slow"' in serve.output, "it is closed")
        await enter(world, serve, "after")
        await other.until("conference", "created")
    await publisher.close()
    await live.close()
    deaf.close()


async def test_without_redis_streams_stay_open(
    world: Servers, pair: list[Serve], cookie: dict[str, str], organization: str
) -> None:
    one, two = pair
    async with watching(two, cookie, organizationId=organization) as heard:
        await heard.until("ready")
        world.kill_redis()
        try:
            await heard.until("degraded")
            await enter(world, one, "without")
            async with watching(one, cookie, organizationId=organization) as late:
                assert [event for event, _ in await late.until("degraded")] == ["ready", "degraded"]
        finally:
            world.start_redis()
        assert "recovered" in [event for event, _ in await heard.until("reset")]
        await enter(world, one, "with")
        while (await heard.until("conference"))[-1][1]["data"]["conference_id"] != "with":
            pass
