"""Servers for the tests: one PostgreSQL and one Redis per test process, thrown away afterwards.

With SIGNALBOX_TEST_DATABASE_URL or SIGNALBOX_TEST_REDIS_URL the tests use those servers instead,
each test process in a database of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from signalbox.site.embedded import start_postgres, start_redis
from signalbox.site.migrate import migrate


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
