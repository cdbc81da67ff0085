"""Live streams across two processes: how late an event is, and what a thousand idle clients cost."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bench.rig import Rig, cpu_s, rss_mb
from bench.scripts import Asker
from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database

IDLE = 1_000
KEYS = 20
EVERY_S = 0.02
SETTLE_S = 20.0  # a heartbeat has gone to everybody
PATIENCE_S = 30.0


def live(rig: Rig, seconds: float) -> dict[str, Any]:
    """New conferences told by one process, heard at the other, while a thousand idle clients are connected there."""
    settings = {
        "SIGNALBOX_LIVE_CLIENTS": str(IDLE + 100),
        "SIGNALBOX_LIVE_CLIENTS_PER_ACTOR": "100",
    }
    with rig.second(**settings) as (serve, port):
        return asyncio.run(_measure(rig, serve.pid, port, seconds))


async def _measure(rig: Rig, pid: int, port: int, seconds: float) -> dict[str, Any]:
    app, quiet, keys = await _tenants(rig)
    await _listen(port, keys[0], app)  # what is loaded with the first one is not theirs
    before = rss_mb(pid)
    idle = [await _listen(port, keys[number % KEYS], quiet) for number in range(IDLE)]
    drains = [asyncio.create_task(reader.read()) for reader, _ in idle]
    await asyncio.sleep(SETTLE_S / 2)
    cpu, began = cpu_s(pid), time.perf_counter()
    await asyncio.sleep(SETTLE_S)
    share = (cpu_s(pid) - cpu) / (time.perf_counter() - began)
    memory = {
        "idle_clients": IDLE,
        "mb_for_clients": round(rss_mb(pid) - before, 1),
        "cpu_share": round(share, 4),
    }
    latencies = await _latencies(rig, port, keys[0], app, seconds)
    for task, (_, writer) in zip(drains, idle, strict=True):
        task.cancel()
        writer.close()
    return {"idle": memory, "sent to heard": latencies}


async def _tenants(rig: Rig) -> tuple[UUID, UUID, list[str]]:
    """The bench's app, another one without calls, and keys to both."""
    db = Database(rig.postgres.url)
    await db.open()
    at = datetime.now(UTC)
    app = rig.sql("SELECT id FROM accounts.apps")
    organization = rig.sql("SELECT id FROM accounts.organizations")
    made: dict[str, Any] = {"by": SYSTEM, "at": at, "organization_id": organization}
    quiet = await accounts.create_app(db, name="quiet", **made)
    keys = [(await accounts.create_key(db, scopes=["read"], **made))[1] for _ in range(KEYS)]
    await db.close()
    return app, quiet["id"], keys


async def _listen(
    port: int, key: str, app: UUID
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the stream has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /v1/live?appId={app} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(PATIENCE_S):
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"no stream: {status!r} {await reader.read(500)!r}")
        await reader.readuntil(b"event: ready\n")
    return reader, writer


async def _latencies(rig: Rig, port: int, key: str, app: UUID, seconds: float) -> dict[str, Any]:
    """Milliseconds from before the request is sent, so the commit is included, until the event is read."""
    sent: dict[str, float] = {}
    took: list[float] = []
    reader, writer = await _listen(port, key, app)
    hearing = asyncio.create_task(_hear(reader, sent, took))
    asker = await Asker.connect({"host": "127.0.0.1", "port": rig.port})
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        name = f"live-{len(sent)}"
        sent[name] = time.perf_counter()
        await asker.ask(
            "/initialize", {"apiKey": rig.api_key, "conferenceId": name, "userId": "bench"}
        )
        await asyncio.sleep(EVERY_S)
    async with asyncio.timeout(PATIENCE_S):
        while len(took) < len(sent):  # noqa: ASYNC110 - the listener tells nobody
            await asyncio.sleep(0.01)
    hearing.cancel()
    asker.close()
    writer.close()
    ordered = sorted(took)
    return {
        "events": len(ordered),
        "per_s": len(ordered) / seconds,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "max_ms": ordered[-1] * 1000,
    }


async def _hear(reader: asyncio.StreamReader, sent: dict[str, float], took: list[float]) -> None:
    while True:
        line = await reader.readline()
        if line.startswith(b"data: ") and b'"change":"created"' in line:
            name = json.loads(line[6:])["data"]["conference_id"]
            took.append(time.perf_counter() - sent[name])


BENCHES = {"live": live}
