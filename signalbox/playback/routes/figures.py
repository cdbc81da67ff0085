"""Figures of an app's sessions: of a span, over time, and now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, cast

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import UNSET

from signalbox.core.db import Tx
from signalbox.http.answers import Answer, json_answer
from signalbox.playback.errors import InvalidSchema
from signalbox.playback.queries import audience
from signalbox.playback.queries.selecting import GROUPS, Selection
from signalbox.playback.routes import shapes
from signalbox.playback.routes.asked import Filters, choice_of, selection
from signalbox.playback.routes.shapes import printed
from signalbox.playback.routes.visiting import AnyRequest, Reader, Reading, reading_of
from signalbox.playback.rules.spans import INTERVALS, MOST_POINTS, points
from signalbox.playback.service import figures
from signalbox.playback.service.figures import NAMES, Source

JUST_NOW: Final = timedelta(minutes=5)
_SOURCES: Final[Mapping[str, None]] = dict.fromkeys(("auto", "sessions", "rollups"))
_METRICS: Final[Mapping[str, None]] = dict.fromkeys(NAMES)
GivenSource = Annotated[
    str | None,
    QueryParameter(
        description="`sessions` counts exactly, `rollups` is quick; `auto`, as without, chooses by how many there are"
    ),
]


def _good(reading: Reading) -> Mapping[str, float]:
    settings = reading.settings
    return {
        "good_startup_ms": settings.good_startup_ms,
        "good_ratio": settings.good_rebuffer_ratio,
    }


def _source(text: str | None) -> Source:
    return cast("Source", choice_of(text, "source", _SOURCES) or "auto")


@get(
    "/qoe/summary",
    responses=shapes.answers(shapes.PlaybackSummary, "The figures."),
    summary="Figures of playback",
)
async def summary(
    request: AnyRequest,
    reader: NamedDependency[Reader],
    filters: NamedDependency[Filters],
    group_by: Annotated[
        str | None, QueryParameter(name="groupBy", description=", ".join(GROUPS))
    ] = None,
    source: GivenSource = None,
) -> Answer:
    """Every figure of the sessions that ended in a span; with `groupBy` also for its values, the 200 with the most attempts."""
    reading = reading_of(request)
    by, wanted = choice_of(group_by, "groupBy", GROUPS), _source(source)
    chosen = selection(filters, reader.app_id, now=reading.clock.now())
    good = _good(reading)
    async with reading.db.read() as tx:
        total, used = await figures.summary(tx, chosen, good, source=wanted)
        groups: Any = UNSET
        if by is not None:
            found = await figures.groups(tx, chosen, good, by=by, source=wanted)
            groups = [shapes.group(made, value=value) for value, made in found]
    return json_answer(
        shapes.PlaybackSummary(
            tenant=reader.tenant,
            tenant_id=reader.app_id,
            begin=printed(chosen.begin),
            end=printed(chosen.end),
            source=used,
            total=shapes.group(total),
            group_by=by,
            groups=groups,
        )
    )


@get(
    "/qoe/timeseries",
    responses=shapes.answers(shapes.PlaybackSeries, "The series."),
    summary="A figure of playback over time",
)
async def timeseries(
    request: AnyRequest,
    reader: NamedDependency[Reader],
    filters: NamedDependency[Filters],
    metric: Annotated[str | None, QueryParameter(description=", ".join(NAMES))] = None,
    interval: Annotated[
        str | None, QueryParameter(description="1m, 5m, 1h or 1d; 1h without")
    ] = None,
    source: GivenSource = None,
) -> Answer:
    """One figure in each step of a span, at most 2000; steps without a session have `n` 0 and null."""
    reading = reading_of(request)
    name = choice_of(metric, "metric", _METRICS)
    if name is None:
        raise InvalidSchema([("metric", "missing")])
    width = choice_of(interval, "interval", INTERVALS) or "1h"
    wanted = _source(source)
    chosen = selection(filters, reader.app_id, now=reading.clock.now())
    if points(chosen.begin, chosen.end, INTERVALS[width]) > MOST_POINTS:
        raise InvalidSchema([("interval", "too_many_points")])
    async with reading.db.read() as tx:
        found = await figures.series(
            tx, chosen, _good(reading), metric=name, step=INTERVALS[width], source=wanted
        )
    return json_answer(
        shapes.PlaybackSeries(
            tenant=reader.tenant,
            tenant_id=reader.app_id,
            metric=name,
            interval=width,
            begin=printed(chosen.begin),
            end=printed(chosen.end),
            points=[shapes.point_item(point.starts, point.figure) for point in found],
        )
    )


@get("/live", responses=shapes.answers(shapes.PlaybackLive, "Just now."), summary="Who watches now")
async def live(request: AnyRequest, reader: NamedDependency[Reader]) -> Answer:
    """Who watches now (players that report only at their end are never among them), and the figures of the last five minutes."""
    reading = reading_of(request)
    now, window_s = reading.clock.now(), reading.settings.live_window_s
    chosen = Selection(app_id=reader.app_id, begin=now - JUST_NOW, end=now)
    async with reading.db.read() as tx:
        watching = await audience.watching(tx, [reader.app_id], at=now, window_s=window_s)
        sessions = await audience.live_sessions(
            tx, reader.app_id, at=now, window_s=window_s, most=audience.MOST_LIVE
        )
        made = await _just_now(tx, chosen, _good(reading))
    return json_answer(
        shapes.PlaybackLive(
            tenant=reader.tenant,
            tenant_id=reader.app_id,
            at=printed(now),
            window_seconds=window_s,
            concurrent_viewers=watching.get(reader.app_id, 0),
            sessions=[shapes.live_session(row) for row in sessions],
            last5_minutes=made,
        )
    )


async def _just_now(tx: Tx, chosen: Selection, good: Mapping[str, float]) -> shapes.PlaybackGroup:
    made, _ = await figures.summary(tx, chosen, good, source="sessions")
    return shapes.group(made)


HANDLERS = (summary, timeseries, live)
