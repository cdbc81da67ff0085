"""More than can be taken: what is refused, what it costs, and how soon it is over."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from bench.rig import Rig, rss_mb

STEADY_S = 60.0
OVERLOAD_S = 30.0
PAGES = 4_000
FACT_PAGES, FACT_EVERY_S = 100, 1.0
ANSWERED_WITHIN_S = 0.1  # then the overload counts as over


@contextmanager
def watched_memory(rig: Rig) -> Iterator[list[float]]:
    """The resident size of the process of `serve`, MB, once a second."""
    sizes: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(1.0):
            sizes.append(rss_mb(rig.serve.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield sizes
    finally:
        done.set()
        watcher.join()


def ingest_overload(rig: Rig, seconds: float) -> dict[str, Any]:
    """512 connections for a minute, then twice as much as that took, beside facts that must get through."""
    steady_s = max(seconds, STEADY_S)
    with watched_memory(rig) as sizes:
        steady = rig.load("stats", connections=512, seconds=steady_s)
    steady["serve_rss_mb_first_and_last"] = _ends(sizes)
    with watched_memory(rig) as sizes, ThreadPoolExecutor(2) as pool:
        reports = pool.submit(
            rig.load, "stats", connections=PAGES, seconds=OVERLOAD_S, interval_s=PAGES / (2 * steady["per_s"])
        )  # fmt: skip
        facts = pool.submit(
            rig.load, "facts", connections=FACT_PAGES, seconds=OVERLOAD_S, interval_s=FACT_EVERY_S
        )
        over, fact = reports.result(), facts.result()
    over["serve_rss_mb_first_and_last"] = _ends(sizes)
    over["thinned"] = rig.sql("SELECT count(*) FROM monitoring.samples WHERE thinned")
    over["recovered_after_s"] = _recovery_s(rig)
    return {"512 connections": steady, "twice as much": over, "facts meanwhile": fact}


def _ends(sizes: list[float]) -> list[float]:
    """Means of the second quarter and of the last one."""
    quarter = max(1, len(sizes) // 4)
    first, last = sizes[quarter : 2 * quarter] or sizes, sizes[-quarter:]
    return [round(sum(part) / max(1, len(part)), 1) for part in (first, last)]


def _recovery_s(rig: Rig) -> float:
    """Seconds until a request is answered at once again."""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        asked = time.monotonic()
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{rig.port}/health/ready", timeout=5
            ) as answer:
                if answer.status == 200 and time.monotonic() - asked < ANSWERED_WITHIN_S:
                    return round(time.monotonic() - began, 2)
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.05)
    return float("inf")
