"""GET /conferences/<id>/figures: what was measured in a call, per flow and connection, over time and summed up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.http.answers import Answer, json_answer, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.errors import InvalidParameters
from signalbox.monitoring.queries.figures import Part, reported_span
from signalbox.monitoring.queries.readings import micros
from signalbox.monitoring.queries.refusals import ConferenceMissing
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.given import GivenActor, GivenDb
from signalbox.monitoring.rules.measures import CONNECTION, FLOW_NAMES, MINUTE_US, NAMES
from signalbox.monitoring.service.drawing import Columns, conference_columns
from signalbox.monitoring.service.series import (
    ConferenceFigures,
    Level,
    Line,
    Total,
    conference_figures,
)

GivenEmos = NamedDependency[int]
SHARES = (0.5, 0.75, 0.9, 0.95, 0.99)
SHORT = timedelta(minutes=15)  # shown interval by interval unless something else is asked for
MOST_STEP_S = 86_400
_Text = str | None
From = Annotated[
    _Text, QueryParameter(name="from", description="ISO 8601; the beginning if missing")
]
To = Annotated[_Text, QueryParameter(name="to", description="ISO 8601, exclusive; now if missing")]
FlowKind = Annotated[
    _Text, QueryParameter(name="kind", description="audio, video or connection; all if missing")
]
FlowDirection = Annotated[
    _Text, QueryParameter(name="direction", description="inbound or outbound; both if missing")
]


Track = Annotated[_Text, QueryParameter(description="uuid of a track")]
Resolution = Annotated[
    _Text,
    QueryParameter(
        description="seconds of a point (1 to 86400), `interval`, or `auto`: interval up to 15 minutes, else 60"
    ),
]


class FigureSpread(msgspec.Struct):
    """A figure over some time: its mean, and the values that it kept to or stayed below for 50, 75, 90, 95 and 99 % of the time."""

    mean: float | None
    p50: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class FigureTotal(msgspec.Struct):
    """Figures summed up: of the conference (no ids), a participant, or one of its connections."""

    participant: UUID | None
    connection: UUID | None
    kind: str
    direction: str | None
    seconds: float
    figures: dict[str, FigureSpread]


class FigureLine(msgspec.Struct):
    """One flow of a connection, or (kind `connection`) the connection itself. Points have `from`, `to`, `seconds` and the figures that are known."""

    participant: UUID
    session: UUID
    peer: UUID
    connection: UUID
    track: UUID | None
    kind: str
    direction: str | None
    key: str | None
    points: list[dict[str, Any]]


# `from` is no name in Python.
ConferenceFigureData = msgspec.defstruct(
    "ConferenceFigureData",
    [
        ("conference", UUID),
        ("begin", datetime),
        ("to", datetime),
        ("resolution_s", float | None),
        ("totals", list[FigureTotal]),
        ("lines", list[FigureLine]),
    ],
    rename={"begin": "from"},
)


class FigureColumns(msgspec.Struct):
    """A line as columns: `begins_ms` and `ends_ms` of its points count from `from` of the answer; each figure has a value, or null, for each point."""

    participant: UUID
    session: UUID
    peer: UUID
    connection: UUID
    track: UUID | None
    kind: str
    direction: str | None
    key: str | None
    begins_ms: list[int]
    ends_ms: list[int]
    figures: dict[str, list[float | int | str | bool | None]]


ConferenceColumnData = msgspec.defstruct(
    "ConferenceColumnData",
    [
        ("conference", UUID),
        ("begin", datetime),
        ("to", datetime),
        ("resolution_s", float | None),
        ("lines", list[FigureColumns]),
    ],
    rename={"begin": "from"},
)


def flows_of(kind: str | None, direction: str | None) -> list[int]:
    """Numbers of the flows that are asked for; empty for all."""
    if kind not in (None, "", "audio", "video", "connection"):
        raise InvalidParameters(field="kind")
    if direction not in (None, "", "inbound", "outbound"):
        raise InvalidParameters(field="direction")
    if not kind and not direction:
        return []
    found = [
        number
        for number, (its_kind, its_direction) in enumerate(FLOW_NAMES)
        if (not kind or its_kind == kind) and (not direction or its_direction == direction)
    ]
    if not found:
        raise InvalidParameters(field="direction")  # a connection has none
    return found


def _step_us(value: str | None, part: Part) -> int | None:
    """The length of a point; None for one per interval."""
    if value in (None, "", "auto"):
        return None if part.end - part.begin <= SHORT else MINUTE_US
    if value == "interval":
        return None
    seconds = filters.seconds_of(value, "resolution")
    if seconds is None or not 1 <= seconds <= MOST_STEP_S or seconds != int(seconds):
        raise InvalidParameters(field="resolution")
    return int(seconds) * 1_000_000


@get(
    "/conferences/{conference_id:uuid}/figures",
    responses=one_of(ConferenceFigureData),
    summary="Figures of a conference",
)
async def get_conference_figures(
    db: GivenDb,
    actor: GivenActor,
    emos_version: GivenEmos,
    conference_id: FromPath[UUID],
    participant_id: filters.ParticipantId = None,
    connection_id: filters.ConnectionId = None,
    track: Track = None,
    kind: FlowKind = None,
    direction: FlowDirection = None,
    begin: From = None,
    end: To = None,
    resolution: Resolution = None,
) -> Answer:
    """What was measured between two reports, or in stretches of equal length, of each flow and connection of a call, and its sums. Whole minutes may be ten seconds behind."""
    asked = _Asked(participant_id, connection_id, track, kind, direction, begin, end)
    part = await _part(db, actor, conference_id, asked)
    found = await conference_figures(
        db, part, step_us=_step_us(resolution, part), emos_version=emos_version
    )
    return json_answer({"data": _shape(found)})


@get(
    "/conferences/{conference_id:uuid}/figures/columns",
    responses=one_of(ConferenceColumnData),
    summary="Figures of a conference as columns",
)
async def get_conference_columns(
    db: GivenDb,
    actor: GivenActor,
    emos_version: GivenEmos,
    conference_id: FromPath[UUID],
    participant_id: filters.ParticipantId = None,
    connection_id: filters.ConnectionId = None,
    track: Track = None,
    kind: FlowKind = None,
    direction: FlowDirection = None,
    begin: From = None,
    end: To = None,
    resolution: Resolution = None,
) -> Answer:
    """The lines of `/figures` for charts: a fifth of their size, rounded to what can be seen, without sums."""
    asked = _Asked(participant_id, connection_id, track, kind, direction, begin, end)
    part = await _part(db, actor, conference_id, asked)
    step_us = _step_us(resolution, part)
    lines = await conference_columns(db, part, step_us=step_us, emos_version=emos_version)
    data = ConferenceColumnData(
        conference=conference_id,
        begin=part.begin,
        to=part.end,
        resolution_s=None if step_us is None else step_us / 1_000_000,
        lines=[_columns(line, micros(part.begin) // 1000) for line in lines],
    )
    return json_answer({"data": data})


class _Asked(NamedTuple):
    """Which part of a conference, as it was written."""

    participant: str | None
    connection: str | None
    track: str | None
    kind: str | None
    direction: str | None
    begin: str | None
    end: str | None


async def _part(db: Database, actor: Actor, conference_id: UUID, asked: _Asked) -> Part:
    participant = filters.uuid_of(asked.participant, "participantId")
    connection = filters.uuid_of(asked.connection, "connectionId")
    flows = flows_of(asked.kind, asked.direction)
    low, high = filters.instant_of(asked.begin, "from"), filters.instant_of(asked.end, "to")
    async with db.read() as tx:
        row = await queries.first(tx, queries.conferences(actor), conference_id)
        if row is None:
            raise ConferenceMissing
        await queries.require_known(tx, actor, participant_id=participant, connection_id=connection)
        first, last = await reported_span(tx, conference_id, row["created_at"])
    part = Part(
        conference=conference_id,
        begin=low or first,
        end=high or (last or first) + timedelta(microseconds=1),
        participant=participant,
        connection=connection,
        track=filters.uuid_of(asked.track, "track"),
        flows=flows,
    )
    if part.begin > part.end:
        raise InvalidParameters(field="from" if low is not None else "to")
    return part


def _shape(found: ConferenceFigures) -> Any:
    return ConferenceFigureData(
        conference=found.part.conference,
        begin=found.part.begin,
        to=found.part.end,
        resolution_s=None if found.step_us is None else found.step_us / 1_000_000,
        totals=[_total(level, total) for level, total in _in_order(found.totals)],
        lines=[_line(line) for line in found.lines],
    )


def _in_order(totals: dict[Level, Total]) -> list[tuple[Level, Total]]:
    """The conference first, then each participant with its connections."""
    return sorted(totals.items(), key=lambda entry: tuple(map(str, _ids(entry[0]))))


def _ids(level: Level) -> tuple[Any, ...]:
    return level.participant or "", level.connection or "", level.flow


def _total(level: Level, total: Total) -> FigureTotal:
    kind, direction = FLOW_NAMES[level.flow]
    return FigureTotal(
        participant=level.participant,
        connection=level.connection,
        kind=kind,
        direction=direction,
        seconds=total.seconds,
        figures={
            NAMES[level.flow][place]: FigureSpread(spread.mean, *spread.percentiles(SHARES))
            for place, spread in sorted(total.spreads.items())
            if spread.values
        },
    )


def _line(line: Line) -> FigureLine:
    kind, direction = FLOW_NAMES[line.flow]
    return FigureLine(
        participant=line.owner.participant,
        session=line.owner.session,
        peer=line.owner.peer,
        connection=line.owner.connection,
        track=line.track,
        kind=kind,
        direction=direction,
        key=None if line.flow == CONNECTION else line.key,
        points=line.points,
    )


def _columns(line: Columns, begin_ms: int) -> FigureColumns:
    kind, direction = FLOW_NAMES[line.flow]
    return FigureColumns(
        participant=line.owner.participant,
        session=line.owner.session,
        peer=line.owner.peer,
        connection=line.owner.connection,
        track=line.track,
        kind=kind,
        direction=direction,
        key=None if line.flow == CONNECTION else line.key,
        begins_ms=[at - begin_ms for at in line.begins_ms],
        ends_ms=[at - begin_ms for at in line.ends_ms],
        figures=dict(line.figures),  # type: ignore[arg-type]
    )


HANDLERS = (get_conference_figures, get_conference_columns)
