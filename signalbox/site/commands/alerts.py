"""`signalbox alerts`: what is open, the rules, who is told, and how the rules behave."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

import click
import msgspec

from signalbox.alerts import queries
from signalbox.alerts.errors import RuleNotFound
from signalbox.alerts.queries import AlertFilter
from signalbox.alerts.rules.figures import Cohort
from signalbox.alerts.rules.messages import duration
from signalbox.alerts.rules.simulation import Outcome, simulate
from signalbox.alerts.service import Channels, Effective, looking_back, writing
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.sealing import Unsealable
from signalbox.core.settings import CoreSettings, load
from signalbox.site.alerts import channels_of, voice_of
from signalbox.site.commands.running import as_json, done, run, show_all, show_one
from signalbox.site.secrets import with_stored_secrets
from signalbox.site.settings import Settings, load_settings

Row = Mapping[Any, Any]
app_option = click.option("--app", "app_id", type=click.UUID, required=True, help="The app's id.")


@click.group()
def alerts() -> None:
    """Alerts of playback and of calls: what is open, the rules, who is told."""


@alerts.command("list")
@click.option("--app", "app_id", type=click.UUID, help="Only those of this app.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@as_json
def list_all(app_id: UUID | None, only_open: bool, json_out: bool) -> None:
    """The newest hundred alerts."""
    wanted = AlertFilter(app_id=app_id, is_open=True if only_open else None)

    async def verb(db: Database, _at: datetime) -> list[Row]:
        async with db.read() as tx:
            rows = await queries.alerts(tx, SYSTEM, wanted, limit=100)
        return [_shown(row) for row in rows]

    columns = ("id", "tenant", "rule", "cohort", "severity", "started_at", "cleared_at", "rate", "baseline")  # fmt: skip
    show_all(run(verb), columns, json_out)


@alerts.command("rules")
@app_option
@as_json
def list_rules(app_id: UUID, json_out: bool) -> None:
    """The rules that hold for an app."""

    async def verb(db: Database, _at: datetime) -> list[Row]:
        return [_rule(one) for one in await writing.rules_of(db, app_id, by=SYSTEM)]

    columns = ("id", "enabled", "changed", "severity", "kind", "figure", "title")
    show_all(run(verb), columns, json_out)


@alerts.command("rule")
@click.argument("rule_id")
@app_option
@click.option("--on/--off", "enabled", default=None, help="Whether it is looked at.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a field; the value is JSON or text. May be repeated.")  # fmt: skip
@click.option("--reset", is_flag=True, help="A built-in rule as it was made; an own one is taken away.")  # fmt: skip
@as_json
def change_rule(
    rule_id: str,
    app_id: UUID,
    enabled: bool | None,
    changes: tuple[str, ...],
    reset: bool,
    json_out: bool,
) -> None:
    """Show a rule, or change it for one app."""

    async def verb(db: Database, at: datetime) -> Row | None:
        if reset:
            await writing.delete_rule(db, app_id, rule_id, by=SYSTEM, at=at)
            return None
        if enabled is None and not changes:
            found = [one for one in await writing.rules_of(db, app_id, by=SYSTEM) if one.name == rule_id]  # fmt: skip
            if not found:
                raise RuleNotFound
            return _rule(found[0])
        fields = dict(_field(text) for text in changes)
        return _rule(
            await writing.update_rule(
                db, app_id, rule_id, fields, enabled=enabled, by=SYSTEM, at=at
            )
        )

    row = run(verb)
    if row is None:
        done("The rule is as it was made.", json_out)
    else:
        show_one(row, json_out)


@alerts.command("add-rule")
@click.argument("definition")
@app_option
@as_json
def add_rule(definition: str, app_id: UUID, json_out: bool) -> None:
    """Add a rule; DEFINITION is JSON, or - for standard input."""
    text = sys.stdin.read() if definition == "-" else definition
    try:
        fields = json.loads(text)
    except ValueError:
        raise click.ClickException("DEFINITION is not JSON.") from None

    async def verb(db: Database, at: datetime) -> Row:
        return _rule(await writing.create_rule(db, app_id, fields, enabled=True, by=SYSTEM, at=at))

    show_one(run(verb), json_out)


@alerts.command("backtest")
@click.argument("rule_id")
@app_option
@click.option("--days", type=click.IntRange(1, 31), default=7, help="How far back.")
@click.option("--cohorts", is_flag=True, help="Its largest cohorts, too.")
@as_json
def run_backtest(rule_id: str, app_id: UUID, days: int, cohorts: bool, json_out: bool) -> None:
    """Say when a rule would have opened an alert in the last days."""

    async def verb(db: Database, at: datetime) -> list[Row]:
        async with db.read() as tx:
            rule = (await writing.rule_named(tx, SYSTEM, app_id, rule_id)).rule
        found = await looking_back.backtest(
            db, app_id, rule, begin=at - timedelta(days=days), end=at, every_cohort=cohorts, by=SYSTEM
        )  # fmt: skip
        return [
            {
                "cohort": cohort.label,
                "opened_at": firing.opened_at,
                "cleared_at": firing.cleared_at,
                "n": firing.opening.seen.n,
                "k": firing.opening.seen.k,
                "rate": firing.opening.seen.figure,
            }
            for cohort, firing in found.firings
        ]

    columns = ("cohort", "opened_at", "cleared_at", "n", "k", "rate")
    show_all(run(verb), columns, json_out)


@alerts.command("channels")
@app_option
@as_json
def list_channels(app_id: UUID, json_out: bool) -> None:
    """Who is told of an app's alerts."""

    async def verb(db: Database, _at: datetime) -> list[Row]:
        return [_channel(row) for row in await writing.channels_of(db, app_id, by=SYSTEM)]

    show_all(run(verb), ("id", "kind", "name", "target", "enabled"), json_out)


