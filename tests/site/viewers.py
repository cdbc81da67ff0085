"""A small load of players, with a ledger: which sessions were reported, and which were answered with a 2xx."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import aiohttp

ANSWER_WITHIN_S = 10.0  # what the SDK waits
PAUSE_S = 0.02


@dataclass(slots=True)
class Seen:
    """What was answered: when, with which status and result, after how long."""

    answers: list[tuple[float, int, str, float]] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    broken: Counter[str] = field(default_factory=Counter)

    def statuses(self, since: float = 0.0, until: float = float("inf")) -> Counter[int]:
        return Counter(status for at, status, *_ in self.answers if since <= at <= until)

    def results(self) -> Counter[str]:
        return Counter(result for _, _, result, _ in self.answers)

    @property
    def longest_s(self) -> float:
        return max(took_s for *_, took_s in self.answers)


class Viewers:
    """Players that each report one new session after the other, in a thread of their own."""

    def __init__(self, url: str, key: str, *, viewers: int = 8) -> None:
        self.seen = Seen()
        self._url, self._key, self._viewers = url, key, viewers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch_all()), name="viewers")  # fmt: skip

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def answered(self, since: float, status: int, result: str = "") -> bool:
        """Whether a request was answered so since then."""
        return any(
            at >= since and told == status and (not result or result == what)
            for at, told, what, _ in list(self.seen.answers)
        )

    async def _watch_all(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_WITHIN_S)) as http:
            await asyncio.gather(*(self._watch(http) for _ in range(self._viewers)))

    async def _watch(self, http: aiohttp.ClientSession) -> None:
        while not self._stop.is_set():
            await self._report(http)
            await asyncio.sleep(PAUSE_S)

    async def _report(self, http: aiohttp.ClientSession) -> None:
        body: dict[str, Any] = {
            "sessionId": str(uuid4()),
            "timestamp": int(time.time() * 1000),
            "sessionStartDateIso": "null",
            "sessionDurationMs": 5000,
            "playTimeMs": 4000,
            "errorCount": 0,
        }
        began = time.monotonic()
        try:
            async with http.post(
                f"{self._url}/v1/sessions", json=body, headers={"X-API-Key": self._key}
            ) as answer:
                told = await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.seen.broken[type(error).__name__] += 1
            return
        took_s = time.monotonic() - began
        result = told.get("result") or told["error"]["code"]
        self.seen.answers.append((time.monotonic(), answer.status, result, took_s))
        if answer.status < 300:
            self.seen.acknowledged.add(body["sessionId"])
