"""`signalbox monitoring`: what operators do with the data of observed calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.monitoring.queries import identities
from signalbox.monitoring.queries.refusals import ParticipantMissing
from signalbox.monitoring.service import erase_participant, finish_erasures
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
