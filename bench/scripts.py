"""What the connections of the load generator say."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any

from bench.recorded import connection_events, session_body, stats_data

CONNECTIONS_PER_SESSION = 4
_TIMESTAMP = re.compile(rb'("timestamp":)\d+(?:\.\d+)?')


def post(path: str, body: bytes) -> bytes:
    """A whole request as the SDK's fetch sends it."""
    head = f"POST /v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://app.example\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: "
    return b"%s%d\r\n\r\n%s" % (head.encode(), len(body), body)


def dumps(value: Any) -> bytes:
    """JSON as a browser writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Script:
    """The requests of one connection."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def request(self) -> bytes | None:
        """The next request; None ends the connection."""
        raise NotImplementedError

    def answered(self, status: int, body: bytes) -> None:
        """Look at the answer."""


class Stats(Script):
    """The same report again and again, only its timestamps move on by 10 s."""

    def __init__(self, data: dict[str, Any], token: str, made: dict[str, str]) -> None:
        super().__init__()
        body = {
            "data": data,
            "peerId": made["peer_id"],
            "connectionId": made["connection_id"],
            "timeTaken": 3,
            "token": token,
        }
        marked = _TIMESTAMP.sub(rb"\g<1>1795202896202.7", dumps(body))
        self._parts = post("/stats", marked).split(b"1795202896202.7")
        self._at = int(time.time() * 10) * 100

    def request(self) -> bytes:
        self._at += 10_000
        return (b"%d.5" % self._at).join(self._parts)


class Events(Script):
    """The candidates and states of one connection after the other."""

    def __init__(self, token: str, connections: list[dict[str, str]]) -> None:
        super().__init__()
        self._requests = cycle([
            post("/connection", dumps({**event, "peerId": made["peer_id"], "connectionId": made["connection_id"], "timestamp": None, "token": token}))
            for made in connections
            for event in connection_events()
        ])  # fmt: skip

    def request(self) -> bytes:
        return next(self._requests)


class Facts(Script):
    """Events of the page itself, each different from the one before."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token, self._count = token, 0

    def request(self) -> bytes:
        self._count += 1
        event = {"eventName": "custom", "data": {"count": self._count}, "token": self._token}
        return post("/events/browser", dumps(event))


class Once(Script):
    """Prepared requests, each sent once; keeps the tokens that come back."""

    def __init__(self, requests: list[bytes]) -> None:
        super().__init__()
        self._requests = iter(requests)

    def request(self) -> bytes | None:
        return next(self._requests, None)

    def answered(self, status: int, body: bytes) -> None:
        if status == 200 and b'"token"' in body:
            self.kept.append(json.loads(body)["token"])


class Asker:
    """A plain keep-alive client for preparations."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, order: dict[str, Any]) -> Asker:
        """Connect to the server of this order."""
        return cls(*await asyncio.open_connection(order["host"], order["port"]))

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, str]:
        """Post and read the JSON answer. Raises RuntimeError unless it is a 200."""
        self._writer.write(post(path, dumps(body)))
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        answer = await self._reader.readexactly(length)
        if b" 200" not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{path}: {answer[:200]!r}")
        found: dict[str, str] = json.loads(answer)
        return found

    async def session(self, order: dict[str, Any], conference: str, user: str) -> str:
        """A session's token."""
        first = {
            "conferenceId": conference,
            "conferenceName": conference,
            "userId": user,
            "userName": user,
            "apiKey": order["api_key"],
        }
        init = await self.ask("/initialize", first)
        return (await self.ask("/sessions", {**session_body(), "token": init["token"]}))["token"]

    async def connection(self, token: str, peer: str) -> dict[str, str]:
        """The ids of a new connection."""
        body = {
            "eventName": "addConnection",
            "peerId": peer,
            "peerName": peer,
            "connectionState": "new",
            "isSfu": False,
            "token": token,
        }
        return await self.ask("/connection", body)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def stats(order: dict[str, Any]) -> list[Script]:
    """Every load connection reports for a participant of its own; four participants to a conference."""
    bodies = stats_data()

    async def prepare(number: int) -> Script:
        asker = await Asker.connect(order)
        token = await asker.session(
            order, f"{order['tag']}-{number // 4}", f"{order['tag']}-{number}"
        )
        made = await asker.connection(token, f"{order['tag']}-peer-{number}")
        asker.close()
        return Stats(bodies[3 + number % (len(bodies) - 3)], token, made)

    return await _all(order, prepare)


