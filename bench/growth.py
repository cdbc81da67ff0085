"""The figures of ingest on an empty database and on one that holds 20 million samples."""

from __future__ import annotations

from typing import Any

import psycopg

from bench.rig import Rig

SAMPLES = 20_000_000  # of single tracks: four to a report
TRACKS = 4
REPORTS_PER_CONNECTION = 360  # an hour at 10 s
BLOCK = 100_000
_PATTERN = "CREATE UNLOGGED TABLE public.pattern AS SELECT *, row_number() OVER () - 1 AS number FROM (SELECT * FROM monitoring.samples LIMIT 5000) AS s"
# Reports of calls that ran beside each other: neighbours on disk belong to different connections, as in life.
_FILL = """
    INSERT INTO monitoring.samples ({columns})
    SELECT {values} FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    JOIN public.pattern AS p ON p.number = n %% (SELECT count(*) FROM public.pattern)"""
_OWN = {
    "id": "gen_random_uuid()",
    "conference_id": "md5('conference' || n %% %(connections)s / 4)::uuid",
    "connection_id": "md5('connection' || n %% %(connections)s)::uuid",
    "session_id": "md5('session' || n %% %(connections)s)::uuid",
    "created_at": "p.created_at - interval '12 hours' * (1 - n / %(total)s::float8)",
}


def fill(rig: Rig, reports: int) -> None:
    """Multiply stored reports until there are so many more."""
    connections = max(1, reports // REPORTS_PER_CONNECTION)
    with psycopg.connect(rig.postgres.url, autocommit=True) as db:
        db.execute(_PATTERN)
        names = [
            name
            for (name,) in db.execute(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = 'monitoring.samples'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ).fetchall()
        ]
        values = ", ".join(_OWN.get(name, f"p.{name}") for name in names)
        statement = _FILL.format(columns=", ".join(names), values=values)
        for first in range(0, reports, BLOCK):
            last = min(first + BLOCK, reports) - 1
            db.execute(
                statement,
                {"first": first, "last": last, "connections": connections, "total": reports},
            )
        db.execute("DROP TABLE public.pattern")
        db.execute("VACUUM (ANALYZE) monitoring.samples")
        db.execute("CHECKPOINT")


def ingest_growth(rig: Rig, seconds: float) -> dict[str, Any]:
    """Four-track posts, candidates and added connections before and after."""
    found = {f"empty, {name}": result for name, result in _figures(rig, seconds).items()}
    fill(rig, SAMPLES // TRACKS)
    full = _figures(rig, seconds)
    stored = rig.sql("SELECT count(*) FROM monitoring.samples")
    for name, result in full.items():
        empty = found[f"empty, {name}"]
        result["of_empty"] = round(result["per_s"] / empty["per_s"], 3)
        result["cpu_of_empty"] = round(_cpu_us(result) / _cpu_us(empty), 3)
        result["reports_stored"] = stored
        found[f"20 M samples, {name}"] = result
    return found


def _cpu_us(result: dict[str, Any]) -> float:
    """CPU of both servers per request: comparable on a machine that others use too."""
    return float(result["serve_cpu_us"] + result["postgres_cpu_us"])


def _figures(rig: Rig, seconds: float) -> dict[str, Any]:
    found = {
        "stats": rig.load("stats", connections=64, seconds=seconds),
        "candidate": rig.load("candidate", connections=64, seconds=seconds, sessions_each=8),
        "initialize": rig.load(
            "initialize", connections=64, seconds=seconds, each=5_000, warm_up_s=0.5
        ),
    }
    tokens = found["initialize"]["kept"]
    found["sessions"] = rig.load(
        "sessions", connections=64, seconds=seconds, tokens=tokens, warm_up_s=0.2
    )
    tokens = found["sessions"]["kept"]
    found["addConnection"] = rig.load(
        "addConnection", connections=64, seconds=seconds, tokens=tokens, warm_up_s=0.2
    )
    return found
