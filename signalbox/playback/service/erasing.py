"""Erasing one session for good."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.playback.errors import NoSuchSession
from signalbox.playback.rules.retention import TOMBSTONE_DAYS
from signalbox.playback.store import cmcd_sessions as cmcd
from signalbox.playback.store import erasing as store

log = structlog.get_logger(__name__)


async def erase_session(
    db: Database,
    app_id: UUID,
    session_id: str,
    *,
    organization_id: UUID,
    by: Actor,
    at: datetime,
) -> None:
    """Erase a session of an app (of that organization) in which `by` may erase; whatever is reported of it in the next 30 days is answered and not stored.

    Raises NoSuchSession, also when it is erased already.
    """
    until = at + timedelta(days=TOMBSTONE_DAYS)
    async with db.begin() as tx:
        # Lines first: whoever writes what they tell takes the locks in this order as well.
        await cmcd.erase_cmcd(tx.psycopg, app_id, [session_id], until=until)
        if not await store.erase(tx.psycopg, app_id, session_id, until=until, at=at):
            raise NoSuchSession
        await audit.record(
            tx,
            by,
            "playback_session_erased",
            subject=session_id,
            subject_type="playback_session",
            at=at,
            organization_id=organization_id,
            facts={"app_id": str(app_id)},
        )
    log.info("playback.session_erased", app_id=str(app_id), by=str(by.id))
