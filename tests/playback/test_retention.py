"""What is over goes: sessions with their keys and timelines, payloads, timelines; months whole where they can."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection

from signalbox.accounts import service as accounts
from signalbox.accounts.errors import AppNotFound
from signalbox.core.actor import SYSTEM, Actor
from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.core.partitions import ensure_daily, partitions_of
from signalbox.playback.errors import InvalidSchema, NoSuchPolicy
from signalbox.playback.service import retention
from signalbox.playback.service.retention import count_over, put_policy, remove_over
from signalbox.playback.store.retention import ensure_live_indexes
from signalbox.site.access_log import AccessLog
from signalbox.site.playback_figures import PlaybackFigures
from signalbox.site.playback_jobs import at_start, maintain_sessions, tell_gauges
from signalbox.site.settings import load_settings
from tests.playback.played import SETTINGS, body, ms, store

DAY = timedelta(days=1)
NOW = datetime(2026, 9, 15, 2, tzinfo=UTC)
PLAYING = {"startupTimeMs": 500, "playTimeMs": 1000}


@pytest.fixture
async def app(db: Database) -> Mapping[Any, Any]:
    organization = await accounts.create_organization(db, name="o", by=SYSTEM, at=NOW)
    return await accounts.create_app(
        db, organization_id=organization["id"], name="tv", by=SYSTEM, at=NOW
    )


async def played(
    db: Database, app: Mapping[Any, Any], days: int, name: str = "", **more: Any
) -> None:
    """A session with a timeline that ended so many days ago, and was heard of then."""
    end = NOW - days * DAY
    entry = {"timestampMs": ms(end), "elapsedMs": 10, "playbackState": "PLAYING", "totalDroppedFrames": 0,
             "rebufferCount": 0, "rebufferTimeMs": 0}  # fmt: skip
    one = body(name or f"{days} days", end, 2000, **PLAYING, timelineEvents=[entry], **more)
    await store(db, app["id"], [one], at=end)


async def found(db: Database, app: Mapping[Any, Any], table: str, more: str = "") -> set[str]:
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            f"SELECT session_id FROM playback.{table} WHERE app_id = %s {more}", [app["id"]]
        )
        return {row[0] for row in await cursor.fetchall()}


async def rest(_: float) -> None:
    """No need to wait in a test."""


async def remove(db: Database, sessions_days: int = 90) -> dict[tuple[UUID | None, str], int]:
    done = await remove_over(db, sessions_days=sessions_days, at=NOW, rest=rest)
    return {(one.app_id, one.kind): one.count for one in done}


async def policy(db: Database, app: Mapping[Any, Any], **given: Any) -> Mapping[str, Any]:
    names = {"sessions", "payload", "timeline", "events"}
    days: Any = {name: value for name, value in given.items() if name in names}
    rest: dict[str, Any] = {"stream_type": None, "content_prefix": None}
    rest |= {name: value for name, value in given.items() if name not in names}
    made: dict[str, Any] = {"app_id": app["id"], "by": SYSTEM, "at": NOW} | rest
    return await put_policy(db, days=days, **made)


async def test_sessions_go_with_their_keys_and_timelines(
    db: Database, app: Mapping[Any, Any]
) -> None:
    for days in (10, 40, 70):
        await played(db, app, days)

    done = await remove(db, sessions_days=60)
    again = await remove(db, sessions_days=60)

    assert await found(db, app, "sessions") == {"10 days", "40 days"}
    assert await found(db, app, "session_keys") == {"10 days", "40 days"}
    assert await found(db, app, "session_timeline") == {"10 days"}
    assert done[app["id"], "sessions"] == 1
    assert done[app["id"], "timeline"] == 1
    assert not [key for key in again if key[0] == app["id"]]


async def test_a_dry_run_tells_and_removes_nothing(db: Database, app: Mapping[Any, Any]) -> None:
    for days in (10, 40, 70):
        await played(db, app, days)

    told = await count_over(db, sessions_days=60, at=NOW)

    counts = {one.kind: one.count for one in told if one.app_id == app["id"]}
    assert counts == {"sessions": 1, "payload": 1, "timeline": 2}
    assert len(await found(db, app, "sessions")) == 3


async def test_the_most_specific_policy_holds(db: Database, app: Mapping[Any, Any]) -> None:
    await played(db, app, 20, "live", streamType="LIVE")
    await played(db, app, 20, "news", streamType="LIVE", contentId="news/1")
    await played(db, app, 20, "film", streamType="VOD", contentId="film/1")
    await played(db, app, 20, "plain")
    await policy(db, app, sessions=15)
    await policy(db, app, stream_type="live", sessions=10)
    await policy(db, app, content_prefix="news/", sessions=30)
    await policy(db, app, content_prefix="film/", sessions=25, payload=5)

    await remove(db)

    assert await found(db, app, "sessions") == {"news", "film"}
    assert await found(db, app, "sessions", "AND payload IS NOT NULL") == {"news"}


async def test_a_month_goes_whole_when_its_last_session_is_over(
    db: Database, app: Mapping[Any, Any]
) -> None:
    await played(db, app, 200)  # in February
    await played(db, app, 110)  # in May
    async with db.begin() as tx:  # heard of in May for the first time, and still going on
        await tx.psycopg.execute(
            """UPDATE playback.sessions SET "timestamp" = %s WHERE app_id = %s AND session_id = '110 days'""",
            [NOW - DAY, app["id"]],
        )

    done = await remove(db)

    async with db.read() as tx:
        months = await partitions_of(tx.psycopg, "playback.sessions")
        timelines = await partitions_of(tx.psycopg, "playback.session_timeline")
    assert done[None, "sessions_2026_02"] >= 1
    assert "sessions_2026_02" not in months
    assert "session_timeline_2026_02" not in timelines
    assert "sessions_2026_05" in months
    assert await found(db, app, "sessions") == {"110 days"}
    assert await found(db, app, "session_keys") == {"110 days"}


async def test_a_late_report_of_a_purged_session_makes_it_again(
    db: Database, app: Mapping[Any, Any]
) -> None:
    await played(db, app, 100, "one")
    await remove(db)

    [applied] = await store(db, app["id"], [body("one", NOW, 9000, **PLAYING)], at=NOW)

    assert (applied.result, applied.revision) == ("created", 1)


async def test_tombstones_go_when_their_time_is_over(db: Database, app: Mapping[Any, Any]) -> None:
    async with db.begin() as tx:
        for name, until in (("old", NOW), ("new", NOW + DAY)):
            await tx.psycopg.execute(
                "INSERT INTO playback.session_keys VALUES (%s, %s, %s, 'erased', %s)",
                [app["id"], name, NOW - 30 * DAY, until],
            )

    await remove(db)

    assert await found(db, app, "session_keys") == {"new"}


async def test_a_policy_is_replaced_told_and_taken_back(
    db: Database, app: Mapping[Any, Any]
) -> None:
    await policy(db, app, sessions=15)
    row = await policy(db, app, sessions=20, timeline=3)

    assert (await retention.shortest_days(db, 90))[app["id"]] == 20
    await retention.delete_policy(db, row["id"], by=SYSTEM, at=NOW)
    with pytest.raises(NoSuchPolicy):
        await retention.delete_policy(db, row["id"], by=SYSTEM, at=NOW)

    assert app["id"] not in await retention.shortest_days(db, 90)
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT event_type FROM audit.audit_logs WHERE target_id = %s AND event_type LIKE 'playback%%' ORDER BY id",
            [str(app["id"])],
        )
        events = [row[0] for row in await cursor.fetchall()]
    assert events == [
        "playback_retention_set",
        "playback_retention_set",
        "playback_retention_deleted",
    ]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "sessionsDays"),
        ({"sessions": 0}, "sessionsDays"),
        ({"payload": 36_501}, "payloadDays"),
        ({"sessions": 1, "stream_type": "x" * 17}, "streamType"),
        ({"sessions": 1, "content_prefix": "x" * 257}, "contentPrefix"),
    ],
)
async def test_what_is_no_policy_is_refused(
    db: Database, app: Mapping[Any, Any], given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidSchema) as refused:
        await policy(db, app, **given)

    assert [named for named, _ in refused.value.problems] == [field]


async def test_a_stranger_sets_no_policy(db: Database, app: Mapping[Any, Any]) -> None:
    charlie = Actor(kind="user", user_id=uuid4(), organization_ids=frozenset({uuid4()}))

    with pytest.raises(AppNotFound):
        await put_policy(
            db, app_id=app["id"], stream_type=None, content_prefix=None, days={"sessions": 1}, by=charlie, at=NOW
        )  # fmt: skip


async def test_months_are_made_ahead_and_the_present_ones_find_who_watches(db: Database) -> None:
    later = NOW.replace(year=2041)  # when nobody else has made months
    await maintain_sessions(db, SETTINGS, later)
    connection: AsyncConnection[Any] = await db.connect()
    try:
        months = await partitions_of(connection, "playback.sessions")
        timelines = await partitions_of(connection, "playback.session_timeline")
        made = await ensure_live_indexes(connection, today=(later + 31 * DAY).date())
        cursor = await connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'playback' AND indexname LIKE 'idx_sessions_live_2041%'"
        )
        indexes = {row[0] for row in await cursor.fetchall()}
    finally:
        await connection.close()

    ahead = [f"2041_{month:02}" for month in (9, 10, 11, 12)]
    assert [name for name in months if "_2041_" in name] == [f"sessions_{month}" for month in ahead]
    assert f"session_timeline_{ahead[-1]}" in timelines
    assert made == ["idx_sessions_live_2041_11"]
    assert indexes == {f"idx_sessions_live_2041_{month}" for month in ("09", "10", "11")}


async def test_processes_that_start_together_make_the_indexes_once(db: Database) -> None:
    later = NOW + 400 * DAY

    await asyncio.gather(*(maintain_sessions(db, SETTINGS, later) for _ in range(4)))

    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indexrelid = to_regclass(%s)",
            (f"playback.idx_sessions_live_{later:%Y_%m}",),
        )
        assert await cursor.fetchone() == (1, True)


async def test_a_worker_that_starts_makes_months_and_removes_what_is_over(
    db: Database, app: Mapping[Any, Any]
) -> None:
    await played(db, app, 10)
    await played(db, app, 100)

    await at_start(db, SETTINGS, NOW)

    assert await found(db, app, "sessions") == {"10 days"}


async def test_who_watches_and_what_has_no_month_is_told(
    db: Database, app: Mapping[Any, Any]
) -> None:
    metrics = Metrics()
    told = PlaybackFigures(metrics, AccessLog(as_json=True, level="INFO"))
    entry = {"timestampMs": ms(NOW), "elapsedMs": 10, "playbackState": "PLAYING", "totalDroppedFrames": 0,
             "rebufferCount": 0, "rebufferTimeMs": 0}  # fmt: skip
    await store(db, app["id"], [body("now", NOW, 1000, timelineEvents=[entry])], at=NOW)

    await tell_gauges(db, SETTINGS, told, NOW)

    text = metrics.render().decode()
    assert 'playback_concurrent_viewers{tenant="' in text
    assert 'playback_default_partition_rows{table="sessions"}' in text
    assert 'playback_partitions{table="session_timeline"}' in text


async def test_lines_of_players_go_by_the_days_of_their_app(
    db: Database, app: Mapping[Any, Any]
) -> None:
    days = (1, 3, 5)
    connection = await db.connect()
    for day in days:
        at = (NOW - day * DAY).date()
        await ensure_daily(connection, "playback.cmcd_events", at, at)
    await connection.execute(
        "INSERT INTO playback.cmcd_sessions (app_id, session_id, fold, received_first_at, received_last_at) VALUES (%s, 'x', '', %s, %s)",
        [app["id"], NOW, NOW],
    )
    for day in days:
        await connection.execute(
            "INSERT INTO playback.cmcd_events SELECT %s, app_id, id, %s, 1, NULL, NULL, NULL, '' FROM playback.cmcd_sessions WHERE app_id = %s",
            [NOW - day * DAY, day, app["id"]],
        )
    await connection.close()
    await policy(db, app, events=4)

    done = await remove(db)

    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT line_key FROM playback.cmcd_events WHERE app_id = %s ORDER BY 1", [app["id"]]
        )
        left = [row[0] for row in await cursor.fetchall()]
    assert done[app["id"], "events"] == 1
    assert left == [1, 3]


async def test_payloads_are_indexed_where_that_is_wanted(db: Database) -> None:
    async def indexes() -> int:
        async with db.read() as tx:
            cursor = await tx.psycopg.execute(
                "SELECT count(*) FROM pg_indexes WHERE schemaname = 'playback' AND indexname LIKE 'idx_sessions_payload%'"
            )
            row = await cursor.fetchone()
            return row[0] if row else 0

    await maintain_sessions(db, load_settings({"PLAYBACK_PAYLOAD_GIN": "true"}), NOW)
    wanted = await indexes()
    await maintain_sessions(db, SETTINGS, NOW)

    assert wanted >= 4
    assert await indexes() == 0
