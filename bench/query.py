"""The benchmark of reading: 100 000 conferences and a million reports of 30 days, asked over HTTP one by one, and as a dashboard asks."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any
from urllib.parse import urlencode

import msgspec

from bench.querydata import Filled, fill
from bench.rig import Rig
from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.monitoring.service import make_columns

CONFERENCES = 100_000
SAMPLES = 1_000_000
CHARTS = (
    "conferences/summary",
    "conferences/duration-summary",
    "conferences/participant-count-summary",
    "issues/summary",
    "issues/gum-summary",
    "connections/summary",
    "connections/setup-time-summary",
    "sessions/summary",
)
# Whole ids, beginnings, names with and without mistakes, what every row has, what none has.
QUERIES = (
    *(f"room-{number:06d}" for number in range(137, 100_000, 9_973)),
    *(
        "room",
        "room-0",
        "user-000",
        "Stand-up",
        "standup 77",
        "Noor Haddad",
        "Noor Hadad",
        "Ingrid",
    ),
    *("Planing 5", "Support call 1", "interview 4999", "Webinar", "xylophone", "zzz", "123", "a"),
)


class Caller:
    """One connection that stays open."""

    def __init__(self, rig: Rig, key: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}

    def get(self, path: str, **parameters: str) -> float:
        """Ask, read all of the answer; milliseconds."""
        began = time.perf_counter()
        query = f"?{urlencode(parameters)}" if parameters else ""
        self._http.request("GET", f"/v1/{path}{query}", headers=self._headers)
        answer = self._http.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return (time.perf_counter() - began) * 1000


def query(rig: Rig, seconds: float) -> dict[str, Any]:
    """Each kind of question for `seconds`, or 20 times."""
    begin, filled, key = tenant(rig)
    found = {"worker, days as columns": asyncio.run(_columns(rig))}
    callers = [Caller(rig, key) for _ in CHARTS]
    one, app = callers[0], str(filled.app)
    minutes = fresh_minutes(begin)
    searched = itertools.cycle(QUERIES)
    asks: dict[str, Callable[[], float]] = {
        "conferences, newest 20": lambda: one.get(
            "conferences", appId=app, order="-created_at", limit="20"
        ),
        "conferences, 200 of a day": lambda: one.get(
            "conferences", appId=app, limit="200", **_day(next(minutes))
        ),
        "conferences with an issue": lambda: one.get(
            "conferences", appId=app, issue_code="ice_failed", limit="20"
        ),
        "one conference": lambda: one.get(f"conferences/{filled.conference}"),
        "sessions of a conference": lambda: one.get(
            "sessions", conferenceId=str(filled.conference)
        ),
        "events of a call, 50": lambda: one.get(
            f"conferences/{filled.hour_call}/events", limit="50"
        ),
        "search": lambda: one.get("search", query=next(searched)),
        "graphs of an hour of four": lambda: one.get(f"conferences/{filled.hour_call}/graphs"),
    }
    found |= {
        "first look at a month": timed(rig, lambda: one.get(CHARTS[0], appId=app), 0, least=1)
    }
    found |= {name: timed(rig, ask, seconds) for name, ask in asks.items()}

    def anew(chart: str) -> Callable[[], float]:
        return lambda: one.get(chart, appId=app, created_at_gte=next(minutes))

    found |= {f"{chart}, new": timed(rig, anew(chart), seconds / 2) for chart in CHARTS}
    with ThreadPoolExecutor(len(CHARTS)) as threads:

        def overview(**parameters: str) -> float:
            began = time.perf_counter()
            jobs = [
                threads.submit(caller.get, chart, appId=app, **parameters)
                for caller, chart in zip(callers, CHARTS, strict=True)
            ]
            for job in jobs:
                job.result()
            return (time.perf_counter() - began) * 1000

        found["all eight charts, new"] = timed(
            rig, lambda: overview(created_at_gte=next(minutes)), seconds
        )
        found["all eight charts, filtered, new"] = timed(
            rig, lambda: overview(created_at_gte=next(minutes), browser="Firefox"), seconds
        )
        found["all eight charts, remembered"] = timed(rig, overview, seconds)
    return found


def tenant(rig: Rig) -> tuple[datetime, Filled, str]:
    """When the data of an organization begins, which ends now, and a key to read it; made unless the folder keeps it from before."""
    kept = rig.folder / "reading.json"
    if not kept.exists():
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
        filled, key = asyncio.run(_make(rig, begin))
        kept.touch(mode=0o600)
        kept.write_bytes(msgspec.json.encode((begin, filled, key)))
    return msgspec.json.decode(kept.read_bytes(), type=tuple[datetime, Filled, str])


async def _make(rig: Rig, begin: datetime) -> tuple[Filled, str]:
    db = Database(rig.postgres.url)
    await db.open()
    organization = await service.create_organization(db, name="big", by=SYSTEM, at=begin)
    where = {"organization_id": organization["id"], "by": SYSTEM, "at": begin}
    app = await service.create_app(db, name="big", **where)
    _, key = await service.create_key(db, scopes=["read"], **where)
    await db.close()
    filled = fill(
        rig.postgres.url,
        app=app["id"],
        organization=organization["id"],
        begin=begin,
        conferences=CONFERENCES,
        samples=SAMPLES,
    )
    return filled, key


async def _columns(rig: Rig) -> dict[str, Any]:
    db = Database(rig.postgres.url)
    await db.open()
    began = time.perf_counter()
    made = await make_columns(db, at=datetime.now(UTC))
    took = time.perf_counter() - began
    await db.close()
    return {"per_s": made / took, "days": made, "took_s": took}


def fresh_minutes(begin: datetime) -> Iterator[str]:
    """Instants of different minutes: nothing is remembered of them."""
    return ((begin + timedelta(minutes=number)).isoformat() for number in itertools.count(1))


def _day(begin: str) -> dict[str, str]:
    end = datetime.fromisoformat(begin) + timedelta(days=1)
    return {"created_at_gte": begin, "created_at_lt": end.isoformat()}


def timed(rig: Rig, ask: Callable[[], float], seconds: float, *, least: int = 20) -> dict[str, Any]:
    """Ask again and again; the first answer of several does not count. Processor time is that of serve and of PostgreSQL for each asking."""
    if least > 1:
        ask()
    times: list[float] = []
    before = rig.cpu()
    until = time.monotonic() + seconds
    while len(times) < least or time.monotonic() < until:
        times.append(ask())
    used = {name: (value - before[name]) / len(times) * 1e6 for name, value in rig.cpu().items()}
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    return used | {
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "asked": len(times),
        "per_s": 1000 * len(times) / sum(times),
    }


BENCHES = {"query": query}
