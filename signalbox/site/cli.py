"""The command line. Every command is imported when it is used, so that `--help` is quick."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from signalbox.core.settings import SettingError

if TYPE_CHECKING:
    from signalbox.site.settings import Settings

T = TypeVar("T")

ELSEWHERE = {
    "org": ("signalbox.site.commands.org", "Organizations."),
    "app": ("signalbox.site.commands.app", "Applications and their public keys."),
    "key": ("signalbox.site.commands.key", "API keys."),
    "user": ("signalbox.site.commands.user", "People who log in."),
    "monitoring": (
        "signalbox.site.commands.monitoring",
        "Data of observed calls: look again, end, erase, import.",
    ),
    "alerts": (
        "signalbox.site.commands.alerts",
        "Alerts: what is open, the rules, who is told.",
    ),
    "secrets": (
        "signalbox.site.commands.secrets",
        "What signs and encrypts, and how to change it.",
    ),
    "demo": ("signalbox.site.demo", "Play realistic calls, so that there is something to see."),
}


class Commands(click.Group):
    """Our commands, and those that live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """All names, in the order of their declaration."""
        return [*self.commands, *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name, imported now; None if there is none."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, _text = ELSEWHERE[cmd_name]
        found: click.Command = getattr(import_module(module), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in the help, without importing anything."""
        rows = [(name, command.get_short_help_str()) for name, command in self.commands.items()]
        rows += [(name, text) for name, (_module, text) in ELSEWHERE.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Commands)
@click.version_option(package_name="signalbox", prog_name="signalbox")
def main() -> None:
    """Signalbox: a self-hosted control room for real-time video."""


@main.command()
def up() -> None:
    """Run everything on this machine."""
    from signalbox.site.up import up as run_up

    sys.exit(run_up(os.environ))


@main.command()
@click.option("--processes", type=click.IntRange(1, 256), help="Processes that answer requests.")
def serve(processes: int | None) -> None:
    """Answer requests."""
    from signalbox.site.installation import check_secrets
    from signalbox.site.serve import serve as run_serve

    settings = _settings_of_part()
    _checked(check_secrets(settings))
    run_serve(settings, processes or settings.site.processes)


@main.command()
def worker() -> None:
    """Run jobs: partitions, retention, sweeps."""
    from signalbox.site.serve import configure_logs
    from signalbox.site.worker import run as run_worker

    settings = _settings_of_part()
    configure_logs(settings)
    run_worker(settings)


@main.command()
def migrate() -> None:
    """Bring the database up to date; make the first administrator if there is none."""
    import psycopg
    from sqlalchemy.exc import OperationalError

    from signalbox.site.installation import prepare_installation
    from signalbox.site.migrate import migrate as run_migrate

    settings = _settings_of_part()
    assert settings.core.database_url is not None
    try:
        changed = run_migrate(settings.core.database_url)
    except (OperationalError, psycopg.OperationalError) as error:
        first = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise click.ClickException(f"The database cannot be migrated: {first}") from None
    first_run = _checked(prepare_installation(settings))
    click.echo("The database is up to date." if changed else "The database was up to date.")
    if first_run is not None:
        click.echo(f"E-mail     {first_run.email}")
        click.echo(f"Password   {first_run.password or '(the one in SIGNALBOX_ADMIN_PASSWORD)'}")
        click.echo(f"API key    {first_run.api_key}")


@main.command()
@click.option("--json", "json_out", is_flag=True, help="Print JSON, for scripts.")
def check(json_out: bool) -> None:
    """Name what is misconfigured."""
    from signalbox.site.check import findings, report

    found = findings(os.environ)
    report(found, json_out)
    sys.exit(0 if all(finding.fine for finding in found) else 1)


def _settings_of_part() -> Settings:
    """Settings with what the data folder knows, which the environment gets too; ends on errors."""
    from signalbox.site.embedded import EmbeddedServerError
    from signalbox.site.environment import complete_environment, ready_settings

    try:
        os.environ.update(complete_environment(os.environ))
        return ready_settings(os.environ)
    except (SettingError, EmbeddedServerError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _checked(work: Coroutine[Any, Any, T]) -> T:
    """The result of some work on the database; a refusal ends the command with one line."""
    from sqlalchemy.exc import DBAPIError

    try:
        return asyncio.run(work)
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    except DBAPIError as error:
        first = str(error.orig).strip().splitlines()[0]
        raise click.ClickException(f"The database refuses: {first}") from None
