"""Whoever dies is started again, more slowly each time; the last started is stopped first."""

from __future__ import annotations

from itertools import pairwise

import pytest

from signalbox.site.embedded import EmbeddedServerError
from signalbox.site.supervise import STABLE_S, Supervisor


class Process:
    """Something that runs until it is told to die."""

    def __init__(self, name: str, stopped: list[str]) -> None:
        self.name = name
        self.pid = 1
        self.alive = True
        self.stopped = stopped

    def is_alive(self) -> bool:
        return self.alive

    def stop(self, timeout_s: float = 1.0) -> None:
        assert timeout_s > 0
        self.stopped.append(self.name)
        self.alive = False


class Bench:
    """A supervisor with a clock of its own and a record of what happened."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.said: list[str] = []
        self.stopped: list[str] = []
        self.made: list[Process] = []
        self.broken = False
        self.supervisor = Supervisor(say=self.said.append, monotonic=lambda: self.now_s)

    def start(self) -> Process:
        if self.broken:
            raise EmbeddedServerError("It is broken.")
        self.made.append(Process("Redis", self.stopped))
        return self.made[-1]


def test_a_dead_process_is_started_again_at_once() -> None:
    bench = Bench()
    bench.supervisor.start("Redis", bench.start)
    bench.supervisor.look()
    assert len(bench.made) == 1

    bench.made[0].alive = False
    bench.supervisor.look()

    assert len(bench.made) == 2
    assert bench.said == ["Redis died and is started again.", "Redis runs again."]


def test_repeated_deaths_are_answered_more_slowly() -> None:
    bench = Bench()
    bench.supervisor.start("Redis", bench.start)
    starts: list[float] = []
    for _ in range(200):
        bench.made[-1].alive = False
        known = len(bench.made)
        bench.supervisor.look()
        if len(bench.made) > known:
            starts.append(bench.now_s)
        bench.now_s += 0.1

    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 5


def test_who_was_stable_is_forgiven() -> None:
    bench = Bench()
    bench.supervisor.start("Redis", bench.start)
    for _ in range(6):
        bench.now_s += STABLE_S
        bench.made[-1].alive = False
        bench.supervisor.look()

    assert len(bench.made) == 7


def test_a_vain_start_is_tried_again() -> None:
    bench = Bench()
    bench.supervisor.start("Redis", bench.start)
    bench.broken, bench.made[0].alive = True, False
    bench.supervisor.look()
    assert bench.said[-1] == "Redis: It is broken. Next try in 0.2 s."

    bench.broken, bench.now_s = False, bench.now_s + 1
    bench.supervisor.look()

    assert bench.said[-1] == "Redis runs again."


def test_a_first_start_that_fails_is_not_hidden() -> None:
    bench = Bench()
    bench.broken = True
    with pytest.raises(EmbeddedServerError):
        bench.supervisor.start("Redis", bench.start)

    bench.supervisor.stop()
    assert bench.stopped == []


def test_the_last_started_is_stopped_first() -> None:
    bench = Bench()
    for name in ("PostgreSQL", "Redis", "worker", "serve"):
        bench.supervisor.start(name, lambda name=name: Process(name, bench.stopped))  # type: ignore[misc]

    bench.supervisor.stop()

    assert bench.stopped == ["serve", "worker", "Redis", "PostgreSQL"]
