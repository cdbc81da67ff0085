"""What a client only announces takes no room from others; what it sends does, until it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from signalbox.monitoring.ingest import door
from signalbox.monitoring.ingest.door import MAX_FACTS_BYTES
from signalbox.site.app import Site
from tests.monitoring.conftest import House, Houses

MB = 1024 * 1024
Receive = Callable[[], Awaitable[dict[str, Any]]]


def piece(size_bytes: int) -> dict[str, Any]:
    """The first piece of a body of which more is to come."""
    return {"type": "http.request", "body": b"{" + b" " * (size_bytes - 1), "more_body": True}


class Slow:
    """A client that announces a body, sends a first piece of it and then nothing."""

    def __init__(self, site: Site, first_bytes: int, *, announced: int = 2 * MB) -> None:
        self._site, self._first, self._announced = site, first_bytes, announced
        self.is_waiting, self.sent = asyncio.Event(), list[dict[str, Any]]()

    async def _receive(self) -> dict[str, Any]:
        if self._first:
            first, self._first = self._first, 0
            return piece(first)
        self.is_waiting.set()
        return await asyncio.Future()

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def call(self) -> None:
        """Post."""
        scope = {
            "type": "http", "method": "POST", "path": "/v1/connection", "query_string": b"",
            "headers": [(b"content-length", b"%d" % self._announced)], "client": ("192.0.2.9", 5),
        }  # fmt: skip
        await self._site(scope, self._receive, self._send)


async def dawdling(
    house: House, count: int, first_bytes: int, *, announced: int = 2 * MB
) -> list[asyncio.Task[None]]:
    """So many slow clients, all of them waiting in the midst of their bodies."""
    clients = [Slow(house.site, first_bytes, announced=announced) for _ in range(count)]
    tasks = [asyncio.create_task(client.call()) for client in clients]
    for client in clients:
        await client.is_waiting.wait()
    return tasks


async def gone(tasks: list[asyncio.Task[None]]) -> None:
    """All of them hang up."""
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def entered(house: House) -> httpx.Response:
    """The answer to somebody who wants to enter meanwhile."""
    app = await house.app()
    given = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "u"}
    return await house.client.post("/v1/initialize", json=given)


async def test_announced_bodies_keep_nobody_out(houses: Houses) -> None:
    async with houses() as house:
        tasks = await dawdling(house, MAX_FACTS_BYTES // (2 * MB) + 1, 1)
        answer = await entered(house)
        await gone(tasks)
    assert answer.status_code == 200


async def test_bodies_that_came_take_room_until_their_clients_go(houses: Houses) -> None:
    async with houses() as house:
        tasks = await dawdling(house, MAX_FACTS_BYTES // MB, MB - 1, announced=MB)
        full = await entered(house)
        await gone(tasks)
        free = await entered(house)
    assert (full.status_code, full.headers["retry-after"], free.status_code) == (503, "1", 200)


async def test_a_body_that_does_not_come_is_given_up(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "BODY_WITHIN_S", 0.01)
    async with houses() as house:
        client = Slow(house.site, 10)
        await client.call()
    assert client.sent[0]["status"] == 408
    assert b"unknown_error" in client.sent[1]["body"]
