"""Bringing traces of other tools in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from signalbox.accounts import service as accounts
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from signalbox.monitoring.errors import InvalidApiKey
from signalbox.monitoring.queries import identities
from signalbox.monitoring.rules.identities import AppFacts, SessionKey
from signalbox.monitoring.rules.traces.rtcstats import TraceEvent, not_after
from signalbox.monitoring.store import imports as store
from signalbox.monitoring.wire import exact
from signalbox.monitoring.wire.traces import TraceFile

log = structlog.get_logger(__name__)
SOMEBODY: Final = "imported"


class Feeder(Protocol):
    """What `site` hands in to store the events of a trace."""

    async def feed(
        self, app: AppFacts, events: list[TraceEvent], *, conference: str, user: str
    ) -> tuple[SessionKey, dict[str, int], dict[str, int]]:
        """Store a trace as one session; answers it, what was taken by kind, what was refused by code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file. `repeated`: it had been imported before, and nothing was stored now."""

    id: UUID
    format: str
    conference: UUID
    conference_id: str
    created_at: datetime
    summary: Mapping[str, Any]
    repeated: bool


async def may_import(db: Database, by: Actor, app_id: UUID) -> None:
    """Let members of the app pass.

    Raises:
        AppNotFound, Forbidden: not in this app.
    """
    async with db.begin() as tx:
        await accounts.member_app(tx, by, app_id)


async def import_trace(
    db: Database,
    feeder: Feeder,
    trace: TraceFile,
    content: bytes,
    *,
    app_id: UUID,
    conference: str | None,
    user: str | None,
    by: Actor,
    at: datetime,
) -> Imported:
    """Store a trace in an app; members only. The same file goes into the same conference once.

    Without `conference` and `user` those that the trace names, else names made from the file's content.

    Raises:
        AppNotFound, Forbidden: not in this app.
        Overloaded: the writer refuses; what it took so far stays, in a session of its own.
    """
    async with db.begin() as tx:
        row = await accounts.member_app(tx, by, app_id)
        app = await identities.app_by_id(tx, row["id"], at=at)
    if app is None:
        raise InvalidApiKey
    digest = hashlib.sha256(content).digest()
    told = _told(trace)
    room = (conference or told.get("conference") or f"import-{digest.hex()[:12]}")[:64]
    person = user or told.get("user") or SOMEBODY
    async with await db.connect() as own, store.alone(own, app.id, digest):
        known = await store.known(own, app.id, digest, room)
        if known is not None:
            return _imported(known, room, repeated=True)
        events = not_after(trace.events, at.timestamp() * 1000)
        session, taken, refused = await feeder.feed(app, events, conference=room, user=person)
        summary = {
            "session": str(session.id),
            "participant": str(session.participant),
            "events": taken.get("events", 0),
            "samples": taken.get("samples", 0),
            "refused": refused,
        }
        done = store.Import(
            new_id(), app.id, app.organization, digest, trace.format, session.conference, at, summary
        )  # fmt: skip
        async with db.begin() as tx:
            await store.add(tx.psycopg, done)
            await audit.record(
                tx,
                by,
                "trace_imported",
                subject=done.id,
                at=at,
                organization_id=app.organization,
                facts={"app_id": str(app.id), "format": trace.format},
            )
    log.info("trace.imported", app_id=str(app.id), events=summary["events"], samples=summary["samples"])  # fmt: skip
    return _imported(done, room, repeated=False)


def _told(trace: TraceFile) -> dict[str, str]:
    """User and conference as the trace itself names them."""
    for event in trace.events:
        if event.method == "identity" and isinstance(event.value, dict):
            return {
                name: exact(value)
                for name, value in event.value.items()
                if name in ("user", "conference") and isinstance(value, str) and exact(value)
            }
    return {}


def _imported(row: store.Import, room: str, *, repeated: bool) -> Imported:
    return Imported(
        id=row.id,
        format=row.format,
        conference=row.conference,
        conference_id=room,
        created_at=row.created_at,
        summary=row.summary,
        repeated=repeated,
    )
