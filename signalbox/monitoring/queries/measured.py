"""Figures of an app over time and by property of its sessions: from stored rollups, and from minutes where these do not hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.core.db import Tx
from signalbox.core.sketches import SMALLEST, STEPS, ZERO, Packed
from signalbox.monitoring.rules.measures import VERSION
from signalbox.monitoring.rules.overview import UNKNOWN
from signalbox.monitoring.wire.rollups import read_sketches

META = "meta."
# Properties of a session, or of the path that its media took at the time.
DIMENSIONS: Mapping[str, str] = {
    "app_version": "s.app_version",
    "browser": "s.browser",
    "os": "s.os",
    "country": "s.country",
    "webrtc_sdk": "s.webrtc_sdk",
    "network_type": "m.network_type",
    "relay": "CASE m.relayed WHEN true THEN 'relayed' WHEN false THEN 'direct' END",
}
TIME = -1  # stands for the place of a measure: seconds that were looked at
ALL = ""  # the dimension of everything
SHORT = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is counted of an app, whose right to be seen was checked: flows, and values that properties must have. `Unknown` finds what is missing."""

    app_id: UUID
    flows: Sequence[int]
    traits: tuple[tuple[str, str], ...] = ()


class Span(NamedTuple):
    """From an instant to before another."""

    begin: datetime
    end: datetime


class Row(NamedTuple):
    """How long a figure of a flow had a value, in an hour, among sessions with a property. `place` TIME: sessions (`bucket`), and seconds."""

    dimension: str
    value: str
    hour: datetime
    flow: int
    place: int
    bucket: int
    seconds: float
    total: float
    weight: float


class Stored(NamedTuple):
    """A stored rollup."""

    starts: datetime
    value: str
    flow: int
    sessions: int
    sketches: list[Packed]


def _property(name: str, values: dict[str, Any], number: int) -> str:
    if name.startswith(META):
        values[f"key{number}"] = name.removeprefix(META)
        expression = f"s.metadata ->> %(key{number})s"
    else:
        expression = DIMENSIONS[name]
    return f"coalesce(nullif({expression}, ''), '{UNKNOWN}')"


# The bounds stand for every table apart: each has its partitions, of which only some are read.
_SEEN = """
    SELECT date_trunc(%(unit)s, m.minute, 'UTC') AS hour, m.flow, m.session_id, m.conference_id, m.seconds, m.totals, m.weights{columns}
    FROM monitoring.track_minutes m JOIN monitoring.sessions s ON s.id = m.session_id AND s.is_active
    WHERE m.app_id = %(app)s AND m.flow = ANY(%(flows)s) AND m.minute >= %(begin)s AND m.minute < %(end)s{conditions}"""
# The bucket as in core/sketches.py.
_BUCKETS = """
    WITH seen AS ({seen})
    SELECT {mask}, {names}, hour, flow, place, bucket, sum(seconds), sum(total), sum(weight) FROM seen
    CROSS JOIN LATERAL unnest(totals, weights) WITH ORDINALITY AS x (total, weight, place)
    CROSS JOIN LATERAL (SELECT CASE WHEN total / weight < %(smallest)s THEN %(zero)s ELSE floor(ln(total / weight) * %(steps)s)::int END) AS b (bucket)
    WHERE weight > 0 GROUP BY hour, flow, place, bucket, GROUPING SETS ({sets})"""
# A session counts in the first hour of a UTC day in which the flow was seen, so that hours add up to days.
_TIMES = """
    WITH seen AS ({seen})
    SELECT {mask}, {names}, hour, flow, count(DISTINCT session_id) FILTER (WHERE NOT EXISTS (
            SELECT FROM monitoring.track_minutes e WHERE e.conference_id = seen.conference_id AND e.session_id = seen.session_id AND e.flow = seen.flow
                AND e.minute >= date_trunc('day', seen.hour, 'UTC') AND e.minute < seen.hour AND e.minute >= %(begin)s - interval '1 day' AND e.minute < %(end)s)),
        sum(seconds)
    FROM seen GROUP BY hour, flow, GROUPING SETS ({sets})"""


async def from_minutes(
    tx: Tx, subject: Subject, span: Span, dimensions: Sequence[str], *, unit: str = "hour"
) -> list[Row]:
    """Figures by hour, or with `unit` day, for everything (dimension ALL) and for each of `dimensions` apart, counted from minutes."""
    values: dict[str, Any] = {
        "app": subject.app_id,
        "flows": list(subject.flows),
        "begin": span.begin,
        "end": span.end,
        "unit": unit,
        "smallest": SMALLEST,
        "zero": ZERO,
        "steps": STEPS,
    }
    parts = [_property(name, values, number) for number, name in enumerate(dimensions)]
    conditions = ""
    for number, (name, value) in enumerate(subject.traits, start=len(parts)):
        conditions += f" AND {_property(name, values, number)} = %(trait{number})s"
        values[f"trait{number}"] = value
    columns = "".join(f", {part} AS d{number}" for number, part in enumerate(parts))
    names = ", ".join(f"d{number}" for number in range(len(parts)))
    given = {
        "seen": _SEEN.format(columns=columns, conditions=conditions),
        "mask": f"grouping({names})" if parts else "1",
        "names": names or "NULL::text",
        "sets": ", ".join(["()", *(f"(d{number})" for number in range(len(parts)))]),
    }
    many = max(1, len(parts))
    if span.end - span.begin <= SHORT:  # over before a second process has started
        await tx.psycopg.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    buckets = await _rows(tx, _BUCKETS.format(**given), values)
    times = await _rows(tx, _TIMES.format(**given), values)
    found = [_row(dimensions, many, row) for row in buckets]
    found += [
        _row(dimensions, many, (*row[: many + 3], 0, row[many + 3], row[many + 4], 0.0, 0.0))
        for row in times
    ]
    return found


