"""What the reading routes answer, as clients see it: names in camelCase, times in ms, null where nothing was reported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar.openapi import ResponseSpec
from msgspec import UNSET, Meta, UnsetType

from signalbox.playback.rules.figures import OUTCOMES
from signalbox.playback.rules.rates import Figure
from signalbox.playback.service.figures import Made

T = TypeVar("T")
Instant = Annotated[str, Meta(description="UTC, as 2026-01-01T00:00:45.000Z")]


class Shape(msgspec.Struct, kw_only=True, rename="camel"):
    """What all have in common."""


class PlaybackSession(Shape, kw_only=True, rename="camel"):
    """A stored session. `rebufferRatio` is of play and rebuffer time alone; `ended` says that nothing has been heard of it for a while."""

    session_id: str
    tenant: str
    tenant_id: UUID
    source: str
    dialect: str
    timestamp: Instant
    client_timestamp_ms: int
    started_at: Instant | None
    duration_ms: int | None
    startup_time_ms: int | None
    play_time_ms: int | None
    rebuffer_time_ms: int | None
    rebuffer_count: int | None
    rebuffer_ratio: float | None
    rebuffer_ratio_reported: float | None
    dropped_frames: int | None
    seek_count: int | None
    seek_time_ms: int | None
    mean_bitrate_bps: int | None
    top_bitrate_bps: int | None
    quality_switch_count: int | None
    error_count: int | None
    last_error_code: str | None
    last_error_category: str | None
    content_id: str | None
    stream_type: str | None
    device_model: str | None
    os_name: str | None
    os_version: str | None
    app_name: str | None
    app_version: str | None
    sdk_version: str | None
    connection_type: str | None
    cdn: str | None
    outcome: str
    score: float | None
    score_version: int | None
    clock_skew: str | None
    flags: list[str]
    revision: int
    ended: bool
    first_received_at: Instant
    last_received_at: Instant
    payload: dict[str, Any] | UnsetType | None = UNSET


class PlaybackTimelineItem(Shape, kw_only=True, rename="camel"):
    """One entry of a timeline, by the device's clocks."""

    timestamp_ms: int
    elapsed_ms: int
    playback_state: str
    current_bitrate: int | None
    network_type: str | None
    total_dropped_frames: int
    buffered_duration_ms: int | None
    rebuffer_count: int
    rebuffer_time_ms: int


class Items(msgspec.Struct, Generic[T]):
    """A list that is complete."""

    items: list[T]


class PlaybackSessionPage(Shape, kw_only=True, rename="camel"):
    """A part of a list; `nextCursor` asks for what follows, null at the end."""

    items: list[PlaybackSession]
    next_cursor: str | None


class PlaybackFigure(msgspec.Struct, omit_defaults=True):
    """A figure of `n` sessions; null without any. A share has its 95 % interval; `approx` is to within 1 %."""

    value: float | None
    n: int
    low: float | UnsetType | None = UNSET
    high: float | UnsetType | None = UNSET
    approx: bool = False


class PlaybackGroup(msgspec.Struct):
    """Figures of all sessions, or of those with a value of the property asked for (null: without one)."""

    outcomes: dict[str, int]
    metrics: dict[str, PlaybackFigure]
    value: str | UnsetType | None = UNSET


class PlaybackSummary(Shape, kw_only=True, rename="camel"):
    """Figures of a span. `source` says what they were counted from: `sessions`, or `rollups` where these are many."""

    tenant: str
    tenant_id: UUID
    begin: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    source: str
    total: PlaybackGroup
    group_by: str | None = None
    groups: list[PlaybackGroup] | UnsetType = UNSET


class PlaybackPoint(msgspec.Struct, omit_defaults=True):
    """A figure in the step that begins at `t`."""

    t: Instant
    value: float | None
    n: int
    low: float | UnsetType | None = UNSET
    high: float | UnsetType | None = UNSET
    approx: bool = False


class PlaybackSeries(Shape, kw_only=True, rename="camel"):
    """A figure in every step of a span; steps are counted in UTC."""

    tenant: str
    tenant_id: UUID
    metric: str
    interval: str
    begin: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    points: list[PlaybackPoint]


class LivePlaybackSession(Shape, kw_only=True, rename="camel"):
    """Somebody who watches now."""

    session_id: str
    state: str
    state_since: Instant | None
    started_at: Instant | None
    last_received_at: Instant
    content_id: str | None
    stream_type: str | None
    device_model: str | None
    sdk_version: str | None
    connection_type: str | None
    startup_time_ms: int | None
    rebuffer_count: int | None
    mean_bitrate_bps: int | None


class PlaybackLive(Shape, kw_only=True, rename="camel"):
    """Who watches now, and how those fared who ended within the last five minutes."""

    tenant: str
    tenant_id: UUID
    at: Instant
    window_seconds: int
    concurrent_viewers: int
    sessions: list[LivePlaybackSession]
    last5_minutes: PlaybackGroup = msgspec.field(name="last5Minutes")


class PlaybackProblem(msgspec.Struct):
    """A field that is wrong."""

    field: str
    problem: str


