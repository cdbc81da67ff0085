"""Days of an app as columns: the stored ones, and the rows that they are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from signalbox.core.compression import unpack
from signalbox.core.db import Tx
from signalbox.monitoring.queries.overview import EACH_CONFERENCE
from signalbox.monitoring.rules.columns import Column
from signalbox.monitoring.rules.days import (
    VERSION,
    Columns,
    ConferenceFact,
    ConnectionFact,
    Facts,
    IssueFact,
    SessionFact,
    Stay,
)
from signalbox.monitoring.rules.issues import colour
from signalbox.monitoring.rules.overview import (
    DURATION_EDGES_S,
    SETUP_EDGES_MS,
    UNKNOWN,
    Stretch,
)

ABOUT = (
    ""  # the name under which is stored which keys of metadata there are, and how many conferences
)
_STORED = """
    SELECT c.day, c.name, c.packed FROM monitoring.overview_columns c
    WHERE c.app_id = %(app)s AND c.day >= %(first)s AND c.day <= %(last)s AND c.name = ANY(%(names)s) AND c.version = %(version)s
        AND NOT EXISTS (SELECT FROM monitoring.overview_changes m WHERE m.app_id = c.app_id AND m.day = c.day)"""
_about = msgspec.msgpack.Decoder(tuple[list[str], bool, int])
NEVER, ALWAYS = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_decode = msgspec.msgpack.Decoder().decode


async def stored(
    tx: Tx,
    app_id: UUID,
    days: Sequence[date],
    family: str,
    names: Collection[str],
    keys: Collection[str] = (),
) -> dict[date, Columns]:
    """Columns of a family by day. Missing are days that have none or have changed since, and those of which not all `keys` of metadata are kept."""
    values = {
        "app": app_id,
        "first": days[0],
        "last": days[-1],
        "names": [ABOUT, *(f"{family}.{name}" for name in names)],
        "version": VERSION,
    }
    packed: dict[date, dict[str, bytes]] = {}
    for day, name, found in await _rows(tx, _STORED, values):
        packed.setdefault(day, {})[name] = found
    return {
        day: {name.partition(".")[2]: unpacked(found) for name, found in parts.items() if name}
        for day, parts in packed.items()
        if _has_keys(parts.get(ABOUT), keys)
    }


async def conferences_of_days(tx: Tx, app_id: UUID, first: date, last: date) -> dict[date, int]:
    """How many conferences there were, by day. Missing are days that have no columns or have changed since."""
    values = {"app": app_id, "first": first, "last": last, "names": [ABOUT], "version": VERSION}
    rows = await _rows(tx, _STORED, values)
    return {day: _about.decode(unpack(packed))[2] for day, _, packed in rows}


_MADE = """
    SELECT count(*) FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS part (begins, ends)
    JOIN monitoring.conferences c ON c.app_id = %(app)s AND c.created_at >= part.begins AND c.created_at < part.ends
    WHERE c.is_active"""


async def conferences_made(tx: Tx, app_id: UUID, parts: Sequence[Stretch]) -> int:
    """How many conferences of an app were made in stretches of time that do not overlap, counted now."""
    values = {
        "app": app_id,
        "begins": [part.begin or NEVER for part in parts],
        "ends": [part.end or ALWAYS for part in parts],
    }
    found: int = (await _rows(tx, _MADE, values))[0][0]
    return found


def _has_keys(about: bytes | None, keys: Collection[str]) -> bool:
    if about is None:
        return False
    known, is_complete, _ = _about.decode(unpack(about))
    return is_complete or set(keys) <= set(known)


def unpacked(packed: bytes) -> Column | bytes:
    """A column as it was stored."""
    found = _decode(unpack(packed))
    if isinstance(found, bytes):
        return found
    values, planes = found
    return Column([tuple(v) if isinstance(v, list) else v for v in values], planes)


_WITH_STAYS = """
    SELECT each.created_at, each.ongoing, judged.bad, width_bucket(each.duration, %(durations)s::int[]) - 1, each.participants, ARRAY(
        SELECT s.id FROM monitoring.sessions s WHERE s.conference_id = each.id AND s.app_id = %(app)s AND s.is_active)
    FROM each LEFT JOIN judged ON judged.conference_id = each.id ORDER BY each.created_at, each.id"""
_CONFERENCES = EACH_CONFERENCE + _WITH_STAYS
_SPAN = " AND {}.created_at >= %(begin)s AND {}.created_at < %(end)s"
_SESSIONS = """
    SELECT s.created_at, s.id, s.city, s.latitude, s.longitude FROM monitoring.sessions s
    WHERE s.app_id = %(app)s AND s.is_active{span} ORDER BY s.created_at, s.id"""
_CONNECTIONS = """
    SELECT k.created_at, k.session_id, k.conference_id, k.type = 'relay', width_bucket(k.setup_ms, %(setups)s::float8[]) - 1, k.setup_ms
    FROM monitoring.connections k WHERE k.app_id = %(app)s AND k.is_active AND (k.type IS NOT NULL OR k.setup_ms IS NOT NULL){span}
    ORDER BY k.created_at, k.id"""
_ISSUES = """
    SELECT i.created_at, i.session_id, i.code,
        CASE WHEN i.code = 'getusermedia_error' AND jsonb_typeof(i.data) = 'object' THEN coalesce(nullif(i.data ->> 'name', ''), %(unknown)s) END,
        CASE WHEN i.code = 'getusermedia_error' AND jsonb_typeof(i.data) = 'object' THEN i.data ->> 'message' END
    FROM monitoring.issues i WHERE i.app_id = %(app)s AND i.is_active{span} ORDER BY i.created_at, i.id"""
_STAYS = """
    SELECT s.id, s.app_version, s.browser, s.os, s.country, s.webrtc_sdk, CASE jsonb_typeof(s.metadata) WHEN 'object' THEN
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(s.metadata) WHERE value IS NOT NULL) END
    FROM monitoring.sessions s WHERE s.id = ANY(%(ids)s) AND s.is_active"""


async def facts(tx: Tx, app_id: UUID, stretch: Stretch) -> Facts:
    """All rows of a stretch of time of an app, those that are not active left out."""
    values: dict[str, Any] = {
        "app": app_id,
        "begin": stretch.begin,
        "end": stretch.end,
        "unknown": UNKNOWN,
        "durations": list(DURATION_EDGES_S),
        "setups": list(SETUP_EDGES_MS),
    }

    async def ask(statement: str, alias: str) -> Sequence[Any]:
        span = _SPAN.format(alias, alias)
        return await _rows(tx, statement.format(span=span, sessions=""), values)

    conferences = [
        ConferenceFact(
            at, colour(ongoing=ongoing, errors=bool(bad), warnings=bad is not None), max(bucket, 0), people, ids
        )
        for at, ongoing, bad, bucket, people, ids in await ask(_CONFERENCES, "c")
    ]  # fmt: skip
    sessions = [
        SessionFact(at, key, place if any(part is not None for part in place) else None)
        for at, key, *some in await ask(_SESSIONS, "s")
        for place in [(some[0], some[1], some[2])]
    ]
    connections = [ConnectionFact(*row) for row in await ask(_CONNECTIONS, "k")]
    issues = [IssueFact(*row) for row in await ask(_ISSUES, "i")]
    ids = {key for fact in conferences for key in fact.stays}
    ids |= {fact.id for fact in sessions} | {fact.session for fact in connections}
    ids |= {fact.session for fact in issues if fact.session is not None}
    rows = await _rows(tx, _STAYS, {"ids": sorted(ids)})
    stays = {key: Stay(tuple(traits), meta or {}) for key, *traits, meta in rows}
    return Facts(
        conferences=conferences,
        sessions=sessions,
        connections=connections,
        issues=issues,
        stays=stays,
    )


# Values and not EXISTS: under an OR the planner would rather read all columns of all apps once than look a day up.
_DUE = """
    SELECT a.id, due.day::date FROM accounts.apps a CROSS JOIN LATERAL (
        SELECT least(
            (SELECT min(created_at) FROM monitoring.conferences c WHERE c.app_id = a.id),
            (SELECT min(created_at) FROM monitoring.sessions s WHERE s.app_id = a.id),
            (SELECT min(created_at) FROM monitoring.connections k WHERE k.app_id = a.id),
            (SELECT min(created_at) FROM monitoring.issues i WHERE i.app_id = a.id)) AT TIME ZONE 'UTC' AS at) AS first
    CROSS JOIN LATERAL generate_series(greatest(date_trunc('day', first.at), %(since)s::timestamp), %(settled)s::date - interval '1 day', '1 day') AS due (day)
    WHERE a.is_active AND (
        (SELECT c.version FROM monitoring.overview_columns c WHERE c.app_id = a.id AND c.day = due.day::date AND c.name = '') IS DISTINCT FROM %(version)s
        OR (SELECT true FROM monitoring.overview_changes m WHERE m.app_id = a.id AND m.day = due.day::date LIMIT 1))
    ORDER BY a.id, due.day DESC LIMIT %(most)s"""


async def due_days(tx: Tx, *, since: date, settled: date, most: int) -> list[tuple[UUID, date]]:
    """Apps and days from `since` on and before `settled` that have no columns or have changed, those of an app together, the newest first."""
    values = {"since": since, "settled": settled, "most": most, "version": VERSION}
    return [(app, day) for app, day in await _rows(tx, _DUE, values)]


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
    cursor = tx.psycopg.cursor(binary=True)
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
