"""The dashboard in a browser: how soon it can be used, how smooth it is, what it costs while calls run.

Needs the built dashboard (`make run` builds it) and Debian's Chromium. Its parts: `web-pages`, `web-graphs`,
`web-live`; the last for `--seconds` (its bound on memory is meant for 600).
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

import aiohttp
from playwright.async_api import Browser, Page

from bench.browsing import (
    FRAMES_BEGIN,
    FRAMES_END,
    GO,
    Scripts,
    browser_cpu_s,
    browsing,
    heap_mb,
    open_page,
    ready_ms,
)
from bench.rig import ROOT, Rig
from bench.settled import settle
from signalbox.site.demo.lines import FINE, LOSSY, MOBILE
from signalbox.site.demo.people import people
from signalbox.site.demo.player import TIMEOUT_S, Player
from signalbox.site.demo.scenarios import seat
from signalbox.site.demo.writer import Writer

DAYS, CALLS = 30, 240
PEOPLE, HOUR_S, EVERY_S = 20, 3_600.0, 5.0
RUNNING = 200
LOADS = 7
ROUNDS = 4
PAGES: Final = ("conferences", "issues", "compare", "live", "usage", "settings", "")
GRAPH: Final = '[data-row="graph-throughput"]'
# Graphs are drawn while they are near the window: it is led to them as soon as they are there, as somebody would who came
# for them. In the page's own time since the navigation began, when all that are in the window are drawn.
DRAWN: Final = """() => new Promise(done => {
    const inside = one => { const box = one.getBoundingClientRect(); return box.bottom > 0 && box.top < innerHeight }
    const look = () => {
        const graphs = [...document.querySelectorAll('figure[data-row^="graph-"]')]
        graphs[0]?.scrollIntoView({ block: "start" })
        const seen = graphs.filter(inside)
        const there = document.querySelector("main")?.dataset.ready === "true" && seen.length > 0
            && seen.every(one => one.dataset.drawn === "true" || one.dataset.state === "empty")
        if (there) done(performance.now())
        else requestAnimationFrame(look)
    }
    look()
})"""
WARM_UP_S = 40.0  # of running calls, before they are counted: all have begun, the first have ended


class Site:
    """A serving process with somebody signed in, and the app that is looked at."""

    def __init__(self, rig: Rig, port: int) -> None:
        self.rig, self.url = rig, f"http://127.0.0.1:{port}"
        self.secret = rig.environ.get("SIGNALBOX_DEMO_SECRET", "")
        self.app = str(rig.sql("SELECT id FROM accounts.apps WHERE name = 'demo'"))
        self.cookies = self._signed_in()

    def _signed_in(self) -> list[Any]:
        password = secrets.token_urlsafe(16)
        email = f"bench-{secrets.token_hex(4)}@localhost"
        self.command("user", "create", email, "--admin", "--password-stdin", given=password)
        body = json.dumps({"email": email, "password": password}).encode()
        request = urllib.request.Request(
            f"{self.url}/v1/login", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
        return [{"name": name, "value": value, "url": self.url}]

    def _start(self, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        order = [sys.executable, "-m", "signalbox", *arguments]
        return subprocess.Popen(order, cwd=ROOT, env=self.rig.environ, **more)

    def command(self, *arguments: str, given: str = "") -> None:
        """Run `signalbox …` to its end."""
        process = self._start(*arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        process.communicate(given.encode())
        if process.returncode:
            raise RuntimeError(f"signalbox {arguments[0]} ended with {process.returncode}")

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """A part of Signalbox that runs meanwhile."""
        process = self._start(*arguments, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def demo(self, *options: str) -> list[str]:
        """The command that plays calls here."""
        return ["demo", "--url", self.url, "--api-key", self.rig.api_key, *options]


Measure = Callable[[Site, Browser, float], Awaitable[dict[str, Any]]]


def _with_site(rig: Rig, seconds: float, measure: Measure) -> dict[str, Any]:
    rig.environ["SIGNALBOX_DEMO_SECRET"] = secrets.token_urlsafe(32)

    async def run(site: Site) -> dict[str, Any]:
        async with browsing() as browser:
            return await measure(site, browser, seconds)

    with rig.second() as (_, port):
        return asyncio.run(run(Site(rig, port)))


def pages(rig: Rig, seconds: float) -> dict[str, Any]:
    """First load of the overview with a month of calls, and changes of route."""
    return _with_site(rig, seconds, _pages)


async def _pages(site: Site, browser: Browser, _seconds: float) -> dict[str, Any]:
    site.command(*site.demo("--days", str(DAYS), "--calls", str(CALLS), "--random-state", "7"))
    await settle(site.rig.environ)
    overview = f"/apps/{site.app}"
    loads = []
    for _ in range(LOADS):
        page = await open_page(browser, site.url, site.cookies)
        scripts = Scripts(page)
        loads.append(await ready_ms(page, overview))
        sizes = await scripts.sizes_kb()
        again = await ready_ms(page, overview)
        await page.context.close()
    page = await open_page(browser, site.url, site.cookies)
    first, later = await _routes(page, overview)
    await page.context.close()
    return {
        "overview, first load": _times(loads)
        | {"javascript_kb_gzip": round(sum(sizes.values()), 1), "scripts": len(sizes)}
        | {"biggest_script_kb_gzip": round(max(sizes.values()), 1), "again_ms": round(again, 1)},
        "route change, first": _times(list(first.values())) | {"each_ms": first},
        "route change": _times([each for some in later.values() for each in some]),
    }


async def _routes(page: Page, overview: str) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Milliseconds by page, of the first visit and of later ones."""
    await ready_ms(page, overview)
    first: dict[str, float] = {}
    later: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        for name in PAGES:
            took = await page.evaluate(GO, f"{overview}/{name}".rstrip("/"))
            if turn == 0:
                first[name or "overview"] = round(took, 1)
            else:
                later.setdefault(name or "overview", []).append(took)
    return first, later


