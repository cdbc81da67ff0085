"""`signalbox up` starts everything, watches it, and stops it in order."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class Up:
    """A running `signalbox up` and what it has printed."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.output = data.parent / f"{data.name}-output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signalbox", "up"],
                env=environment(data, port),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def await_ready(self) -> None:
        wait_for(lambda: "Signalbox is ready" in self.text or self.process.poll() is not None)
        assert "Signalbox is ready" in self.text, self.text

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_S)


def environment(data: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "SIGNALBOX" not in name}
    kept.pop("PROMETHEUS_MULTIPROC_DIR", None)
    return {**kept, "SIGNALBOX_DATA": str(data), "SIGNALBOX_PORT": str(port)}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def postmaster(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().split()[0])


def redis_pid(data: Path) -> int:
    return int((data / "redis.pid").read_text())


def is_gone(pid: int) -> bool:
    return (
        not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    )


def replaced(read: Callable[[Path], int], data: Path, killed: int) -> bool:
    with suppress(OSError, ValueError, IndexError):
        return read(data) != killed
    return False


def refusal(data: Path, port: int) -> str:
    """The only line of a second `up`, which must fail."""
    ended = subprocess.run(
        [sys.executable, "-m", "signalbox", "up"],
        env=environment(data, port),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 1
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sbu-", dir="/tmp"))
    yield folder / "data"
    shutil.rmtree(
        folder, ignore_errors=True
    )  # servers that were just killed may still take files away


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_a_life_from_first_start_to_clean_stop(data: Path, port: int) -> None:
    up = Up(data, port)
    try:
        up.await_ready()
        assert is_ready(port)
        assert re.search(r"^Password   \S{12,}", up.text, re.MULTILINE)
        assert re.search(r"^API key    [0-9a-f]{32}$", up.text, re.MULTILINE)

        assert f"already runs on {data} (process {up.process.pid})" in refusal(data, port)
        assert f"Port {port} on 127.0.0.1 is taken" in refusal(data.with_name("other"), port)
        assert not (data.with_name("other") / "postgres").exists()

        for read in (postmaster, redis_pid):
            killed = read(data)
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda read=read, killed=killed: replaced(read, data, killed))  # type: ignore[misc]
            wait_for(lambda: is_ready(port))
        wait_for(lambda: "PostgreSQL runs again." in up.text)
        wait_for(lambda: "Redis runs again." in up.text)

        began_s = time.monotonic()
        servers = (postmaster(data), redis_pid(data))
        assert up.end(signal.SIGTERM) == 0
        assert time.monotonic() - began_s < 10
        assert all(map(is_gone, servers))
    finally:
        up.process.kill()
        up.process.wait()

    again = Up(data, port)
    try:
        again.await_ready()
        assert "Password" not in again.text
        assert "API key" not in again.text
        assert again.end(signal.SIGINT) == 0
    finally:
        again.process.kill()
        again.process.wait()


@pytest.mark.slow
def test_a_killed_up_does_not_hinder_the_next_one(data: Path, port: int) -> None:
    up = Up(data, port)
    up.await_ready()
    servers = (postmaster(data), redis_pid(data))
    assert up.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not is_ready(port))
    wait_for(lambda: all(map(is_gone, servers)))

    again = Up(data, port)
    try:
        again.await_ready()
        assert is_ready(port)
        assert again.end(signal.SIGTERM) == 0
    finally:
        again.process.kill()
        again.process.wait()


@pytest.mark.slow
def test_who_stops_the_first_start_is_told_the_password_that_was_made(
    data: Path, port: int
) -> None:
    up = Up(data, port)
    wait_for(lambda: "installation.created" in up.text or up.process.poll() is not None)

    assert up.end(signal.SIGTERM) == 0

    assert re.search(r"^Password   \S{16} ", up.text, re.MULTILINE), up.text
    assert re.search(r"^API key    [a-z0-9]{32}$", up.text, re.MULTILINE)


def test_an_invalid_setting_is_named_in_one_line(data: Path) -> None:
    assert "SIGNALBOX_PORT" in refusal(data, 70_000)
