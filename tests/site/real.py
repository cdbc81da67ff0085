"""Real processes for tests of faults: servers that write durably, and `serve` as an operator starts it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import psycopg

from signalbox.accounts.service import FirstRun, ensure_first_run
from signalbox.core.db import Database
from signalbox.site.embedded import EmbeddedPostgres, EmbeddedRedis, start_postgres, start_redis
from signalbox.site.migrate import migrate

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
POLL_S = 0.02
PASSWORD = "correct horse battery"
SECRETS = {
    "SIGNALBOX_INIT_TOKEN_SECRET": "i" * 32,
    "SIGNALBOX_SESSION_TOKEN_SECRET": "s" * 32,
    "SIGNALBOX_ENCRYPTION_SECRET": "e" * 32,
}


def wait_for(condition: Callable[[], bool], what: str) -> float:
    """Look until it is so; answers the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_S, f"waited in vain: {what}"
        time.sleep(POLL_S)
    return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Servers:
    """A PostgreSQL and a Redis of our own, with a migrated database and one app.

    The database writes durably; `fast_unsafe` is for tests that lose no power.
    """

    def __init__(self, folder: Path, *, fast_unsafe: bool = False) -> None:
        self.folder = folder
        self.postgres: EmbeddedPostgres = start_postgres(folder, fast_unsafe=fast_unsafe)
        self.redis: EmbeddedRedis = start_redis(folder)
        migrate(self.postgres.url)
        self.first = asyncio.run(self._first_run())

    async def _first_run(self) -> FirstRun:
        db = Database(self.postgres.url)
        await db.open()
        made = await ensure_first_run(db, at=datetime.now(UTC), admin_password=PASSWORD)
        await db.close()
        assert made is not None
        return made

    def crash_postgres(self) -> None:
        """Its immediate mode: no checkpoint, connections cut; the next start recovers from the log."""
        self.postgres.process.send_signal(signal.SIGQUIT)
        self.postgres.process.wait(PATIENCE_S)

    def start_postgres(self) -> None:
        self.postgres = start_postgres(self.folder)

    @contextmanager
    def frozen_postgres(self) -> Iterator[None]:
        """All its processes stand still, as on a disk that hangs: connections stand, nothing is answered."""
        children = Path(f"/proc/{self.postgres.pid}/task/{self.postgres.pid}/children").read_text()
        processes = [self.postgres.pid, *map(int, children.split())]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)

    def let_write(self, allowed: bool) -> None:
        """Make it take changes or, as a replica does, refuse them; also on connections that are open."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            word = b"off" if allowed else b"on"
            connection.execute(b"ALTER SYSTEM SET default_transaction_read_only = " + word)
            connection.execute("SELECT pg_reload_conf()")

    def kill_redis(self) -> None:
        self.redis.process.kill()
        self.redis.process.wait(PATIENCE_S)

    def start_redis(self) -> None:
        self.redis = start_redis(self.folder)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def environ(self, **changed: str) -> dict[str, str]:
        """What a part of Signalbox needs to know, and nothing of the test's own environment."""
        kept = {name: value for name, value in os.environ.items() if "SIGNALBOX" not in name}
        kept.pop("PROMETHEUS_MULTIPROC_DIR", None)
        return {
            **kept,
            **SECRETS,
            "PYTHONPATH": str(ROOT),
            "SIGNALBOX_DATABASE_URL": self.postgres.url,
            "SIGNALBOX_REDIS_URL": self.redis.url,
            "SIGNALBOX_REDIS_TIMEOUT_MS": "5000",
            "SIGNALBOX_DATA": str(self.folder),
            "SIGNALBOX_LOG_FORMAT": "json",
            **changed,
        }

    def command(self, *arguments: str, patience_s: float = PATIENCE_S, **changed: str) -> str:
        """Run `signalbox …` to its end; answers what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "signalbox", *arguments],
            env=self.environ(**changed),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def new_app(self, name: str = "another") -> dict[str, Any]:
        """An app of its own for a test: its row."""
        made: dict[str, Any] = json.loads(self.command("app", "create", name, "--json"))
        return made


@contextmanager
def servers(*, fast_unsafe: bool = False) -> Iterator[Servers]:
    """Start everything in a short folder that an unprivileged server can reach; remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sbf-", dir="/tmp"))
    running: Servers | None = None
    try:
        running = Servers(folder, fast_unsafe=fast_unsafe)
        yield running
    finally:
        if running is not None:
            running.redis.stop()
            running.postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Serve:
    """One `signalbox serve` of one process, on a port of its own."""

    def __init__(self, servers: Servers, name: str = "serve", **changed: str) -> None:
        self.port = free_port()
        data = servers.folder / f"data-{name}"
        data.mkdir(exist_ok=True)
        self.log = data / "output"
        self._environ = servers.environ(
            SIGNALBOX_PORT=str(self.port), SIGNALBOX_DATA=str(data), **changed
        )
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "signalbox", "serve"],
                env=self._environ,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def restart(self) -> None:
        self.process = self._start()

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and body of `/health/ready`; 0 when nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()

    def await_ready(self) -> float:
        """Seconds until it can store."""

        def ready() -> bool:
            assert self.process.poll() is None, self.output
            return self.health()[0] == 200

        return wait_for(ready, "serve is ready")

    def workers(self) -> set[int]:
        """The processes below the one that was started: those that answer requests among them."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in found.split()}

    def kill_worker(self) -> set[int]:
        """`kill -9` of the process that answers; answers which processes that were."""
        workers = self.workers()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        return workers

    def kill(self) -> None:
        """`kill -9` of all of it at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def terminate(self) -> int:
        """Ask it to end; answers its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


@contextmanager
def serving(servers: Servers, names: Iterable[str], **changed: str) -> Iterator[list[Serve]]:
    """As many `serve` as names, ready."""
    started: list[Serve] = []
    try:
        started.extend(Serve(servers, name, **changed) for name in names)
        for serve in started:
            serve.await_ready()
        yield started
    finally:
        for serve in started:
            serve.kill()


def get(serve: Serve, path: str, cookie: str = "") -> tuple[int, str | None, Any]:
    """Status, Retry-After and JSON of a GET."""
    headers = {"Cookie": cookie} if cookie else {}
    try:
        answer: HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(serve.url + path, headers=headers), timeout=10
        )
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["Retry-After"], json.loads(refusal.read())
    with answer:
        return answer.status, answer.headers["Retry-After"], json.loads(answer.read())


def log_in(serve: Serve, email: str, password: str) -> tuple[int, str]:
    """Status and cookie of a login."""
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(
        serve.url + "/login", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Set-Cookie"].partition(";")[0]
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, ""
