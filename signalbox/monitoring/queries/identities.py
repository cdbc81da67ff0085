"""What the ingest doors must know of apps and sessions before they believe a request."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from signalbox.core.db import Tx
from signalbox.monitoring.rules.identities import AppFacts, SessionKey

_APP = """
    SELECT a.id, a.organization_id, a.domain, a.interval_ms, a.recording, a.is_active AND o.is_active,
        a.quota_participant_minutes_monthly IS NOT NULL AND a.quota_participant_minutes_monthly * 60 <= coalesce((
            SELECT sum(u.seconds) FROM monitoring.app_usage u
            WHERE u.app_id = a.id AND u.day >= date_trunc('month', %(at)s AT TIME ZONE 'UTC')::date), 0),
        a.masks
    FROM accounts.apps a JOIN accounts.organizations o ON o.id = a.organization_id
    WHERE """
_BY_KEY = (
    _APP
    + "a.api_key = %(key)s OR (a.previous_api_key = %(key)s AND a.previous_api_key_until > %(at)s)"
)
_BY_ID = _APP + "a.id = %(id)s"
_SESSION = """
    SELECT id, app_id, organization_id, conference_id, participant_id FROM monitoring.sessions WHERE id = %s AND is_active"""


async def app_by_key(tx: Tx, api_key: str, *, at: datetime) -> AppFacts | None:
    """The app with this key, or with it as the replaced one that may still be used; None when there is none."""
    row = await (await tx.psycopg.execute(_BY_KEY, {"key": api_key, "at": at})).fetchone()
    return AppFacts(*row) if row else None


async def app_by_id(tx: Tx, app_id: UUID, *, at: datetime) -> AppFacts | None:
    """The app; None when there is none."""
    row = await (await tx.psycopg.execute(_BY_ID, {"id": app_id, "at": at})).fetchone()
    return AppFacts(*row) if row else None


async def session_by_id(tx: Tx, session_id: UUID) -> SessionKey | None:
    """The session; None when there is none."""
    row = await (await tx.psycopg.execute(_SESSION, (session_id,))).fetchone()
    return SessionKey(*row) if row else None


async def app_of_conference(tx: Tx, conference_id: UUID) -> UUID | None:
    """The id of the app that a conference belongs to; None when there is no such conference."""
    sql = "SELECT app_id FROM monitoring.conferences WHERE id = %s AND is_active"
    row = await (await tx.psycopg.execute(sql, (conference_id,))).fetchone()
    return row[0] if row else None


async def page_of_conference(tx: Tx, app_id: UUID, conference_id: str) -> UUID | None:
    """The uuid of a conference that the app calls `conference_id`."""
    sql = "SELECT id FROM monitoring.conferences WHERE app_id = %s AND conference_id = %s AND is_active"
    row = await (await tx.psycopg.execute(sql, (app_id, conference_id))).fetchone()
    return row[0] if row else None


async def page_of_participant(tx: Tx, app_id: UUID, participant_id: str) -> UUID | None:
    """The uuid of a participant that the app calls `participant_id`."""
    sql = "SELECT id FROM monitoring.participants WHERE app_id = %s AND participant_id = %s AND is_active"
    row = await (await tx.psycopg.execute(sql, (app_id, participant_id))).fetchone()
    return row[0] if row else None
