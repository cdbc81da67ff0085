"""Lines are stored exactly once, whoever sends them again, whenever, and to whichever process."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

from signalbox.core.db import Database
from signalbox.core.partitions import ensure_daily
from signalbox.playback.rules.cmcd.figures import figures
from signalbox.playback.store.cmcd import TABLE, Taken, decode_fold
from tests.playback.collecting import START, START_MS, Collector, opened


def told(number: int, state: str = "p", *, session: str = "a", event: str = "ps") -> str:
    return f'cid="c",e={event},sid="{session}",sn={number},sta={state},ts={START_MS + number * 100},v=2'


async def test_a_line_is_stored_as_sent_beside_what_it_is_found_by(collector: Collector) -> None:
    taken = await collector.send(told(0, "s"), f'sid="a",bl=5,url="http://a/b?c",ts={START_MS}')

    assert taken == Taken(stored=2)
    assert await collector.stored() == [
        ("a", 0, "ps", "s", told(0, "s"), START),
        ("a", None, None, None, f'sid="a",bl=5,url="http://a/b",ts={START_MS}', START),
    ]


async def test_a_batch_that_comes_again_is_stored_once(collector: Collector) -> None:
    sent = [told(0, "s"), told(1), told(2, "r"), 'sid="a",bl=5,su', told(0, session="b")]
    await collector.send(*sent)

    again = await collector.send(*sent)

    assert again == Taken(repeated=5)
    assert len(await collector.stored()) == 5


async def test_a_line_twice_in_one_batch_is_stored_once(collector: Collector) -> None:
    assert await collector.send(told(0), told(0)) == Taken(stored=1, repeated=1)


async def test_a_batch_that_comes_again_after_midnight_is_stored_once(
    collector: Collector,
) -> None:
    sent = [told(0, "s"), told(1), 'sid="a",bl=5']
    await collector.send(*sent)
    collector.clock.advance(20)

    assert await collector.send(*sent, told(2)) == Taken(stored=1, repeated=3)
    days = {row[5].date() for row in await collector.stored()}
    assert days == {START.date(), START.date() + timedelta(days=1)}


async def test_the_same_number_of_another_event_or_counter_is_new(collector: Collector) -> None:
    await collector.send(told(0), told(1))

    taken = await collector.send(
        told(1, event="t"), f'sid="a",sn=1,ts={START_MS + 100}', f'sid="a",sn=1,ts={START_MS}'
    )

    assert taken == Taken(stored=3)


async def test_two_processes_store_a_line_once(db: Database, collector: Collector) -> None:
    batches = [[told(10 * n + m, session=f"s{m % 3}") for m in range(10)] for n in range(6)]
    async with opened(db, collector.clock, collector.app_id) as other:
        sent = [
            process.send(*batch) for batch in batches for process in (collector, other, collector)
        ]
        taken = await asyncio.gather(*sent)

    assert sum(one.stored for one in taken) == 60
    assert sum(one.repeated for one in taken) == 120
    assert len(await collector.stored()) == 60


async def test_the_fold_is_that_of_the_stored_lines(collector: Collector) -> None:
    await collector.send(told(3, "e"), told(1))
    await collector.send(told(2, "r"), told(0, "s"), told(1))
    fold, due_at, first_at, last_at = await collector.session("a")

    found = figures(decode_fold(fold))

    assert (found.startup_ms, found.play_ms, found.rebuffer_ms) == (100, 100, 100)
    assert (due_at, first_at, last_at) == (START, START, START)


async def test_a_session_of_another_app_is_another(db: Database, collector: Collector) -> None:
    await collector.send(told(0))
    async with opened(db, collector.clock, uuid4()) as stranger:
        assert await stranger.send(told(0)) == Taken(stored=1)
        assert len(await stranger.stored()) == 1


async def test_an_erased_session_does_not_come_back(collector: Collector, db: Database) -> None:
    await collector.send(told(0))
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE playback.cmcd_sessions SET erased_until = %s WHERE app_id = %s",
            (START + timedelta(days=30), collector.app_id),
        )

    assert await collector.send(told(1)) == Taken(erased=1)

    collector.clock.advance(31 * 86_400)
    async with db.begin() as tx:
        await ensure_daily(
            tx.psycopg, TABLE, collector.clock.now().date(), collector.clock.now().date()
        )
    assert await collector.send(told(2)) == Taken(stored=1)


async def test_a_session_is_looked_at_some_seconds_after_it_was_written_or_at_its_end(
    collector: Collector, db: Database
) -> None:
    await collector.send(told(0))
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE playback.cmcd_sessions SET written_at = %s, due_at = %s WHERE app_id = %s",
            (START, START + timedelta(seconds=90), collector.app_id),
        )
    collector.clock.advance(1)

    await collector.send(told(1))
    assert (await collector.session("a"))[1] == START + timedelta(seconds=5)

    await collector.send(told(2, "e"))
    assert (await collector.session("a"))[1] == START + timedelta(seconds=1)
