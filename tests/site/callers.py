"""A small load of whole calls, with a ledger: what was tried, and what was answered with a 2xx."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

ANSWER_WITHIN_S = 10.0  # what a browser waits
AGAIN_AFTER_S = 0.05
ROUNDS = 6  # events and reports of one call

Content = dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """What is unique in a request stands for it: names that the client chose."""

    acknowledged: dict[str, set[Any]] = field(default_factory=dict)
    answers: list[tuple[float, int]] = field(default_factory=list)  # monotonic seconds, status
    broken: Counter[str] = field(default_factory=Counter)  # requests without an answer, by reason
    wrong: list[str] = field(default_factory=list)  # answers that break the rules of the door
    repeated: int = 0  # requests that were sent again because the first was not answered with a 2xx

    def acknowledge(self, kind: str, mark: Any) -> None:
        self.acknowledged.setdefault(kind, set()).add(mark)

    def statuses(self, since: float = 0.0, until: float = float("inf")) -> Counter[int]:
        return Counter(status for at, status in self.answers if since <= at <= until)

    @property
    def total(self) -> int:
        return sum(map(len, self.acknowledged.values()))


class Load:
    """Callers in a thread of their own, so that a test may start and stop servers meanwhile."""

    def __init__(self, urls: list[str], api_key: str, *, callers: int = 8) -> None:
        self.ledger = Ledger()
        self._urls, self._api_key, self._callers = urls, api_key, callers
        self._marks = itertools.count(int(time.time() * 1000) % 10**9 * 10**5)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let everybody finish the request that is under way."""
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def answered(self, since: float, status: int = 200) -> bool:
        """Whether an answer of this status came after an instant."""
        return any(found == status and at > since for at, found in reversed(self.ledger.answers))

    def _run(self) -> None:
        try:
            asyncio.run(self._call_all())
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            self._failure = error

    async def _call_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            callers = (self._call_on(http, number) for number in range(self._callers))
            await asyncio.gather(*callers)

    async def _call_on(self, http: aiohttp.ClientSession, number: int) -> None:
        while not self._stop.is_set():
            await self._call(http, number)

    async def _call(self, http: aiohttp.ClientSession, number: int) -> None:
        post = Sender(http, self._urls, number, self.ledger, self._stop)
        mark = f"c{next(self._marks)}"
        entry = {"apiKey": self._api_key, "conferenceId": mark, "userId": f"u{mark}"}
        entered = await post.until_taken("/v1/initialize", entry, "conference", mark)
        if entered is None:
            return
        begin = {"token": entered["token"], "meta": {"mark": mark}}
        started = await post.once("/v1/sessions", begin, "session", mark)
        if started is None:
            return
        one = {"token": started["token"], "peerId": f"p{mark}"}
        added = await post.once(
            "/v1/connection", one | {"eventName": "addConnection"}, "connection", f"p{mark}"
        )
        if added is None:
            return
        one |= {"connectionId": added["connection_id"], "peerId": added["peer_id"]}
        for _ in range(ROUNDS):
            await self._report(post, one)

    async def _report(self, post: Sender, one: Content) -> None:
        number = next(self._marks)
        event = {"token": one["token"], "eventName": f"mark{number}", "data": {"n": number}}
        await post.once("/v1/events/browser", event, "event", f"mark{number}")
        await post.until_taken("/v1/stats", one | {"data": report(number)}, "sample", number)


class Sender:
    """Posts of one caller, by turns to all addresses, judged and entered in the ledger."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        urls: list[str],
        number: int,
        ledger: Ledger,
        stop: threading.Event,
    ) -> None:
        self._http, self._ledger, self._stop = http, ledger, stop
        self._urls = itertools.cycle(urls[number % len(urls) :] + urls[: number % len(urls)])

    async def once(self, path: str, body: Content, kind: str, mark: Any) -> Any:
        """The answer's JSON, or None when it was not taken."""
        _, answer = await self._try(path, body, kind, mark)
        return answer

    async def until_taken(self, path: str, body: Content, kind: str, mark: Any) -> Any:
        """The same again until it is taken, as the browser does with reports.

        None when the load ends first, or when it is refused for good, which the ledger notes as wrong.
        """
        while not self._stop.is_set():
            status, answer = await self._try(path, body, kind, mark)
            if answer is not None or 400 <= status < 500:
                return answer
            self._ledger.repeated += 1
        return None

    async def _try(self, path: str, body: Content, kind: str, mark: Any) -> tuple[int, Any]:
        """Status (0 without an answer) and the JSON of a 2xx."""
        status, answer = await self._post(path, body)
        if 200 <= status < 300:
            self._ledger.acknowledge(kind, mark)
            return status, answer
        await asyncio.sleep(AGAIN_AFTER_S)
        return status, None

    async def _post(self, path: str, body: Content) -> tuple[int, Any]:
        url = next(self._urls) + path
        headers = {"X-Forwarded-For": f"192.0.2.{1 + id(self) % 250}"}
        try:
            async with self._http.post(url, json=body, headers=headers) as response:
                raw = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._ledger.broken[type(error).__name__] += 1
            return 0, None
        self._ledger.answers.append((time.monotonic(), response.status))
        return response.status, self._judged(path, response, raw)

    def _judged(self, path: str, response: aiohttp.ClientResponse, raw: bytes) -> Any:
        wrong = self._ledger.wrong
        told = f"{path} {response.status} {raw[:200]!r}"
        if response.headers.get("access-control-allow-origin") != "*":
            wrong.append(f"no CORS header: {told}")
        if response.status == 503 and not response.headers.get("retry-after", "").isdigit():
            wrong.append(f"no Retry-After: {told}")
        if response.status not in (200, 503):
            wrong.append(f"unexpected: {told}")
        try:
            return json.loads(raw)
        except ValueError:
            wrong.append(f"no JSON: {told}")
            return None


def report(number: int) -> Content:
    """The data of a stats post that nothing but its number tells from others."""
    inbound = {"id": "A", "type": "inbound-rtp", "kind": "audio", "bytesReceived": number}
    inbound |= {"packetsReceived": 50, "packetsLost": 0, "timestamp": float(number)}
    return {
        "audio": {"inbound": [inbound], "outbound": []},
        "video": {"inbound": [], "outbound": []},
        "connection": {"state": "succeeded", "timestamp": float(number)},
    }
