"""The benchmark of figures: a month of 100 000 conferences, a million reports and a million minutes, rolled up as the worker does it, then asked over HTTP."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench.query import Caller, fresh_minutes, tenant, timed
from bench.rig import Rig
from signalbox.core.db import Database
from signalbox.monitoring.rules.measures import NAMES
from signalbox.monitoring.service import Minutes, finish_days, roll_up

_PARTITION = """
    CREATE TABLE IF NOT EXISTS monitoring.track_minutes_{day:%Y%m%d} PARTITION OF monitoring.track_minutes FOR VALUES FROM ('{day} 00:00+00') TO ('{after} 00:00+00')"""
# Two minutes of every flow of every other connection. Figures between nothing and two hundred.
_FILL = """
    INSERT INTO monitoring.track_minutes (minute, app_id, conference_id, participant_id, session_id, peer_id, connection_id, flow, key, relayed,
        network_type, seconds, totals, weights)
    SELECT date_trunc('minute', x.created_at) + n * interval '1 minute', x.app_id, x.conference_id, x.participant_id, x.session_id, x.peer_id, x.id, %(flow)s,
        'k', bench.dice(made.number, 'r', 6) = 0, (ARRAY['wifi', 'ethernet', 'cellular', NULL])[1 + bench.dice(made.number, 'n', 4)], 45,
        ARRAY(SELECT 45.0 * bench.dice(made.number * 97 + place * 7 + n, 'v' || %(flow)s, 200) FROM generate_series(1, %(many)s) place), array_fill(45.0::float8, ARRAY[%(many)s])
    FROM generate_series(1, %(connections)s) AS made (number) JOIN monitoring.connections x ON x.id = bench.key('x', 2 * made.number), generate_series(0, 1) n"""
_MARK = """
    INSERT INTO monitoring.figure_changes SELECT DISTINCT app_id, date_trunc('hour', minute, 'UTC') FROM monitoring.track_minutes"""


def figures(rig: Rig, seconds: float) -> dict[str, Any]:
    """How fast the worker takes in reports and makes rollups; then each kind of question for `seconds`, or 20 times."""
    begin, filled, key = tenant(rig)
    found = {}
    if not rig.sql("SELECT count(*) FROM monitoring.figure_progress"):
        found["worker, minutes of reports"] = asyncio.run(_take_in(rig, begin))
        _fill(rig, begin)
    found["worker, hours rolled up"] = asyncio.run(_roll_up(rig))
    one, app = Caller(rig, key), str(filled.app)
    instants = fresh_minutes(begin)

    def month(**parameters: str) -> Any:
        asked = {"appId": app, **parameters}
        return lambda: one.get("figures", **asked, **{"from": next(instants)})

    asks = {
        "a month": month(),
        "a month, by day": month(series="day"),
        "a month, by browser": month(group_by="browser"),
        "a month, by version and day": month(group_by="app_version", series="day"),
        "a month, by meta.plan": month(group_by="meta.plan"),
        "a month, only Firefox": month(browser="Firefox"),
        "a month, loss of video": month(kind="video", figures="loss_ratio"),
        "a month, two filters (minutes)": month(browser="Firefox", app_version="3.1.0"),
    }
    found |= {name: timed(rig, ask, seconds) for name, ask in asks.items()}

    def halves() -> float:
        return one.get(
            "figures/compare",
            appId=app,
            kind="video",
            direction="inbound",
            figures="loss_ratio,fps",
            a_from=next(instants),
            a_to=(begin + timedelta(days=15)).isoformat(),
            b_from=(begin + timedelta(days=15)).isoformat(),
        )

    found["two halves of a month compared"] = timed(rig, halves, seconds)
    path = f"conferences/{filled.hour_call}/figures"
    found["an hour of four, by interval"] = timed(
        rig, lambda: one.get(path, resolution="interval"), seconds, least=3
    )
    found["an hour of four, by minute"] = timed(rig, lambda: one.get(path), seconds)
    return found


async def _take_in(rig: Rig, begin: datetime) -> dict[str, Any]:
    """The worker takes in six hours of reports, and the hour-long call."""
    db = Database(rig.postgres.url)
    await db.open()
    since = begin + timedelta(days=15) - timedelta(hours=3)
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "INSERT INTO monitoring.figure_progress VALUES ('minutes', %s)", (since,)
        )
    began = time.perf_counter()
    worker = Minutes(db, emos_version=2)
    written = await worker.advance(at=since + timedelta(hours=6))
    took = time.perf_counter() - began
    row = rig.sql(
        f"SELECT count(*) FROM monitoring.samples WHERE received_at > '{since}' AND received_at <= '{since + timedelta(hours=6)}'"
    )
    await db.close()
    count = row if isinstance(row, int) else row[0]
    return {"per_s": count / took, "reports": count, "minutes": written, "took_s": took}


def _fill(rig: Rig, begin: datetime) -> None:
    with psycopg.connect(rig.postgres.url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for number in range(33):
            day = begin.date() + timedelta(days=number)
            after = day + timedelta(days=1)
            connection.execute(_PARTITION.format(day=day, after=after))
        connection.execute(
            "DELETE FROM monitoring.track_minutes m WHERE NOT EXISTS (SELECT FROM monitoring.connections x WHERE x.id = m.connection_id AND x.connection_info = '{\"negotiations\": []}')"
        )
        for flow, names in enumerate(NAMES):
            connection.execute(_FILL, {"flow": flow, "many": len(names), "connections": 100_000})
        connection.execute(_MARK)
        connection.execute("VACUUM ANALYZE")


async def _roll_up(rig: Rig) -> dict[str, Any]:
    db = Database(rig.postgres.url)
    await db.open()
    hours, at = 0, datetime.now(UTC)
    began = time.perf_counter()
    while made := await roll_up(db, at=at):
        hours += made
    took = time.perf_counter() - began
    await finish_days(db, at=at)
    await db.close()
    async with await psycopg.AsyncConnection.connect(rig.postgres.url, autocommit=True) as raw:
        await raw.execute("VACUUM ANALYZE monitoring.figure_rollups")
    return {"per_s": hours / took, "hours": hours, "took_s": took}


BENCHES = {"figures": figures}
