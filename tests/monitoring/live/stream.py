"""A live stream as a browser reads it, without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.conftest import House

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Got:
    """One event."""

    event: str
    id: str | None
    data: Any

    @property
    def what(self) -> tuple[str, str]:
        return self.event, self.data.get("change", "")


def parsed(block: bytes) -> Got:
    """A block of lines, by the rules of the standard as far as we use them."""
    fields = dict(line.split(": ", 1) for line in block.decode().splitlines())
    return Got(fields["event"], fields.get("id"), json.loads(fields["data"]))


@dataclass
class Stream:
    """An answer that goes on. `may_read` cleared: the client does not take what is sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    may_read: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _rest: bytes = b""
    _got: list[Got] = field(default_factory=list)

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            await self.may_read.wait()
            self._take(message)
        async with self.changed:
            self.changed.notify_all()

    def _take(self, message: Any) -> None:
        self.body += message.get("body", b"")
        *blocks, self._rest = (self._rest + message.get("body", b"")).split(b"\n\n")
        if self.status == 200:
            self._got += map(parsed, blocks)
        self.ended = self.ended or not message.get("more_body", False)

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def until(self, *wanted: tuple[str, str]) -> list[Got]:
        """All events up to the ones that are named, which are taken in their order; what comes between is handed over too."""
        seen: list[Got] = []
        for what in wanted:
            seen.append(await self.next())
            while seen[-1].what != what:
                seen.append(await self.next())
        return seen

    async def next(self) -> Got:
        """The next event, heartbeats left out."""
        async with asyncio.timeout(PATIENCE_S), self.changed:
            while True:
                while not self._got:
                    assert not self.ended, "the stream has ended"
                    await self.changed.wait()
                got = self._got.pop(0)
                if got.event != "heartbeat":
                    return got

    async def until_ended(self) -> None:
        async with asyncio.timeout(PATIENCE_S), self.changed:
            while not self.ended:
                await self.changed.wait()


@asynccontextmanager
async def watching(
    house: House, headers: Mapping[str, str], *, method: str = "GET", **query: Any
) -> AsyncIterator[Stream]:
    """GET /v1/live with a query; the client leaves at the end of the block. A refusal has a status and a body."""
    stream = Stream()
    stream.may_read.set()
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": "/v1/live",
        "raw_path": b"/v1/live",
        "query_string": urlencode(query).encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("signalbox.test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "state": {},
        "root_path": "",
    }

    async def run() -> None:
        try:
            await house.site(scope, stream.receive, stream.send)
        finally:
            stream.ended = True
            async with stream.changed:
                stream.changed.notify_all()

    task = asyncio.create_task(run())
    try:
        async with asyncio.timeout(PATIENCE_S), stream.changed:
            while not stream.body and not stream.ended:
                await stream.changed.wait()
        yield stream
    finally:
        stream.gone.set()
        stream.may_read.set()
        await task


async def key_for(house: House, **place: Any) -> dict[str, str]:
    """The headers of a new key that may read; `place` is organization_id or app_id."""
    at = house.clock.now()
    _, key = await accounts.create_key(house.db, scopes=["read"], by=SYSTEM, at=at, **place)
    return {"Authorization": f"Bearer {key}"}
