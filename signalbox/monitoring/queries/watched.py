"""Figures of calls that rules look at every minute: participants by when they left, calls by when they ended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from signalbox.core.actor import Actor
from signalbox.core.cohorts import Family
from signalbox.core.db import Tx

_DIMENSIONS: Final = {
    "app_version": "s.app_version",
    "browser": "s.browser",
    "os": "s.os",
    "country": "s.country",
    "webrtc_sdk": "s.webrtc_sdk",
}
_HAS: Final = (
    "EXISTS (SELECT FROM monitoring.issues i WHERE i.session_id = s.id AND i.is_active AND {})"
)
_NEVER_CONNECTED: Final = _HAS.format("i.code = 'no_connection'")
_AN_ERROR: Final = _HAS.format("i.type = 'error'")
# Media servers take part in every call and never leave: they say nothing of people.
_PEOPLE: Final = "monitoring.sessions s JOIN monitoring.participants p ON p.id = s.participant_id AND NOT p.is_sfu"
_LEFT: Final = (
    "s.app_id = %(app)s AND s.is_active AND s.end_time >= %(begin)s AND s.end_time < %(end)s"
)
_JUDGED: Final = """monitoring.conferences c
    JOIN monitoring.diagnoses g ON g.conference_id = c.id AND g.participant_id IS NOT NULL AND g.score IS NOT NULL
    JOIN LATERAL (SELECT * FROM monitoring.sessions o WHERE o.conference_id = c.id AND o.participant_id = g.participant_id AND o.is_active
        ORDER BY o.created_at DESC LIMIT 1) AS s ON true"""
_NEWEST: Final = "max(s.end_time) DESC"

PEOPLE: Final = Family(
    tables=_PEOPLE,
    where=_LEFT,
    at="s.end_time",
    columns={
        "sessions": "count(*)",
        "setup_failures": f"count(*) FILTER (WHERE {_NEVER_CONNECTED})",
    },
    dimensions=_DIMENSIONS,
    id="s.id",
    examples={"setup_failures": (_NEVER_CONNECTED, _NEWEST)},
)

# Everybody: how many met any error. By code: how many met this issue, of everybody.
ISSUES: Final = Family(
    tables=_PEOPLE,
    where=_LEFT,
    at="s.end_time",
    columns={
        "sessions": "count(*)",
        "affected": f"count(*) FILTER (WHERE d.dimension = 'code' OR {_AN_ERROR})",
    },
    dimensions=_DIMENSIONS,
    many={
        "code": "SELECT i.code FROM monitoring.issues i WHERE i.session_id = s.id AND i.is_active GROUP BY i.code"
    },
    wholes=frozenset({"sessions"}),
    id="s.id",
    examples={"affected": (f"(d.dimension = 'code' OR {_AN_ERROR})", _NEWEST)},
)

SCORES: Final = Family(
    tables=_JUDGED,
    where="c.app_id = %(app)s AND c.is_active AND c.end_time >= %(begin)s AND c.end_time < %(end)s",
    at="c.end_time",
    columns={"judged": "count(*)"},
    dimensions=_DIMENSIONS,
    values={"score": "g.score"},
    id="s.id",
    examples={"score": ("true", "min(g.score)")},
)

_ACTIVE: Final = """
    SELECT a.id FROM unnest(%(apps)s::uuid[]) AS a (id) WHERE EXISTS (SELECT FROM monitoring.sessions s
        WHERE s.app_id = a.id AND s.end_time >= %(begin)s AND s.end_time < %(end)s)"""


async def active_apps(
    tx: Tx, actor: Actor, apps: Collection[UUID], *, begin: datetime, end: datetime
) -> set[UUID]:
    """Those of the actor's apps that somebody left a call of in between."""
    mine = [app for app in apps if actor.app_id in (None, app)]
    cursor = await tx.psycopg.execute(_ACTIVE, {"apps": mine, "begin": begin, "end": end})
    return {row[0] for row in await cursor.fetchall()}
