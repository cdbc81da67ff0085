"""What lines tell is written beside what SDKs report: in time, once, by any number of workers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection

from signalbox.core.db import Database
from signalbox.playback.rules.reports import Entry, Figures, Report, States
from signalbox.playback.rules.times import Belief
from signalbox.playback.service.cmcd import forget_gone, write_due
from signalbox.playback.store import Applier
from signalbox.playback.store.cmcd import Taken
from signalbox.playback.store.cmcd_sessions import erase_cmcd
from signalbox.playback.store.messages import Applied, SessionReport
from tests.playback.collecting import START, START_MS, Collector, micros

# The worked example: startup 820, play 117 800, one stall of 1500, seek 700, pause 10 000.
WORKED = [
    ("s", 0, ""),
    ("p", 820, "bl=(6000),br=(1800;v),"),
    ("r", 41_000, ""),
    ("p", 42_500, ""),
    ("k", 60_000, ""),
    ("r", 60_100, ""),
    ("p", 60_700, "br=(3200;v),"),
    ("a", 90_000, ""),
    ("p", 100_000, ""),
    ("e", 130_820, ""),
]
COLUMNS = (
    "source, dialect, outcome, player_startup_ms, play_time_ms, rebuffer_time_ms, rebuffer_count, seek_time_ms, seek_count, "
    "duration_ms, mean_bitrate_bps, error_count, content_id, stream_type, revision"
)
PLAYED = ("cmcd", "CMCD2", "played", 820, 117_800, 1500, 1, 700, 1, 130_820, 2_514_499, 0)


def line(number: int, at: int, more: str, session: str = "a") -> str:
    return f'{more}cid="clip-7",e=ps,sf=h,sid="{session}",sn={number},st=v,ts={START_MS + at},v=2'


def worked(session: str = "a") -> list[str]:
    return [
        line(number, at, f"sta={state},{more}", session)
        for number, (state, at, more) in enumerate(WORKED)
    ]


class Worker:
    """A worker of its own."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._applier = Applier(lambda: micros(collector.clock.now()), Belief())

    async def tell(
        self, connection: AsyncConnection[Any], reports: Sequence[tuple[UUID, Report]]
    ) -> list[Applied]:
        return await self._applier(connection, [SessionReport(*one) for one in reports])

    async def work(self) -> int:
        return await write_due(self._collector.db, self.tell, at=self._collector.clock.now())


@pytest.fixture
def worker(collector: Collector) -> Worker:
    return Worker(collector)


async def session(collector: Collector, columns: str = COLUMNS, session_id: str = "a") -> Any:
    rows = await collector.rows(
        f"SELECT {columns} FROM playback.sessions WHERE app_id = %s AND session_id = %s",
        collector.app_id,
        session_id,
    )
    assert len(rows) == 1
    return rows[0]


async def shown(collector: Collector, session_id: str = "a") -> Sequence[Any]:
    return await collector.rows(
        "SELECT elapsed_ms, playback_state, current_bitrate_bps, buffered_ms, rebuffer_count, rebuffer_time_ms "
        "FROM playback.session_timeline WHERE app_id = %s AND session_id = %s ORDER BY elapsed_ms, playback_state",
        collector.app_id,
        session_id,
    )


async def in_order(collector: Collector, worker: Worker) -> None:
    for sent in worked():
        await collector.send(sent)
        collector.clock.advance(6)
        await worker.work()


async def test_a_session_is_written_with_what_its_lines_say(
    collector: Collector, worker: Worker
) -> None:
    await collector.send(*worked())

    assert await worker.work() >= 1
    assert await session(collector) == (*PLAYED, "clip-7", "VOD", 1)
    assert await shown(collector) == [
        (0, "BUFFERING", None, None, 0, 0),
        (820, "PLAYING", 1_800_000, 6000, 0, 0),
        (41_000, "BUFFERING", 1_800_000, None, 1, 0),
        (42_500, "PLAYING", 1_800_000, None, 1, 1500),
        (60_000, "BUFFERING", 1_800_000, None, 1, 1500),
        (60_100, "BUFFERING", 1_800_000, None, 1, 1500),
        (60_700, "PLAYING", 3_200_000, None, 1, 1500),
        (90_000, "PAUSED", 3_200_000, None, 1, 1500),
        (100_000, "PLAYING", 3_200_000, None, 1, 1500),
        (130_820, "ENDED", 3_200_000, None, 1, 1500),
    ]
    assert (await session(collector, "started_at, last_state, score IS NULL"))[1:] == (
        "ENDED",
        False,
    )


async def test_line_by_line_gives_what_all_at_once_gives(
    collector: Collector, worker: Worker
) -> None:
    await in_order(collector, worker)
    await collector.send(*worked("b"))
    await worker.work()

    assert (await session(collector))[:-1] == (await session(collector, session_id="b"))[:-1]
    assert await shown(collector) == await shown(collector, "b")


