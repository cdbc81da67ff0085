"""GET /live/now: the calls that run, from which the live stream goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidationMarker

from signalbox.accounts import queries as accounts_queries
from signalbox.accounts.errors import AppNotFound, OrganizationNotFound
from signalbox.core.actor import Actor
from signalbox.core.db import Database
from signalbox.http.answers import Answer, Instant, json_answer, one_of, printed, printed_or_none
from signalbox.monitoring.errors import InvalidParameters, MissingParameters
from signalbox.monitoring.queries.running import Open, Running
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb
from signalbox.monitoring.rules.codes import describe
from signalbox.monitoring.rules.issues import ERROR
from signalbox.monitoring.service.wall import Position, Wall, Walls

GivenWalls = NamedDependency[Walls]
GivenPosition = Annotated[NamedDependency[Position], SkipValidationMarker()]


class OpenIssue(msgspec.Struct, kw_only=True):
    """Issues of a code; `open` of them still last."""

    type: Literal["warning", "error"]
    code: str
    title: str
    open: int


class RunningFigures(msgspec.Struct, kw_only=True):
    """What was measured last: of its connections the longest round trip, the largest loss, jitter and share of frozen video, the lowest audio score,
    and the sum of what all send. Null: not measured."""

    rtt_ms: float | None
    loss_ratio: float | None
    jitter_ms: float | None
    emos: float | None
    freeze_ratio: float | None
    sent_bps: float | None


class RunningConference(msgspec.Struct, kw_only=True):
    """A call that runs. `present` are the people who are in it now, `participants` all who were; `duration` is in seconds so far.

    `state` goes by what is open: `error`, `warning` or `clear`. `has_errors` and `has_warnings` tell of the whole call. `measured_at` is the end of
    the newest minute in `figures`, null before there is one; `cause` and `score` are of its diagnosis so far.
    """

    id: UUID
    app: UUID
    conference_id: str
    conference_name: str | None
    created_at: Instant
    began_at: Instant
    duration: int
    present: int
    participants: int
    state: Literal["clear", "warning", "error"]
    has_errors: bool
    has_warnings: bool
    issues: list[OpenIssue]
    cause: str | None
    score: int | None
    measured_at: Instant | None
    figures: RunningFigures | None


class LiveNow(msgspec.Struct, kw_only=True):
    """The newest 1000 calls that run, and how many there are. `last_event_id` goes to `/v1/live` as `lastEventId`: then nothing is missed in between.

    It is null while live events are held up: follow without it, and ask again when `reset` comes.
    """

    at: Instant
    last_event_id: str | None
    count: int
    conferences: list[RunningConference]


@get("/live/now", responses=one_of(LiveNow), summary="Calls that run now")
async def get_live_now(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    walls: GivenWalls,
    live_position: GivenPosition,
    app_id: filters.AppId = None,
    organization_id: filters.OrganizationId = None,
) -> Answer:
    """A snapshot of the running calls of an app or of an organization, at most some seconds old; the live stream goes on from there."""
    app = filters.uuid_of(app_id, "appId")
    organization = filters.uuid_of(organization_id, "organizationId")
    channel, apps = await _scene(db, actor, app, organization)
    wall = await walls.now(db, channel, apps, position=live_position, at=clock.now())
    return json_answer({"data": _shown(wall)})


async def _scene(
    db: Database, actor: Actor, app: UUID | None, organization: UUID | None
) -> tuple[UUID, Sequence[UUID]]:
    """The organization and the apps that are looked at. Raises as the live stream does."""
    if app is not None and organization is not None:
        raise InvalidParameters(field="organizationId")
    async with db.read() as tx:
        if app is not None:
            row = await accounts_queries.app(tx, actor, app)
            if row is None:
                raise AppNotFound
            return row["organization_id"], [app]
        if organization is None:
            raise MissingParameters(field="appId")
        if await accounts_queries.organization(tx, actor, organization) is None:
            raise OrganizationNotFound
        rows = await accounts_queries.apps(tx, actor, organization_id=organization)
        return organization, [row["id"] for row in rows]


def _shown(wall: Wall) -> LiveNow:
    return LiveNow(
        at=printed(wall.at),
        last_event_id=wall.position,
        count=wall.count,
        conferences=[_call(call, wall.at) for call in wall.calls],
    )


def _call(call: Running, at: datetime) -> RunningConference:
    row = call.row
    seconds = (at - row["began_at"]).total_seconds()
    types = {one.type for one in call.issues}
    return RunningConference(
        id=row["id"],
        app=row["app"],
        conference_id=row["conference_id"],
        conference_name=row["conference_name"],
        created_at=printed(row["created_at"]),
        began_at=printed(row["began_at"]),
        duration=max(0, int(seconds)),
        present=row["present"],
        participants=row["participants"],
        state=_state(call.issues),
        has_errors=ERROR in types,
        has_warnings=bool(types - {ERROR}),
        issues=[_issue(one) for one in call.issues],
        cause=row["cause"],
        score=row["score"],
        measured_at=printed_or_none(call.measured_to),
        figures=RunningFigures(**call.figures) if call.figures else None,
    )


def _state(issues: Sequence[Open]) -> Literal["clear", "warning", "error"]:
    lasting = {one.type for one in issues if one.open}
    if not lasting:
        return "clear"
    return "error" if ERROR in lasting else "warning"


def _issue(one: Open) -> OpenIssue:
    kind: Literal["warning", "error"] = "error" if one.type == ERROR else "warning"
    return OpenIssue(type=kind, code=one.code, title=describe(one.code)[0], open=one.open)


HANDLERS = (get_live_now,)