def _row(dimensions: Sequence[str], many: int, row: Sequence[Any]) -> Row:
    """A row of grouping sets: the bit that is not set tells which property it is of."""
    mask, values, rest = row[0], row[1 : many + 1], row[many + 1 :]
    hour, flow, place, bucket, seconds, total, weight = rest
    for number, name in enumerate(dimensions):
        if not mask & (1 << (many - 1 - number)):
            return Row(name, values[number], hour, flow, place - 1, bucket, seconds, total, weight)
    return Row(ALL, "", hour, flow, place - 1, bucket, seconds, total, weight)


_META_KEYS = """
    SELECT DISTINCT name FROM monitoring.sessions s CROSS JOIN LATERAL jsonb_object_keys(
        CASE jsonb_typeof(s.metadata) WHEN 'object' THEN s.metadata ELSE '{}' END) AS name
    WHERE s.is_active AND s.id IN (SELECT m.session_id FROM monitoring.track_minutes m
        WHERE m.app_id = %(app)s AND m.flow = ANY(%(flows)s) AND m.minute >= %(begin)s AND m.minute < %(end)s)
    ORDER BY name LIMIT %(most)s"""


async def meta_keys(tx: Tx, subject: Subject, span: Span, *, most: int) -> list[str]:
    """Keys of the metadata of sessions that were measured in a span, with `meta.` before them."""
    values = {"app": subject.app_id, "flows": list(subject.flows), "begin": span.begin, "end": span.end, "most": most}  # fmt: skip
    return [META + row[0] for row in await _rows(tx, _META_KEYS, values)]


_CHANGED = "SELECT DISTINCT hour FROM monitoring.figure_changes WHERE app_id = %s AND hour >= %s AND hour < %s"
_FINISHED = """
    SELECT DISTINCT starts FROM monitoring.figure_rollups
    WHERE app_id = %s AND dimension = '' AND span = 'd' AND version = %s AND starts >= %s AND starts < %s"""
_STORED = """
    SELECT starts, value, flow, sessions, sketches FROM monitoring.figure_rollups
    WHERE app_id = %(app)s AND dimension = %(dimension)s AND span = %(span)s AND starts = ANY(%(starts)s) AND version = %(version)s
        AND flow = ANY(%(flows)s) AND (%(value)s::text IS NULL OR value = %(value)s)"""


async def changed_hours(tx: Tx, app_id: UUID, span: Span) -> set[datetime]:
    """Hours whose rollups do not count."""
    return {row[0] for row in await _rows(tx, _CHANGED, (app_id, *span))}


async def finished_days(tx: Tx, app_id: UUID, span: Span) -> set[datetime]:
    """Days that have a rollup."""
    return {row[0] for row in await _rows(tx, _FINISHED, (app_id, VERSION, *span))}


async def stored(
    tx: Tx,
    subject: Subject,
    dimension: str,
    *,
    kind: str,
    starts: Collection[datetime],
    value: str | None = None,
) -> list[Stored]:
    """Rollups of hours ('h') or days ('d') by a property, or of one value of it."""
    if not starts:
        return []
    values = {
        "app": subject.app_id,
        "dimension": dimension,
        "span": kind,
        "starts": sorted(starts),
        "version": VERSION,
        "flows": list(subject.flows),
        "value": value,
    }
    rows = await _rows(tx, _STORED, values)
    return [Stored._make([*row, read_sketches(found)]) for *row, found in rows]


_BY_CONFERENCE = """
    SELECT {sums} FROM monitoring.track_minutes m JOIN monitoring.sessions s ON s.id = m.session_id AND s.is_active
    WHERE m.app_id = %(app)s AND m.flow = ANY(%(flows)s) AND m.minute >= %(begin)s AND m.minute < %(end)s{conditions} GROUP BY m.conference_id"""


async def by_conference(
    tx: Tx, subject: Subject, span: Span, places: Sequence[int]
) -> list[list[float]]:
    """For each measure of the (one) flow the values of all conferences that have it, in no order."""
    values: dict[str, Any] = {"app": subject.app_id, "flows": list(subject.flows), "begin": span.begin, "end": span.end}  # fmt: skip
    conditions = ""
    for number, (name, value) in enumerate(subject.traits):
        conditions += f" AND {_property(name, values, number)} = %(trait{number})s"
        values[f"trait{number}"] = value
    sums = ", ".join(
        f"sum(m.totals[{place + 1}]) / nullif(sum(m.weights[{place + 1}]), 0)" for place in places
    )
    rows = await _rows(tx, _BY_CONFERENCE.format(sums=sums, conditions=conditions), values)
    return [[value for value in column if value is not None] for column in zip(*rows, strict=True)] or [[] for _ in places]  # fmt: skip


async def _rows(tx: Tx, statement: str, values: Any) -> list[Any]:
    cursor = tx.psycopg.cursor(binary=True)
    # A big app's minutes and sessions are most of their tables: reading these whole would be a little quicker for it, and slow for all others beside it.
    await cursor.execute("SET LOCAL enable_seqscan = off")
    # Planned for these bounds each time: a plan for any bounds reads a month as if it were an hour.
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