def graphs(rig: Rig, seconds: float) -> dict[str, Any]:
    """A conference of twenty for an hour, a sample every five seconds: drawn, panned and zoomed."""
    return _with_site(rig, seconds, _graphs)


async def _graphs(site: Site, browser: Browser, seconds: float) -> dict[str, Any]:
    await _big_conference(site)
    await settle(site.rig.environ)
    conference = site.rig.sql("SELECT id FROM monitoring.conferences LIMIT 1")
    samples = site.rig.sql("SELECT count(*) FROM monitoring.samples")
    drawn = []
    for _ in range(3):
        page = await open_page(browser, site.url, site.cookies)
        await page.goto(f"/conference/{conference}")
        drawn.append(float(await page.evaluate(DRAWN)))
        last = page
    frames = {
        "zoom": await _frames(last, _zoom, seconds),
        "pan": await _frames(last, _pan, seconds),
    }
    return {"graphs drawn": _times(drawn) | {"samples": samples}} | {
        f"graphs, {name}": found for name, found in frames.items()
    }


async def _big_conference(site: Site) -> None:
    """Each participant's requests are played beside those of the others."""
    dice = random.Random(3)
    began = time.time() - HOUR_S - 120
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as http:
        player = Player(http, site.url, told=lambda: None, secret=site.secret)

        async def play(number: int, who: tuple[str, str]) -> None:
            write = Writer(dice, site.rig.api_key, "bench-hour", "All hands", interval_s=EVERY_S)
            end = (FINE, FINE, MOBILE, LOSSY)[number % 4]
            session = seat(write, who, end, number * 2.0, HOUR_S)
            write.leave(session, HOUR_S + number)
            await player.back_in_time(write.call("SFU"), began)

        await asyncio.gather(*(play(*each) for each in enumerate(people(dice, PEOPLE))))


async def _frames(page: Page, act: Callable[[Page, float], Awaitable[None]], seconds: float) -> dict[str, Any]:  # fmt: skip
    """Pictures per second while something is done, and the longest waits for one."""
    await page.locator(GRAPH).scroll_into_view_if_needed()
    await page.evaluate(FRAMES_BEGIN)
    await act(page, min(seconds, 8.0))
    times = await page.evaluate(FRAMES_END)
    gaps = sorted(after - before for before, after in pairwise(times))
    return {
        "per_s": 1000 / (sum(gaps) / len(gaps)),
        "p50_ms": gaps[len(gaps) // 2],
        "p99_ms": gaps[int(len(gaps) * 0.99)],
    }


async def _middle(page: Page) -> tuple[float, float, float]:
    box = await page.locator(f"{GRAPH} canvas").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]


async def _zoom(page: Page, seconds: float) -> None:
    """Turn the wheel in and out."""
    x, y, _ = await _middle(page)
    await page.mouse.move(x, y)
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        await page.mouse.wheel(0, -60 if turn % 40 < 20 else 60)
        turn += 1


async def _pan(page: Page, seconds: float) -> None:
    """Zoom in once, then drag back and forth."""
    x, y, width = await _middle(page)
    await page.mouse.move(x, y)
    for _ in range(8):
        await page.mouse.wheel(0, -120)
    await page.mouse.down()
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        await page.mouse.move(x + (turn % 60 - 30) / 30 * width / 3, y)
        turn += 1
    await page.mouse.up()


def live(rig: Rig, seconds: float) -> dict[str, Any]:
    """The wall of two hundred running calls: what the browser uses, and whether it grows."""
    return _with_site(rig, seconds, _live)


async def _live(site: Site, browser: Browser, seconds: float) -> dict[str, Any]:
    playing = site.demo("--live", "--calls", str(RUNNING), "--random-state", "7")
    with site.running("worker"), site.running(*playing):
        await asyncio.sleep(WARM_UP_S)
        page = await open_page(browser, site.url, site.cookies)
        opened = await ready_ms(page, f"/apps/{site.app}/live")
        await asyncio.sleep(10)
        memory = [await heap_mb(page)]
        cpu, began = browser_cpu_s(), time.monotonic()
        parts = max(1, round(seconds / 60))
        for _ in range(parts):
            await asyncio.sleep(seconds / parts)
            used = browser_cpu_s() - cpu
            share = used / (time.monotonic() - began)
            memory.append(await heap_mb(page))
        calls = await page.locator('[data-row="live-call"]').count()
        nodes = await page.evaluate("document.querySelectorAll('*').length")
    return {
        "live wall": {
            "calls_shown": calls,
            "cpu_share": round(share, 4),
            "heap_mb": [round(each, 1) for each in memory],
            "elements": nodes,
            "opened_ms": round(opened, 1),
            "seconds": seconds,
        }
    }


def _times(found: list[float]) -> dict[str, Any]:
    ordered = sorted(found)
    return {"p50_ms": ordered[len(ordered) // 2], "p99_ms": ordered[-1], "times": len(ordered)}


BENCHES = {"web-pages": pages, "web-graphs": graphs, "web-live": live}
