"""GET /apps/<id>/dimensions: what filters can be set to. GET /issues/groups: the issues of an app by code."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from signalbox.accounts import queries as accounts_queries
from signalbox.accounts.errors import AppNotFound
from signalbox.http.answers import Answer, Instant, Whole, answers, json_answer, one_of, printed
from signalbox.monitoring.cache import Remembered
from signalbox.monitoring.queries.dimensions import Dimensions, dimensions
from signalbox.monitoring.queries.issue_groups import Example, IssueGroup, issue_groups
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb, GivenSpan
from signalbox.monitoring.routes.overview import GivenAsked, stretch_of
from signalbox.monitoring.rules.codes import describe
from signalbox.monitoring.rules.overview import Stretch

USUAL: Final = timedelta(days=30)
MOST_VALUES: Final = 50
MOST_KEYS: Final = 20
REMEMBERED_S: Final = 60.0
MOST_REMEMBERED: Final = 200
Known = Remembered[Dimensions]
Grouped = Remembered[list[IssueGroup]]


class DimensionValue(msgspec.Struct):
    """A value, and how many sessions had it; `Unknown`: it was missing."""

    value: str
    count: int


class Dimension(msgspec.Struct, kw_only=True):
    """A property of sessions and its values, the most frequent first; `others` are further values that are not listed."""

    name: str
    values: list[DimensionValue]
    others: int


class AppDimensions(msgspec.Struct, kw_only=True):
    """What the sessions of an app ran on. `name` of a dimension is that of the filter: `browser`, or `meta.plan`.

    Those of metadata are counted from the newest `sampled` of the `sessions`.
    """

    sessions: int
    sampled: int
    dimensions: list[Dimension]


class IssueDay(msgspec.Struct):
    """Issues that began on a UTC day."""

    date: str
    count: int


class IssueExample(msgspec.Struct, kw_only=True):
    """An issue, and where it was."""

    id: UUID
    conference: UUID | None
    participant: UUID | None
    session: UUID | None
    created_at: Instant


class IssueGroupItem(msgspec.Struct, kw_only=True):
    """The issues of a code: how many, in how many conferences, by UTC day (days without any are left out), and the newest of them."""

    code: str
    type: str
    title: str
    explanation: str
    count: int
    conferences: int
    last_at: Instant
    days: list[IssueDay]
    newest: list[IssueExample]


@get(
    "/apps/{app_id:uuid}/dimensions",
    responses=one_of(AppDimensions),
    summary="Known values of filters",
)
async def get_dimensions(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    span: GivenSpan,
    known: NamedDependency[Known],
    app_id: FromPath[UUID],
) -> Answer:
    """What the sessions of an app ran on, of those that were created within the bounds; of the last 30 days without any. May be a minute old."""
    async with db.read() as tx:
        if await accounts_queries.app(tx, actor, app_id) is None:
            raise AppNotFound
    now = clock.now()
    stretch = stretch_of(span)
    if not span:
        stretch = Stretch((now - USUAL).replace(second=0, microsecond=0), None)

    async def ask() -> Dimensions:
        async with db.read() as tx:
            return await dimensions(tx, app_id, stretch)

    found = await known.get((app_id, stretch), ask, at=now)
    named = [_dimension(name, counts) for name, counts in found.traits.items()]
    keys = sorted(found.meta.items(), key=lambda one: (-one[1].total(), one[0]))
    named += [_dimension(f"meta.{key}", counts) for key, counts in keys[:MOST_KEYS]]
    data = AppDimensions(sessions=found.sessions, sampled=found.sampled, dimensions=named)
    return json_answer({"data": data})


def _dimension(name: str, counts: Counter[str]) -> Dimension:
    first = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    values = [DimensionValue(*one) for one in first[:MOST_VALUES]]
    return Dimension(name=name, values=values, others=len(first) - len(values))


@get(
    "/issues/groups",
    responses=answers(Whole[list[IssueGroupItem]], "The groups."),
    summary="Issues of an app by code",
)
async def get_issue_groups(asked: GivenAsked, grouped: NamedDependency[Grouped]) -> Answer:
    """The issues of an app by code, the most frequent first, with their days and the newest three. May be a minute old."""

    async def ask() -> list[IssueGroup]:
        async with asked.db.read() as tx:
            return await issue_groups(tx, asked.chosen, asked.stretch)

    found = await grouped.get((asked.chosen, asked.stretch), ask, at=asked.clock.now())
    return json_answer({"data": [_group(group) for group in found]})


def _group(group: IssueGroup) -> IssueGroupItem:
    title, explanation = describe(group.code)
    assert group.last_at is not None
    return IssueGroupItem(
        code=group.code,
        type=group.type,
        title=title,
        explanation=explanation,
        count=group.count,
        conferences=group.conferences,
        last_at=printed(group.last_at),
        days=[IssueDay(day.isoformat(), count) for day, count in sorted(group.days.items())],
        newest=[_example(one) for one in group.newest],
    )


def _example(one: Example) -> IssueExample:
    return IssueExample(
        id=one.id,
        conference=one.conference,
        participant=one.participant,
        session=one.session,
        created_at=printed(one.at),
    )


def remembering() -> dict[str, Provide]:
    """`known` and `grouped`, with memories of their own for this application."""
    known: Known = Remembered(REMEMBERED_S, MOST_REMEMBERED)
    grouped: Grouped = Remembered(REMEMBERED_S, MOST_REMEMBERED)
    return {
        "known": Provide(lambda: known, sync_to_thread=False),
        "grouped": Provide(lambda: grouped, sync_to_thread=False),
    }


HANDLERS = (get_dimensions, get_issue_groups)
