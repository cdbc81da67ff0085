"""Keeps a handful of processes running and stops them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from signalbox.site.embedded import EmbeddedServerError, die_with_parent

POLL_S = 0.1
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.2, 30.0
STABLE_S = 30.0  # who ran for so long is started anew without delay
STOP_WITHIN_S = 14.0


class Running(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def is_alive(self) -> bool:
        """Whether it still runs."""
        ...

    def stop(self, timeout_s: float = ...) -> None:
        """Stop it cleanly, by force after `timeout_s`."""
        ...


@dataclass(slots=True, kw_only=True)
class Command:
    """A part of Signalbox in a process of its own, with a session of its own for its children."""

    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its process id, also the id of its group."""
        return self.process.pid

    def is_alive(self) -> bool:
        """Whether it still runs; what a dead one left running in its group is ended."""
        if self.process.poll() is None:
            return True
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return False

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ask it to finish what it has begun, then end it."""
        if self.is_alive():
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s)
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


def start_command(part: str, environ: Mapping[str, str]) -> Command:
    """Start `signalbox <part>` with this interpreter."""
    process = subprocess.Popen(
        [sys.executable, "-m", "signalbox", part],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - only calls prctl
    )
    return Command(process=process)


@dataclass(slots=True)
class Service:
    """Something to keep running; `failures` counts deaths and vain starts since it was stable."""

    name: str
    start: Callable[[], Running]
    running: Running | None = None
    failures: int = 0
    started_at_s: float = 0.0
    retry_at_s: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts services in order, restarts those that died, stops them in the opposite order.

    `say` gets one line for people about each thing that happens. Times are monotonic seconds.
    """

    say: Callable[[str], None]
    monotonic: Callable[[], float] = time.monotonic
    services: list[Service] = field(default_factory=list)
    # Asked at every look: an interrupt that was raised where nothing may be raised, in a destructor say, is lost.
    must_stop: Callable[[], bool] = bool

    def start(self, name: str, start: Callable[[], Running]) -> Running:
        """Start a service and keep it from now on. Raises what `start` raises."""
        service = Service(name, start)
        self.services.append(service)
        service.started_at_s = self.monotonic()
        service.running = start()
        return service.running

    def look(self) -> None:
        """Restart what died, one look; call it often. KeyboardInterrupt when it is time to stop."""
        if self.must_stop():
            raise KeyboardInterrupt
        for service in self.services:
            if service.running is not None and not service.running.is_alive():
                self._bury(service)
            if service.running is None and self.monotonic() >= service.retry_at_s:
                self._restart(service)

    def watch(self) -> None:
        """Look until interrupted."""
        while True:
            self.look()
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Stop everything, the last started first, within `STOP_WITHIN_S`."""
        deadline = self.monotonic() + STOP_WITHIN_S
        remaining = [service.running for service in self.services if service.running is not None]
        self.services.clear()
        while remaining:
            # Each may use what is left, less a second and a half for everyone after it.
            left_s = deadline - self.monotonic() - 1.5 * (len(remaining) - 1)
            remaining.pop().stop(max(1.0, left_s))

    def _bury(self, service: Service) -> None:
        now = self.monotonic()
        if now - service.started_at_s >= STABLE_S:
            service.failures = 0
        service.running = None
        service.retry_at_s = now + self._delay(service)
        self.say(f"{service.name} died and is started again.")

    def _restart(self, service: Service) -> None:
        service.started_at_s = self.monotonic()
        try:
            service.running = service.start()
        except (EmbeddedServerError, OSError) as error:
            delay_s = self._delay(service)
            service.retry_at_s = self.monotonic() + delay_s
            self.say(f"{service.name}: {error} Next try in {delay_s:g} s.")
        else:
            self.say(f"{service.name} runs again.")

    def _delay(self, service: Service) -> float:
        """Nothing after the first death, then doubling."""
        delay_s = BACKOFF_FIRST_S * 2 ** min(service.failures - 1, 10) if service.failures else 0.0
        service.failures += 1
        return min(delay_s, BACKOFF_MOST_S)
