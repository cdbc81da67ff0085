"""`signalbox playback`: how long sessions are kept, and figures that are to be counted again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import click

from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.settings import load
from signalbox.playback.rules.retention import DAYS_MAX, Kind
from signalbox.playback.service import retention
from signalbox.playback.service.rollups import recount as have_recounted
from signalbox.playback.settings import PlaybackSettings
from signalbox.site.commands.running import as_json, done, run, show_all, show_one

Row = Mapping[str, Any]
DAYS = click.IntRange(1, DAYS_MAX)


@click.group()
def playback() -> None:
    """Playback sessions."""


@playback.command("retention")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@as_json
def remove(dry_run: bool, json_out: bool) -> None:
    """Remove what is over now; the worker does so at 02:00 UTC."""

    async def verb(db: Database, at: datetime) -> list[Row]:
        days = load(PlaybackSettings, os.environ).retention_days
        act = retention.count_over if dry_run else retention.remove_over
        found = await act(db, sessions_days=days, at=at)
        return [
            {"app_id": one.app_id, "kind": one.kind, "count": one.count}
            for one in found
            if one.count
        ]

    show_all(run(verb), ("app_id", "kind", "count"), json_out)


@playback.command("policies")
@click.option("--app", "app_id", type=click.UUID, help="Only those of this app.")
@as_json
def policies(app_id: UUID | None, json_out: bool) -> None:
    """List who keeps what for how long, where it is not as the installation says."""

    async def verb(db: Database, _at: datetime) -> list[Row]:
        return list(await retention.policies_of(db, app_id))

    columns = ("id", "app_id", "stream_type", "content_prefix", "sessions_days", "payload_days", "timeline_days", "events_days")  # fmt: skip
    show_all(run(verb), columns, json_out)


@playback.command("keep")
@click.argument("app_id", type=click.UUID)
@click.option("--stream-type", help="Only sessions of this type.")
@click.option("--content-prefix", help="Only sessions of contents that begin so.")
@click.option("--sessions-days", type=DAYS)
@click.option("--payload-days", type=DAYS)
@click.option("--timeline-days", type=DAYS)
@click.option("--events-days", type=DAYS)
@as_json
def keep(
    app_id: UUID,
    stream_type: str | None,
    content_prefix: str | None,
    sessions_days: int | None,
    payload_days: int | None,
    timeline_days: int | None,
    events_days: int | None,
    json_out: bool,
) -> None:
    """Say how long sessions of an app are kept; the most specific word holds."""
    given = (sessions_days, payload_days, timeline_days, events_days)
    names: tuple[Kind, ...] = ("sessions", "payload", "timeline", "events")
    days = dict(zip(names, given, strict=True))

    async def verb(db: Database, at: datetime) -> Row:
        return await retention.put_policy(
            db,
            app_id=app_id,
            stream_type=stream_type,
            content_prefix=content_prefix,
            days=days,
            by=SYSTEM,
            at=at,
        )

    show_one(run(verb), json_out)


@playback.command("unkeep")
@click.argument("policy_id", type=click.UUID)
@as_json
def unkeep(policy_id: UUID, json_out: bool) -> None:
    """Take a policy back."""

    async def verb(db: Database, at: datetime) -> None:
        await retention.delete_policy(db, policy_id, by=SYSTEM, at=at)

    run(verb)
    done("The policy is gone.", json_out)


@playback.command("recount")
@click.argument("app_id", type=click.UUID)
@click.option("--from", "begin", type=click.DateTime(), required=True, help="UTC.")
@click.option("--to", "end", type=click.DateTime(), help="UTC; now without.")
@as_json
def recount(app_id: UUID, begin: datetime, end: datetime | None, json_out: bool) -> None:
    """Have figures counted again, as after a change of what a good session is."""

    async def verb(db: Database, at: datetime) -> Row:
        until = at if end is None else end.replace(tzinfo=UTC)
        minutes = await have_recounted(
            db, app_id, begin=begin.replace(tzinfo=UTC), end=until, at=at
        )
        return cast("Row", {"minutes": minutes})

    show_one(run(verb), json_out, notice="The worker counts them within a minute.")
