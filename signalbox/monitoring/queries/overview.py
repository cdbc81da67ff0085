"""The figures of one app for its charts, counted from the rows.

Everything is found through covering indexes that lead by app and creation. A filter is a condition on sessions: a conference counts when one of its sessions meets
it, a connection or an issue when its own session does.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import tuple_row

from signalbox.core.db import Tx
from signalbox.monitoring.rules.days import META, Slowest
from signalbox.monitoring.rules.issues import colour
from signalbox.monitoring.rules.overview import (
    DURATION_EDGES_S,
    MAX_CONFERENCE_IDS,
    SETUP_EDGES_MS,
    UNKNOWN,
    VERSION,
    Figures,
    Stretch,
)

ByDay = dict[date | None, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is counted: an app, whose right to be seen was checked; filters by name of trait, and by key of the session's metadata.

    `Unknown` finds what is missing too.
    """

    app_id: UUID
    traits: tuple[tuple[str, str], ...] = ()
    meta: tuple[tuple[str, str], ...] = ()

    @property
    def all(self) -> bool:
        """Whether every session counts."""
        return not self.traits and not self.meta

    @property
    def filters(self) -> tuple[tuple[str, str], ...]:
        """All filters by name; a key of metadata has `meta.` before it."""
        return (*self.traits, *((META + key, value) for key, value in self.meta))

    def sessions(self) -> tuple[str, dict[str, Any]]:
        """Conditions on sessions `s`, beginning with AND, and their parameters."""
        found: list[str] = []
        values: dict[str, Any] = {}
        for number, (trait, value) in enumerate(self.traits):
            found.append(_is(f"s.{trait}", f"trait{number}", value))
            values[f"trait{number}"] = value
        for number, (key, value) in enumerate(self.meta):
            found.append(_is(f"(s.metadata ->> %(key{number})s)", f"meta{number}", value))
            values |= {f"key{number}": key, f"meta{number}": value}
        return "".join(f" AND {condition}" for condition in found), values


def _is(expression: str, parameter: str, value: str) -> str:
    if value == UNKNOWN:
        return f"coalesce({expression}, '') IN ('', %({parameter})s)"
    return f"{expression} = %({parameter})s"


_OWN_SESSION = " JOIN monitoring.sessions s ON s.id = {}.session_id AND s.is_active{}"
_DAY = "({}.created_at AT TIME ZONE 'UTC')::date"
EACH_CONFERENCE = """
    WITH unusual AS MATERIALIZED (SELECT id FROM monitoring.participants WHERE app_id = %(app)s AND (is_sfu OR NOT is_active)),
    each AS (
        SELECT c.id, c.created_at, c.ongoing, c.duration, count(l.participant_id) AS participants FROM monitoring.conferences c
        LEFT JOIN monitoring.conference_participants l ON l.conference_id = c.id AND l.sessions > 0
            AND NOT EXISTS (SELECT FROM unusual WHERE unusual.id = l.participant_id)
        WHERE c.app_id = %(app)s AND c.is_active{span}{sessions} GROUP BY c.id
    ),
    judged AS (
        SELECT i.conference_id, bool_or(i.type = 'error') AS bad FROM monitoring.issues i
        WHERE i.app_id = %(app)s AND i.is_active AND i.conference_id IN (SELECT id FROM each) GROUP BY i.conference_id
    )"""
_BY_DAY = """
    SELECT {day}, each.ongoing, judged.bad, width_bucket(each.duration, %(edges)s::int[]) - 1, each.participants, count(*)
    FROM each LEFT JOIN judged ON judged.conference_id = each.id GROUP BY 1, 2, 3, 4, 5"""
_CONFERENCES = EACH_CONFERENCE + _BY_DAY
_WITH_SESSION = """
    AND c.id IN (SELECT s.conference_id FROM monitoring.sessions s WHERE s.app_id = %(app)s AND s.is_active{})"""
_CONNECTIONS = """
    SELECT {day}, k.type = 'relay', width_bucket(k.setup_ms, %(edges)s::float8[]) - 1, count(*) FROM monitoring.connections k{sessions}
    WHERE k.app_id = %(app)s AND k.is_active AND (k.type IS NOT NULL OR k.setup_ms IS NOT NULL){span} GROUP BY 1, 2, 3"""
_ISSUES = """
    SELECT {day}, i.code, count(*) FROM monitoring.issues i{sessions} WHERE i.app_id = %(app)s AND i.is_active{span} GROUP BY 1, 2"""
