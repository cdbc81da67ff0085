"""GET /figures and /figures/compare: what was measured in all calls of an app, over time and by property of the sessions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency, Provide
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.http.answers import REFUSALS, Answer, Whole, json_answer
from signalbox.monitoring.errors import InvalidParameters, MissingParameters
from signalbox.monitoring.queries.measured import ALL, DIMENSIONS, META, Span, Subject
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.figures import FlowDirection, FlowKind, From, To, flows_of
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb
from signalbox.monitoring.routes.looked_for import meta_filters
from signalbox.monitoring.routes.overview import may_see
from signalbox.monitoring.rules.comparison import BAD, Comparison, Estimate, Side
from signalbox.monitoring.rules.measures import CONNECTION, FLOW_NAMES, NAMES
from signalbox.monitoring.service.figures import Asked, Figures, Flows, Group, Series

USUAL = timedelta(days=30)
LONGEST, LONGEST_BY_HOUR = timedelta(days=400), timedelta(days=32)
PERCENTILES = (50, 75, 90, 95, 99)
ALL_NAMES = frozenset(name for names in NAMES for name in names)
_Text = str | None
_Trait = Annotated[_Text, QueryParameter(description="of a session; Unknown: missing")]


class FlowOfGroup(msgspec.Struct):
    """Figures of a flow: mean, and as `p50` … the value that the figure kept to or stayed below for that share of the time."""

    kind: str
    direction: str | None
    sessions: int  # counted in each UTC day in which they were measured
    seconds: float
    figures: dict[str, dict[str, float | None]]


class FigurePointOfGroup(msgspec.Struct):
    """An hour or a UTC day."""

    at: datetime
    flows: list[FlowOfGroup]


class FigureGroup(msgspec.Struct):
    """Sessions with a value of the property; `value` is null when nothing is grouped."""

    value: str | None
    flows: list[FlowOfGroup]
    series: list[FigurePointOfGroup]


# `from` is no name in Python.
FiguresData = msgspec.defstruct(
    "FiguresData",
    [
        ("begin", datetime),
        ("to", datetime),
        ("group_by", str | None),
        ("groups", list[FigureGroup]),
    ],
    rename={"begin": "from"},
)


class FigureEstimate(msgspec.Struct):
    """A value with the interval that holds it in 95 of 100 such comparisons."""

    value: float
    low: float
    high: float


class FigureSide(msgspec.Struct):
    """One side; without enough conferences all estimates are null. `bad` is the share of conferences at or beyond the limit."""

    conferences: int
    mean: FigureEstimate | None
    median: FigureEstimate | None
    bad: FigureEstimate | None


class FigureDifference(msgspec.Struct):
    """How far `b` is from `a`."""

    mean: FigureEstimate | None
    median: FigureEstimate | None
    bad: FigureEstimate | None


class FigureComparison(msgspec.Struct):
    """A figure of a flow on both sides. `verdict` goes by the means: better, worse, different, no_difference or not_enough_data."""

    kind: str
    direction: str | None
    figure: str
    bad_limit: float | None
    a: FigureSide
    b: FigureSide
    difference: FigureDifference
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at an app's figures, by somebody who may see it."""

    db: Database
    clock: Clock
    figures: Figures
    asked: Asked


async def provide_look(
    request: Request[Any, Any, Any],
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_figures: NamedDependency[Figures],
    app_id: filters.AppId = None,
    kind: FlowKind = None,
    direction: FlowDirection = None,
    begin: From = None,
    end: To = None,
    figures: Annotated[
        _Text, QueryParameter(description="names with commas between; all if missing")
    ] = None,
    app_version: _Trait = None,
    browser: _Trait = None,
    os: _Trait = None,
    country: _Trait = None,
    webrtc_sdk: _Trait = None,
    network_type: Annotated[_Text, QueryParameter(description="of the path; Unknown")] = None,
    relay: Annotated[_Text, QueryParameter(description="relayed, direct or Unknown")] = None,
) -> Look:
    """Dependency `look`: the app must be one of the caller's, whatever is remembered of it."""
    app = filters.uuid_of(app_id, "appId")
    if app is None:
        raise MissingParameters(field="appId")
    given = (app_version, browser, os, country, webrtc_sdk, network_type, relay)
    pairs = [
        (trait, filters.value_of(v, trait)) for trait, v in zip(DIMENSIONS, given, strict=True)
    ]
    traits = [(trait, value) for trait, value in pairs if value is not None]
    traits += [(META + key, value) for key, value in meta_filters(request)]
    await may_see(db, actor, app)
    asked = Asked(
        subject=Subject(
            app_id=app,
            flows=tuple(flows_of(kind, direction) or range(CONNECTION + 1)),
            traits=tuple(traits),
        ),
        span=span_of(begin, end, clock.now(), names=("from", "to")),
        names=_names(figures),
    )
    return Look(db=db, clock=clock, figures=app_figures, asked=asked)


