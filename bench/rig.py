"""Servers, `signalbox serve` and the load generator, started and stopped by process id; CPU and memory read from /proc."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from signalbox.accounts.service.setup import ensure_first_run
from signalbox.core.db import Database
from signalbox.site.embedded import EmbeddedPostgres, EmbeddedRedis, start_postgres, start_redis
from signalbox.site.migrate import migrate

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
READY_TIMEOUT_S = 60.0
PREPARED_WITHIN_S = 300.0  # thousands of sessions on a machine that others use too
GRACE_S = 120.0  # warm-up and wind-down of a load run


@dataclass(slots=True)
class Process:
    """What /proc tells of one process."""

    pid: int
    parent: int
    cpu_s: float
    reaped_cpu_s: float


def processes() -> dict[int, Process]:
    """All processes of this machine, by id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        cpu, reaped = (sum(map(int, fields[i : i + 2])) / TICKS for i in (11, 13))
        found[int(entry.name)] = Process(int(entry.name), int(fields[1]), cpu, reaped)
    return found


def tree(pid: int) -> list[Process]:
    """A process and everything that it started."""
    known = processes()
    members = [pid]
    for member in members:
        members += [process.pid for process in known.values() if process.parent == member]
    return [known[member] for member in members if member in known]


def cpu_s(pid: int) -> float:
    """CPU time of a process and its children, those that ended included."""
    return sum(process.cpu_s + process.reaped_cpu_s for process in tree(pid))


def peak_rss_mb(pid: int) -> float:
    """The highest resident size that any process of the tree has had since `forget_peak`."""
    return max(_status_kb(process.pid, "VmHWM:") for process in tree(pid)) / 1024


def rss_mb(pid: int) -> float:
    """The resident size of the biggest process of the tree."""
    return max(_status_kb(process.pid, "VmRSS:") for process in tree(pid)) / 1024


def forget_peak(pid: int) -> None:
    """Start the peaks anew."""
    for process in tree(pid):
        (Path("/proc") / str(process.pid) / "clear_refs").write_text("5")


def _status_kb(pid: int, key: str) -> int:
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