_MEDIA_ERRORS = """
    SELECT {day}, coalesce(nullif(i.data ->> 'name', ''), %(unknown)s), count(*),
        (array_agg(ARRAY[to_char(i.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), i.data ->> 'message'] ORDER BY i.created_at, i.id))[1:1]
    FROM monitoring.issues i{sessions}
    WHERE i.app_id = %(app)s AND i.is_active AND i.code = 'getusermedia_error' AND jsonb_typeof(i.data) = 'object'{span} GROUP BY 1, 2"""
_SESSIONS = """
    SELECT {day}, coalesce(s.browser, %(unknown)s), coalesce(s.os, %(unknown)s), coalesce(s.country, %(unknown)s), s.city, s.latitude, s.longitude, count(*)
    FROM monitoring.sessions s WHERE s.app_id = %(app)s AND s.is_active{sessions}{span} GROUP BY 1, 2, 3, 4, 5, 6, 7"""
_SLOW = """
    SELECT bucket.number - 1, found.setup_ms, found.conference_id
    FROM unnest(%(lows)s::float8[], %(highs)s::float8[]) WITH ORDINALITY AS bucket (low, high, number) CROSS JOIN LATERAL (
        SELECT k.setup_ms, k.conference_id FROM monitoring.connections k{sessions}
        WHERE k.app_id = %(app)s AND k.is_active AND k.setup_ms >= bucket.low AND k.setup_ms < bucket.high{span}
        ORDER BY k.setup_ms DESC LIMIT %(most)s) AS found ORDER BY 1, 2 DESC"""
# Under filters, or of a short time, the index by set-up time would be walked through far beyond what is shown.
_SLOW_BY_TIME = """
    SELECT found.bucket, found.setup_ms, found.conference_id FROM (
        SELECT width_bucket(k.setup_ms, %(lows)s::float8[]) - 1 AS bucket, k.setup_ms, k.conference_id,
            row_number() OVER (PARTITION BY width_bucket(k.setup_ms, %(lows)s::float8[]) ORDER BY k.setup_ms DESC) AS place
        FROM monitoring.connections k{sessions} WHERE k.app_id = %(app)s AND k.is_active AND k.setup_ms IS NOT NULL{span}) AS found
    WHERE found.place <= %(most)s ORDER BY 1, 2 DESC"""
_KEPT = """
    SELECT d.day, d.figures FROM monitoring.overview_days d
    WHERE d.app_id = %(app)s AND d.day = ANY(%(days)s) AND d.version = %(version)s
        AND NOT EXISTS (SELECT FROM monitoring.overview_changes c WHERE c.app_id = d.app_id AND c.day = d.day)"""
_SETTLED = "SELECT ((now() - interval '6 hours') AT TIME ZONE 'UTC')::date"
_OLDEST = """
    SELECT least((SELECT min(created_at) FROM monitoring.conferences WHERE app_id = %(app)s),
        (SELECT min(created_at) FROM monitoring.sessions WHERE app_id = %(app)s),
        (SELECT min(created_at) FROM monitoring.connections WHERE app_id = %(app)s),
        (SELECT min(created_at) FROM monitoring.issues WHERE app_id = %(app)s))"""


async def through_indexes(tx: Tx) -> None:
    """For the rest of the transaction: where an app owns nearly all rows, a table ten times as wide as its index would be read whole.

    Charts are asked for eight at a time: a second process for one of them takes the core from another.
    """
    await tx.psycopg.execute("SET LOCAL enable_seqscan = off")
    await tx.psycopg.execute("SET LOCAL max_parallel_workers_per_gather = 0")


async def settled(tx: Tx) -> date:
    """The first UTC day whose figures may not be kept yet. By the clock of the database: its triggers go by that too."""
    day: date = (await _rows(tx, _SETTLED, {}))[0][0]
    return day


async def oldest(tx: Tx, app_id: UUID) -> datetime | None:
    """When the first thing of an app was made; None when there is none."""
    at: datetime | None = (await _rows(tx, _OLDEST, {"app": app_id}))[0][0]
    return at


async def kept(tx: Tx, app_id: UUID, days: Collection[date]) -> Mapping[date, Any]:
    """The stored figures of those days that have not changed since."""
    values = {"app": app_id, "days": list(days), "version": VERSION}
    return dict(await _rows(tx, _KEPT, values)) if days else {}


async def conferences(tx: Tx, chosen: Chosen, stretch: Stretch, *, daily: bool) -> ByDay:
    """Colours by day, durations, numbers of participants."""
    condition, values = chosen.sessions()
    found: ByDay = {}
    statement = _CONFERENCES.format(
        day=_DAY.format("each"),
        span=_span("c", stretch, values),
        sessions=_WITH_SESSION.format(condition) if condition else "",
    )
    values |= {"edges": list(DURATION_EDGES_S)}
    for day, ongoing, bad, bucket, people, n in await _ask(tx, chosen, statement, values):
        figures = found.setdefault(day if daily else None, Figures())
        shown = colour(ongoing=ongoing, errors=bool(bad), warnings=bad is not None)
        figures.statuses[day, shown] += n
        figures.durations[max(bucket, 0)] += n
        figures.participants[people] += n
    return found