def span_of(begin: _Text, end: _Text, now: datetime, *, names: tuple[str, str]) -> Span:
    """Whole minutes, so that they can be remembered; the last 30 days when nothing is given."""
    high = filters.instant_of(end, names[1]) or now + timedelta(minutes=1)
    high = high.replace(second=0, microsecond=0)
    # A whole hour is read from its rollup, a part of one from its minutes.
    low = filters.instant_of(begin, names[0]) or (high - USUAL).replace(minute=0)
    low = low.replace(second=0, microsecond=0)
    if low > high or high - low > LONGEST:
        raise InvalidParameters(field=names[0])
    return Span(low, high)


def _names(given: _Text) -> frozenset[str]:
    text = filters.text_of(given, "figures")
    if text is None:
        return frozenset()
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not names <= ALL_NAMES:
        raise InvalidParameters(field="figures")
    return names


def _dimension(given: _Text) -> str:
    text = filters.value_of(given, "group_by")
    if text is None or text == "none":
        return ALL
    if text not in DIMENSIONS and (not text.startswith(META) or text == META):
        raise InvalidParameters(field="group_by")
    return text


def _percentiles(given: _Text) -> tuple[int, ...]:
    if not given:
        return PERCENTILES
    try:
        found = tuple(sorted({int(part.strip().removeprefix("p")) for part in given.split(",")}))
    except ValueError:
        raise InvalidParameters(field="percentiles") from None
    if not set(found) <= set(PERCENTILES):
        raise InvalidParameters(field="percentiles")
    return found


def _series(given: _Text, span: Span) -> Series:
    if given == "hour":
        if span.end - span.begin > LONGEST_BY_HOUR:
            raise InvalidParameters(field="series")
        return "hour"
    if given == "day":
        return "day"
    if given in (None, "", "none"):
        return "none"
    raise InvalidParameters(field="series")


_Group = Annotated[
    _Text,
    QueryParameter(
        description="none, app_version, browser, os, country, webrtc_sdk, network_type, relay or meta.<key>"
    ),
]
_WHOLE = ResponseSpec(Whole[FiguresData], generate_examples=False, description="The figures.")  # type: ignore[valid-type]
_LIST = ResponseSpec(
    Whole[list[FigureComparison]], generate_examples=False, description="One for each figure."
)


@get("/figures", responses={200: _WHOLE, **REFUSALS}, summary="Figures of an app")
async def get_figures(
    look: NamedDependency[Look],
    group_by: _Group = None,
    series: Annotated[_Text, QueryParameter(description="none, hour or day (UTC)")] = None,
    percentiles: Annotated[
        _Text, QueryParameter(description="of 50, 75, 90, 95, 99, with commas between")
    ] = None,
) -> Answer:
    """What was measured in the calls of an app, weighted by time: the last 30 days unless something else is asked for. May be a minute old."""
    asked = replace(
        look.asked, group_by=_dimension(group_by), series=_series(series, look.asked.span)
    )
    shares = _percentiles(percentiles)
    groups = await look.figures.groups(look.db, look.clock, asked)
    if not asked.group_by:
        groups = groups or {ALL: Group()}
    data = FiguresData(
        begin=asked.span.begin,
        to=asked.span.end,
        group_by=asked.group_by or None,
        groups=[_group(value, group, asked, shares) for value, group in groups.items()],
    )
    return json_answer({"data": data})


