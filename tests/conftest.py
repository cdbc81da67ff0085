"""Servers for the tests: one PostgreSQL and one Redis per test process, thrown away afterwards.

With SIGNALBOX_TEST_DATABASE_URL or SIGNALBOX_TEST_REDIS_URL the tests use those servers instead,
each test process in a database of its own.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
import structlog

from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.site.app import Site, create_site
from signalbox.site.embedded import start_postgres, start_redis
from signalbox.site.migrate import migrate
from signalbox.site.settings import load_settings


class AtOnce:
    """Tells a failure when it happens: of a run that is cut off, nobody sees the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.ensure_newline()
            terminal.section(f"{report.nodeid} ({report.when})", sep="_", red=True)
            terminal.write_line(report.longreprtext)


def pytest_configure(config: pytest.Config) -> None:
    """Register what belongs to the run, not to a test."""
    if not hasattr(config, "workerinput"):  # of several test processes the one that tells
        config.pluginmanager.register(AtOnce(config), "at-once")


@pytest.fixture(autouse=True)
def logs_of_their_own() -> Iterator[None]:
    """What a test has set up for logs, as a command does, does not reach the next one."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def server_data() -> Iterator[Path]:
    """A short folder that an unprivileged server can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="sbt-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(server_data: Path) -> Iterator[str]:
    """A PostgreSQL server's administrative address."""
    given = os.environ.get("SIGNALBOX_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = start_postgres(server_data, fast_unsafe=True)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def redis_url(server_data: Path, worker_number: int) -> Iterator[str]:
    """A Redis that no other test process uses; of a shared one, the database of our number."""
    given = os.environ.get("SIGNALBOX_TEST_REDIS_URL")
    if given:
        yield urlunsplit(urlsplit(given)._replace(path=f"/{worker_number % 16}"))
        return
    server = start_redis(server_data)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def worker_number() -> int:
    """Number of this test process, from 0."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture(scope="session")
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh, migrated database of this test process."""
    name = f"signalbox_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    migrate(url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at 10:00 UTC until it is moved."""
    return ManualClock(START)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The migrated database."""
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


def environment_of(database_url: str, redis_url: str, data: Path) -> dict[str, str]:
    """What a site of the tests reads its settings from. All share their secrets: a database knows only one set."""
    return {
        "SIGNALBOX_DATABASE_URL": database_url,
        "SIGNALBOX_REDIS_URL": redis_url,
        "SIGNALBOX_REDIS_TIMEOUT_MS": "20000",  # a busy machine is no lost Redis
        "SIGNALBOX_DATA": str(data),
        "SIGNALBOX_RATE_LIMITS": "off",
        "SIGNALBOX_INIT_TOKEN_SECRET": "i" * 32,
        "SIGNALBOX_SESSION_TOKEN_SECRET": "s" * 32,
        "SIGNALBOX_ENCRYPTION_SECRET": "e" * 32,
    }


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of this test's site."""
    return environment_of(database_url, redis_url, tmp_path)


@pytest.fixture
async def site_app(environment: dict[str, str], clock: ManualClock) -> AsyncIterator[Site]:
    """The running application."""
    app = create_site(load_settings(environment), clock=clock, metrics=Metrics())
    await app.kernel.open()
    yield app
    await app.kernel.close()


@pytest.fixture
async def site(site_app: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the application's door."""
    transport = httpx.ASGITransport(app=site_app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        yield client
