"""Rows of a table counted by cohort: in windows that end now, in the windows of a past, minute by minute, and as single values.

A context describes a *family* of rows once; the questions are the same for all of them. A cohort is a dimension and a value; ("all", "")
is everybody. Whoever asks has checked that the app may be seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from signalbox.core.db import Tx

ALL: Final = "all"
PAST_WINDOW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rows that are counted.

    `tables` and `where` are what stands behind FROM and WHERE, with the parameters app, begin and end; `at` is the instant of a row, `columns` aggregates by name, `dimensions`
    expressions by name; `many` are dimensions of which a row may have several values, as selects of one column: there a cohort is a part of
    everybody, so the columns `wholes` are everybody's. `values` are expressions, null where a row has none. `id` names a row to people, `examples` are
    conditions and orders that show the worst, by name of a column or value.
    """

    tables: str
    where: str
    at: str
    columns: Mapping[str, str]
    dimensions: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, str] = field(default_factory=dict)
    wholes: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    examples: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Counted(NamedTuple):
    """Sums of a cohort in a window of minutes; 0 where a span was asked for."""

    dimension: str
    value: str
    minutes: int
    sums: dict[str, float]


class PastRow(NamedTuple):
    """Of windows of five minutes with anything in them: all, those counted, the sum of k²/n, how many windows."""

    dimension: str
    value: str
    n: int
    k: int
    squares: float
    windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An app and a span, from `begin` to before `end`; of these `cohorts`, each a dimension and a value."""

    app_id: UUID
    begin: datetime
    end: datetime
    cohorts: Collection[tuple[str, str]] = ()

    def parameters(self) -> dict[str, Any]:
        """For the statements. Everybody is always among the cohorts: parts need the whole."""
        wanted = {(ALL, ""), *self.cohorts}
        return {
            "app": self.app_id,
            "begin": self.begin,
            "end": self.end,
            "dimensions": [dimension for dimension, _ in wanted],
            "values": [value for _, value in wanted],
        }


_COHORT: Final = "CROSS JOIN LATERAL ({every}) AS d (dimension, value)"
_WANTED: Final = "JOIN unnest(%(dimensions)s::text[], %(values)s::text[]) AS wanted (dimension, value) USING (dimension, value)"
_TALLIES: Final = """
    WITH sums AS (
        SELECT d.dimension, d.value, w.minutes, count(*) AS rows_, {columns} FROM {tables} {cohort}
        JOIN unnest(%(windows)s::int[]) AS w (minutes) ON {at} >= %(end)s - make_interval(mins => w.minutes)
        WHERE {where} AND d.value IS NOT NULL GROUP BY 1, 2, 3
    ), ranked AS (
        SELECT dimension, value, row_number() OVER (PARTITION BY dimension ORDER BY rows_ DESC, value) AS place
        FROM sums WHERE minutes = %(longest)s
    )
    SELECT sums.* FROM sums LEFT JOIN ranked USING (dimension, value)
    WHERE place <= %(most)s OR (dimension, value) IN (SELECT * FROM unnest(%(dimensions)s::text[], %(values)s::text[]))
    ORDER BY 1, 2, 3"""
_SUMS: Final = """
    SELECT d.dimension, d.value, 0, count(*), {columns} FROM {tables} {cohort} {wanted} WHERE {where} GROUP BY 1, 2"""
# A window ends at `end`, the others before it: what lies exactly on a border belongs to the later one.
_PASTS: Final = """
    WITH cells AS (
        SELECT d.dimension, d.value, ceil(extract(epoch FROM %(end)s - {at}) / 300) AS cell, {whole} AS n, {part} AS k
        FROM {tables} {cohort} {wanted} WHERE {where} GROUP BY 1, 2, 3
    ), wholes AS (SELECT cell, n FROM cells WHERE dimension = 'all' AND n > 0)
    SELECT dimension, value, sum(n), sum(k), sum(k::float8 * k / n), count(*) FROM cells
    WHERE n > 0 AND NOT dimension = ANY(%(many)s) GROUP BY 1, 2
    UNION ALL
    SELECT dimension, value, (SELECT sum(n) FROM wholes), sum(k), sum(k::float8 * k / w.n), (SELECT count(*) FROM wholes)
    FROM cells JOIN wholes AS w USING (cell) WHERE dimension = ANY(%(many)s) GROUP BY 1, 2"""
_VALUES: Final = """
    SELECT d.dimension, d.value, ({value})::float8, count(*) FROM {tables} {cohort} {wanted}
    WHERE {where} AND ({value}) IS NOT NULL GROUP BY 1, 2, 3"""
_MINUTES: Final = """
    SELECT d.dimension, date_trunc('minute', {at}), {columns} FROM {tables} {cohort} {wanted} WHERE {where} GROUP BY 1, 2"""
_MINUTE_VALUES: Final = """
    SELECT date_trunc('minute', {at}), ({value})::float8, count(*) FROM {tables} {cohort}
    WHERE {where} AND d.dimension = %(dimension)s AND d.value = %(one)s AND ({value}) IS NOT NULL GROUP BY 1, 2"""
_EXAMPLES: Final = """
    SELECT ({id})::text FROM {tables} {cohort} WHERE {where} AND d.dimension = %(dimension)s AND d.value = %(one)s AND {bad}
    GROUP BY 1 ORDER BY {order} LIMIT %(most)s"""


def _parts(family: Family, dimensions: Collection[str]) -> dict[str, str]:
    single = [f"('{name}', ({family.dimensions[name]})::text)" for name in dimensions if name in family.dimensions]  # fmt: skip
    every = "VALUES " + ", ".join([f"('{ALL}', '')", *single])
    every += "".join(
        f" UNION ALL SELECT '{name}', found.* FROM ({family.many[name]}) AS found"  # noqa: S608  # constants of a family
        for name in dimensions
        if name in family.many
    )
    return {
        "tables": family.tables,
        "where": family.where,
        "at": family.at,
        "cohort": _COHORT.format(every=every),
        "wanted": _WANTED,
        "columns": ", ".join(family.columns.values()),
    }


def _counted(family: Family, row: Sequence[Any]) -> Counted:
    return Counted(row[0], row[1], row[2], _named(family, row[4:]))


def _named(family: Family, numbers: Sequence[Any]) -> dict[str, float]:
    return {name: float(n or 0) for name, n in zip(family.columns, numbers, strict=True)}


async def tallies(
    tx: Tx,
    family: Family,
    asked: Asked,
    *,
    windows: Collection[int],
    dimensions: Sequence[str],
    most: int,
) -> list[Counted]:
    """Sums of the windows (minutes) that end at `asked.end`: of everybody, of the `most` largest cohorts of each dimension, and of those asked for."""
    longest = max(windows)
    values = asked.parameters() | {
        "windows": list(windows),
        "longest": longest,
        "most": most,
        "begin": asked.end - timedelta(minutes=longest),
    }
    named = {*dimensions, *(dimension for dimension, _ in asked.cohorts)} - {ALL}
    rows = await _rows(tx, _TALLIES.format(**_parts(family, sorted(named))), values)
    return _with_wholes(family, [_counted(family, row) for row in rows])


async def sums(tx: Tx, family: Family, asked: Asked) -> list[Counted]:
    """Sums of a span."""
    rows = await _rows(tx, _SUMS.format(**_parts(family, _dimensions(asked))), asked.parameters())
    return _with_wholes(family, [_counted(family, row) for row in rows])


async def pasts(tx: Tx, family: Family, asked: Asked, *, whole: str, part: str) -> list[PastRow]:
    """The past of the share of one column in another."""
    parts = _parts(family, _dimensions(asked))
    parts |= {"whole": family.columns[whole], "part": family.columns[part]}
    values = asked.parameters() | {"many": list(family.many)}
    rows = await _rows(tx, _PASTS.format(**parts), values)
    return [
        PastRow(row[0], row[1], int(row[2]), int(row[3]), float(row[4]), int(row[5]))
        for row in rows
    ]


async def values(
    tx: Tx, family: Family, asked: Asked, *, value: str
) -> dict[tuple[str, str], dict[float, int]]:
    """How often each single value was seen, by cohort."""
    parts = _parts(family, _dimensions(asked)) | {"value": family.values[value]}
    found: dict[tuple[str, str], dict[float, int]] = {}
    for dimension, name, number, count in await _rows(tx, _VALUES.format(**parts), asked.parameters()):  # fmt: skip
        found.setdefault((dimension, name), {})[number] = count
    return found


async def minutes(tx: Tx, family: Family, asked: Asked) -> dict[datetime, dict[str, float]]:
    """Sums of each minute that had anything of the one cohort asked for."""
    (cohort,) = asked.cohorts
    rows = await _rows(tx, _MINUTES.format(**_parts(family, [cohort[0]])), asked.parameters())
    counted = [(row[0], row[1], _named(family, row[2:])) for row in rows]
    everybody = {minute: sums for dimension, minute, sums in counted if dimension == ALL}
    own = {minute: sums for dimension, minute, sums in counted if dimension == cohort[0]}
    if cohort[0] not in family.many:
        return own
    nothing = dict.fromkeys(family.columns, 0.0)
    return {
        minute: own.get(minute, nothing) | {name: sums[name] for name in family.wholes}
        for minute, sums in everybody.items()
    }


async def minute_values(
    tx: Tx, family: Family, asked: Asked, *, value: str
) -> dict[datetime, dict[float, int]]:
    """How often each single value of the one cohort asked for was seen, by minute."""
    (cohort,) = asked.cohorts
    parts = _parts(family, [cohort[0]]) | {"value": family.values[value]}
    values = asked.parameters() | {"dimension": cohort[0], "one": cohort[1]}
    found: dict[datetime, dict[float, int]] = {}
    for minute, number, count in await _rows(tx, _MINUTE_VALUES.format(**parts), values):
        found.setdefault(minute, {})[number] = count
    return found


async def examples(tx: Tx, family: Family, asked: Asked, *, of: str, most: int) -> list[str]:
    """Ids of rows of the one cohort asked for that show what is wrong with a column or value; empty where nothing shows it."""
    if of not in family.examples:
        return []
    (cohort,) = asked.cohorts
    bad, order = family.examples[of]
    parts = _parts(family, [cohort[0]]) | {"id": family.id, "bad": bad, "order": order}
    values = asked.parameters() | {"dimension": cohort[0], "one": cohort[1], "most": most}
    return [row[0] for row in await _rows(tx, _EXAMPLES.format(**parts), values)]


def _dimensions(asked: Asked) -> list[str]:
    return sorted({dimension for dimension, _ in asked.cohorts} - {ALL})


def _with_wholes(family: Family, counted: list[Counted]) -> list[Counted]:
    """Cohorts that are parts of everybody get the wholes of everybody."""
    if not family.many:
        return counted
    everybody = {row.minutes: row.sums for row in counted if row.dimension == ALL}
    return [
        row._replace(sums=row.sums | {name: everybody[row.minutes][name] for name in family.wholes})
        if row.dimension in family.many
        else row
        for row in counted
    ]


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    cursor = tx.psycopg.cursor(binary=True)
    # One core is enough for what is asked every minute; and of an app that has most of a table no planner is to read it whole.
    await cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    await cursor.execute("SET LOCAL enable_seqscan = off")
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
