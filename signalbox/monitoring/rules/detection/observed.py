"""Everything that is known of one conference when it is looked at, as the rules read it. Instants in µs since the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from signalbox.monitoring.rules.intervals import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A stored event. `data` is what was sent with it."""

    id: UUID
    at_us: int
    type: str
    session: UUID
    participant: UUID
    connection: UUID | None = None
    track: UUID | None = None
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A participant."""

    id: UUID
    name: str
    is_sfu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A session: one participant's stay. `last_us` is when it was last heard of."""

    id: UUID
    participant: UUID
    start_us: int
    end_us: int | None
    last_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A negotiation: `type` initial, renegotiation or recovery; `status` connecting, stable, connected or failed."""

    type: str
    status: str
    start_us: int
    end_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedTrack:
    """One audio or video flow in one direction."""

    id: UUID
    session: UUID
    connection: UUID | None
    kind: str | None
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedConnection:
    """One RTCPeerConnection as seen from one end. `reports` finds the event of the report that was taken at an instant."""

    id: UUID
    session: UUID
    participant: UUID
    peer: UUID
    start_us: int
    end_us: int | None
    last_us: int
    state: str
    established: bool
    attempts: tuple[Attempt, ...] = ()
    intervals: tuple[Interval, ...] = ()
    reports: Mapping[int, UUID] = field(default_factory=dict)
    late_s: float = 0.0  # how much later than taken the latest report came in, at most

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.end_us is None and self.state != "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedConference:
    """A conference. Happenings are in the order in which they happened."""

    id: UUID
    start_us: int
    end_us: int | None
    ongoing: bool
    now_us: int
    people: tuple[Person, ...] = ()
    stays: tuple[Stay, ...] = ()
    connections: tuple[ObservedConnection, ...] = ()
    tracks: tuple[ObservedTrack, ...] = ()
    happenings: tuple[Happening, ...] = ()

    def of_connection(self, connection: UUID, *types: str) -> Iterator[Happening]:
        """What happened to a connection, of these types."""
        return (h for h in self.happenings if h.connection == connection and h.type in types)

    def of_session(self, session: UUID, *types: str) -> Iterator[Happening]:
        """What happened in a session, of these types; without, of all."""
        return (
            h for h in self.happenings if h.session == session and (not types or h.type in types)
        )

    def of_track(self, track: UUID, *types: str) -> Iterator[Happening]:
        """What happened to a track, of these types."""
        return (h for h in self.happenings if h.track == track and h.type in types)

    def was_made(self, one: ObservedConnection) -> bool:
        """Whether media could ever flow. ICE alone is not enough: the encryption handshake comes after it."""
        states = [h.data for h in self.of_connection(one.id, "onconnectionstatechange")]
        flowed = any(
            flow.packets for part in one.intervals for flow in part.flows if flow.direction == "inbound"
        )  # fmt: skip
        return flowed or (one.established and ("connected" in states or "failed" not in states))

    def counterpart(self, one: ObservedConnection) -> ObservedConnection | None:
        """The same connection as its other end reports it: between the same two, at nearly the same time; None when the other end reports none."""
        others = [
            other
            for other in self.connections
            if (other.participant, other.peer) == (one.peer, one.participant)
        ]
        return min(others, key=lambda other: abs(other.start_us - one.start_us), default=None)
