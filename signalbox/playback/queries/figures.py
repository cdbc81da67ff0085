"""Sums of sessions, by property or by time: of the sessions themselves, or of minutes and hours that are added up already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row

from signalbox.core.db import Tx
from signalbox.playback.queries.selecting import GROUPS, Selection
from signalbox.playback.queries.sums import (
    BUCKET,
    EXACT_PERCENTILES,
    HAS_STARTUP,
    OF_ROLLUPS,
    OF_SESSIONS,
    listed,
)
from signalbox.playback.rules.figures import SHARES, Sums
from signalbox.playback.rules.spans import Part

Value = str | datetime | None  # of a property, or the instant at which a step begins
MOST_GROUPS: Final = 200


@dataclass(slots=True)
class Counted:
    """Sums of some sessions, and their times to the first frame by bucket, or exact percentiles of these."""

    sums: Sums = field(default_factory=Sums)
    startups: Counter[int] = field(default_factory=Counter)
    exact: Sequence[float | None] | None = None

    def add(self, sums: Sums, startups: Mapping[int, int]) -> None:
        """Take in other sessions."""
        self.sums = self.sums + sums
        self.startups.update(startups)


async def rows_up_to(tx: Tx, chosen: Selection, most: int) -> int:
    """How many sessions there are, at most one more than `most`: then there are too many to count them each time."""
    where, values = chosen.conditions(chosen.begin, chosen.end)
    [row] = await _rows(tx, _ROWS.format(where=where), values | {"most": most + 1})
    return int(row["n"])


async def exactly(
    tx: Tx, chosen: Selection, good: Mapping[str, float], *, by: str | timedelta | None
) -> dict[Value, Counted]:
    """Figures of the sessions themselves, with exact percentiles, for each value of a property or each step of time."""
    where, values = chosen.conditions(chosen.begin, chosen.end)
    key = _key(by, 's."timestamp"')
    values |= {**good, "shares": list(SHARES.values()), **_step(by)}
    rows = await _rows(
        tx,
        _EXACT.format(
            key=key, sums=listed(OF_SESSIONS), percentiles=EXACT_PERCENTILES, where=where
        ),
        values,
    )
    return {
        row["value"]: Counted(Sums.of(row), exact=row["percentiles"] or [None] * len(SHARES))
        for row in rows
    }


async def add_part(
    tx: Tx,
    chosen: Selection,
    good: Mapping[str, float],
    part: Part,
    *,
    by: str | timedelta | None,
    into: dict[Value, Counted],
) -> None:
    """Add a part of a span to figures that may come from rollups."""
    if part.source == "sessions":
        table, sums = "sessions", OF_SESSIONS
        where, values = chosen.conditions(part.begin, part.end)
        values |= good
        time, buckets = 's."timestamp"', _BUCKETS_OF_SESSIONS
    else:
        table, sums = f"rollup_{part.source}", OF_ROLLUPS
        where, values = chosen.of_rollups(part.begin, part.end)
        time, buckets = "s.starts", _BUCKETS_OF_ROLLUPS
    if isinstance(by, str):
        where += "" if part.source == "sessions" or by != "contentId" else " AND NOT s.rest"
    given = {"key": _key(by, time), "table": table, "where": where}
    values |= _step(by)
    for row in await _rows(tx, _SUMS.format(sums=listed(sums), **given), values):
        into.setdefault(row["value"], Counted()).add(Sums.of(row), {})
    for row in await _rows(tx, buckets.format(**given), values):
        into.setdefault(row["value"], Counted()).startups[row["bucket"]] += row["n"]


_SUMS: Final = "SELECT {key} AS value, {sums} FROM playback.{table} s WHERE {where} GROUP BY 1"
_ROWS: Final = (
    "SELECT count(*) AS n FROM (SELECT FROM playback.sessions s WHERE {where} LIMIT %(most)s) n"
)
_EXACT: Final = "SELECT {key} AS value, {sums}, {percentiles} AS percentiles FROM playback.sessions s WHERE {where} GROUP BY 1"
_COUNTED: Final = "count(*)::bigint AS n FROM playback.{table} s WHERE {where} AND"
_BUCKETS_OF_SESSIONS: Final = " ".join(
    (
        "SELECT {key} AS value,",
        BUCKET.format("s.player_startup_ms"),
        "AS bucket,",
        _COUNTED,
        HAS_STARTUP,
        "GROUP BY 1, 2",
    )
)
_BUCKETS_OF_ROLLUPS: Final = (
    "SELECT {key} AS value, u.bucket, sum(u.n)::bigint AS n FROM playback.{table} s"
    " CROSS JOIN LATERAL unnest(s.startup_buckets, s.startup_counts) AS u (bucket, n) WHERE {where} GROUP BY 1, 2"
)


def _key(by: str | timedelta | None, time: str) -> str:
    if by is None:
        return "NULL::text"
    if isinstance(by, str):
        return f"s.{GROUPS[by]}::text"
    return f"date_bin(%(step)s, {time}, '1970-01-01 00:00:00+00')"


def _step(by: str | timedelta | None) -> dict[str, Any]:
    return {"step": by} if isinstance(by, timedelta) else {}


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    async with tx.psycopg.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
