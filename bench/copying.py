"""The limit: a bare COPY of the same rows into the same layout, over one connection."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from bench.rig import Rig, cpu_s
from signalbox.core.copyrows import HEADER, TRAILER

BLOCK_ROWS = 20_000
MOST_ROWS = 100_000
_LAYOUT = """
    DROP SCHEMA IF EXISTS bench CASCADE;
    CREATE SCHEMA bench;
    CREATE TABLE bench.rows (LIKE {table} INCLUDING ALL) PARTITION BY RANGE (received_at);"""
_DAYS = "SELECT DISTINCT received_at::date FROM {table}"
_STORED = "COPY (SELECT * FROM {table} ORDER BY received_at LIMIT {rows}) TO STDOUT (FORMAT binary)"
_COPY = "COPY bench.rows FROM STDIN (FORMAT binary)"
Db = psycopg.Connection[Any]


def bare_copy(rig: Rig, *, seconds: float, table: str = "monitoring.samples") -> dict[str, Any]:
    """Copy the rows that the bench before has stored, each once and in their order, into an empty table; again into a new one until
    `seconds` are over. Rows/s and CPU of both sides per row.

    Each once: rows that come a second time share their keys with the first, and PostgreSQL stores those for less.
    """
    copied, elapsed, client, server = 0, 0.0, 0.0, 0.0
    with psycopg.connect(rig.postgres.url, autocommit=True) as db:
        rows, blocks = _stored(db, table)
        while elapsed < seconds:
            _make_table(db, table)
            used, own, began = cpu_s(rig.postgres.pid), time.process_time(), time.perf_counter()
            for block in blocks:
                with db.cursor().copy(_COPY) as target:
                    target.write(block)
            elapsed += time.perf_counter() - began
            client += time.process_time() - own
            server += cpu_s(rig.postgres.pid) - used
            copied += rows
        db.execute("DROP SCHEMA bench CASCADE")
    return {
        "rows": copied,
        "rows_per_s": copied / elapsed,
        "postgres_cpu_us": server / copied * 1e6,
        "client_cpu_us": client / copied * 1e6,
        "bytes_per_row": sum(map(len, blocks)) / rows,
    }


def _stored(db: Db, table: str) -> tuple[int, list[bytes]]:
    """How many rows, and finished blocks of them; the driver hands over row by row."""
    with db.cursor().copy(_STORED.format(table=table, rows=MOST_ROWS)) as source:
        rows = [bytes(row) for row in source]
    rows[0] = rows[0].removeprefix(HEADER)
    rows = [row for row in rows if row not in (b"", TRAILER)]
    starts = range(0, len(rows), BLOCK_ROWS)
    return len(rows), [b"".join((HEADER, *rows[n : n + BLOCK_ROWS], TRAILER)) for n in starts]


def _make_table(db: Db, table: str) -> None:
    """An empty table with the columns, indexes and days of the real one."""
    db.execute(_LAYOUT.format(table=table))
    for (day,) in db.execute(_DAYS.format(table=table)).fetchall():
        db.execute(
            f"CREATE TABLE bench.rows_{day:%Y%m%d} PARTITION OF bench.rows FOR VALUES FROM ('{day}') TO ('{day}'::date + 1)"
        )