def _group(value: str, group: Group, asked: Asked, shares: tuple[int, ...]) -> FigureGroup:
    series = [
        FigurePointOfGroup(at, _flows(flows, shares)) for at, flows in sorted(group.series.items())
    ]
    return FigureGroup(
        value=value if asked.group_by else None, flows=_flows(group.flows, shares), series=series
    )


def _flows(flows: Flows, shares: tuple[int, ...]) -> list[FlowOfGroup]:
    found = []
    labels = ["mean", *(f"p{share}" for share in shares)]
    wanted = [share / 100 for share in shares]
    for flow, figures in sorted(flows.items()):
        kind, direction = FLOW_NAMES[flow]
        names = NAMES[flow]
        spreads = {
            names[place]: dict(zip(labels, (sketch.mean, *sketch.percentiles(wanted)), strict=True))
            for place, sketch in sorted(figures.sketches.items())
        }
        found.append(FlowOfGroup(kind, direction, figures.sessions, figures.seconds, spreads))
    return found


@get("/figures/compare", responses={200: _LIST, **REFUSALS}, summary="Compare figures of an app")
async def compare_figures(
    look: NamedDependency[Look],
    group_by: _Group = None,
    a: Annotated[_Text, QueryParameter(description="value of the property on side a")] = None,
    b: Annotated[_Text, QueryParameter(description="value of the property on side b")] = None,
    a_from: Annotated[_Text, QueryParameter(description="side a: ISO 8601")] = None,
    a_to: Annotated[_Text, QueryParameter(description="side a: ISO 8601, exclusive")] = None,
    b_from: Annotated[_Text, QueryParameter(description="side b: ISO 8601")] = None,
    b_to: Annotated[_Text, QueryParameter(description="side b: ISO 8601, exclusive")] = None,
) -> Answer:
    """Two stretches of time, or the sessions with two values of a property, compared conference by conference. May be a minute old."""
    dimension = _dimension(group_by)
    sides = [
        _side(look, dimension, value, low, high, name)
        for name, value, low, high in (("a", a, a_from, a_to), ("b", b, b_from, b_to))
    ]
    if sides[0] == sides[1]:
        raise MissingParameters(field="b_from" if dimension == ALL else "b")
    found = await look.figures.compare(look.db, look.clock, *sides)
    return json_answer({"data": [_comparison(*key, made) for key, made in sorted(found.items())]})


def _side(look: Look, dimension: str, value: _Text, low: _Text, high: _Text, name: str) -> Asked:
    asked = look.asked
    wanted = filters.value_of(value, name)
    if dimension != ALL:
        if wanted is None:
            raise MissingParameters(field=name)
        traits = (*asked.subject.traits, (dimension, wanted))
        asked = replace(asked, subject=replace(asked.subject, traits=traits))
    elif wanted is not None:
        raise MissingParameters(field="group_by")
    if low or high:
        span = span_of(low, high, look.clock.now(), names=(f"{name}_from", f"{name}_to"))
        asked = replace(asked, span=span)
    return asked


def _comparison(flow: int, place: int, made: Comparison) -> FigureComparison:
    kind, direction = FLOW_NAMES[flow]
    name = NAMES[flow][place]
    return FigureComparison(
        kind=kind,
        direction=direction,
        figure=name,
        bad_limit=BAD.get(name),
        a=_shown(made.a),
        b=_shown(made.b),
        difference=FigureDifference(
            _estimate(made.mean), _estimate(made.median), _estimate(made.bad)
        ),
        verdict=made.verdict,
    )


def _shown(side: Side) -> FigureSide:
    return FigureSide(
        side.conferences, _estimate(side.mean), _estimate(side.median), _estimate(side.bad)
    )


def _estimate(found: Estimate | None) -> FigureEstimate | None:
    return None if found is None else FigureEstimate(found.value, found.low, found.high)


def figure_dependencies() -> dict[str, Provide]:
    """For the router; the figures of all its apps are remembered together."""
    figures = Figures()
    return {
        "app_figures": Provide(lambda: figures, sync_to_thread=False),
        "look": Provide(provide_look),
    }


HANDLERS = (get_figures, compare_figures)
