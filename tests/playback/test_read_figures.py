"""The figures of stored sessions: the sample of the reference, from sessions and from what is added up of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from signalbox.core.db import Database
from signalbox.playback.queries import audience
from signalbox.playback.queries.selecting import Selection
from signalbox.playback.rules.rates import Figure
from signalbox.playback.rules.validation import DURATION_MAX_MS
from signalbox.playback.service import figures
from signalbox.playback.service.figures import Source
from signalbox.playback.service.rollups import recount, roll_up
from signalbox.playback.store import rollups
from tests.playback.played import GOOD, TEN, body, sample, store

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LATER = TEN + 2 * HOUR


@pytest.fixture
async def app(db: Database) -> UUID:
    """An app with the sample, which came in while it was played."""
    app = uuid4()
    await store(db, app, sample(), at=TEN + HOUR / 2)
    return app


def chosen(app: UUID, **changes: Any) -> Selection:
    return Selection(**{"app_id": app, "begin": TEN - HOUR, "end": LATER, **changes})


async def rolled(db: Database, **changes: Any) -> int:
    given: dict[str, Any] = {"keeps_days": {}, "otherwise_days": 90, "at": LATER, **changes}
    return await roll_up(db, good=GOOD, **given)


async def summed(db: Database, some: Selection, source: Source = "auto") -> Mapping[str, Figure]:
    async with db.read() as tx:
        made, used = await figures.summary(tx, some, GOOD, source=source)
    assert source in ("auto", used)
    return made.figures


SAMPLE = {
    "attempts": (5, 5),
    "plays": (3, 3),
    "sessions": (6, 6),
    "videoStartFailureRate": (0.2, 5),
    "ebvsRate": (0.2, 5),
    "playbackFailureRate": (1 / 3, 3),
    "errorRate": (0.4, 5),
    "sessionsWithErrorsRate": (1 / 3, 6),
    "rebufferRatio": (9200 / 663200, 3),
    "rebufferFrequencyPerMinute": (5 / 10.9, 3),
    "rebufferedPlaysRate": (2 / 3, 3),
    "meanRebufferMs": (1840, 3),
    "startupMeanMs": (1550, 3),
    "viewerHours": (0.181667, 3),
    "watchHours": (0.184222, 3),
    "meanBitrateBps": (2_500_000, 1),
    "droppedFramesPerSecond": (12 / 42, 1),
    "goodSessionShare": (0.2, 5),
}


@pytest.mark.parametrize("source", ["sessions", "rollups"])
async def test_every_figure_of_the_sample(db: Database, app: UUID, source: Source) -> None:
    await rolled(db)

    found = await summed(db, chosen(app), source)

    for name, (value, n) in SAMPLE.items():
        assert found[name].value == pytest.approx(value, rel=1e-5), name
        assert found[name].n == n, name
    assert found["score"].value == pytest.approx(52.54, abs=0.01)
    assert found["score"].n == 5
    assert found["errorRate"].low == pytest.approx(0.1176, abs=5e-5)
    assert found["errorRate"].high == pytest.approx(0.7693, abs=5e-5)


async def test_percentiles_of_few_sessions_are_exact(db: Database, app: UUID) -> None:
    found = await summed(db, chosen(app))

    assert found["startupP50Ms"] == Figure(1200, 3)
    assert found["startupP95Ms"] == Figure(2820, 3)


async def test_percentiles_of_rollups_are_near_and_say_so(db: Database, app: UUID) -> None:
    await rolled(db)

    found = await summed(db, chosen(app), "rollups")

    median, slow = found["startupP50Ms"], found["startupP95Ms"]
    assert (median.value, slow.value) != (1200, 2820)
    assert median.value == pytest.approx(1200, rel=0.01)
    assert slow.value == pytest.approx(2820, rel=0.01)
    assert (median.n, slow.n, median.approx, slow.approx) == (3, 3, True, True)


async def test_six_startups_have_the_percentiles_of_the_reference(db: Database) -> None:
    app = uuid4()
    startups = [200, 450, 800, 1200, 3000, 9000]
    bodies = [
        body(f"s{number}", TEN, 60_000, startupTimeMs=startup, playTimeMs=40_000)
        for number, startup in enumerate(startups)
    ]
    await store(db, app, bodies, at=TEN)

    found = await summed(db, chosen(app))

    names = ("startupP50Ms", "startupP75Ms", "startupP90Ms", "startupP95Ms", "startupP99Ms")
    values = [found[name].value for name in names]
    assert values == pytest.approx([1000, 2550, 6000, 7500, 8700])


async def test_open_sessions_are_counted_over_the_time_that_they_are_open(
    db: Database, app: UUID
) -> None:
    only = chosen(app, begin=TEN, end=TEN + 3 * MINUTE)
    async with db.read() as tx:
        steps = await audience.concurrency(tx, only, MINUTE)
        whole = await audience.concurrency(tx, only, 3 * MINUTE, origin=TEN)

    averages = [step.average for step in steps]
    assert averages == pytest.approx([95 / 60, 80 / 60, 1.0])
    assert [step.peak for step in steps] == [3, 2, 1]
    assert [step.n for step in steps] == [3, 2, 1]
    assert [(one.peak, one.n) for one in whole] == [(3, 3)]


async def test_a_bound_within_a_minute_is_kept(db: Database, app: UUID) -> None:
    await rolled(db)
    some = chosen(app, begin=TEN + timedelta(seconds=46), end=TEN + timedelta(seconds=630))

    exact, added = await summed(db, some, "sessions"), await summed(db, some, "rollups")

    # A ended before, B ends with the span and is the next one's.
    assert exact["sessions"].value == added["sessions"].value == 1
    assert exact["playbackFailureRate"].value == added["playbackFailureRate"].value == 1


async def stored_rollups(db: Database, app: UUID, table: str) -> list[Any]:
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            f"SELECT r::text FROM playback.{table} r WHERE app_id = %s ORDER BY 1", [app]
        )
        return await cursor.fetchall()


async def test_counting_again_gives_the_same(db: Database, app: UUID) -> None:
    await rolled(db)
    before = [await stored_rollups(db, app, table) for table in ("rollup_1m", "rollup_1h")]

    marked = await recount(db, app, begin=TEN - HOUR, end=LATER, at=LATER)
    await rolled(db)

    assert marked == 4
    assert [await stored_rollups(db, app, table) for table in ("rollup_1m", "rollup_1h")] == before
    assert all(before)


async def test_a_session_that_goes_on_moves_from_minute_to_minute(db: Database) -> None:
    app = uuid4()
    for minutes in (1, 2, 3):
        end = TEN + minutes * MINUTE
        playing = {"startupTimeMs": 500, "playTimeMs": minutes * 60_000}
        await store(db, app, [body("one", end, minutes * 60_000, **playing)], at=end)
        await rolled(db)

    found = await summed(db, chosen(app), "rollups")

    assert found["attempts"].value == 1
    assert found["viewerHours"].value == pytest.approx(3 / 60)


async def test_what_is_older_than_the_sessions_are_kept_is_not_counted_again(
    db: Database, app: UUID
) -> None:
    await rolled(db)
    async with db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM playback.sessions WHERE app_id = %s", [app])
        await tx.psycopg.execute(
            "INSERT INTO playback.dirty_minutes SELECT app_id, starts, now() FROM playback.rollup_1m WHERE app_id = %s",
            [app],
        )

    done = await rolled(db, keeps_days={app: 7}, at=LATER + timedelta(days=8))

    assert done == 4
    assert (await summed(db, chosen(app), "rollups"))["sessions"].value == 6


async def grouped(db: Database, some: Selection, by: str, source: Source) -> dict[Any, int]:
    async with db.read() as tx:
        found = await figures.groups(tx, some, GOOD, by=by, source=source)
    return {value: made.figures["attempts"].n for value, made in found}


@pytest.mark.parametrize("source", ["sessions", "rollups"])
async def test_figures_are_told_apart_by_a_property(db: Database, source: Source) -> None:
    app = uuid4()
    playing = {"startupTimeMs": 500, "playTimeMs": 1000}
    bodies = [
        body("1", TEN, 2000, **playing, contentId="film", streamType="vod"),
        body("2", TEN, 2000, **playing, contentId="film", streamType="vod"),
        body("3", TEN + MINUTE, 2000, **playing, contentId="", streamType="live"),
        body("4", TEN + MINUTE, 2000, **playing),
    ]
    await store(db, app, bodies, at=TEN + MINUTE)
    await rolled(db)

    assert await grouped(db, chosen(app), "streamType", source) == {"VOD": 2, "LIVE": 1, None: 1}
    assert (await grouped(db, chosen(app), "contentId", source))["film"] == 2
    assert await grouped(db, chosen(app), "osVersion", "sessions") == {"34": 4}
    only = chosen(app, equal={"streamType": "VOD"})
    assert (await summed(db, only, source))["attempts"].value == 2


async def test_beyond_the_most_frequent_contents_only_their_sum_is_kept(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalbox.playback.store.rollups.TOP_CONTENTS", 2)
    app = uuid4()
    names = ["a", "a", "a", "b", "b", "c", "d"]
    bodies = [
        body(f"{number}", TEN, 2000, playTimeMs=1000, contentId=name)
        for number, name in enumerate(names)
    ]
    await store(db, app, bodies, at=TEN)
    await rolled(db)

    assert await grouped(db, chosen(app), "contentId", "rollups") == {"a": 3, "b": 2}
    assert (await summed(db, chosen(app), "rollups"))["attempts"].value == 7


@pytest.mark.parametrize("source", ["sessions", "rollups"])
async def test_a_series_has_empty_steps_too(db: Database, app: UUID, source: Source) -> None:
    await rolled(db)
    some = chosen(app, begin=TEN, end=TEN + 20 * MINUTE + timedelta(seconds=30))

    async def series(metric: str, step: timedelta) -> list[tuple[datetime, float | None, int]]:
        async with db.read() as tx:
            points = await figures.series(tx, some, GOOD, metric=metric, step=step, source=source)
        return [(point.starts, point.figure.value, point.figure.n) for point in points]

    by_minute = await series("errorRate", MINUTE)
    by_hour = await series("startupP50Ms", HOUR)
    viewers = await series("peakConcurrentViewers", 5 * MINUTE)

    assert len(by_minute) == 21
    assert by_minute[:3] == [(TEN, 0, 1), (TEN + MINUTE, 1, 1), (TEN + 2 * MINUTE, None, 0)]
    assert by_minute[20] == (TEN + 20 * MINUTE, 0.5, 2)
    assert [(at, n) for at, _, n in by_hour] == [(TEN, 3)]
    assert [value for _, value, _ in by_hour] == pytest.approx([1200], rel=0.01)
    assert [value for _, value, _ in viewers] == [3, 1, 1, 1, 1]


async def test_many_sessions_are_read_from_what_is_added_up(
    db: Database, app: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalbox.playback.service.figures.EXACT_ROWS", 5)
    await rolled(db)

    async with db.read() as tx:
        _, used = await figures.summary(tx, chosen(app), GOOD, source="auto")
        _, of_content = await figures.summary(
            tx, chosen(app, equal={"contentId": "film"}), GOOD, source="auto"
        )

    assert (used, of_content) == ("rollups", "sessions")


@pytest.mark.parametrize("source", ["sessions", "rollups"])
async def test_the_largest_numbers_that_a_report_may_carry_stop_no_figure(
    db: Database, source: Source
) -> None:
    app, most = uuid4(), 2**63 - 1
    huge = {"startupTimeMs": 450, "playTimeMs": most, "rebufferTimeMs": most, "rebufferCount": 2**31 - 1,
            "totalDroppedFrames": most, "meanVideoFormatBitrate": 2**31 - 1}  # fmt: skip
    bodies = [body(f"huge {n}", TEN + 45 * MINUTE / 60, 45_000, **huge) for n in range(3)]
    await store(db, app, bodies, at=TEN + HOUR / 2)
    await rolled(db)

    found = await summed(db, chosen(app), source)

    assert found["plays"].value == 3
    assert found["rebufferRatio"].value == 0.5
    assert found["viewerHours"].value == pytest.approx(3 * DURATION_MAX_MS / 3_600_000)


async def test_an_app_that_cannot_be_counted_holds_no_other_up(
    db: Database, app: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, count = uuid4(), rollups.count_minutes
    await store(db, other, sample(), at=TEN + HOUR / 2)

    async def count_minutes(connection: Any, app_id: UUID, *more: Any) -> None:
        await count(connection, app_id, *more)
        if app_id == app:
            await connection.execute("SELECT 1 / 0")

    monkeypatch.setattr(rollups, "count_minutes", count_minutes)

    await rolled(db)

    assert (await summed(db, chosen(other), "rollups"))["attempts"].value == 5
    assert (await summed(db, chosen(app), "rollups"))["attempts"].value == 0
