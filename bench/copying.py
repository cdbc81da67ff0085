"""The limit: a bare COPY of the same sample rows into the same layout, over one connection."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from bench.rig import Rig, cpu_s

ROWS = 20_000
_LAYOUT = """
    CREATE SCHEMA IF NOT EXISTS bench;
    DROP TABLE IF EXISTS bench.samples;
    CREATE TABLE bench.samples (LIKE monitoring.samples INCLUDING ALL) PARTITION BY RANGE (received_at);"""
_DAYS = (
    "SELECT DISTINCT received_at::date FROM (SELECT received_at FROM monitoring.samples LIMIT %s)"
)


def bare_copy(rig: Rig, *, seconds: float) -> dict[str, Any]:
    """Copy the rows that the bench before has stored again and again; rows/s and CPU of both sides per row."""
    with psycopg.connect(rig.postgres.url, autocommit=True) as connection:
        connection.execute(_LAYOUT)
        for (day,) in connection.execute(_DAYS, (ROWS,)).fetchall():
            connection.execute(
                f"CREATE TABLE bench.samples_{day:%Y%m%d} PARTITION OF bench.samples FOR VALUES FROM ('{day}') TO ('{day}'::date + 1)"
            )
        with connection.cursor().copy(
            f"COPY (SELECT * FROM monitoring.samples LIMIT {ROWS}) TO STDOUT (FORMAT binary)"
        ) as source:
            block = b"".join(bytes(part) for part in source)
        rows = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM monitoring.samples LIMIT %s) AS s", (ROWS,)
        ).fetchone()
        assert rows is not None
        server, client, began = cpu_s(rig.postgres.pid), time.process_time(), time.perf_counter()
        copied = 0
        while time.perf_counter() - began < seconds:
            with connection.cursor().copy(
                "COPY bench.samples FROM STDIN (FORMAT binary)"
            ) as target:
                target.write(block)
            copied += rows[0]
        elapsed = time.perf_counter() - began
        client, server = time.process_time() - client, cpu_s(rig.postgres.pid) - server
        connection.execute("DROP SCHEMA bench CASCADE")
    return {
        "rows": copied,
        "rows_per_s": copied / elapsed,
        "postgres_cpu_us": server / copied * 1e6,
        "client_cpu_us": client / copied * 1e6,
        "bytes_per_row": len(block) / rows[0],
    }