@pytest.mark.parametrize("number", range(3))
async def test_any_order_gives_the_same_session_and_timeline(
    collector: Collector, worker: Worker, number: int
) -> None:
    await in_order(collector, worker)
    mixed = [text for text in worked("b") for _ in range(2)]
    random.Random(number).shuffle(mixed)
    for sent in mixed:
        await collector.send(sent)
        collector.clock.advance(6)
        await worker.work()

    assert (await session(collector))[:-1] == (await session(collector, session_id="b"))[:-1]
    assert await shown(collector) == await shown(collector, "b")


async def test_a_line_that_comes_long_after_its_time_finds_its_place(
    collector: Collector, worker: Worker
) -> None:
    sent = [line(n, 5000 * n, "sta=p," if n else "sta=s,") for n in range(80)]
    stall = line(80, 10_050, "sta=r,")
    for text in sent:
        await collector.send(text)
        collector.clock.advance(5)
        await worker.work()
    before = await session(collector, "rebuffer_time_ms, play_time_ms")
    await collector.send(stall)
    collector.clock.advance(6)
    await worker.work()

    assert before == (0, 390_000)
    assert await session(collector, "rebuffer_time_ms, play_time_ms") == (4950, 385_050)
    rows = await shown(collector)
    assert len(rows) == 81
    assert rows[-1][4:] == (1, 4950)


async def test_lines_that_are_gone_by_their_age_are_still_counted(
    collector: Collector, worker: Worker, db: Database
) -> None:
    sent = [line(n, 5000 * n, "sta=p," if n else "sta=s,") for n in range(80)]
    await collector.send(*sent)
    await worker.work()
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "DELETE FROM playback.cmcd_events WHERE app_id = %s", (collector.app_id,)
        )
    collector.clock.advance(6)
    await collector.send(line(80, 10_050, "sta=r,"), line(81, 400_000, "sta=e,"))
    await worker.work()

    assert await session(collector, "play_time_ms, duration_ms") == (395_000, 400_000)


async def test_a_session_is_written_again_after_some_seconds_and_only_when_a_line_came(
    collector: Collector, worker: Worker
) -> None:
    await collector.send(line(0, 0, "sta=s,"))
    await worker.work()
    await collector.send(line(1, 500, "sta=p,"))
    collector.clock.advance(4)
    await worker.work()
    too_soon = await session(collector, "revision, player_startup_ms")
    collector.clock.advance(1)
    await worker.work()
    collector.clock.advance(6)
    await worker.work()

    assert too_soon == (1, None)
    assert await session(collector, "revision, player_startup_ms") == (2, 500)


async def test_a_silent_session_ends_and_a_later_line_opens_it_again(
    collector: Collector, worker: Worker
) -> None:
    ending = (
        "SELECT ending, due_at IS NULL FROM playback.cmcd_sessions WHERE app_id = %s",
        collector.app_id,
    )
    await collector.send(line(0, 0, "sta=s,"), line(1, 500, "sta=p,"))
    await worker.work()
    collector.clock.advance(89)
    await worker.work()
    assert await collector.rows(*ending) == [(None, False)]

    collector.clock.advance(1)
    await worker.work()
    assert await collector.rows(*ending) == [("idle", True)]
    assert await session(collector, "payload->>'ending', play_time_ms") == ("idle", 0)

    collector.clock.advance(30)
    await collector.send(line(2, 120_000, "sta=r,"))
    await worker.work()
    assert await collector.rows(*ending) == [(None, False)]
    assert await session(collector, "payload->>'ending', play_time_ms, last_state") == (
        None,
        119_500,
        "BUFFERING",
    )

    await collector.send(line(3, 121_000, "sta=q,"))
    await worker.work()
    assert await collector.rows(*ending) == [("quit", True)]


async def test_what_an_sdk_says_goes_before_what_lines_say(
    collector: Collector, worker: Worker, db: Database
) -> None:
    await collector.send(*worked())
    await worker.work()
    entry = Entry(5, START_MS + 5, "PLAYING", None, None, 0, None, 0, 0)
    report = Report(
        session_id="a",
        source="media3watch",
        dialect="D3",
        client_ts_ms=START_MS + 1000,
        received_ms=START_MS + 1000,
        figures=Figures(duration_ms=1000, player_startup_ms=450, device_model="Tab X"),
        payload=b"{}",
        payload_hash=b"x" * 32,
        timeline=(entry,),
        states=States(True, None, 5, "PLAYING", 5, START_MS + 5, START_MS),
    )
    async with db.begin() as tx:
        await worker.tell(tx.psycopg, [(collector.app_id, report)])
    collector.clock.advance(6)
    await collector.send(line(10, 131_000, "sta=e,dfa=4,"))
    await worker.work()

    assert await session(
        collector,
        "source, dialect, player_startup_ms, duration_ms, device_model, play_time_ms, dropped_frames, payload::text",
    ) == ("merged", "D3", 450, 1000, "Tab X", 117_800, 4, "{}")
    assert (5, "PLAYING", None, None, 0, 0) in await shown(collector)
    assert len(await shown(collector)) == 11