@dataclass(slots=True)
class Rig:
    """Everything that runs for a bench."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    serve: subprocess.Popen[bytes]
    port: int
    api_key: str
    folder: Path
    environ: dict[str, str]
    loads: int = field(default=0)

    @contextmanager
    def second(self, **changed: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """Another `serve` on the same servers, for a while: its process and its port. `changed` are settings of its own."""
        port = _free_port()
        serve = _start_serve(self.folder, self.environ | changed, port)
        try:
            yield serve, port
        finally:
            _stop(serve)

    def sql(self, statement: str) -> Any:
        """The first column of the first row."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
        return None if row is None else row[0]

    def load(
        self,
        script: str,
        *,
        connections: int,
        seconds: float,
        prepared: Callable[[], None] = lambda: None,
        **more: Any,
    ) -> dict[str, Any]:
        """One run of the load generator, with what serve and PostgreSQL used meanwhile. `prepared` is called once all sessions are there,
        before the first request that counts."""
        self.loads += 1
        order = {
            "script": script,
            "host": "127.0.0.1",
            "port": self.port,
            "api_key": self.api_key,
            "connections": connections,
        }
        order |= {
            "seconds": seconds,
            "tag": f"bench{self.loads}",
            "result": str(self.folder / f"load{self.loads}.json"),
            **more,
        }
        forget_peak(self.serve.pid)
        generator = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            found, used = self._follow(generator, order, seconds + GRACE_S, prepared)
        finally:
            generator.kill()
            generator.wait()
        posts = max(1, found["posts"])
        found |= {name: value / posts * 1e6 for name, value in used.items()}
        return found | {
            "serve_peak_rss_mb": peak_rss_mb(self.serve.pid),
            "connections": connections,
        }

    def _follow(
        self,
        generator: subprocess.Popen[str],
        order: dict[str, Any],
        within_s: float,
        prepared: Callable[[], None],
    ) -> tuple[dict[str, Any], dict[str, float]]:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(json.dumps(order) + "\n")
        generator.stdin.flush()
        before: dict[str, float] = {}
        used: dict[str, float] = {}
        deadline = time.monotonic() + PREPARED_WITHIN_S
        for line in generator.stdout:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{order['script']} takes too long")
            word = line.strip()
            if word == "ready":
                prepared()
                deadline = time.monotonic() + within_s
                generator.stdin.write("go\n")
                generator.stdin.flush()
            elif word == "begin":
                before = self.cpu()
            elif word == "end":
                used = {name: value - before[name] for name, value in self.cpu().items()}
            elif word == "done":
                return json.loads(Path(order["result"]).read_text()), used
        raise RuntimeError(f"the load generator of {order['script']} ended early")

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time so far."""
        return {"serve_cpu_us": cpu_s(self.serve.pid), "postgres_cpu_us": cpu_s(self.postgres.pid)}


@contextmanager
def rig(data: Path | None = None) -> Iterator[Rig]:
    """Start everything in a folder of its own, stop it and remove the folder afterwards; or in `data`, which is kept for the next time."""
    folder = data or Path(tempfile.mkdtemp(prefix="sbb-", dir="/tmp"))
    folder.mkdir(parents=True, exist_ok=True)
    postgres = redis = serve = None
    try:
        postgres, redis = start_postgres(folder), start_redis(folder)
        migrate(postgres.url)
        kept = folder / "kept.json"
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if not known:
            known = {"api_key": asyncio.run(_demo_app(postgres.url)), "secrets": _secrets()}
            kept.touch(mode=0o600)
            kept.write_text(json.dumps(known))
        port = _free_port()
        environ = _environ(folder, postgres.url, redis.url) | known["secrets"]
        serve = _start_serve(folder, environ, port)
        yield Rig(postgres, redis, serve, port, known["api_key"], folder, environ)
    finally:
        _stop(serve)
        for server in (redis, postgres):
            if server is not None:
                server.stop()
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _demo_app(url: str) -> str:
    db = Database(url)
    await db.open()
    made = await ensure_first_run(
        db, at=datetime.now(UTC), admin_password=secrets.token_urlsafe(16)
    )
    await db.close()
    assert made is not None
    return made.api_key


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _secrets() -> dict[str, str]:
    return {
        f"SIGNALBOX_{name}_SECRET": secrets.token_urlsafe(32)
        for name in ("INIT_TOKEN", "SESSION_TOKEN", "ENCRYPTION")
    }


def _environ(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """What every process of a bench is started with, but for its port and the secrets."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("SIGNALBOX_")
    }
    environ |= {
        "SIGNALBOX_DATABASE_URL": database_url,
        "SIGNALBOX_REDIS_URL": redis_url,
    }
    return environ | {
        "SIGNALBOX_HOST": "127.0.0.1",
        "SIGNALBOX_RATE_LIMITS": "off",
        "SIGNALBOX_DATA": str(folder),
        "SIGNALBOX_LOG_LEVEL": "warning",
    }


def _start_serve(folder: Path, environ: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    environ = environ | {"SIGNALBOX_PORT": str(port)}
    log = folder / f"serve-{port}.log"
    with log.open("wb") as output:
        serve = subprocess.Popen(
            [sys.executable, "-m", "signalbox", "serve"],
            cwd=ROOT,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_ready(serve, port, log)
    except BaseException:
        _stop(serve)
        raise
    return serve


def _await_ready(serve: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/health/ready", timeout=2
            ) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            pass
        if serve.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"serve does not become ready:\n{log.read_text(errors='replace')[-3000:]}"
            )
        time.sleep(0.1)


def _stop(serve: subprocess.Popen[bytes] | None) -> None:
    if serve is None or serve.poll() is not None:
        return
    children = [process.pid for process in tree(serve.pid)]
    serve.terminate()
    try:
        serve.wait(15)
    except subprocess.TimeoutExpired:
        for pid in children:
            _kill(pid)
        serve.wait()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
