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
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sbw-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def clean() -> dict[str, str]:
    """An environment that knows nothing of this checkout or of Signalbox."""
    known = ("PROMETHEUS_MULTIPROC_DIR", "PYTHONPATH")
    return {n: v for n, v in os.environ.items() if "SIGNALBOX" not in n and n not in known}


def run(*command: str, cwd: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def copy_of_checkout(folder: Path) -> Path:
    """What a wheel is made of, but for the dashboard."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("signalbox", "migrations"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    return source


def with_dashboard(source: Path) -> Path:
    """The built one of this checkout, or where there is none, one page that stands for it."""
    built, target = ROOT / "web" / "dist", source / "web" / "dist"
    if (built / "index.html").is_file():
        shutil.copytree(built, target)
    else:
        target.mkdir(parents=True)
        (target / "index.html").write_text("<!doctype html><title>Signalbox</title>")
    (target / ".sources").write_text("of no use to anybody else")
    return target


def build(source: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Make the wheel beside its source, without asking any registry."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--no-input")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    return run(*pip, "wheel", *offline, "-w", "..", ".", cwd=source, environ=environ)


@pytest.mark.slow
def test_a_wheel_runs_from_an_empty_folder(folder: Path, clean: dict[str, str]) -> None:
    packages, empty, data = folder / "packages", folder / "empty", folder / "data"
    source = copy_of_checkout(folder)
    document = (with_dashboard(source) / "index.html").read_text()
    made = build(source, clean)
    assert made.returncode == 0, made.stdout + made.stderr
    shutil.rmtree(source)
    with ZipFile(one_wheel(folder)) as wheel:
        wheel.extractall(packages)
        hidden = [name for name in wheel.namelist() if "/." in name]
    empty.mkdir()
    environ = clean | {
        "PYTHONPATH": str(packages),
        "SIGNALBOX_DATA": str(data),
        "SIGNALBOX_PORT": str(free_port()),
    }
    where = "import signalbox, sys; sys.exit(not signalbox.__file__.startswith(sys.argv[1]))"
    found = run(sys.executable, "-c", where, str(packages), cwd=empty, environ=environ)
    assert found.returncode == 0

    ready, said, page = run_until_ready(empty, environ)

    assert ready, said
    assert page == document
    assert hidden == []
    assert (packages / "signalbox" / "migrations" / "env.py").is_file()
    assert not list(empty.iterdir())


@pytest.mark.slow
def test_a_wheel_without_the_dashboard_is_not_made_by_accident(
    folder: Path, clean: dict[str, str]
) -> None:
    source = copy_of_checkout(folder)

    refused = build(source, clean)
    assert refused.returncode != 0
    assert "make web" in refused.stdout + refused.stderr
    assert not list(folder.glob("*.whl"))

    wanted = build(source, clean | {"SIGNALBOX_BUILD_WITHOUT_DASHBOARD": "1"})
    assert wanted.returncode == 0, wanted.stdout + wanted.stderr
    with ZipFile(one_wheel(folder)) as wheel:
        assert not [name for name in wheel.namelist() if name.startswith("signalbox/site/web/")]


def one_wheel(folder: Path) -> Path:
    [wheel] = folder.glob("signalbox-*.whl")
    return wheel


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_until_ready(cwd: Path, environ: dict[str, str]) -> tuple[bool, str, str]:
    """Start `signalbox up`, wait for its word that it is ready, stop it; with what it said and its start page."""
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
                address = f"http://127.0.0.1:{environ['SIGNALBOX_PORT']}/"
                with urlopen(address, timeout=PATIENCE_S) as answer:
                    page = answer.read().decode()
                process.send_signal(signal.SIGTERM)
                return process.wait(PATIENCE_S) == 0, output.read_text(), page
            time.sleep(0.05)
        return False, output.read_text(), ""
    finally:
        process.kill()
        process.wait()
