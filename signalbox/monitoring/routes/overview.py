"""The eight charts of an app: GET /conferences/summary and its siblings.

All take `appId`, bounds on creation, and filters on sessions. Answers may be a minute old.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.openapi import ResponseSpec

from signalbox.core.actor import Actor
from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.http.answers import REFUSALS, Answer, Whole, json_answer
from signalbox.monitoring import queries
from signalbox.monitoring.errors import MissingParameters
from signalbox.monitoring.queries import Span, Traits
from signalbox.monitoring.queries.overview import Chosen
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb, GivenSpan
from signalbox.monitoring.routes.looked_for import provide_traits
from signalbox.monitoring.rules import overview as rules
from signalbox.monitoring.rules.codes import describe
from signalbox.monitoring.rules.overview import Figures, Stretch
from signalbox.monitoring.service import Overviews

_AN_INSTANT = timedelta(microseconds=1)


class DayItem(msgspec.Struct):
    """Conferences that were made on a UTC day, by colour."""

    date: str
    success: int
    warning: int
    error: int
    ongoing: int
    total: int


class DurationItem(msgspec.Struct):
    """Conferences that lasted at least `min_sec` and less than `max_sec` seconds; null is no bound."""

    range: str
    min_sec: int
    max_sec: int | None
    count: int


class ParticipantsItem(msgspec.Struct):
    """How many conferences had so many participants."""

    participants: int
    conferences: int


class ParticipantsChart(msgspec.Struct):
    """Conferences by number of participants, ascending."""

    data: list[ParticipantsItem]
    total_conferences: int


class CodeItem(msgspec.Struct):
    """How many issues there are of a code."""

    code: str
    title: str
    count: int


class MediaErrorItem(msgspec.Struct):
    """A reason why media was refused; `message` is the first that was seen with it."""

    name: str
    message: str | None
    count: int


class MediaErrorChart(msgspec.Struct):
    """Refusals of media, the most frequent first."""

    data: list[MediaErrorItem]
    total: int


class NameItem(msgspec.Struct):
    """How often something was seen."""

    name: str
    count: int


class SetupItem(msgspec.Struct):
    """Connections whose first negotiation took at least `min_ms` and less than `max_ms`, and the conferences of the 200 slowest of them."""

    range: str
    min_ms: int
    max_ms: int | None
    count: int
    conference_ids: list[UUID]


class CountryItem(msgspec.Struct):
    """Sessions from a country; `code` is ISO 3166-1 alpha-2, or Unknown."""

    code: str
    count: int


class CityItem(msgspec.Struct):
    """Sessions from a place."""

    city: str
    latitude: float | None
    longitude: float | None
    count: int


class SessionsChart(msgspec.Struct):
    """What sessions ran on and where, the most frequent first."""

    browsers: list[NameItem]
    os: list[NameItem]
    countries: list[CountryItem]
    cities: list[CityItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One look at the charts, by somebody who may see the app."""

    db: Database
    clock: Clock
    overviews: Overviews
    chosen: Chosen
    stretch: Stretch

    async def figures(self, family: str) -> Figures:
        """The figures of a family."""
        return await self.overviews.figures(self.db, self.clock, self.chosen, self.stretch, family)


async def provide_asked(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    span: GivenSpan,
    overviews: NamedDependency[Overviews],
    traits: NamedDependency[Traits],
    app_id: filters.AppId = None,
) -> Asked:
    """Dependency `asked`: the app must be one of the caller's, whatever is remembered of it."""
    app = filters.uuid_of(app_id, "appId")
    if app is None:
        raise MissingParameters(field="appId")
    chosen = Chosen(app_id=app, traits=traits.traits, meta=traits.meta)
    await may_see(db, actor, app)
    return Asked(db=db, clock=clock, overviews=overviews, chosen=chosen, stretch=stretch_of(span))


def stretch_of(span: Span) -> Stretch:
    """The bounds as an instant from which and one before which; PostgreSQL counts microseconds."""
    begins = [span.gte, None if span.gt is None else span.gt + _AN_INSTANT]
    ends = [span.lt, None if span.lte is None else span.lte + _AN_INSTANT]
    return Stretch(
        max((at for at in begins if at is not None), default=None),
        min((at for at in ends if at is not None), default=None),
    )


