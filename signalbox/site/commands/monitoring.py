"""`signalbox monitoring`: what operators do with the data of observed calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
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
from signalbox.monitoring.queries import identities
from signalbox.monitoring.queries.refusals import ParticipantMissing
from signalbox.monitoring.routes.imports import shown
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.service import erase_participant, finish_erasures
from signalbox.monitoring.service.imports import import_trace
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.store import Applier
from signalbox.monitoring.store.messages import Message
from signalbox.monitoring.wire.traces import read_trace
from signalbox.site.commands.running import as_json, run, show_one

Row = Mapping[Any, Any]


@click.group()
def monitoring() -> None:
    """Data of observed calls: take somebody out, bring traces in."""


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