@alerts.command("add-channel")
@click.argument("kind", type=click.Choice(["webhook", "email"]))
@click.argument("target")
@app_option
@click.option("--name", default="", help="What it is called.")
@click.option("--secret", help="What posts to a webhook are signed with; 16 characters at least.")
@as_json
def add_channel(
    kind: str, target: str, app_id: UUID, name: str, secret: str | None, json_out: bool
) -> None:
    """Tell TARGET of an app's alerts: an http address, or e-mail addresses parted by commas."""

    async def verb(db: Database, at: datetime) -> Row:
        row = await _channels(db).create(
            app_id, kind=kind, name=name, target=target, secret=secret, enabled=True, by=SYSTEM, at=at
        )  # fmt: skip
        return _channel(row)

    show_one(run(verb), json_out)


@alerts.command("remove-channel")
@click.argument("channel_id", type=click.UUID)
@app_option
@as_json
def remove_channel(channel_id: UUID, app_id: UUID, json_out: bool) -> None:
    """Tell somebody nothing more."""

    async def verb(db: Database, at: datetime) -> None:
        await _channels(db).delete(app_id, channel_id, by=SYSTEM, at=at)

    run(verb)
    done("The channel is gone.", json_out)


@alerts.command("test-channel")
@click.argument("channel_id", type=click.UUID)
@app_option
@as_json
def try_channel(channel_id: UUID, app_id: UUID, json_out: bool) -> None:
    """Queue a message with an alert that never was; the worker sends it."""

    async def verb(db: Database, at: datetime) -> UUID:
        return await _channels(db).test(app_id, channel_id, by=SYSTEM, at=at)

    show_one({"message": run(verb)}, json_out)


@alerts.command("signing-secret")
@as_json
def signing_secret(json_out: bool) -> None:
    """Print what posts to the installation's own webhooks are signed with."""
    try:
        secret = voice_of(_settings()).signing_secret()
    except Unsealable:
        raise click.ClickException("SIGNALBOX_ENCRYPTION_SECRET is not set.") from None
    show_one({"secret": secret}, json_out)


@alerts.command("simulate")
@click.option("--dice", default=1, help="Which dice: the same number gives the same outcome.")
@as_json
def run_simulation(dice: int, json_out: bool) -> None:
    """Throw dice for weeks of plays: how often the spike rule cries wolf, and how soon it sees a jump.

    29 quiet days in which 1.2 % fail, at several attempts a minute; then jumps to 6 and 12 %, twenty runs each of an hour.
    """
    rows = []
    for outcome in simulate(number=dice):
        rows.append(_outcome(outcome))
        if sys.stderr.isatty():  # it takes a while: somebody waits
            click.echo("  ".join(str(value) for value in rows[-1].values()), err=True)
    columns = ("attempts_per_minute", "case", "false_alarms", "caught", "median_minutes", "slowest_minutes")  # fmt: skip
    show_all(rows, columns, json_out)


def _outcome(outcome: Outcome) -> Row:
    found = outcome.found_after
    quiet = outcome.rate is None
    return {
        "attempts_per_minute": outcome.per_minute,
        "case": "29 quiet days" if quiet else f"jump to {100 * (outcome.rate or 0):.0f} %",
        "false_alarms": outcome.false_alarms if quiet else None,
        "caught": None if quiet else f"{len(found)}/{outcome.runs}",
        "median_minutes": median(found) if found else None,
        "slowest_minutes": max(found) if found else None,
    }


def _shown(row: Row) -> Row:
    end = row["cleared_at"]
    return {
        **{name: row[name] for name in ("id", "tenant", "rule", "severity", "started_at", "cleared_at", "n", "k", "rate", "baseline", "p_value")},
        "cohort": Cohort(row["dimension"], row["value"]).label,
        "lasted": None if end is None else duration(end - row["started_at"]),
    }  # fmt: skip


def _rule(one: Effective) -> Row:
    return {
        "id": one.name,
        "enabled": one.enabled,
        "changed": one.changed,
        **msgspec.to_builtins(one.rule),
    }


def _channel(row: Row) -> Row:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "name": row["name"],
        "target": row["shown"],
        "enabled": row["enabled"],
    }


def _field(text: str) -> tuple[str, Any]:
    """FIELD=VALUE, the value as JSON where it is some."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.ClickException(f"{text}: FIELD=VALUE is wanted.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _channels(db: Database) -> Channels:
    return channels_of(db, _settings())


def _settings() -> Settings:
    data = load(CoreSettings, os.environ).data
    return load_settings(with_stored_secrets(os.environ, data))