class PlaybackRefusalBody(Shape, kw_only=True, rename="camel"):
    """Why a request was refused; clients go by `code`. `timestamp` is the server's epoch ms."""

    code: str
    message: str
    timestamp: int
    request_id: str | UnsetType = UNSET
    details: list[PlaybackProblem] | UnsetType = UNSET


class PlaybackRefusal(msgspec.Struct):
    """The envelope of a refusal."""

    error: PlaybackRefusalBody


def _refusal(text: str) -> ResponseSpec:
    return ResponseSpec(PlaybackRefusal, generate_examples=False, description=text)


REFUSALS: Mapping[int, ResponseSpec] = {
    400: _refusal("A parameter is malformed; `details` names it."),
    401: _refusal("No key, or one that is not valid now."),
    403: _refusal("The key may not do this."),
    404: _refusal("There is no such thing, or it is somebody else's."),
    405: _refusal("Not by this method."),
    413: _refusal("The request body is too large."),
    429: _refusal("Too many requests; `Retry-After` says when."),
    500: _refusal("The server failed."),
    503: _refusal("The storage cannot be reached."),
}


def answers(shape: Any, text: str) -> dict[int, ResponseSpec]:
    """For the API reference: a route that answers with `shape`."""
    return {200: ResponseSpec(shape, generate_examples=False, description=text), **REFUSALS}


def made(shape: Any) -> dict[int, ResponseSpec]:
    """For the API reference: a route that makes something."""
    conflict = _refusal("There are too many of these.")
    return {
        201: ResponseSpec(shape, generate_examples=False, description="What was made."),
        **REFUSALS,
        409: conflict,
    }


def printed(at: datetime) -> str:
    """An instant as the API prints it."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{text}Z"


def _or_none(at: datetime | None) -> str | None:
    return None if at is None else printed(at)


def session_item(
    row: Mapping[str, Any], *, tenant: str, app_id: UUID, ended: bool, with_payload: bool = False
) -> PlaybackSession:
    """A row of `queries.sessions`."""
    same = {
        name: row[name]
        for name in PlaybackSession.__struct_fields__
        if name in row and name not in _MADE
    }
    play, rebuffer = row["play_time_ms"], row["rebuffer_time_ms"]
    both = (play or 0) + (rebuffer or 0)
    known = play is not None and rebuffer is not None and both > 0
    return PlaybackSession(
        **same,
        tenant=tenant,
        tenant_id=app_id,
        timestamp=printed(row["timestamp"]),
        client_timestamp_ms=row["client_ts_ms"],
        started_at=_or_none(row["started_at"]),
        startup_time_ms=row["player_startup_ms"],
        quality_switch_count=row["quality_switches"],
        rebuffer_ratio=round(rebuffer / both, 6) if known else None,
        score=None if row["score"] is None else round(row["score"], 2),
        ended=ended,
        first_received_at=printed(row["first_received_at"]),
        last_received_at=printed(row["last_received_at"]),
        payload=row["payload"] if with_payload else UNSET,
    )


_MADE = frozenset(
    {"timestamp", "started_at", "score", "first_received_at", "last_received_at", "payload"}
)


def timeline_item(row: Mapping[str, Any]) -> PlaybackTimelineItem:
    """A row of `queries.sessions.timeline`."""
    return PlaybackTimelineItem(
        timestamp_ms=row["timestamp_ms"],
        elapsed_ms=row["elapsed_ms"],
        playback_state=row["playback_state"],
        current_bitrate=row["current_bitrate_bps"],
        network_type=row["network_type"],
        total_dropped_frames=row["dropped_frames"],
        buffered_duration_ms=row["buffered_ms"],
        rebuffer_count=row["rebuffer_count"],
        rebuffer_time_ms=row["rebuffer_time_ms"],
    )


def live_session(row: Mapping[str, Any]) -> LivePlaybackSession:
    """A row of `queries.audience.live_sessions`."""
    return LivePlaybackSession(
        session_id=row["session_id"],
        state=row["last_state"],
        state_since=_or_none(row["state_since"]),
        started_at=_or_none(row["started_at"]),
        last_received_at=printed(row["last_received_at"]),
        content_id=row["content_id"],
        stream_type=row["stream_type"],
        device_model=row["device_model"],
        sdk_version=row["sdk_version"],
        connection_type=row["connection_type"],
        startup_time_ms=row["player_startup_ms"],
        rebuffer_count=row["rebuffer_count"],
        mean_bitrate_bps=row["mean_bitrate_bps"],
    )


def _interval(figure: Figure) -> dict[str, Any]:
    if figure.low is None:
        return {}
    return {"low": figure.low, "high": figure.high}


def figure_item(figure: Figure) -> PlaybackFigure:
    """A figure."""
    return PlaybackFigure(figure.value, figure.n, **_interval(figure), approx=figure.approx)


def point_item(starts: datetime, figure: Figure) -> PlaybackPoint:
    """A figure in a step."""
    return PlaybackPoint(
        printed(starts), figure.value, figure.n, **_interval(figure), approx=figure.approx
    )


def group(made: Made, *, value: str | UnsetType | None = UNSET) -> PlaybackGroup:
    """Figures and outcomes under the names that clients know."""
    return PlaybackGroup(
        outcomes={_camel(name): made.outcomes[name] for name in OUTCOMES},
        metrics={name: figure_item(figure) for name, figure in made.figures.items()},
        value=value,
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
