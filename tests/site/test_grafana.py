"""What Grafana is given: every statement runs with what a reader of the views may see, and its numbers are the API's."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.playback.queries import audience
from signalbox.playback.queries.selecting import Selection
from signalbox.playback.service import figures
from signalbox.playback.service.rollups import roll_up
from signalbox.site.grafana import sql
from signalbox.site.grafana.__main__ import main
from signalbox.site.grafana.dashboards import DASHBOARDS
from signalbox.site.grafana.files import VIEWS, files
from tests.playback.played import GOOD, TEN, body, ms, sample, store

MINUTE = timedelta(minutes=1)
END = TEN + 30 * MINUTE
Row = dict[str, Any]


def statements() -> Iterator[tuple[str, str]]:
    """Every statement of a panel or variable, with a name."""
    for dashboard in DASHBOARDS:
        made = dashboard.made()
        for panel in made["panels"]:
            for target in panel["targets"]:
                if "rawSql" in target:
                    yield f"{dashboard.uid}: {panel['title']}", target["rawSql"]
        for variable in made["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{dashboard.uid}: ${variable['name']}", variable["query"]


ALL = dict(statements())


class Grafana:
    """Fills in variables and runs statements, with the rights of the role for dashboards."""

    def __init__(self, connection: AsyncConnection[Any], tenant: UUID) -> None:
        self._connection = connection
        self.variables = dict.fromkeys(
            ("streamType", "contentId", "deviceModel", "sdkVersion", "outcome"), "*"
        ) | {"tenant": str(tenant), "interval": "1m", "sessionId": "A"}

    async def run(self, statement: str, begin: datetime = TEN, end: datetime = END) -> list[Row]:
        filled = statement.replace("$__timeFrom()", f"'{begin.isoformat()}'").replace(
            "$__timeTo()", f"'{end.isoformat()}'"
        )
        for name, value in self.variables.items():
            quoted = "'" + value.replace("'", "''") + "'"
            filled = filled.replace(f"${{{name}:sqlstring}}", quoted)
        assert "$" not in filled, filled
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(filled)
            return await cursor.fetchall()


@pytest.fixture
async def tenant(db: Database) -> UUID:
    """The sample of the reference, added up, and somebody who watches just now."""
    organization = await accounts.create_organization(db, name="o", by=SYSTEM, at=TEN)
    app = await accounts.create_app(
        db, organization_id=organization["id"], name="tv", by=SYSTEM, at=TEN
    )
    app_id: UUID = app["id"]
    entry = {"timestampMs": ms(END), "elapsedMs": 10, "playbackState": "PLAYING", "totalDroppedFrames": 0, "rebufferCount": 0,
             "rebufferTimeMs": 0, "currentBitrate": 1_000_000}  # fmt: skip
    a, *rest = sample()
    played = [a | {"contentId": "film", "streamType": "VOD", "timelineEvents": [entry]}, *rest]
    await store(db, app_id, played, at=END - 2 * MINUTE)
    watching = {"startupTimeMs": 100, "playTimeMs": 1000, "timelineEvents": [entry]}
    await store(db, app_id, [body("now", END - MINUTE, 2000, **watching)], at=END)
    await roll_up(db, good=GOOD, keeps_days={}, otherwise_days=90, at=END)
    return app_id


@pytest.fixture
async def grafana(db: Database, tenant: UUID) -> AsyncIterator[Grafana]:
    role = f"dashboards_{uuid4().hex[:8]}"
    connection = await db.connect()
    await connection.execute(f"CREATE ROLE {role}")
    await connection.execute(f"GRANT USAGE ON SCHEMA playback TO {role}")
    for view in VIEWS:
        await connection.execute(f"GRANT SELECT ON playback.{view} TO {role}")
    await connection.execute(f"SET ROLE {role}")
    yield Grafana(connection, tenant)
    await connection.execute("RESET ROLE")
    await connection.execute(f"DROP OWNED BY {role}")
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


async def test_every_statement_runs(grafana: Grafana) -> None:
    empty = []
    for interval in ("1m", "5m", "1h", "1d"):
        grafana.variables["interval"] = interval
        for name, statement in ALL.items():
            if not await grafana.run(statement):
                empty.append(f"{name} by {interval}")

    assert len(ALL) > 35
    # A span within an hour has no whole one in front of its end.
    assert not [name for name in empty if "Content" not in name], empty


async def test_choices_narrow_and_are_quoted(grafana: Grafana) -> None:
    grafana.variables |= {"contentId": "film", "streamType": "VOD"}
    [chosen] = await grafana.run(sql.totals("sessions"))
    grafana.variables |= {"contentId": "it's"}
    [none] = await grafana.run(sql.totals("sessions"))

    assert (chosen["sessions"], none["sessions"]) == (1, 0)


NAMES = [
    "attempts", "plays", "sessions", "errorRate", "ebvsRate", "rebufferRatio", "rebufferFrequencyPerMinute", "startupMeanMs",
    "startupP50Ms", "startupP95Ms", "meanBitrateBps", "viewerHours", "score",
]  # fmt: skip


async def test_totals_are_the_apis(db: Database, grafana: Grafana, tenant: UUID) -> None:
    chosen = Selection(app_id=tenant, begin=TEN, end=END)
    async with db.read() as tx:
        made, _ = await figures.summary(tx, chosen, GOOD, source="sessions")
    [shown] = await grafana.run(sql.totals(*NAMES))
    [rate] = await grafana.run(sql.error_rate())
    error = made.figures["errorRate"]

    assert {name: made.figures[name].value for name in NAMES} == pytest.approx(shown, rel=1e-12)
    assert [rate["errorRate"], rate["low"], rate["high"]] == pytest.approx(
        [error.value, error.low, error.high]
    )


async def test_rows_of_a_breakdown_are_the_apis(
    db: Database, grafana: Grafana, tenant: UUID
) -> None:
    chosen = Selection(app_id=tenant, begin=TEN, end=END)
    async with db.read() as tx:
        groups = await figures.groups(tx, chosen, GOOD, by="contentId", source="sessions")
    rows = await grafana.run(sql.breakdown("content_id", "content"))

    names = ("attempts", "score", "startupP95Ms", "rebufferRatio", "errorRate")
    told = [[value or "", *(made.figures[name].value for name in names)] for value, made in groups]
    assert [list(row.values()) for row in rows] == told


async def test_series_are_the_apis(db: Database, grafana: Grafana, tenant: UUID) -> None:
    chosen = Selection(app_id=tenant, begin=TEN, end=END)
    shown = await grafana.run(sql.over_time("attempts", "errorRate"))
    startups = await grafana.run(sql.startup_over_time())
    outcomes = await grafana.run(sql.outcomes_over_time())

    async def series(metric: str) -> dict[datetime, float | None]:
        async with db.read() as tx:
            points = await figures.series(
                tx, chosen, GOOD, metric=metric, step=MINUTE, source="rollups"
            )
        return {point.starts: point.figure.value for point in points if point.figure.n}

    assert {row["time"]: row["attempts"] for row in shown if row["attempts"]} == await series("attempts")  # fmt: skip
    assert {row["time"]: row["errorRate"] for row in shown if row["errorRate"] is not None} == await series("errorRate")  # fmt: skip
    for name in ("startupMeanMs", "startupP50Ms", "startupP95Ms"):
        told = {row["time"]: row[name] for row in startups if row[name] is not None}
        assert told == pytest.approx(await series(name), rel=1e-12)
    assert sum(row["played"] for row in outcomes) == 3


async def test_who_watches_is_the_apis(db: Database, grafana: Grafana, tenant: UUID) -> None:
    async with db.read() as tx:
        watching = await audience.watching(tx, [tenant], at=END, window_s=45)
        last = Selection(app_id=tenant, begin=END - 5 * MINUTE, end=END)
        made, _ = await figures.summary(tx, last, GOOD, source="sessions")
    [viewers] = await grafana.run(sql.LIVE_VIEWERS)
    sessions = await grafana.run(sql.LIVE_SESSIONS)
    [just_now] = await grafana.run(sql.just_now("startupP50Ms", "errorRate"))

    assert watching == {tenant: 1}
    assert viewers["viewers"] == 1
    assert [row["session"] for row in sessions] == ["now"]
    assert just_now["startupP50Ms"] == made.figures["startupP50Ms"].value == 100


async def test_a_session_has_its_page(grafana: Grafana) -> None:
    [facts] = await grafana.run(sql.SESSION_FACTS)
    [stats] = await grafana.run(sql.SESSION_STATS)
    [payload] = await grafana.run(sql.SESSION_PAYLOAD)
    states = await grafana.run(sql.SESSION_STATES)

    assert facts["Session start"] == TEN
    assert facts["Session end"] == TEN + timedelta(seconds=45)
    assert len(stats) == 12
    assert json.loads(payload["payload"])["sessionId"] == "A"
    assert [row["state"] for row in states] == ["PLAYING"]


async def test_older_dashboards_find_their_columns(grafana: Grafana, tenant: UUID) -> None:
    [classic] = await grafana.run(
        "SELECT * FROM playback.v_sessions_classic WHERE tenant_id = ${tenant:sqlstring} AND session_id = 'A'"
    )
    [m3w] = await grafana.run(
        "SELECT * FROM playback.v_sessions_m3w WHERE tenant_id = ${tenant:sqlstring} AND session_id = 'A'"
    )

    assert (classic["player_startup_ms"], classic["timestamp"]) == (
        450,
        TEN + timedelta(seconds=45),
    )
    assert (m3w["startup_time_ms"], m3w["timestamp"]) == (450, ms(TEN) + 45_000)
    assert (m3w["total_dropped_frames"], m3w["session_duration_ms"]) == (12, 45_000)


def test_the_files_are_up_to_date() -> None:
    assert main(["--check"]) == 0


def test_no_file_holds_a_secret_and_all_sources_are_there() -> None:
    made = files()
    sources = json.loads(made["provisioning/datasources/playback.yaml"])["datasources"]
    uids = {source["uid"] for source in sources}
    used = set(re.findall(r'"uid": "(playback-[a-z]+)"', "".join(made.values())))

    assert used == uids == {"playback-pg", "playback-prom"}
    assert sources[0]["secureJsonData"] == {"password": "$PLAYBACK_PG_PASSWORD"}
    assert not sources[1]["url"].endswith("/metrics")


def test_every_dashboard_is_laid_out_without_overlaps() -> None:
    for dashboard in DASHBOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in dashboard.made()["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert at["x"] + at["w"] <= 24
            assert not cells & taken
            taken |= cells
    assert {dashboard.uid for dashboard in DASHBOARDS} == {
        "m3w-overview", "m3w-breakdown", "m3w-explorer", "m3w-session-detail", "m3w-live", "m3w-alerts", "m3w-ingest",
    }  # fmt: skip
