"""`signalbox app`: the registered applications and their public keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import click
import msgspec

from signalbox.accounts import queries, service
from signalbox.accounts.errors import AppNotFound
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.settings import load
from signalbox.monitoring.routes.usage import UsageItem, usage_of
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.site.commands.org import organization_of
from signalbox.site.commands.running import as_json, done, run, show_all, show_one

Row = Mapping[Any, Any]
DAYS = click.IntRange(0, 36_500)
DEFAULT = "0 means the installation's default."


@click.group()
def app() -> None:
    """Apps: what reports calls. An app's API key is public."""


@app.command("create")
@click.argument("name")
@click.option("--org", "organization", help="Id or name of the organization; `default` without.")
@click.option("--domain", help="Only pages of this host may report.")
@as_json
def create(name: str, organization: str | None, domain: str | None, json_out: bool) -> None:
    """Register an app and print its API key."""

    async def verb(db: Database, at: datetime) -> Row:
        organization_id = await organization_of(db, organization, at)
        row = await service.create_app(
            db,
            organization_id=organization_id,
            name=name,
            by=SYSTEM,
            at=at,
            interval_ms=load(MonitoringSettings, os.environ).stats_interval_ms,
        )
        if domain is None:
            return row
        return await service.update_app(db, row["id"], domain=domain, by=SYSTEM, at=at)

    show_one(run(verb), json_out)


@app.command("list")
@click.option("--org", "organization", help="Id or name of an organization; all without.")
@as_json
def list_all(organization: str | None, json_out: bool) -> None:
    """List the apps."""

    async def verb(db: Database, at: datetime) -> list[Row]:
        only = None if organization is None else await organization_of(db, organization, at)
        async with db.read() as tx:
            return list(await queries.apps(tx, SYSTEM, organization_id=only))

    show_all(run(verb), ("id", "name", "api_key", "domain", "recording"), json_out)


@app.command("show")
@click.argument("app_id", type=click.UUID)
@as_json
def show(app_id: UUID, json_out: bool) -> None:
    """Show one app."""

    async def verb(db: Database, _at: datetime) -> Row:
        async with db.read() as tx:
            row = await queries.app(tx, SYSTEM, app_id)
        if row is None:
            raise AppNotFound
        return row

    show_one(run(verb), json_out)


@app.command("update")
@click.argument("app_id", type=click.UUID)
@click.option("--name")
@click.option("--domain", help='Only pages of this host may report; "" lifts that.')
@click.option("--interval", type=int, help="Milliseconds between two reports, 1000 to 60000.")
@click.option("--recording/--paused", default=None, help="Take reports, or refuse them.")
@click.option("--quota", type=int, help="Participant minutes a month; -1 means any number.")
@click.option("--keep-events-days", type=DAYS, help=f"Days that raw events are kept; {DEFAULT}")
@click.option("--keep-samples-days", type=DAYS, help=f"Days that stats are kept; {DEFAULT}")
@click.option(
    "--keep-rollups-days", type=DAYS, help=f"Days that figures of minutes are kept; {DEFAULT}"
)
@click.option("--keep-days", type=DAYS, help=f"Days that calls are kept at all; {DEFAULT}")
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=click.Choice([*service.MASKS, "none", "default"]),
    help="Taken out of reports before they are stored; may be given several times.",
)
@as_json
def update(
    app_id: UUID,
    name: str | None,
    domain: str | None,
    interval: int | None,
    recording: bool | None,
    quota: int | None,
    keep_events_days: int | None,
    keep_samples_days: int | None,
    keep_rollups_days: int | None,
    keep_days: int | None,
    masks: tuple[str, ...],
    json_out: bool,
) -> None:
    """Change an app."""
    chosen = (keep_events_days, keep_samples_days, keep_rollups_days, keep_days)
    given = zip(service.RETENTION, chosen, strict=True)
    retention = {name: days or None for name, days in given if days is not None}
    minutes = service.UNCHANGED if quota is None else None if quota == -1 else quota

    async def verb(db: Database, at: datetime) -> Row:
        return await service.update_app(
            db,
            app_id,
            name=name,
            domain=service.UNCHANGED if domain is None else domain,
            interval_ms=interval,
            recording=recording,
            quota_participant_minutes_monthly=minutes,
            retention=retention,
            masks=_masks(masks),
            by=SYSTEM,
            at=at,
        )

    show_one(run(verb), json_out)


def _masks(given: tuple[str, ...]) -> Any:
    """The choice that the options make: nothing given leaves it, `default` clears it, `none` masks nothing."""
    if not given:
        return service.UNCHANGED
    return None if "default" in given else [mask for mask in given if mask != "none"]


@app.command("usage")
@click.argument("app_id", type=click.UUID)
@as_json
def usage(app_id: UUID, json_out: bool) -> None:
    """Participant minutes, quota, and what is stored of an app."""

    async def verb(db: Database, at: datetime) -> UsageItem:
        return await usage_of(db, SYSTEM, app_id, at)

    item = run(verb)
    if json_out:
        show_one(msgspec.to_builtins(item), json_out)
        return
    month, quota = item.months[-1], item.quota_participant_minutes_monthly
    minutes = f"{month.minutes} of {quota}" if quota is not None else str(month.minutes)
    show_one(
        {
            "minutes this month": minutes,
            "minutes in 12 months": sum(each.minutes for each in item.months),
            **{f"stored {name}": amount for name, amount in item.stored.items()},
            "counted at": item.counted_at,
        },
        json_out,
    )


@app.command("reset-key")
@click.argument("app_id", type=click.UUID)
@click.option("--grace", default=0, help="Seconds that the old key is still accepted.")
@as_json
def reset_key(app_id: UUID, grace: int, json_out: bool) -> None:
    """Give an app another API key and print it."""

    async def verb(db: Database, at: datetime) -> Row:
        return await service.reset_app_key(db, app_id, by=SYSTEM, at=at, grace_s=grace)

    show_one(run(verb), json_out)


@app.command("delete")
@click.argument("app_id", type=click.UUID)
@click.confirmation_option(prompt="Switch the app and its keys off?")
@as_json
def delete(app_id: UUID, json_out: bool) -> None:
    """Switch an app off; its keys are refused from now on."""

    async def verb(db: Database, at: datetime) -> None:
        await service.delete_app(db, app_id, by=SYSTEM, at=at)

    run(verb)
    done("The app is off.", json_out)
