"""`signalbox demo` plays every kind of call through the public API of a real server."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import psycopg
import pytest
from click.testing import CliRunner

from signalbox.accounts.service.apps import add_app
from signalbox.accounts.service.organizations import add_organization
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.site.demo import demo
from signalbox.site.demo.command import play_live
from signalbox.site.demo.people import NEWEST, OUT_FOR_DAYS
from signalbox.site.demo.plan import EVERY_KIND, past_calls, some_calls
from signalbox.site.demo.steps import Call
from signalbox.site.demo.viewers import Viewers, key_of_app

ROOT = Path(__file__).parents[2]
KINDS = {
    "good", "lossy", "relayed", "failed", "permission denied", "rejoining", "SFU", "device", "vanished", "moving", "one-sided",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def environ(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    names = ("INIT_TOKEN", "SESSION_TOKEN", "ENCRYPTION")
    return {
        "SIGNALBOX_DATABASE_URL": database_url,
        "SIGNALBOX_REDIS_URL": redis_url,
        "SIGNALBOX_REDIS_TIMEOUT_MS": "20000",
        "SIGNALBOX_DATA": str(tmp_path_factory.mktemp("demo")),
        # Limits hold, but not for the demonstration of this installation.
        "SIGNALBOX_RATE_LIMITS": "on",
        "SIGNALBOX_INGEST_PER_MINUTE": "20",
        "SIGNALBOX_DEMO_SECRET": "d" * 32,
        "SIGNALBOX_HOST": "127.0.0.1",
        "SIGNALBOX_PORT": str(free_port()),
        # The same as every other test's site in this database: its fingerprint refuses others.
        **{f"SIGNALBOX_{name}_SECRET": name[0].lower() * 32 for name in names},
    }


@pytest.fixture(scope="module")
def url(environ: dict[str, str]) -> Iterator[str]:
    """A running `signalbox serve`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if "SIGNALBOX" not in name and name != "PROMETHEUS_MULTIPROC_DIR"
    }
    output = Path(environ["SIGNALBOX_DATA"]) / "serve.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "signalbox", "serve"],
            env=kept | environ,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{environ['SIGNALBOX_PORT']}"
    try:
        await_ready(address, process, output)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def await_ready(address: str, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(output.read_text())


@pytest.fixture
def app(database_url: str) -> Iterator[tuple[UUID, str]]:
    """An app named `demo`, the only one while it lasts."""

    async def make() -> tuple[UUID, str]:
        db, at = Database(database_url), datetime.now(UTC)
        await db.open()
        async with db.begin() as tx:
            organization = await add_organization(tx, name="Demo", by=SYSTEM, at=at)
            row = await add_app(
                tx, organization_id=organization["id"], name="demo", by=SYSTEM, at=at
            )
        await db.close()
        return row["id"], row["api_key"]

    made = asyncio.run(make())
    yield made
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE accounts.apps SET name = 'past demo' WHERE id = %s", (made[0],))


def ask(database_url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement, values).fetchall()


def run(environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(demo, arguments, env=environ)
    return result.exit_code, result.output


def check_plays(database_url: str, app: UUID) -> None:
    """Sessions of every kind ended in the days before, and the key that told of them is dead."""
    plays = ask(
        database_url,
        'SELECT outcome, "timestamp", started_at FROM playback.sessions WHERE app_id = %s',
        app,
    )
    now = datetime.now(UTC)
    assert len(plays) == 120
    assert {"played", "start_failure"} <= {outcome for outcome, *_ in plays}
    assert all(now - timedelta(days=3, minutes=1) < ended < now for _, ended, _ in plays)
    assert all(started < ended for _, ended, started in plays)
    keys = ask(
        database_url,
        "SELECT is_active FROM accounts.api_keys WHERE app_id = %s AND name LIKE 'demo%%'",
        app,
    )
    assert keys == [(False,)]


def test_viewers_of_now_report_until_they_are_stopped(
    url: str, app: tuple[UUID, str], environ: dict[str, str]
) -> None:
    told: list[None] = []

    async def some_seconds() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(2, stop.set)
        async with (
            key_of_app(environ["SIGNALBOX_DATABASE_URL"], "demo") as key,
            aiohttp.ClientSession() as http,
        ):
            viewers = Viewers(http, url, key, told=lambda: told.append(None))
            await viewers.watch(random.Random(2), stop)

    asyncio.run(some_seconds())

    assert len(told) >= 2


def test_calls_of_the_past(
    environ: dict[str, str], url: str, app: tuple[UUID, str], database_url: str
) -> None:
    """Each scenario and each recorded call, found without naming a key or an address."""
    code, output = run(environ, "--calls", str(EVERY_KIND), "--days", "2", "--random-state", "3")
    assert code == 0, output
    assert f"{EVERY_KIND} calls of the last 2 days are there" in output
    assert "120 playback sessions are there, too" in output
    check_plays(database_url, app[0])
    found = ask(
        database_url,
        "SELECT created_at, ongoing, end_time FROM monitoring.conferences WHERE app_id = %s",
        app[0],
    )
    assert len(found) == EVERY_KIND
    now = datetime.now(UTC)
    assert all(
        now - timedelta(days=2, minutes=1) < created < now - timedelta(seconds=5)
        for created, _, _ in found
    )
    # The page that vanished left nobody to end its call.
    assert sum(ongoing for _, ongoing, _ in found) <= 1
    assert all(end is None or end < now for _, _, end in found)
    issues = {
        code
        for (code,) in ask(
            database_url, "SELECT code FROM monitoring.issues WHERE app_id = %s", app[0]
        )
    }
    assert {
        "turn_used", "connection_failed", "ice_failed", "icecandidateerror", "no_connection", "getusermedia_error", "no_media_access",
        "multiple_rejoins", "connection_disconnected",
    } <= issues  # fmt: skip
    states = {
        state
        for (state,) in ask(
            database_url, "SELECT state FROM monitoring.connections WHERE app_id = %s", app[0]
        )
    }
    assert {"connected", "failed"} <= states
    [(sfus,)] = ask(
        database_url,
        "SELECT count(*) FROM monitoring.participants WHERE app_id = %s AND is_sfu",
        app[0],
    )
    assert sfus >= 2
    places = ask(
        database_url,
        "SELECT geo_ip->>'country_code', geo_ip->>'city', (geo_ip->>'latitude')::float FROM monitoring.sessions WHERE app_id = %s",
        app[0],
    )
    assert len({city for _, city, _ in places}) > 8
    assert ("JP", "Tokyo", 35.68) in places


def test_calls_of_now_hang_up_when_stopped(
    url: str, app: tuple[UUID, str], database_url: str
) -> None:
    async def some_seconds() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(4, stop.set)
        await play_live(url, app[1], random.Random(1), at_a_time=2, stop=stop, secret="d" * 32)

    asyncio.run(some_seconds())
    sessions = ask(
        database_url, "SELECT end_time FROM monitoring.sessions WHERE app_id = %s", app[0]
    )
    assert sessions
    assert all(end is not None for (end,) in sessions)
    assert not ask(
        database_url, "SELECT 1 FROM monitoring.conferences WHERE app_id = %s AND ongoing", app[0]
    )


def test_a_wrong_key_is_named(environ: dict[str, str], url: str) -> None:
    code, output = run(environ, "--calls", "1", "--api-key", "0" * 32)
    assert code == 1
    assert "does not know this API key" in output


def test_a_server_that_is_away_is_named(environ: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    code, output = run(environ, "--calls", "1", "--api-key", "0" * 32, "--url", address)
    assert code == 1
    assert f"No Signalbox answers at {address}" in output


def test_an_address_that_is_none_is_named(environ: dict[str, str]) -> None:
    code, output = run(environ, "--calls", "1", "--api-key", "0" * 32, "--url", "nonsense")
    assert code == 1
    assert "nonsense is no address" in output


def test_without_an_app_the_command_to_make_one_is_named(environ: dict[str, str]) -> None:
    code, output = run(environ, "--calls", "1")
    assert code == 1
    assert "signalbox app create demo" in output


def test_every_kind_is_there_from_the_start() -> None:
    calls = list(islice(some_calls(random.Random(1), "k" * 32), EVERY_KIND))
    assert {call.kind for call in calls} == KINDS
    for call in calls:
        assert call.steps[0].path == "/initialize"
        assert all(json.loads(step.body) and step.at_s >= 0 for step in call.steps)


NOW = datetime(2026, 3, 5, 16, 0, tzinfo=UTC).timestamp()  # a Thursday afternoon


@pytest.mark.parametrize("days", [0.01, 1.0, 31.0])
def test_no_call_of_the_past_reaches_into_the_future_or_beyond_31_days(days: float) -> None:
    for call, at in past_calls(random.Random(2), "k" * 32, calls=40, days=days, now=NOW):
        assert at + call.seconds < NOW
        assert NOW - at < 31 * 86_400


def test_yesterday_has_one_bad_call_and_calm_ones() -> None:
    yesterday = datetime.fromtimestamp(NOW, UTC).date() - timedelta(days=1)
    calls = past_calls(random.Random(5), "k" * 32, calls=150, days=30, now=NOW)
    kinds = [call.kind for call, at in calls if datetime.fromtimestamp(at, UTC).date() == yesterday]
    assert kinds.count("lossy") == 1
    assert set(kinds) <= {"lossy", "good", "relayed"}
    assert len(kinds) > 2


def versions(calls: list[tuple[Call, float]]) -> list[tuple[float, str]]:
    """Days ago and version of each session."""
    return [
        ((NOW - at) / 86_400, json.loads(step.body).get("appVersion", ""))
        for call, at in calls
        for step in call.steps
        if step.path == "/sessions"
    ]


def test_a_new_version_comes_in_the_middle_of_the_month() -> None:
    found = versions(past_calls(random.Random(4), "k" * 32, calls=120, days=30, now=NOW))
    fresh = [days for days, version in found if version == NEWEST]
    assert fresh
    assert max(fresh) < OUT_FOR_DAYS
    last_days = [version for days, version in found if days < 5 and version]
    assert last_days.count(NEWEST) > len(last_days) / 2
