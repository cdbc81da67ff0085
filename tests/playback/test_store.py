"""Sessions are stored once, whatever comes together in one batch or from several processes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.rows import dict_row

from signalbox.core.batch import GroupCommitWriter
from signalbox.core.db import Database
from signalbox.playback.rules.reports import Entry, Figures, Report
from signalbox.playback.rules.timelines import states_of
from signalbox.playback.rules.times import Belief
from signalbox.playback.store import Applier
from signalbox.playback.store.messages import Applied, SessionReport
from signalbox.playback.store.rows import ROW_COLUMNS

T = 1_767_225_600_000
Writer = GroupCommitWriter[SessionReport]


def entry(elapsed_ms: int, state: str = "PLAYING") -> Entry:
    return Entry(elapsed_ms, T + elapsed_ms, state, 2_500_000, "Wi-Fi", 0, None, 0, 0)


def report(name: str, ts: int = T, *entries: Entry, **figures: Any) -> Report:
    told = Figures(**{"duration_ms": 10_000, "play_time_ms": 9_000, "error_count": 0} | figures)
    payload = b'{"timestamp":%d,"errorCount":%d}' % (ts, told.error_count or 0)
    return Report(
        session_id=name,
        source="media3watch",
        dialect="D3",
        client_ts_ms=ts,
        received_ms=T + 5_000,
        figures=told,
        payload=payload,
        payload_hash=hashlib.sha256(payload + repr(told).encode()).digest(),
        timeline=entries,
        states=states_of(entries, client_ts_ms=ts, received_ms=T + 5_000),
    )


@asynccontextmanager
async def writing(db: Database) -> AsyncIterator[Writer]:
    writer: Writer = GroupCommitWriter(
        db.connect, Applier(lambda: T * 1000, Belief()).transaction, transacts=True
    )
    await writer.open()
    yield writer
    await writer.close()


@pytest.fixture
async def writer(db: Database) -> AsyncIterator[Writer]:
    async with writing(db) as open_writer:
        yield open_writer


@pytest.fixture
def app() -> UUID:
    return uuid4()


async def commit(writer: Writer, app: UUID, *reports: Report) -> list[Applied]:
    return list(
        await asyncio.gather(*(writer.commit_fact(SessionReport(app, one)) for one in reports))
    )


async def rows(db: Database, statement: str, app: UUID) -> list[dict[str, Any]]:
    async with db.read() as tx, tx.psycopg.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, (app,))
        return await cursor.fetchall()


async def test_the_type_of_rows_has_the_fields_that_are_written(db: Database) -> None:
    statement = """SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid WHERE c.oid = to_regclass('playback.session_row') AND a.attnum > 0 ORDER BY a.attnum"""
    async with db.read() as tx:
        found = await (await tx.psycopg.execute(statement)).fetchall()

    told = [(name.strip('"'), kind.replace("timestamptz", "timestamp with time zone")) for name, kind in ROW_COLUMNS]  # fmt: skip
    assert found == told


SESSIONS = "SELECT * FROM playback.sessions WHERE app_id = %s ORDER BY session_id"
TIMELINE = "SELECT * FROM playback.session_timeline WHERE app_id = %s ORDER BY session_id, elapsed_ms"  # fmt: skip
MINUTES = "SELECT minute FROM playback.dirty_minutes WHERE app_id = %s ORDER BY minute"


async def test_a_session_is_stored_as_it_was_reported(db: Database, writer: Writer, app: UUID) -> None:  # fmt: skip
    figures = {"player_startup_ms": 450, "rebuffer_time_ms": 1_200, "rebuffer_count": 2,
               "play_time_ms": 42_000, "duration_ms": 45_000, "device_model": "Täb \u4e2d", "rebuffer_ratio_reported": 0.0271,
               "start_iso_raw": "2025-12-31T23:59:15Z", "dropped_frames": 2**40}  # fmt: skip

    (applied,) = await commit(writer, app, report("s", T, entry(460), **figures))
    (row,) = await rows(db, SESSIONS, app)

    assert applied == Applied("created", 1)
    assert {name: row[name] for name in figures} == figures
    assert row["outcome"] == "played"
    assert row["score"] == pytest.approx(89.89, abs=0.01)
    assert row["timestamp"].timestamp() * 1000 == T
    assert row["started_at"].timestamp() * 1000 == T - 45_000
    assert row["payload"] == {"timestamp": T, "errorCount": 0}
    assert (row["flags"], row["filled_at_ms"], row["clock_skew"]) == ([], {}, None)
    assert (row["attempted"], row["recovered"], row["last_state"]) == (True, True, "PLAYING")
    assert row["first_received_at"] == row["last_received_at"] == row["created_at"]
    assert row["partition_ts"].timestamp() * 1000 == T


async def test_reports_of_one_session_in_one_batch_are_folded(
    db: Database, writer: Writer, app: UUID
) -> None:
    same = [report("hot", T + 100 * n, duration_ms=1_000 + n) for n in range(40)]

    applied = await commit(writer, app, *same, *same[-1:])
    (row,) = await rows(db, SESSIONS, app)

    assert [one.result for one in applied] == ["created", *["updated"] * 39, "duplicate"]
    assert (row["revision"], row["duration_ms"]) == (40, 1_039)


async def test_a_later_batch_knows_what_was_stored(db: Database, writer: Writer, app: UUID) -> None:
    await commit(writer, app, report("s", T, player_startup_ms=450, cdn="a"))
    applied = [
        *await commit(writer, app, report("s", T + 1_000, duration_ms=20_000, error_count=1)),
        *await commit(writer, app, report("s", T + 500, app_name="n", cdn="b")),
        *await commit(writer, app, report("s", T + 1_000, duration_ms=20_000, error_count=1)),
    ]
    (row,) = await rows(db, SESSIONS, app)

    assert [one.result for one in applied] == ["updated", "stale", "duplicate"]
    assert [one.revision for one in applied] == [2, 2, 2]
    assert (row["player_startup_ms"], row["duration_ms"], row["cdn"], row["app_name"]) == (450, 20_000, "b", "n")  # fmt: skip
    assert row["filled_at_ms"] == {"player_startup_ms": T, "cdn": T + 500, "app_name": T + 500}
    assert row["payload"] == {"timestamp": T + 1_000, "errorCount": 1}
    assert row["outcome"] == "playback_failure"


async def test_flags_survive_a_change(db: Database, writer: Writer, app: UUID) -> None:
    wrong = {"play_time_ms": 90_000}
    await commit(writer, app, report("s", T, **wrong))
    await commit(writer, app, report("s", T + 100, duration_ms=10_001, **wrong))
    (row,) = await rows(db, SESSIONS, app)
    await commit(writer, app, report("s", T + 200, duration_ms=100_000))
    (later,) = await rows(db, SESSIONS, app)

    assert (row["flags"], later["flags"]) == (["inconsistent"], [])


async def test_the_same_id_of_two_apps_is_two_sessions(db: Database, writer: Writer) -> None:
    one, other = uuid4(), uuid4()
    first, second = await asyncio.gather(commit(writer, one, report("s")), commit(writer, other, report("s")))  # fmt: skip

    assert first == second == [Applied("created", 1)]
    assert len(await rows(db, SESSIONS, one)) == len(await rows(db, SESSIONS, other)) == 1


async def test_timelines_are_appended_once_also_of_stale_reports(
    db: Database, writer: Writer, app: UUID
) -> None:
    await commit(writer, app, report("s", T + 1_000, entry(1), entry(2), entry(2)))
    await commit(writer, app, report("s", T, entry(2), entry(3, "ENDED")))
    found = await rows(db, TIMELINE, app)
    (row,) = await rows(db, SESSIONS, app)

    assert [(e["elapsed_ms"], e["playback_state"]) for e in found] == [
        (1, "PLAYING"),
        (2, "PLAYING"),
        (3, "ENDED"),
    ]
    assert {e["partition_ts"] for e in found} == {row["partition_ts"]}
    assert row["last_state"] == "ENDED"


async def test_the_old_and_the_new_minute_are_to_be_counted_again(
    db: Database, writer: Writer, app: UUID
) -> None:
    await commit(writer, app, report("s", T))
    await commit(writer, app, report("s", T + 120_000))
    found = await rows(db, MINUTES, app)

    assert [row["minute"].timestamp() * 1000 - T for row in found] == [0, 0, 120_000]


async def test_an_erased_session_is_acknowledged_and_not_stored(
    db: Database, writer: Writer, app: UUID
) -> None:
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "INSERT INTO playback.session_keys VALUES (%s, 's', now(), 'erased', now() + interval '30 days')",
            (app,),
        )

    applied = await commit(writer, app, report("s", T, entry(1)), report("other"))

    assert applied == [Applied("erased", 0), Applied("created", 1)]
    assert [row["session_id"] for row in await rows(db, SESSIONS, app)] == ["other"]
    assert await rows(db, TIMELINE, app) == []


async def test_a_session_whose_row_is_gone_begins_anew(
    db: Database, writer: Writer, app: UUID
) -> None:
    await commit(writer, app, report("s"))
    async with db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM playback.sessions WHERE app_id = %s", (app,))

    assert await commit(writer, app, report("s", T + 9_000)) == [Applied("created", 1)]


async def test_two_processes_do_not_wait_for_each_other(db: Database, app: UUID) -> None:
    names = [f"s{n}" for n in range(20)]
    async with writing(db) as one, writing(db) as other:
        for turn in range(5):
            forward = [report(name, T + 1_000 * turn, entry(turn)) for name in names]
            backward = [report(name, T + 1_000 * turn + 500, entry(turn)) for name in names[::-1]]
            await asyncio.gather(commit(one, app, *forward), commit(other, app, *backward))

    found = await rows(db, SESSIONS, app)
    assert {row["session_id"] for row in found} == set(names)
    assert all(row["client_ts_ms"] == T + 4_500 for row in found)
    assert len(await rows(db, TIMELINE, app)) == 100


async def test_fifty_posts_of_one_session_at_once_all_arrive(db: Database, app: UUID) -> None:
    async with writing(db) as one, writing(db) as other:
        posts = [
            commit((one, other)[n % 2], app, report("hot", T + 60 * n, entry(n), duration_ms=n + 1))
            for n in range(50)
        ]
        await asyncio.gather(*posts)

    (row,) = await rows(db, SESSIONS, app)
    assert (row["duration_ms"], row["client_ts_ms"]) == (50, T + 60 * 49)
    assert len(await rows(db, TIMELINE, app)) == 50


async def test_sessions_that_another_process_knows_are_not_made_again(
    db: Database, app: UUID
) -> None:
    async with writing(db) as one, writing(db) as other:
        await commit(one, app, report("mine"))
        await commit(other, app, report("theirs", T, entry(1)))
        applied = await commit(
            one,
            app,
            report("new", T, entry(2)),
            report("theirs", T + 1_000, entry(2), error_count=1),
            report("new", T + 1_000),
            report("theirs", T + 2_000),
        )

    assert applied == [Applied("created", 1), Applied("updated", 2), Applied("updated", 2), Applied("updated", 3)]  # fmt: skip
    found = {row["session_id"]: row for row in await rows(db, SESSIONS, app)}
    assert {name: row["revision"] for name, row in found.items()} == {"mine": 1, "new": 2, "theirs": 3}  # fmt: skip
    entries = [(e["session_id"], e["elapsed_ms"]) for e in await rows(db, TIMELINE, app)]
    assert entries == [("new", 2), ("theirs", 1), ("theirs", 2)]


async def test_a_session_that_lies_elsewhere_by_now_is_found(db: Database, app: UUID) -> None:
    async with writing(db) as one, writing(db) as other:
        await commit(one, app, report("s"))
        async with db.begin() as tx:
            for table in ("sessions", "session_keys"):
                await tx.psycopg.execute(f"DELETE FROM playback.{table} WHERE app_id = %s", (app,))
        await commit(other, app, report("else"), report("s"))
        await commit(other, app, report("s", T + 1_000))
        applied = await commit(one, app, report("s", T + 2_000))

    assert applied == [Applied("updated", 3)]
    (row,) = [row for row in await rows(db, SESSIONS, app) if row["session_id"] == "s"]
    assert (row["revision"], row["client_ts_ms"]) == (3, T + 2_000)


async def test_an_erased_session_that_nobody_remembers_is_not_stored(
    db: Database, writer: Writer, app: UUID
) -> None:
    await commit(writer, app, report("first"))
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "INSERT INTO playback.session_keys VALUES (%s, 's', now(), 'erased', now() + interval '30 days')",
            (app,),
        )

    applied = await commit(writer, app, report("s", T, entry(1)), report("other"))

    assert applied == [Applied("erased", 0), Applied("created", 1)]
    assert [row["session_id"] for row in await rows(db, SESSIONS, app)] == ["first", "other"]
    assert await rows(db, TIMELINE, app) == []
    assert await commit(writer, app, report("s", T + 1_000)) == [Applied("erased", 0)]


async def test_a_statement_that_fails_leaves_nothing_behind(db: Database, app: UUID) -> None:
    apply = Applier(lambda: T * 1000, Belief()).transaction
    async with await db.connect() as connection:
        broken = replace(report("s"), payload=b"no JSON")  # as no door lets it in
        for _ in range(2):
            with pytest.raises(psycopg.errors.DataError):
                await apply(connection, [SessionReport(app, report("other")), SessionReport(app, broken)])  # fmt: skip
            assert (
                await rows(db, "SELECT * FROM playback.session_keys WHERE app_id = %s", app) == []
            )
            applied = await apply(connection, [SessionReport(uuid4(), report("other"))])
            assert applied == [Applied("created", 1)]