async def may_see(db: Database, actor: Actor, app: UUID) -> None:
    """AppUnknown unless the app is one of the caller's."""
    async with db.read() as tx:
        await queries.require_known(tx, actor, app_id=app)


def chart_dependencies() -> dict[str, Provide]:
    """`asked`, with a memory of its own for this application."""
    overviews = Overviews()
    return {
        "overviews": Provide(lambda: overviews, sync_to_thread=False),
        "asked": Provide(provide_asked),
        "traits": Provide(provide_traits),
    }


GivenAsked = NamedDependency[Asked]


def _answers(shape: Any) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(shape, generate_examples=False, description="The chart."), **REFUSALS}


@get("/conferences/summary", responses=_answers(Whole[list[DayItem]]), summary="Conferences by day")
async def conferences_summary(asked: GivenAsked) -> Answer:
    """Conferences by UTC day and colour; days without any are left out."""
    return json_answer({"data": rules.by_day(await asked.figures("conferences"))})


@get(
    "/conferences/duration-summary",
    responses=_answers(Whole[list[DurationItem]]),
    summary="Conferences by duration",
)
async def duration_summary(asked: GivenAsked) -> Answer:
    """Conferences in twelve buckets of duration."""
    return json_answer({"data": rules.by_duration(await asked.figures("conferences"))})


@get(
    "/conferences/participant-count-summary",
    responses=_answers(ParticipantsChart),
    summary="Conferences by participants",
)
async def participant_count_summary(asked: GivenAsked) -> Answer:
    """Conferences by the number of participants who had a session in them; SFUs do not count."""
    figures = await asked.figures("conferences")
    total = figures.participants.total()
    return json_answer({"data": rules.by_participants(figures), "total_conferences": total})


@get("/issues/summary", responses=_answers(Whole[list[CodeItem]]), summary="Issues by code")
async def issues_summary(asked: GivenAsked) -> Answer:
    """Issues by code, the most frequent first."""
    found = rules.most_first((await asked.figures("issues")).issues)
    return json_answer({"data": [CodeItem(code, describe(code)[0], n) for code, n in found]})


@get("/issues/gum-summary", responses=_answers(MediaErrorChart), summary="Media access errors")
async def media_error_summary(asked: GivenAsked) -> Answer:
    """Why cameras and microphones could not be opened, the most frequent first."""
    figures = await asked.figures("issues")
    data = [
        MediaErrorItem(name, figures.messages[name][1], n)
        for name, n in rules.most_first(figures.media_errors)
    ]
    return json_answer(MediaErrorChart(data, figures.media_errors.total()))


@get(
    "/connections/summary",
    responses=_answers(Whole[list[NameItem]]),
    summary="Direct and relayed connections",
)
async def connections_summary(asked: GivenAsked) -> Answer:
    """Connections of which the type is known."""
    relayed = (await asked.figures("connections")).relayed
    data = [NameItem("Direct", relayed[False]), NameItem("Relayed", relayed[True])]
    return json_answer({"data": data})


@get(
    "/connections/setup-time-summary",
    responses=_answers(Whole[list[SetupItem]]),
    summary="Connections by set-up time",
)
async def setup_time_summary(asked: GivenAsked) -> Answer:
    """How long first negotiations took that ended connected, in eleven buckets."""
    figures, ids = await asyncio.gather(
        asked.figures("connections"),
        asked.overviews.slow_conferences(asked.db, asked.clock, asked.chosen, asked.stretch),
    )
    return json_answer({"data": rules.by_setup(figures, ids)})


@get("/sessions/summary", responses=_answers(SessionsChart), summary="Browsers, systems, places")
async def sessions_summary(asked: GivenAsked) -> Answer:
    """What sessions ran on and where they came from."""
    figures = await asked.figures("sessions")
    chart = SessionsChart(
        browsers=[NameItem(name, n) for name, n in rules.most_first(figures.browsers)],
        os=[NameItem(name, n) for name, n in rules.most_first(figures.systems)],
        countries=[CountryItem(code, n) for code, n in rules.most_first(figures.countries)],
        cities=[
            CityItem(city, north, east, n)
            for (city, north, east), n in rules.most_first(figures.cities)
        ],
    )
    return json_answer(chart)


HANDLERS = (
    conferences_summary,
    duration_summary,
    participant_count_summary,
    issues_summary,
    media_error_summary,
    connections_summary,
    setup_time_summary,
    sessions_summary,
)
