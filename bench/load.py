"""The load generator: keep-alive connections on raw protocols, bodies prepared beforehand. Started by `bench.rig` as a process of its own.

Reads a JSON order from standard input, says `ready` and waits for a line, says `begin` and `end`, one per line, writes its
figures as JSON to the named file, and says `done`.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from bench import pages, players
from bench.scripts import SCRIPTS, Script

WARM_UP_S = 1.5
ANSWER_TIMEOUT_S = 15.0


class Tally:
    """What was answered between begin and end."""

    def __init__(self) -> None:
        self.counting = False
        self.stopped = False
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.all_statuses: Counter[int] = Counter()
        self.first_error = ""

    def add(self, status: int, seconds: float, body: bytes) -> None:
        """Count one answer."""
        self.all_statuses[status] += 1
        if status >= 400 and not self.first_error:
            self.first_error = f"{status} {body[:300]!r}"
        if self.counting:
            self.statuses[status] += 1
            self.latencies.append(seconds)


class Client(asyncio.Protocol):
    """One connection: sends a request, waits for the answer, sends the next."""

    def __init__(self, script: Script, tally: Tally) -> None:
        self.script, self.tally = script, tally
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._next()

    def _next(self) -> None:
        request = None if self.tally.stopped else self.script.request()
        assert self._transport is not None
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        split = buffer.find(b"\r\n\r\n")
        if split < 0:
            self._buffer = buffer
            return
        head = buffer[:split].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(buffer) < split + 4 + length:
            self._buffer = buffer
            return
        self._buffer = b""
        status, body = int(head[9:12]), buffer[split + 4 : split + 4 + length]
        self.tally.add(status, time.perf_counter() - self._sent_at, body)
        self.script.answered(status, body)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is the protocol's
        if not self.finished.done():
            self.finished.set_result(None)


class Paced(Client):
    """One connection that sends at fixed times, whatever the server makes of it; late, as long as an answer is missing."""

    def __init__(self, script: Script, tally: Tally, interval_s: float) -> None:
        super().__init__(script, tally)
        self._interval_s = interval_s
        self._due = 0.0

    def _next(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._due:
            self._due = loop.time() + random.random() * self._interval_s
        else:
            self._due = max(self._due + self._interval_s, loop.time())
        loop.call_at(self._due, super()._next)


def client_of(order: dict[str, Any], script: Script, tally: Tally) -> Client:
    """A connection that never pauses, or with `interval_s` one that keeps to its times."""
    if "interval_s" in order:
        return Paced(script, tally, order["interval_s"])
    return Client(script, tally)


async def run(order: dict[str, Any]) -> dict[str, Any]:
    """Prepare, warm up, count for the ordered seconds, stop."""
    scripts = await (SCRIPTS | players.SCRIPTS | pages.SCRIPTS)[order["script"]](order)
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)  # the rig looks around first
    loop, tally = asyncio.get_running_loop(), Tally()
    clients = []
    for script in scripts:
        _, client = await loop.create_connection(
            partial(client_of, order, script, tally), order["host"], order["port"]
        )
        clients.append(client)
    await asyncio.sleep(order.get("warm_up_s", WARM_UP_S))
    say("begin")
    tally.counting, began, cpu = True, time.perf_counter(), cpu_s()
    await asyncio.wait([client.finished for client in clients], timeout=order["seconds"])
    tally.counting, elapsed, cpu = False, time.perf_counter() - began, cpu_s() - cpu
    say("end")
    tally.stopped = True
    _, waiting = await asyncio.wait(
        [client.finished for client in clients], timeout=ANSWER_TIMEOUT_S
    )
    return figures(tally, elapsed, cpu, unanswered=len(waiting)) | {
        "kept": [item for script in scripts for item in script.kept]
    }


def figures(tally: Tally, elapsed: float, cpu: float, *, unanswered: int) -> dict[str, Any]:
    """The summary of a tally."""
    latencies = sorted(tally.latencies) or [0.0]
    good = sum(count for status, count in tally.statuses.items() if status < 300)
    return {
        "posts": good,
        "seconds": elapsed,
        "per_s": good / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "max_ms": latencies[-1] * 1000,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "acknowledged_in_all": sum(
            count for status, count in tally.all_statuses.items() if status < 300
        ),
        "first_error": tally.first_error,
        "unanswered": unanswered,
        "over_10_s": sum(1 for latency in latencies if latency > 10.0),
        "generator_cpu_us": cpu / max(1, good) * 1e6,
    }


def cpu_s() -> float:
    """CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def say(word: str) -> None:
    """One line to the rig."""
    print(word, flush=True)


def main() -> None:
    """Entry point of the process."""
    order = json.loads(sys.stdin.readline())
    found = uvloop.run(run(order))
    Path(order["result"]).write_text(json.dumps(found))
    say("done")


if __name__ == "__main__":
    main()
