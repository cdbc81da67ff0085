"""What the administration commands share: a database for one verb, and answers for people or for scripts."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import click
import psycopg
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.errors import AppError
from signalbox.core.partitions import maintain
from signalbox.core.settings import CoreSettings, SettingError, load
from signalbox.site.partitions import coming
from signalbox.site.settings import load_settings

T = TypeVar("T")
Row = Mapping[Any, Any]

as_json = click.option("--json", "json_out", is_flag=True, help="Print JSON, for scripts.")


def run(verb: Callable[[Database, datetime], Awaitable[T]]) -> T:
    """Do one thing with the database at the present instant.

    Refusals and a database that is away or empty end the command with one line and exit code 1.
    """
    # The answer goes to standard output, which a script reads: log lines must not, and the answer says what was done.
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    try:
        return asyncio.run(_run(verb))
    except AppError as refusal:
        facts = ", ".join(f"{name}: {value}" for name, value in refusal.facts.items())
        raise click.ClickException(f"{refusal.message}{f' ({facts})' if facts else ''}") from None
    except SettingError as wrong:
        raise click.ClickException(str(wrong)) from None
    except (DBAPIError, psycopg.Error) as error:
        raise click.ClickException(_explain(error)) from None


async def _run(verb: Callable[[Database, datetime], Awaitable[T]]) -> T:
    db = Database(database_url(), pool_size=1)
    await db.open()
    try:
        return await verb(db, SystemClock().now())
    finally:
        await db.close()


async def make_partitions(db: Database, at: datetime) -> None:
    """Those that a change of now needs: a command may be given where no process has run for days."""
    connection = await db.connect()
    try:
        await maintain(connection, coming(load_settings(os.environ)), at=at)
    finally:
        await connection.close()


def database_url() -> str:
    """The operator's PostgreSQL, else the embedded one of the data folder."""
    settings = load(CoreSettings, os.environ)
    if settings.database_url is not None:
        return settings.database_url
    from signalbox.site.embedded import EmbeddedServerError, postgres_url

    data = settings.data.absolute()
    if not data.is_dir():
        raise SettingError("SIGNALBOX_DATA", f"there is no folder {data}: has `signalbox up` run?")
    try:
        return postgres_url(data)
    except (EmbeddedServerError, OSError) as error:
        raise SettingError("SIGNALBOX_DATA", str(error)) from None


def _explain(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return "The database is empty: run `signalbox migrate`, or start `signalbox up`."
    if isinstance(cause, psycopg.OperationalError):
        return "The database does not answer. Is `signalbox up` running, or SIGNALBOX_DATABASE_URL right?"
    return f"The database refused: {type(cause).__name__}"


def show_one(row: Row, json_out: bool, *, notice: str = "") -> None:
    """One thing: a JSON object, or a line per field; `notice` is for people only."""
    if json_out:
        print(json.dumps(plain(row)))
        return
    if notice:
        click.echo(notice, err=True)
    width = max(len(str(name)) for name in row)
    for name, value in plain(row).items():
        click.echo(f"{name:<{width}}  {_cell(value)}")


def show_all(rows: Sequence[Row], columns: Iterable[str], json_out: bool) -> None:
    """A list: a JSON array, or a table of `columns`."""
    if json_out:
        print(json.dumps([plain(row) for row in rows]))
        return
    if not rows:
        click.echo("none", err=True)
        return
    shown = tuple(columns)
    if not sys.stdout.isatty():
        for row in map(plain, rows):
            click.echo("\t".join(_cell(row[column]) for column in shown))
        return
    table = Table(*shown)
    for row in map(plain, rows):
        table.add_row(*(_cell(row[column]) for column in shown))
    Console().print(table)


def done(text: str, json_out: bool) -> None:
    """The end of something that has no answer: `{}` for scripts, a sentence for people."""
    click.echo("{}" if json_out else text)


def plain(row: Row) -> dict[str, Any]:
    """A row as JSON can carry it: ids and instants as text, `user_id` and `key_id` of the row itself as `id`."""
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
