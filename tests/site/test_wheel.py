"""A wheel holds all that `signalbox up` needs: it runs far from any checkout."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sbw-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def run(*command: str, cwd: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def build(folder: Path, environ: dict[str, str]) -> Path:
    """The wheel of a copy of this checkout, made without asking any registry."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("signalbox", "migrations"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    pip = (sys.executable, "-m", "pip", "--quiet", "--no-input")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    run(*pip, "wheel", *offline, "-w", str(folder), ".", cwd=source, environ=environ)
    shutil.rmtree(source)
    [wheel] = folder.glob("signalbox-*.whl")
    return wheel


@pytest.mark.slow
def test_a_wheel_runs_from_an_empty_folder(folder: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if "SIGNALBOX" not in name}
    clean = {n: v for n, v in clean.items() if n not in ("PROMETHEUS_MULTIPROC_DIR", "PYTHONPATH")}
    packages, empty, data = folder / "packages", folder / "empty", folder / "data"
    with ZipFile(build(folder, clean)) as wheel:
        wheel.extractall(packages)
    empty.mkdir()
    environ = clean | {
        "PYTHONPATH": str(packages),
        "SIGNALBOX_DATA": str(data),
        "SIGNALBOX_PORT": str(free_port()),
    }
    where = "import signalbox, sys; sys.exit(not signalbox.__file__.startswith(sys.argv[1]))"
    run(sys.executable, "-c", where, str(packages), cwd=empty, environ=environ)

    ready, said = run_until_ready(empty, environ)

    assert ready, said
    assert (packages / "signalbox" / "migrations" / "env.py").is_file()
    assert not list(empty.iterdir())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_until_ready(cwd: Path, environ: dict[str, str]) -> tuple[bool, str]:
    """Start `signalbox up`, wait for its word that it is ready, stop it; with what it said."""
    output = cwd.parent / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "signalbox", "up"],
            cwd=cwd,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < deadline:
            if "Signalbox is ready" in output.read_text():
                process.send_signal(signal.SIGTERM)
                return process.wait(PATIENCE_S) == 0, output.read_text()
            time.sleep(0.05)
        return False, output.read_text()
    finally:
        process.kill()
        process.wait()