async def issues(tx: Tx, chosen: Chosen, stretch: Stretch, *, daily: bool) -> ByDay:
    """Issues by code; what browsers said when they refused media."""
    found: ByDay = {}
    for day, code, n in await _ask(tx, chosen, *_on_session(_ISSUES, "i", chosen, stretch, daily)):
        found.setdefault(day, Figures()).issues[code] += n
    statement, values = _on_session(_MEDIA_ERRORS, "i", chosen, stretch, daily)
    for day, name, n, ((at, message),) in await _ask(tx, chosen, statement, values):
        figures = found.setdefault(day, Figures())
        figures.media_errors[name] += n
        figures.tell(name, (at, message))
    return found


async def connections(tx: Tx, chosen: Chosen, stretch: Stretch, *, daily: bool) -> ByDay:
    """Relayed or not; times of set-up."""
    found: ByDay = {}
    statement, values = _on_session(_CONNECTIONS, "k", chosen, stretch, daily)
    values |= {"edges": list(SETUP_EDGES_MS)}
    for day, is_relay, bucket, n in await _ask(tx, chosen, statement, values):
        figures = found.setdefault(day, Figures())
        if is_relay is not None:
            figures.relayed[is_relay] += n
        if bucket is not None:
            figures.setups[bucket] += n
    return found


async def sessions(tx: Tx, chosen: Chosen, stretch: Stretch, *, daily: bool) -> ByDay:
    """Browsers, operating systems, places."""
    found: ByDay = {}
    condition, values = chosen.sessions()
    statement = _SESSIONS.format(
        day=_DAY.format("s") if daily else "NULL::date",
        span=_span("s", stretch, values),
        sessions=condition,
    )
    for day, browser, system, country, *place, n in await _ask(tx, chosen, statement, values):
        figures = found.setdefault(day, Figures())
        figures.browsers[browser] += n
        figures.systems[system] += n
        figures.countries[country] += n
        if any(part is not None for part in place):
            figures.cities[place[0] or UNKNOWN, place[1], place[2]] += n
    return found


FAMILIES: Mapping[str, Callable[..., Awaitable[ByDay]]] = {
    "conferences": conferences,
    "issues": issues,
    "connections": connections,
    "sessions": sessions,
}


async def slow_conferences(
    tx: Tx, chosen: Chosen, stretch: Stretch, *, by_time: bool
) -> dict[int, list[Slowest]]:
    """By bucket of set-up time the slowest connections, the slowest first; `by_time` looks at all of the stretch, which then is better short."""
    asked = _SLOW_BY_TIME if by_time else _SLOW
    statement, values = _on_session(asked, "k", chosen, stretch, daily=False)
    lows = [float(edge) for edge in SETUP_EDGES_MS]
    values |= {"lows": lows, "highs": [*lows[1:], math.inf], "most": MAX_CONFERENCE_IDS}
    found: dict[int, list[Slowest]] = {}
    for bucket, setup_ms, conference in await _ask(tx, chosen, statement, values):
        found.setdefault(bucket, []).append((setup_ms, conference.bytes))
    return found


def _on_session(
    statement: str, alias: str, chosen: Chosen, stretch: Stretch, daily: bool
) -> tuple[str, dict[str, Any]]:
    condition, values = chosen.sessions()
    own = _OWN_SESSION.format(alias, condition) if condition else ""
    day = _DAY.format(alias) if daily else "NULL::date"
    return statement.format(day=day, sessions=own, span=_span(alias, stretch, values)), values


def _span(alias: str, stretch: Stretch, values: dict[str, Any]) -> str:
    found = ""
    if stretch.begin is not None:
        found += f" AND {alias}.created_at >= %(begin)s"
        values["begin"] = stretch.begin
    if stretch.end is not None:
        found += f" AND {alias}.created_at < %(end)s"
        values["end"] = stretch.end
    return found


async def _ask(tx: Tx, chosen: Chosen, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
    return await _rows(tx, statement, {"app": chosen.app_id, "unknown": UNKNOWN, **values})


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
    cursor = tx.psycopg.cursor(row_factory=tuple_row, binary=True)
    # Planned for these bounds each time: a plan for any bounds reads a month as if it were an hour.
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
