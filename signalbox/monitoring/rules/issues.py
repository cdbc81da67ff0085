"""The issues that are raised, in words, and when a session or a call has one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from signalbox.core.ids import derived_id

WARNING, ERROR = "warning", "error"

CATALOGUE: dict[str, tuple[str, str, str]] = {
    "getusermedia_error": (WARNING, "Camera or microphone could not be opened", "The browser refused a request for media; the reason is in the data."),
    "icecandidateerror": (WARNING, "A STUN or TURN server did not answer", "Gathering of network addresses met an error; calls may need a relay that is not reachable."),
    "connection_disconnected": (WARNING, "The connection was interrupted", "No network path answered for some seconds; media stood still until it came back."),
    "connection_failed": (ERROR, "The connection failed", "The connection broke down or could never be made, and did not come back by itself."),
    "ice_failed": (ERROR, "No network path was found", "Every pair of addresses was tried and none worked; usually a firewall, with no usable relay."),
    "multiple_rejoins": (WARNING, "The participant joined again", "The same participant opened this conference more than once, often because something did not work."),
    "tcp_used": (WARNING, "Media runs over TCP", "UDP seems to be blocked; over TCP a lost packet delays everything behind it."),
    "turn_used": (WARNING, "Media runs through a relay", "No direct path was possible, so a TURN server forwards the media and adds delay."),
    "no_media_access": (ERROR, "No camera or microphone at all", "Every request of this session for media was refused."),
    "no_connection": (ERROR, "The participant was never connected", "No connection of this session was ever established."),
    "low_emos": (WARNING, "Poor audio quality", "For a while the estimated audio score was below 4 of 5."),
    "very_low_emos": (ERROR, "Very poor audio quality", "For a while the estimated audio score was below 3 of 5: speech was hard to follow."),
}  # fmt: skip

MAX_EVIDENCE = 100


def describe(code: str) -> tuple[str, str]:
    """Title and explanation of an issue code; the code itself when it is not known."""
    entry = CATALOGUE.get(code)
    return (entry[1], entry[2]) if entry else (code, "")


@dataclass(slots=True, kw_only=True)
class Finding:
    """An issue as derived from facts. Its id follows from what it is about, so deriving twice finds the same."""

    id: UUID
    code: str
    at_us: int
    data: Any = None
    count: int = 1
    events: list[UUID] = field(default_factory=list)

    @property
    def type(self) -> str:
        """`warning` or `error`."""
        return CATALOGUE[self.code][0]


def once(
    code: str, about: UUID, *, at_us: int, data: Any = None, events: Iterable[UUID] = ()
) -> Finding:
    """The one issue with this code of a session or connection."""
    return Finding(
        id=derived_id(about, code),
        code=code,
        at_us=at_us,
        data=data,
        events=list(events)[:MAX_EVIDENCE],
    )


def per_event(code: str, event: UUID, *, at_us: int, data: Any = None) -> Finding:
    """An issue that every such event raises anew."""
    return Finding(id=derived_id(event, code), code=code, at_us=at_us, data=data, events=[event])


def colour(*, ongoing: bool, errors: bool, warnings: bool) -> str:
    """How a conference is shown: `ongoing`, `error`, `warning` or `success`."""
    if ongoing:
        return "ongoing"
    if errors:
        return "error"
    return "warning" if warnings else "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredInterval:
    """One audio score that held for some time."""

    at: datetime
    emos: float
    seconds: float
    event: UUID | None = None  # of the report at its end


def quality_band(
    points: Iterable[ScoredInterval], *, low: float, high: float, at_least_s: float = 30.0
) -> float | None:
    """Mean score of the points with low <= score < high, two decimals; None unless their intervals add up to `at_least_s`."""
    inside = [point for point in points if low <= point.emos < high]
    if not inside or sum(point.seconds for point in inside) < at_least_s:
        return None
    return round(sum(point.emos for point in inside) / len(inside), 2)
