"""`signalbox up`: everything on one machine, watched until it is told to stop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import TextIO

import psycopg
from rich.console import Console
from rich.status import Status
from sqlalchemy.exc import DBAPIError

from signalbox.accounts.service import FirstRun
from signalbox.core.metrics import forget_all
from signalbox.core.settings import SettingError
from signalbox.site.embedded import EmbeddedServerError, start_postgres, start_redis
from signalbox.site.environment import complete_environment, ready_settings
from signalbox.site.installation import prepare_installation
from signalbox.site.migrate import migrate
from signalbox.site.programs import prepare_data_folder
from signalbox.site.secrets import ensure_secrets, without_stored_secrets
from signalbox.site.settings import Settings, load_settings
from signalbox.site.supervise import POLL_S, Running, Supervisor, start_command

READY_WITHIN_S = 90.0
PREPARED_WITHIN_S = 60.0
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotStartError(Exception):
    """Why `up` does not start, in one line."""


def up(environ: Mapping[str, str]) -> int:
    """Run until SIGINT or SIGTERM; the exit code is 0 after a clean stop, else 1."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    stops = _interrupt_on_signals()
    try:
        settings = load_settings(environ)
        data = settings.core.data.absolute()
        with _only_one(data):
            _check_port(settings.site.host, settings.site.port)
            supervisor = Supervisor(
                say=lambda line: console.print(f"signalbox: {line}", markup=False),
                must_stop=lambda: bool(stops),
            )
            return _run(supervisor, settings, data, environ, console)
    except (CannotStartError, EmbeddedServerError, SettingError) as error:
        console.print(f"signalbox: {error}", style="red", markup=False)
        return 1
    except (psycopg.OperationalError, DBAPIError) as error:
        first = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        console.print(f"signalbox: The database refuses: {first}", style="red", markup=False)
        return 1
    except OSError as error:  # a full disk, a file of somebody else's in the data folder
        console.print(f"signalbox: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(
    supervisor: Supervisor,
    settings: Settings,
    data: Path,
    environ: Mapping[str, str],
    console: Console,
) -> int:
    first: FirstRun | None = None
    began_s = time.monotonic()
    try:
        with _progress(console) as status:
            first = _start_all(supervisor, settings, data, environ, status)
        _introduce(console, settings, first, time.monotonic() - began_s)
        first = None
        supervisor.watch()
    except KeyboardInterrupt:
        console.print("signalbox: Stopping …")
        return 0
    finally:
        _ignore_signals()
        supervisor.stop()
        forget_all(data)
    return 1


def _start_all(
    supervisor: Supervisor,
    settings: Settings,
    data: Path,
    environ: Mapping[str, str],
    status: Progress,
) -> FirstRun | None:
    """Start one after the other; answers what was made if this is the very first start."""
    forget_all(data)
    ensure_secrets(data)
    if settings.core.database_url is None:
        status.say("Starting PostgreSQL")
        supervisor.start("PostgreSQL", partial(start_postgres, data))
    if settings.core.redis_url is None:
        status.say("Starting Redis")
        supervisor.start("Redis", partial(start_redis, data))
    completed = complete_environment(environ)
    given = without_stored_secrets(completed, environ)
    complete = ready_settings(completed)
    assert complete.core.database_url is not None
    status.say("Bringing the database up to date")
    migrate(complete.core.database_url)
    first = None
    try:
        with _signals_held_back():  # what was made is only known here until it is told
            first = asyncio.run(asyncio.wait_for(prepare_installation(complete), PREPARED_WITHIN_S))
        status.say("Starting the site")
        supervisor.start("worker", partial(start_command, "worker", given))
        serve = supervisor.start("serve", partial(start_command, "serve", given))
        _await_ready(supervisor, serve, settings)
    except BaseException:
        if first is not None:  # it will not be told again
            _introduce_first(Console(), settings, first)
        raise
    return first


