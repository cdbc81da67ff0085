"""Minutes that the worker keeps are equal to what all stored reports say, however the reports have come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from signalbox.core.db import Database
from signalbox.monitoring.queries import readings as stored
from signalbox.monitoring.rules.intervals import Interval, intervals
from signalbox.monitoring.rules.measures import FLOW_MEASURES, MINUTE_US, NAMES, minutes
from signalbox.monitoring.rules.readings import FlowReading, LinkReading, Reading
from signalbox.monitoring.service import Minutes
from signalbox.monitoring.service import minutes as service
from signalbox.monitoring.store import minutes as store
from signalbox.monitoring.store import retention
from tests.monitoring.conftest import House
from tests.monitoring.figuring import begin_at
from tests.monitoring.replay import Request, repeated, replay, shuffled, trace

_ROWS = """
    SELECT p.participant_id || '>' || q.participant_id, extract(epoch FROM m.minute)::bigint, m.flow, m.key, m.relayed, m.network_type, m.seconds,
        m.totals, m.weights, m.track_id IS NOT NULL
    FROM monitoring.track_minutes m JOIN monitoring.participants p ON p.id = m.participant_id
    JOIN monitoring.participants q ON q.id = m.peer_id WHERE m.app_id = %s"""
_CONFERENCES = "SELECT id, created_at FROM monitoring.conferences WHERE app_id = %s"
Figures = dict[tuple[str, int, int, str], tuple[Any, ...]]


async def kept(db: Database, app: UUID) -> Figures:
    """The stored minutes of an app by connection, minute, flow and key."""
    async with db.read() as tx:
        rows = await (await tx.psycopg.execute(_ROWS, (app,))).fetchall()
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}


async def from_raw(db: Database, app: UUID) -> Figures:
    """The same from all reports that are stored."""
    found: Figures = {}
    async with db.read() as tx:
        names = dict(
            await (
                await tx.psycopg.execute(
                    "SELECT id, participant_id FROM monitoring.participants WHERE app_id = %s",
                    (app,),
                )
            ).fetchall()
        )
        conferences = await (await tx.psycopg.execute(_CONFERENCES, (app,))).fetchall()
        for conference, at in conferences:
            day = timedelta(days=1)
            groups = stored.of_conference(tx, conference, begin=at - day, end=at + day)
            async for owner, rows in groups:
                name = f"{names[owner.participant]}>{names[owner.peer]}"
                made = minutes(intervals(map(stored.reading, rows)), begin_us=0, end_us=1 << 62)
                for m in made:
                    found[name, m.minute_us // 1_000_000, m.flow, m.key] = (
                        m.relayed,
                        m.network_type,
                        m.seconds,
                        [s and s[0] for s in m.sums],
                        [s and s[1] for s in m.sums],
                        m.track is not None,
                    )
    return found


@pytest.fixture
async def minutes_of(house: House) -> Minutes:
    return Minutes(house.db, emos_version=2)


class Watched:
    """A client during whose requests the worker looks in, every few of them."""

    def __init__(self, house: House, worker: Minutes, every: int) -> None:
        self._house, self._worker, self._every, self._count = house, worker, every, 0

    async def request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        self._count += 1
        if self._count % self._every == 0:
            await self._worker.advance(at=self._house.clock.now())
        return await self._house.client.request(method, path, **parts)


async def played(
    house: House, requests: list[Request], worker: Minutes, *, every: int = 999
) -> UUID:
    """Replay a call in a new app, the worker looking in at every so many requests, and in the end."""
    app = await house.app()
    await begin_at(house.db, house.clock.now())
    client: Any = Watched(house, worker, every)
    await replay(client, house.clock, app["api_key"], requests)
    await worker.advance(at=house.clock.advance(1))
    house.clock.advance(1800)
    return UUID(str(app["id"]))


@pytest.mark.parametrize("name", ["two-participants", "relay", "janus"])
async def test_minutes_are_what_the_reports_say(
    house: House, minutes_of: Minutes, name: str
) -> None:
    app = await played(house, trace(name), minutes_of)

    found = await kept(house.db, app)

    assert found
    assert found == await from_raw(house.db, app)


async def test_reports_that_come_late_shuffled_and_twice_lead_to_the_same(
    house: House, minutes_of: Minutes
) -> None:
    requests = repeated(shuffled(trace("p2p"), random_state=3), after_ms=45_000)
    app = await played(house, requests, minutes_of, every=7)
    found = await kept(house.db, app)

    assert {flow for _, _, flow, _ in found} == {0, 1, 2, 3, 4}
    assert found == await from_raw(house.db, app)


async def test_another_worker_that_begins_anew_changes_nothing(
    house: House, minutes_of: Minutes
) -> None:
    app = await played(house, trace("two-participants"), minutes_of)
    before = await kept(house.db, app)
    await begin_at(house.db, house.clock.now() - timedelta(hours=1))
    other = Minutes(house.db, emos_version=2)
    assert await other.advance(at=house.clock.now()) > 0

    assert await kept(house.db, app) == before


async def test_what_was_seen_is_not_worked_out_again(house: House, minutes_of: Minutes) -> None:
    app = await house.app()
    await begin_at(house.db, house.clock.now())
    await replay(house.client, house.clock, app["api_key"], trace("two-participants"))
    assert await minutes_of.advance(at=house.clock.advance(1)) > 0

    # No later than this, or reports of other tests would lie in between.
    assert await minutes_of.advance(at=house.clock.advance(0.001)) == 0


async def test_only_one_worker_works(house: House, minutes_of: Minutes) -> None:
    async with house.db.begin() as tx:
        assert await store.claim(tx.psycopg)

        assert await minutes_of.advance(at=house.clock.advance(60)) == 0
        assert await store.received_through(tx.psycopg, service.STEP) != house.clock.now()


async def test_a_day_long_silence_is_caught_up_in_steps(
    house: House, minutes_of: Minutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin_at(house.db, house.clock.now())
    monkeypatch.setattr(service, "MOST_LOOKS", 3)
    await minutes_of.advance(at=house.clock.advance(3600))

    monkeypatch.undo()
    async with house.db.read() as tx:
        through = await store.received_through(tx.psycopg, service.STEP)
    assert through == house.clock.now() - timedelta(minutes=30)
    await minutes_of.advance(at=house.clock.now())


async def test_the_first_look_begins_with_the_first_partition(house: House) -> None:
    async with house.db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM monitoring.figure_progress")
        (first, _), *_ = await retention.daily_partitions(tx.psycopg, "samples")
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)

    await Minutes(house.db, emos_version=2).advance(at=midnight + timedelta(minutes=5))

    async with house.db.read() as tx:
        through = await store.received_through(tx.psycopg, service.STEP)
    assert through == midnight + timedelta(minutes=5)


async def test_steps_are_told_of_conferences_with_news(house: House) -> None:
    told: list[Mapping[UUID, datetime]] = []

    async def step(db: Database, touched: Mapping[UUID, datetime], at: datetime) -> None:
        told.append(dict(touched))

    worker = Minutes(house.db, emos_version=2, steps=[step])
    app = await played(house, trace("endcall"), worker)

    async with house.db.read() as tx:
        rows = await (await tx.psycopg.execute(_CONFERENCES, (app,))).fetchall()
    assert told[-1].keys() >= {row[0] for row in rows}


async def test_hours_with_news_are_marked(house: House, minutes_of: Minutes) -> None:
    app = await played(house, trace("two-participants"), minutes_of)
    hours = {seconds // 3600 for _, seconds, _, _ in await kept(house.db, app)}

    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT extract(epoch FROM hour)::bigint / 3600 FROM monitoring.figure_changes WHERE app_id = %s",
            (app,),
        )
        marked = [row[0] for row in await cursor.fetchall()]
    assert set(marked) >= hours
    assert len(marked) == len(set(marked))


async def test_a_changed_session_marks_its_hours(house: House, minutes_of: Minutes) -> None:
    app = await played(house, trace("two-participants"), minutes_of)

    async def marks() -> int:
        async with house.db.read() as tx:
            cursor = await tx.psycopg.execute(
                "SELECT count(*) FROM monitoring.figure_changes WHERE app_id = %s", (app,)
            )
            row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    before = await marks()
    async with house.db.begin() as tx:
        change = "UPDATE monitoring.sessions SET app_version = '9' WHERE app_id = %s"
        await tx.psycopg.execute(change, (app,))

    assert await marks() > before


async def test_minutes_go_with_their_session(house: House, minutes_of: Minutes) -> None:
    app = await played(house, trace("endcall"), minutes_of)
    assert await kept(house.db, app)

    async with house.db.begin() as tx:
        before = house.clock.now() + timedelta(days=1)
        assert await retention.delete_sessions(tx.psycopg, app, before=before, most=9)

    assert not await kept(house.db, app)


def interval(start_s: float, end_s: float, **figures: Any) -> Interval:
    """A stretch with one inbound audio flow that received as many packets as told."""
    a = FlowReading(kind="audio", direction="inbound", key="a", octets=0, packets=0, packets_lost=0)
    b = replace(
        a, octets=figures["octets"], packets=figures["packets"], packets_lost=figures["lost"]
    )
    (made,) = intervals(
        [
            Reading(at_us=int(start_s * 1e6), flows=(a,)),
            Reading(at_us=int(end_s * 1e6), flows=(b,)),
        ]
    )
    return made


def test_an_interval_over_two_minutes_is_shared_out() -> None:
    first, second = minutes(
        [interval(50, 70, octets=20_000, packets=90, lost=10)], begin_us=0, end_us=1 << 62
    )

    assert (first.minute_us, second.minute_us) == (0, MINUTE_US)
    assert (first.seconds, second.seconds) == (10, 10)
    assert first.sums[:2] == [(80_000, 10), (5, 50)]  # bits and seconds, lost and expected
    assert list(second.sums) == list(first.sums)


def test_minutes_outside_are_left_out() -> None:
    whole = [interval(50, 70, octets=1, packets=1, lost=0)]

    assert [m.minute_us for m in minutes(whole, begin_us=MINUTE_US, end_us=2 * MINUTE_US)] == [
        MINUTE_US
    ]


def test_a_pair_without_ends_says_nothing_of_the_path() -> None:
    links = [Reading(at_us=0, link=LinkReading()), Reading(at_us=5_000_000, link=LinkReading())]

    (minute,) = minutes(intervals(links), begin_us=0, end_us=MINUTE_US)
    assert (minute.relayed, minute.network_type, minute.seconds) == (None, None, 5)


def test_two_reports_of_one_instant_count_in_their_minute() -> None:
    a = FlowReading(kind="audio", direction="inbound", key="a", stamp_ms=0.0, packets=0)
    b = replace(a, stamp_ms=2_000.0, packets=5)
    made = intervals([Reading(at_us=5, flows=(a,)), Reading(at_us=5, flows=(b,))])

    assert [m.seconds for m in minutes(made, begin_us=0, end_us=MINUTE_US)] == [2.0]


def test_names_and_measures_agree() -> None:
    assert [len(names) for names in NAMES[:4]] == [len(measures) for measures in FLOW_MEASURES]
    assert all(len(set(names)) == len(names) for names in NAMES)
