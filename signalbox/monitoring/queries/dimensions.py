"""What the sessions of an app ran on: the known values of each property; for those who were found to be allowed to see the app."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg.rows import tuple_row

from signalbox.core.db import Tx
from signalbox.monitoring.rules.days import TRAITS
from signalbox.monitoring.rules.overview import UNKNOWN, Stretch

SAMPLED: Final = (
    2_000  # sessions whose metadata is looked at: it is in no index, and ten times as wide
)
_MOST_PAIRS: Final = 5_000
_SPAN: Final = """
    FROM monitoring.sessions s WHERE s.app_id = %(app)s AND s.is_active AND (%(begin)s::timestamptz IS NULL OR s.created_at >= %(begin)s)
    AND (%(end)s::timestamptz IS NULL OR s.created_at < %(end)s)"""
_NAMES: Final = ", ".join(TRAITS)
_VALUES: Final = """
    SELECT grouping({names}), coalesce({names}), count(*)
    FROM (SELECT {columns}{span}) AS s GROUP BY GROUPING SETS ({sets})"""
_TRAITS: Final = _VALUES.format(
    names=_NAMES,
    columns=", ".join(f"coalesce(nullif(s.{name}, ''), '{UNKNOWN}') AS {name}" for name in TRAITS),
    span=_SPAN,
    sets=", ".join(f"({name})" for name in TRAITS),
)
_META: Final = """
    WITH newest AS (SELECT s.metadata{span} ORDER BY s.created_at DESC LIMIT %(sampled)s)
    SELECT NULL, NULL, count(*) FROM newest
    UNION ALL (
        SELECT pair.key, pair.value, count(*) FROM newest
        CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(metadata) WHEN 'object' THEN metadata ELSE '{{}}' END) AS pair (key, value)
        WHERE pair.value <> '' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %(most)s)"""
_META_OF: Final = _META.format(span=_SPAN)


@dataclass(slots=True)
class Dimensions:
    """Sessions by value of each property, and by value of each key of the metadata of the newest `sampled` of them."""

    sessions: int = 0
    traits: dict[str, Counter[str]] = field(default_factory=dict)
    sampled: int = 0
    meta: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


async def dimensions(tx: Tx, app_id: UUID, stretch: Stretch) -> Dimensions:
    """Of the sessions of an app that were made in a stretch of time."""
    values = {"app": app_id, "begin": stretch.begin, "end": stretch.end, "sampled": SAMPLED, "most": _MOST_PAIRS}  # fmt: skip
    found = Dimensions(traits={name: Counter() for name in TRAITS})
    for mask, value, count in await _rows(tx, _TRAITS, values):
        # The bit that is not set tells which property it is of; the first has the highest.
        place = next(n for n in range(len(TRAITS)) if not mask & 1 << (len(TRAITS) - 1 - n))
        found.traits[TRAITS[place]][value] = count
    found.sessions = found.traits[TRAITS[0]].total()
    for key, value, count in await _rows(tx, _META_OF, values):
        if key is None:
            found.sampled = count
        else:
            found.meta[key][value] = count
    return found


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
    cursor = tx.psycopg.cursor(row_factory=tuple_row, binary=True)
    await cursor.execute("SET LOCAL enable_seqscan = off")
    # Planned for these bounds each time: a plan for any bounds reads a month as if it were an hour.
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
