"""`signalbox monitoring`: what operators do with the data of observed calls."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast
from uuid import UUID

import click
import msgspec

from signalbox.core.actor import SYSTEM
from signalbox.core.batch import GroupCommitWriter
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.settings import load
from signalbox.monitoring.ingest.feed import TraceFeeder
from signalbox.monitoring.queries import conferences, first, identities
from signalbox.monitoring.queries.refusals import ConferenceMissing, ParticipantMissing
from signalbox.monitoring.routes.imports import shown
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.service import (
    diagnose_conference,
    diagnose_since,
    end_stale_conferences,
    erase_participant,
    finish_erasures,
    stale_conferences,
)
from signalbox.monitoring.service.imports import import_trace
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.store import Applier
from signalbox.monitoring.store.messages import Message
from signalbox.monitoring.wire.traces import read_trace
from signalbox.site.commands.running import as_json, make_partitions, run, show_all, show_one

Row = Mapping[Any, Any]


@click.group()
def monitoring() -> None:
    """Data of observed calls: look at it again, end what was forgotten, take somebody out, bring traces in."""


@monitoring.command("erase-participant")
@click.argument("participant")
@click.option("--app", "app_id", type=click.UUID, help="Then PARTICIPANT is the application's id.")
@click.confirmation_option(prompt="Erase this participant? It cannot be undone.")
@as_json
def erase(participant: str, app_id: UUID | None, json_out: bool) -> None:
    """Take a person out of everything that is stored. PARTICIPANT is the uuid, or with --app the application's id."""

    async def verb(db: Database, at: datetime) -> Row:
        found = await _participant(db, participant, app_id)
        made = await erase_participant(db, found, by=SYSTEM, at=at)
        await finish_erasures(db, at=at)
        return made._asdict()

    show_one(run(verb), json_out, notice="What a running call may add is taken out by the worker.")


@monitoring.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--app", "app_id", type=click.UUID, required=True)
@click.option("--conference", help="Its id in the app; made from the file's content without.")
@click.option("--user", help="Whose trace it is, unless the trace tells.")
@as_json
def import_file(
    file: BinaryIO, app_id: UUID, conference: str | None, user: str | None, json_out: bool
) -> None:
    """Bring in a dump of chrome://webrtc-internals or a trace of rtcstats, gzipped or not. The same file is taken once."""
    content = file.read()

    async def verb(db: Database, at: datetime) -> Row:
        clock, settings = SystemClock(), load(MonitoringSettings, os.environ)
        await make_partitions(db, at)
        writer: GroupCommitWriter[Message] = GroupCommitWriter(
            db.connect, Applier(lambda: micros(clock.now()))
        )
        await writer.open()
        try:
            done = await import_trace(
                db,
                TraceFeeder(writer, settings),
                read_trace(content),
                content,
                app_id=app_id,
                conference=conference,
                user=user,
                by=SYSTEM,
                at=at,
            )
        finally:
            await writer.close()
        return cast("Row", msgspec.to_builtins(shown(done)))

    show_one(run(verb), json_out)


async def _participant(db: Database, given: str, app_id: UUID | None) -> UUID:
    if app_id is None:
        try:
            return UUID(given)
        except ValueError:
            raise click.UsageError("PARTICIPANT is no uuid: name the --app too.") from None
    async with db.read() as tx:
        found = await identities.page_of_participant(tx, app_id, given)
    if found is None:
        raise ParticipantMissing
    return found


@monitoring.command("diagnose")
@click.option("--since", type=click.DateTime(), help="Conferences made since then, in UTC.")
@click.option("--conference", type=click.UUID, help="This one.")
@as_json
def diagnose(since: datetime | None, conference: UUID | None, json_out: bool) -> None:
    """Look at stored conferences again, with the rules and thresholds of now. One whose reports are deleted keeps what was said of it."""
    if (since is None) == (conference is None):
        raise click.UsageError("Give one of --since and --conference.")
    settings = load(MonitoringSettings, os.environ)

    async def verb(db: Database, at: datetime) -> Row:
        if conference is not None:
            await _known_conference(db, conference)
            done = await diagnose_conference(db, conference, settings=settings, at=at)
            return {"looked_at": 0 if done is None else 1, "left": 1 if done is None else 0}
        assert since is not None
        return await diagnose_since(db, since.replace(tzinfo=UTC), settings=settings, at=at)

    show_one(run(verb), json_out)


async def _known_conference(db: Database, conference: UUID) -> None:
    async with db.read() as tx:
        if await first(tx, conferences(SYSTEM), conference) is None:
            raise ConferenceMissing


@monitoring.command("end-stale")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True, max=8760),
    help="Of silence; SIGNALBOX_CONFERENCE_TIMEOUT_HOURS without.",
)
@click.option("--dry-run", is_flag=True, help="Only tell which.")
@as_json
def end_stale(hours: float | None, dry_run: bool, json_out: bool) -> None:
    """End running conferences of which nothing was heard for long, as of their last activity, and tell which. The worker does so every minute."""
    settings = load(MonitoringSettings, os.environ)
    silent_for = timedelta(hours=hours or settings.conference_timeout_hours)

    async def verb(db: Database, at: datetime) -> Sequence[Row]:
        await make_partitions(db, at)
        stale = await stale_conferences(db, silent_for=silent_for, at=at)
        while not dry_run and await end_stale_conferences(db, silent_for=silent_for, at=at):
            pass
        return stale

    show_all(run(verb), ("conference_id", "app_id", "id", "last_activity"), json_out)
