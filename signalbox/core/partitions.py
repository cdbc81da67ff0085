"""Range partitions made ahead and dropped by age, for tables partitioned by an instant such as `received_at`.

A partition covers one UTC day (`events_20261121`) or month (`audit_logs_202611`, or as "calendar" `sessions_2026_11`). Creating is safe from any number of
processes: an advisory lock per table lets one of them work and the others find the work done. A partition is built
apart and then attached, which does not block writers (`CREATE TABLE … PARTITION OF` would).
Retention drops whole partitions: no row is ever deleted one by one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import structlog
from psycopg import AsyncConnection, errors
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Identifier
from psycopg.sql import Literal as SqlLiteral

DAYS_AHEAD: Final = (
    3  # partitions exist for tomorrow and the two days after, should the worker be away
)
DAYS_BEHIND: Final = 1  # and for yesterday, for whoever started writing before midnight
LOCK_TIMEOUT: Final = (
    "2s"  # writers queue behind us this long at most; then the next run tries again
)

IN_THE_WAY: Final = (
    errors.InvalidObjectDefinition,  # a partition that overlaps
    errors.DuplicateTable,
    errors.WrongObjectType,
    errors.CheckViolation,
)

Every = Literal["day", "month", "calendar"]
_NAMED: Final[dict[Every, tuple[str, str]]] = {
    "day": ("%Y%m%d", r"(\d{4})(\d\d)(\d\d)"),
    "month": ("%Y%m", r"(\d{4})(\d\d)"),
    "calendar": ("%Y_%m", r"(\d{4})_(\d\d)"),
}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionPolicy:
    """How one partitioned table is kept.

    `table` is its name with the schema. `keep_days` counts whole days after a partition's last one; None keeps for ever.
    `ahead` partitions after the present one are made early; None: those of the next `DAYS_AHEAD` days.
    """

    table: str
    keep_days: int | None
    every: Every = "day"
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Maintained:
    """What a maintenance run did: names of partitions, with the schema."""

    created: Sequence[str]
    dropped: Sequence[str]


class PolicyRegistry:
    """The policies of all contexts; `site` fills it once."""

    def __init__(self, policies: Iterable[PartitionPolicy] = ()) -> None:
        self._policies: dict[str, PartitionPolicy] = {}
        for policy in policies:
            self.register(policy)

    def register(self, policy: PartitionPolicy) -> None:
        """Add one; a table has one policy.

        Raises:
            ValueError: the table has a policy already.
        """
        if policy.table in self._policies:
            raise ValueError(f"{policy.table} has a partition policy already")
        self._policies[policy.table] = policy

    def __iter__(self) -> Iterator[PartitionPolicy]:
        return iter(self._policies.values())


async def maintain(
    conn: AsyncConnection[Any], policies: Iterable[PartitionPolicy], *, at: datetime
) -> Maintained:
    """Make the partitions from yesterday to `DAYS_AHEAD` days on, then drop those past their time.

    `conn` is in autocommit, so that each table is a transaction of its own. A table that somebody holds locked is left for the next
    run, with a warning; one where something lies in the way, a partition made by hand say, with an error.
    """
    known = list(policies)
    today = at.astimezone(UTC).date()
    created: list[str] = []
    dropped: list[str] = []
    for policy in known:
        async with _patiently(policy.table):
            created += await ensure(
                conn, policy, today - timedelta(DAYS_BEHIND), _last_day(policy, today)
            )
    for policy in known:
        if policy.keep_days is not None:
            cutoff = today - timedelta(policy.keep_days)
            async with _patiently(policy.table):
                dropped += await drop_before(conn, policy.table, cutoff, every=policy.every)
    return Maintained(created, dropped)


def _last_day(policy: PartitionPolicy, today: date) -> date:
    """A day of the last partition that is to be there today."""
    if policy.ahead is None:
        return today + timedelta(DAYS_AHEAD)
    start = starts(today, today, policy.every)[0]
    for _ in range(policy.ahead):
        start = following(start, policy.every)
    return start


async def ensure_at(conn: AsyncConnection[Any], table: str, at: datetime) -> list[str]:
    """The daily partition for a row of `at`, for a writer that was refused for want of one (SQLSTATE 23514)."""
    day = at.astimezone(UTC).date()
    return await ensure_daily(conn, table, day, day)


async def ensure_daily(
    conn: AsyncConnection[Any], table: str, from_day: date, to_day: date
) -> list[str]:
    """Make the missing daily partitions of `table` ("schema.name"), both days included; names of the new ones."""
    return await ensure(conn, PartitionPolicy(table=table, keep_days=None), from_day, to_day)


async def ensure(
    conn: AsyncConnection[Any], policy: PartitionPolicy, from_day: date, to_day: date
) -> list[str]:
    """As `ensure_daily`, for the span of `policy`.

    Runs in the caller's transaction if there is one. In the usual case, nothing missing, it takes no lock.
    """
    schema, name = policy.table.split(".")
    if not await _missing(conn, policy, from_day, to_day):
        return []
    async with _locked(conn, policy.table):
        missing = await _missing(conn, policy, from_day, to_day)
        for start in missing:
            await _create(conn, schema, name, start, policy.every)
    made = [f"{schema}.{partition_name(name, start, policy.every)}" for start in missing]
    if made:
        log.info("partitions.created", table=policy.table, partitions=made)
    return made


async def drop_before(
    conn: AsyncConnection[Any], table: str, day: date, *, every: Every = "day"
) -> list[str]:
    """Drop the partitions of `table` that hold only rows from before `day`; names of the dropped ones.

    Partitions with names of another kind, such as a default partition, are never touched.
    """
    schema, name = table.split(".")
    dropped: list[str] = []
    for partition in await partitions_of(conn, table):
        start = partition_start(name, partition, every)
        if start is None or following(start, every) > day:
            continue
        async with _locked(conn, table):
            await conn.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(schema, partition)))
        dropped.append(f"{schema}.{partition}")
    if dropped:
        log.info("partitions.dropped", table=table, partitions=dropped)
    return dropped


async def partitions_of(conn: AsyncConnection[Any], table: str) -> list[str]:
    """Names, without the schema and sorted, of the attached partitions of `table`."""
    cursor = await conn.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass(%s) ORDER BY c.relname",
        (table,),
    )
    return [str(row[0]) for row in await cursor.fetchall()]


def partition_name(name: str, start: date, every: Every) -> str:
    """`events_20261121`, `audit_logs_202611` or `sessions_2026_11`."""
    return f"{name}_{start.strftime(_NAMED[every][0])}"


def partition_start(name: str, partition: str, every: Every) -> date | None:
    """The first day of a partition, told by its name; None for names of another kind."""
    found = re.fullmatch(rf"{re.escape(name)}_{_NAMED[every][1]}", partition)
    if found is None:
        return None
    year, month, *day = map(int, found.groups())
    try:
        return date(year, month, day[0] if day else 1)
    except ValueError:
        return None


def following(start: date, every: Every) -> date:
    """The first day after the partition that begins with `start`."""
    return (
        start + timedelta(1)
        if every == "day"
        else (start.replace(day=1) + timedelta(31)).replace(day=1)
    )


def starts(from_day: date, to_day: date, every: Every) -> list[date]:
    """First days of the partitions that cover `from_day` to `to_day`, both included; empty if they are swapped."""
    found: list[date] = []
    start = from_day if every == "day" else from_day.replace(day=1)
    while start <= to_day:
        found.append(start)
        start = following(start, every)
    return found


async def _missing(
    conn: AsyncConnection[Any], policy: PartitionPolicy, from_day: date, to_day: date
) -> list[date]:
    name = policy.table.split(".")[1]
    present = set(await partitions_of(conn, policy.table))
    wanted = starts(from_day, to_day, policy.every)
    return [start for start in wanted if partition_name(name, start, policy.every) not in present]


async def _create(
    conn: AsyncConnection[Any], schema: str, name: str, start: date, every: Every
) -> None:
    parent = Identifier(schema, name)
    partition = Identifier(schema, partition_name(name, start, every))
    # IF NOT EXISTS: a partition that an operator has detached is taken back instead of blocking every write.
    await conn.execute(
        SQL("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)").format(
            partition, parent
        )
    )
    await _empty_default(conn, parent, partition, start, following(start, every))
    await conn.execute(
        SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, partition, _midnight(start), _midnight(following(start, every))
        )
    )


async def _empty_default(
    conn: AsyncConnection[Any], parent: Identifier, partition: Identifier, start: date, end: date
) -> None:
    """Move the rows of a span from the default partition, if there is one, to the partition made for them."""
    cursor = await conn.execute(
        "SELECT n.nspname, c.relname, a.attname FROM pg_partitioned_table p "
        "JOIN pg_class c ON c.oid = p.partdefid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] "
        "WHERE p.partrelid = to_regclass(%s)",
        (parent.as_string(),),
    )
    row = await cursor.fetchone()
    if row is None:
        return
    await conn.execute(
        SQL(
            "WITH moved AS (DELETE FROM {} WHERE {column} >= {} AND {column} < {} RETURNING *) "
            "INSERT INTO {} SELECT * FROM moved"
        ).format(
            Identifier(row[0], row[1]),
            _midnight(start),
            _midnight(end),
            partition,
            column=Identifier(row[2]),
        )
    )


def _midnight(day: date) -> SqlLiteral:
    return SqlLiteral(f"{day:%Y-%m-%d} 00:00:00+00")


@asynccontextmanager
async def _locked(conn: AsyncConnection[Any], table: str) -> AsyncIterator[None]:
    """One process at a time per table, until the transaction ends."""
    own = conn.info.transaction_status == TransactionStatus.IDLE
    async with conn.transaction():
        if own:
            await conn.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
        key = f"signalbox.partitions:{table}"
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
        yield


@asynccontextmanager
async def _patiently(table: str) -> AsyncIterator[None]:
    try:
        yield
    except errors.LockNotAvailable:
        log.warning("partitions.postponed", table=table)
    except IN_THE_WAY as error:
        # Nobody else's table may suffer, nor this one's rows of the days that have a partition already.
        log.error("partitions.not_made", table=table, error=str(error.diag.message_primary))