def _await_ready(supervisor: Supervisor, serve: Running, settings: Settings) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while not _is_ready(settings):
        if not serve.is_alive():
            raise CannotStartError("The site ended while it started; its last lines say why.")
        if time.monotonic() > deadline_s:
            raise CannotStartError(f"The site was not ready after {READY_WITHIN_S:g} s.")
        supervisor.look()
        time.sleep(POLL_S / 2)


def _is_ready(settings: Settings) -> bool:
    connection = HTTPConnection(_reachable_host(settings), settings.site.port, timeout=2.0)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _reachable_host(settings: Settings) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.site.host, settings.site.host)  # noqa: S104 - compared, not bound


def _address(settings: Settings) -> str:
    host = _reachable_host(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.site.port}"


def _introduce(console: Console, settings: Settings, first: FirstRun | None, took_s: float) -> None:
    out = Console(highlight=False, soft_wrap=True)
    if first is not None:
        _introduce_first(out, settings, first)
    out.print(f"Signalbox is ready at {_address(settings)} (started in {took_s:.1f} s).")
    console.print("Stop it with Ctrl-C.", style="dim")


def _introduce_first(out: Console, settings: Settings, first: FirstRun) -> None:
    """Printed on the first start only: of the password and the key nothing readable is kept."""
    made = f"{first.password}   (shown once, change it)"
    password = made if first.password else "the one in SIGNALBOX_ADMIN_PASSWORD"
    where = f'apiRoot: "{_address(settings)}/v1", apiKey: "{first.api_key}"'
    lines = (
        f"Dashboard  {_address(settings)}/",
        f"E-mail     {first.email}",
        f"Password   {password}",
        f"App        {first.app_name}",
        f"API key    {first.api_key}",
        "",
        "In a page that makes WebRTC calls:",
        '  import { PeerMetrics } from "@peermetrics/sdk"',
        f'  const monitor = new PeerMetrics({{ {where}, userId: "alice", conferenceId: "standup" }})',
        '  await monitor.initialize(); await monitor.addConnection({ pc, peerId: "bob" })',
        "",
    )
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


class Progress:
    """What is being done: a spinner on a terminal, else one line per step."""

    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status

    def say(self, step: str) -> None:
        """Begin a step."""
        if self._status is None:
            self._console.print(f"signalbox: {step} …")
        else:
            self._status.update(f"{step} …")


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    if not console.is_terminal:
        yield Progress(console, None)
        return
    with console.status("Starting …") as status:
        yield Progress(console, status)


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Hold the data folder's lock. Raises CannotStartError if another `up` does."""
    try:
        prepare_data_folder(data)
        lock = (data / "lock").open("a+")
    except OSError as error:
        raise CannotStartError(
            f"The data folder {data} cannot be used: {error.strerror}."
        ) from None
    with lock:
        _lock(lock, data)
        yield


def _lock(lock: TextIO, data: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip()
        raise CannotStartError(
            f"Signalbox already runs on {data}{f' (process {holder})' if holder else ''}."
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _check_port(host: str, port: int) -> None:
    """Raises CannotStartError if the port cannot be had, before anything is started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        raise CannotStartError(
            f"Port {port} may not be used by this user: set SIGNALBOX_PORT."
        ) from None
    except socket.gaierror:
        raise CannotStartError(f"SIGNALBOX_HOST: {host} is no address of this machine.") from None
    except OSError as error:
        raise CannotStartError(
            f"Port {port} on {host} is taken: set SIGNALBOX_PORT to another one."
            if error.errno == 98
            else f"SIGNALBOX_HOST: cannot listen on {host}: {error.strerror}."
        ) from None


def _interrupt_on_signals() -> list[int]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, also where the shell has Ctrl-C ignored. Answers a list that grows with each of them."""
    heard: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    for number in STOPPING:
        signal.signal(number, interrupt)
    return heard


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Whoever wants us to stop meanwhile is heard at the end.

    The handlers only take note. Blocking signals would not do: another thread could take one, and the interrupt would be raised, or get lost, in the
    midst of the work.
    """
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)

    before = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if noted:
        raise KeyboardInterrupt


def _ignore_signals() -> None:
    """A second Ctrl-C does not spoil the clean stop, which is bounded anyway."""
    for number in STOPPING:
        with suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