async def candidate(order: dict[str, Any]) -> list[Script]:
    """Every load connection goes through several sessions with four connections each."""

    async def prepare(number: int) -> Script:
        asker = await Asker.connect(order)
        requests: list[bytes] = []
        for part in range(order["sessions_each"]):
            token = await asker.session(
                order, f"{order['tag']}-{number}-{part}", f"{order['tag']}-{number}"
            )
            made = [
                await asker.connection(token, f"{order['tag']}-peer-{number}-{i}")
                for i in range(CONNECTIONS_PER_SESSION)
            ]
            script = Events(token, made)
            requests += [
                script.request() for _ in range(len(connection_events()) * CONNECTIONS_PER_SESSION)
            ]
        asker.close()
        return _Cycle(requests)

    return await _all(order, prepare)


class _Cycle(Script):
    def __init__(self, requests: list[bytes]) -> None:
        super().__init__()
        self._requests = cycle(requests)

    def request(self) -> bytes:
        return next(self._requests)


async def initialize(order: dict[str, Any]) -> list[Script]:
    """A new conference and a new participant with every request."""
    return [
        Once([
            post("/initialize", dumps({"conferenceId": f"{order['tag']}-{n}-{i}", "conferenceName": "Bench", "userId": f"{order['tag']}-u-{n}-{i}",
                                       "userName": "Bench", "apiKey": order["api_key"]}))
            for i in range(order["each"])
        ])
        for n in range(order["connections"])
    ]  # fmt: skip


async def sessions(order: dict[str, Any]) -> list[Script]:
    """One session per conference token that the bench before got."""
    body = session_body()
    return _dealt(
        order, [post("/sessions", dumps({**body, "token": token})) for token in order["tokens"]]
    )


async def add_connection(order: dict[str, Any]) -> list[Script]:
    """Two connections per session token that the bench before got."""
    named = {"eventName": "addConnection", "connectionState": "new", "isSfu": False}
    requests = [
        post(
            "/connection",
            dumps(
                {**named, "peerId": f"{order['tag']}-peer-{i}", "peerName": "Bench", "token": token}
            ),
        )
        for i in range(2)
        for token in order["tokens"]
    ]
    return _dealt(order, requests)


def _dealt(order: dict[str, Any], requests: list[bytes]) -> list[Script]:
    return [Once(requests[n :: order["connections"]]) for n in range(order["connections"])]


async def _all(order: dict[str, Any], prepare: Callable[[int], Awaitable[Script]]) -> list[Script]:
    made: list[Script] = []
    for start in range(0, order["connections"], 32):
        numbers = range(start, min(start + 32, order["connections"]))
        made += await asyncio.gather(*(prepare(number) for number in numbers))
    return made


async def facts(order: dict[str, Any]) -> list[Script]:
    """Sessions in which a page's own events happen, one after the other."""

    async def prepare(number: int) -> Script:
        asker = await Asker.connect(order)
        name = f"{order['tag']}-{number}"
        token = await asker.session(order, name, name)
        asker.close()
        return Facts(token)

    return await _all(order, prepare)


SCRIPTS: dict[str, Callable[[dict[str, Any]], Awaitable[list[Script]]]] = {
    "stats": stats,
    "facts": facts,
    "candidate": candidate,
    "initialize": initialize,
    "sessions": sessions,
    "addConnection": add_connection,
}
