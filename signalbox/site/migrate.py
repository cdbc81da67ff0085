"""Brings the database's schema up to date; safe to start from several processes at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from signalbox.core.db import sqlalchemy_url

LOCK_KEY: Final = 7_305_808_869_229_538  # any number that nobody else uses
POLL_S: Final = 0.2
PACKAGE: Final = Path(__file__).resolve().parents[1]
TIMEOUTS: Final = "-c lock_timeout=4s -c statement_timeout=5s"


def migrate(url: str) -> bool:
    """Apply what is missing; False if nothing was. Waits while another process migrates."""
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    with _turn(engine):
        if _is_current(engine):
            return False
        work = create_engine(
            sqlalchemy_url(url), poolclass=NullPool, connect_args={"options": TIMEOUTS}
        )
        with work.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    return True


def is_current(url: str) -> bool:
    """Whether the database has every migration of this version."""
    return _is_current(create_engine(sqlalchemy_url(url), poolclass=NullPool))


def folder() -> Path:
    """The migrations: beside the package in a checkout, inside of it once installed."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return config


@cache
def heads() -> frozenset[str]:
    """The newest migrations of this version."""
    return frozenset(ScriptDirectory.from_config(_config()).get_heads())


def _is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        options = {"version_table": "schema_version"}
        return (
            set(MigrationContext.configure(connection, opts=options).get_current_heads()) == heads()
        )


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Hold the advisory lock in a session of its own.

    Polled in autocommit: a session that waits inside a statement holds a snapshot, and an index
    that is made concurrently would wait for that snapshot for ever.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not _try_lock(connection):
            time.sleep(POLL_S)
        yield


def _try_lock(connection: Connection) -> bool:
    return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}))