async def test_two_workers_write_a_session_once(collector: Collector, worker: Worker) -> None:
    await worker.work()  # what others have left
    for number in range(30):
        await collector.send(*worked(f"s{number}"))

    done = await asyncio.gather(worker.work(), Worker(collector).work(), Worker(collector).work())

    assert sum(done) == 30

    rows = await collector.rows(
        "SELECT revision, count(*) FROM playback.sessions WHERE app_id = %s GROUP BY 1",
        collector.app_id,
    )
    assert rows == [(1, 30)]


async def test_the_lines_of_an_erased_session_are_removed(
    collector: Collector, worker: Worker, db: Database
) -> None:
    await collector.send(*worked())
    await worker.work()
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE playback.session_keys SET state = 'erased' WHERE app_id = %s",
            (collector.app_id,),
        )
    collector.clock.advance(6)
    await collector.send(line(11, 140_000, "sta=p,"))
    await worker.work()

    assert await collector.stored() == []
    assert await collector.send(line(12, 150_000, "sta=p,")) == Taken(erased=1)


async def test_erasing_leaves_the_sessions_of_others(collector: Collector, db: Database) -> None:
    await collector.send(*worked("a"), *worked("b"))
    async with db.begin() as tx:
        await erase_cmcd(
            tx.psycopg, collector.app_id, ["a"], until=collector.clock.now() + timedelta(days=30)
        )

    assert {row[0] for row in await collector.stored()} == {"b"}


async def test_what_is_remembered_of_a_purged_session_is_forgotten(
    collector: Collector, worker: Worker, db: Database
) -> None:
    await collector.send(*worked("a"), *worked("b"))
    await worker.work()
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "DELETE FROM playback.session_keys WHERE app_id = %s AND session_id = 'a'",
            (collector.app_id,),
        )
    keep = timedelta(days=7)
    known = "SELECT session_id FROM playback.cmcd_sessions WHERE app_id = %s"

    await forget_gone(db, keep=keep, at=START + keep)
    assert len(await collector.rows(known, collector.app_id)) == 2

    await forget_gone(db, keep=keep, at=START + keep + timedelta(seconds=1))
    assert await collector.rows(known, collector.app_id) == [("b",)]


async def test_a_clock_that_jumps_by_thousands_of_years_stops_nobody(
    collector: Collector, worker: Worker
) -> None:
    years_ms = 253_402_300_799_999
    for name, first_ms, last_ms in (
        ("a", 1, START_MS),
        ("b", START_MS, years_ms),
        ("c", 1, years_ms),
    ):
        await collector.send(
            f'e=ps,sid="{name}",sn=0,sta=p,ts={first_ms},v=2',
            f'e=t,sid="{name}",sn=1,ts={last_ms},v=2',
        )
    await collector.send(*worked("d"))

    await worker.work()

    assert (await session(collector, session_id="d"))[:3] == ("cmcd", "CMCD2", "played")
    assert [(await session(collector, "duration_ms", name))[0] for name in "abc"] == [
        START_MS - 1,
        years_ms - START_MS,
        years_ms - 1,
    ]


async def test_a_session_that_cannot_be_written_holds_nobody_up(
    collector: Collector, worker: Worker
) -> None:
    await collector.send(*worked("a"), *worked("b"), *worked("c"))
    refused = ["b"]

    async def tell(
        connection: AsyncConnection[Any], reports: Sequence[tuple[UUID, Report]]
    ) -> list[Applied]:
        if any(report.session_id in refused for _, report in reports):
            await connection.execute("SELECT 1 / 0")
        return await worker.tell(connection, reports)

    await write_due(collector.db, tell, at=collector.clock.now())

    assert (await session(collector, "outcome", "a")) == ("played",)
    assert (await session(collector, "outcome", "c")) == ("played",)
    written = "SELECT written_at IS NULL, due_at FROM playback.cmcd_sessions WHERE app_id = %s AND session_id = 'b'"
    later = collector.clock.now() + timedelta(hours=1)
    assert await collector.rows(written, collector.app_id) == [(True, later)]

    refused.clear()
    await write_due(collector.db, tell, at=later)
    assert (await session(collector, "outcome", "b")) == ("played",)
