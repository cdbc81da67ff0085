"""The issues of an app by code, with their days and newest examples; for those who were found to be allowed to see the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row

from signalbox.core.db import Tx
from signalbox.monitoring.queries.overview import Chosen
from signalbox.monitoring.rules.overview import Stretch

EXAMPLES: Final = 3
_WHERE: Final = """
    FROM monitoring.issues i{sessions} WHERE i.app_id = %(app)s AND i.is_active AND (%(begin)s::timestamptz IS NULL OR i.created_at >= %(begin)s)
    AND (%(end)s::timestamptz IS NULL OR i.created_at < %(end)s)"""
# The bit of the day is set where days are added up.
_GROUPS: Final = """
    SELECT grouping(day), code, type, day, count(*), count(DISTINCT conference_id), max(created_at)
    FROM (SELECT i.code, i.type, (i.created_at AT TIME ZONE 'UTC')::date AS day, i.conference_id, i.created_at{where}) AS found
    GROUP BY code, type, GROUPING SETS ((), (day)) ORDER BY code, type, day"""
_NEWEST: Final = """
    SELECT wanted.code, newest.* FROM unnest(%(codes)s::text[]) AS wanted (code) CROSS JOIN LATERAL (
        SELECT i.id, i.conference_id, i.participant_id, i.session_id, i.created_at{where} AND i.code = wanted.code
        ORDER BY i.created_at DESC LIMIT %(examples)s) AS newest"""
_SESSION: Final = " JOIN monitoring.sessions s ON s.id = i.session_id AND s.is_active{}"


class Example(NamedTuple):
    """An issue, and where it was."""

    id: UUID
    conference: UUID | None
    participant: UUID | None
    session: UUID | None
    at: datetime


@dataclass(slots=True)
class IssueGroup:
    """The issues of a code: how many, in how many conferences, when last, how many on each UTC day that has any, and the newest."""

    code: str
    type: str
    count: int = 0
    conferences: int = 0
    last_at: datetime | None = None
    days: dict[date, int] = field(default_factory=dict)
    newest: list[Example] = field(default_factory=list)


async def issue_groups(tx: Tx, chosen: Chosen, stretch: Stretch) -> list[IssueGroup]:
    """The codes of the chosen issues, the most frequent first."""
    condition, values = chosen.sessions()
    where = _WHERE.format(sessions=_SESSION.format(condition) if condition else "")
    values |= {"app": chosen.app_id, "begin": stretch.begin, "end": stretch.end}
    found: dict[tuple[str, str], IssueGroup] = {}
    for over_days, code, kind, day, count, conferences, last_at in await _rows(
        tx, _GROUPS.format(where=where), values
    ):
        group = found.setdefault((code, kind), IssueGroup(code, kind))
        if over_days:
            group.count, group.conferences, group.last_at = count, conferences, last_at
        else:
            group.days[day] = count
    values |= {"codes": sorted({code for code, _ in found}), "examples": EXAMPLES}
    by_code: dict[str, list[Example]] = {}
    for code, *example in await _rows(tx, _NEWEST.format(where=where), values):
        by_code.setdefault(code, []).append(Example(*example))
    for group in found.values():
        group.newest = by_code.get(group.code, [])
    return sorted(found.values(), key=lambda group: (-group.count, group.code, group.type))


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> list[Any]:
    cursor = tx.psycopg.cursor(row_factory=tuple_row, binary=True)
    await cursor.execute("SET LOCAL enable_seqscan = off")
    # Planned for these bounds each time: a plan for any bounds reads a month as if it were an hour.
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
