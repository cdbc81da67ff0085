"""A whole site with a month of demo calls, for the browser tests: one for all test processes of a run.

Every test process holds a shared lock on a file. The first one starts the keeper, a process of its
own, which ends when it gets that lock alone: when the last test process is gone, however it went.

By hand, for looking at the dashboard: `python -m tests.browser.keeper FOLDER`, ends on Ctrl-C.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from bench.settled import settle
from tests.site.real import PASSWORD, PATIENCE_S, ROOT, Serve, Servers, servers

DAYS, CALLS, PLAYS, RUNNING_CALLS = 30, 100, 600, 3
DEMO_SECRET = "d" * 32
_STARTED: list[
    subprocess.Popen[bytes]
] = []  # it outlives whoever started it, so nobody waits for it
SETTINGS = {"SIGNALBOX_RATE_LIMITS": "off", "SIGNALBOX_DEMO_SECRET": DEMO_SECRET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where the site is, who may enter, and what is there to see. `app` has calls and plays of the past only, and an open alert; `live_app` running calls."""

    url: str
    email: str
    password: str
    organization: str
    app: str
    api_key: str
    live_app: str
    empty_app: str


def join(folder: Path) -> tuple[Kept, Any]:
    """The site of this folder, started if nobody has; hold the second part for as long as it is needed."""
    folder.mkdir(parents=True, exist_ok=True)
    lease = (folder / "users").open("a")
    fcntl.flock(lease, fcntl.LOCK_SH)
    with (folder / "start").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "kept.json").exists():
            _start(folder)
    return Kept(**json.loads((folder / "kept.json").read_text())), lease


def _start(folder: Path) -> None:
    output = folder / "output"
    with output.open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.keeper", str(folder), "--for-tests"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _STARTED.append(keeper)
    while not (folder / "kept.json").exists():
        assert keeper.poll() is None, f"the site did not start:\n{output.read_text()[-4000:]}"
        time.sleep(0.1)


@contextmanager
def program(servers: Servers, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A part of Signalbox that runs meanwhile."""
    with (servers.folder / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "signalbox", *arguments],
            env=servers.environ(**SETTINGS),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S / 4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)


@contextmanager
def site() -> Iterator[Kept]:
    """Servers, `serve`, `worker`, a month of calls in one app and calls that go on in another."""
    with servers(fast_unsafe=True) as running:
        serve = Serve(running, **SETTINGS)
        try:
            serve.await_ready()
            kept = _fill(running, serve)
            asyncio.run(settle(running.environ(**SETTINGS)))
            with program(running, "worker"):
                live = running.rows(
                    "SELECT api_key FROM accounts.apps WHERE id = %s", kept.live_app
                )[0][0]
                with program(running, *_demo(serve.url, live, "--live", "--calls", RUNNING_CALLS)):
                    yield kept
        finally:
            serve.kill()


def _demo(url: str, api_key: str, *options: object) -> list[str]:
    order = ["demo", "--url", url, "--api-key", api_key, "--random-state", 7, *options]
    return [str(part) for part in order]


def _fill(running: Servers, serve: Serve) -> Kept:
    first = running.first
    calls = os.environ.get("SIGNALBOX_TEST_DEMO_CALLS", str(CALLS))
    past = ("--days", DAYS, "--calls", calls, "--plays", PLAYS)
    key = _watched(running, serve)
    running.command(
        *_demo(serve.url, first.api_key, *past, "--playback-key", key),
        patience_s=10 * PATIENCE_S,
        **SETTINGS,
    )
    return Kept(
        url=serve.url,
        email=first.email,
        password=PASSWORD,
        organization=str(first.organization_id),
        app=str(first.app_id),
        api_key=first.api_key,
        live_app=running.new_app("live")["id"],
        empty_app=running.new_app("empty")["id"],
    )


def _watched(running: Servers, serve: Serve) -> str:
    """A key for players, made as people make it; and a rule for which every day is too slow."""
    first = running.first
    with httpx.Client(base_url=serve.url, timeout=PATIENCE_S) as client:

        def made(path: str, body: dict[str, Any]) -> Any:
            answer = client.post(f"/v1{path}", json=body)
            assert answer.is_success, answer.text
            return answer.json()["data"]

        signed_in = client.post("/v1/login", json={"email": first.email, "password": PASSWORD})
        assert signed_in.is_success, signed_in.text
        rule = {
            "title": "Videos start slowly",
            "figure": "playback_startup_p95",
            "kind": "threshold",
            "windows": [1440],
            "value": 1,
            "least_n": 1,
            "fire_after": 1,
        }
        made(f"/alerts/apps/{first.app_id}/rules", {"definition": rule})
        key = made(
            f"/organizations/{first.organization_id}/keys",
            {"scopes": ["ingest"], "app": str(first.app_id)},
        )
    return str(key["key"])


def _stop(_sign: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Keep a site until nobody needs it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        with site() as kept:
            _tell(folder, kept)
            if "--for-tests" not in sys.argv:
                signal.pause()
            with (folder / "users").open("a") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        (folder / "kept.json").unlink(missing_ok=True)
    if "--for-tests" in sys.argv:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(folder: Path, kept: Kept) -> None:
    text = json.dumps(asdict(kept), indent=1)
    fresh = folder / "kept.new"
    fresh.write_text(text + "\n")
    fresh.rename(folder / "kept.json")
    print(text, flush=True)  # noqa: T201 - who started it by hand reads it


if __name__ == "__main__":
    main()
