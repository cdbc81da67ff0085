"""The benchmarks of monitoring's ingest."""

from __future__ import annotations

from typing import Any

from bench.copying import bare_copy
from bench.growth import ingest_growth
from bench.overload import ingest_overload
from bench.rig import Rig

_SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'monitoring' AND c.relkind = 'r'"""
_SAMPLES = "SELECT count(*) FROM monitoring.samples"


def ingest_stats(rig: Rig, seconds: float) -> dict[str, Any]:
    """Four-track stats posts at 64 and at 512 connections, and the bare COPY of the same rows."""
    found: dict[str, Any] = {}
    for connections in (64, 512):
        before: list[int] = []
        result = rig.load(
            "stats",
            connections=connections,
            seconds=seconds,
            prepared=lambda: before.extend((rig.sql(_SAMPLES), rig.sql(_SIZE))),  # noqa: B023
        )
        rows, size = rig.sql(_SAMPLES) - before[0], rig.sql(_SIZE) - before[1]
        result["rows_stored"] = rows
        result["stored_once"] = rows == result["acknowledged_in_all"]
        result["disk_bytes_per_post"] = size / max(1, rows)
        result["rows_per_s"] = result["per_s"]
        result["tracks_per_s"] = result["per_s"] * 4
        found[f"{connections} connections"] = result
    copy = bare_copy(rig, seconds=min(5.0, seconds))
    for result in found.values():
        result["ratio_to_copy"] = result["per_s"] / copy["rows_per_s"]
    return found | {"bare COPY": copy}


def ingest_candidate(rig: Rig, seconds: float) -> dict[str, Any]:
    """Candidates and state changes, as a browser sends them for each connection."""
    return {
        "64 connections": rig.load("candidate", connections=64, seconds=seconds, sessions_each=8)
    }


def ingest_initialize(rig: Rig, seconds: float) -> dict[str, Any]:
    """New conferences, their sessions, their connections."""
    first = rig.load("initialize", connections=64, seconds=seconds, each=5_000, warm_up_s=0.5)
    second = rig.load(
        "sessions", connections=64, seconds=seconds, tokens=first["kept"], warm_up_s=0.2
    )
    third = rig.load(
        "addConnection", connections=64, seconds=seconds, tokens=second["kept"], warm_up_s=0.2
    )
    return {"initialize": first, "sessions": second, "addConnection": third}


BENCHES = {
    "ingest-stats": ingest_stats,
    "ingest-candidate": ingest_candidate,
    "ingest-initialize": ingest_initialize,
    "ingest-overload": ingest_overload,
    "ingest-growth": ingest_growth,
}
