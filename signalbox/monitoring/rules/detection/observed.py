"""Everything that is known of one conference when it is looked at, as the rules read it. Instants in µs since the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    # Pages decide how much there is of everything: nothing may look through all of it for each part of it.
    _happened: dict[UUID, list[Happening]] = field(init=False, repr=False, compare=False)
    _links: dict[UUID, list[ObservedConnection]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Order what belongs to whom."""
        happened: dict[UUID, list[Happening]] = {}
        for happening in self.happenings:
            for owner in {
                happening.session,
                happening.participant,
                happening.connection,
                happening.track,
            }:
                if owner is not None:
                    happened.setdefault(owner, []).append(happening)
        links: dict[UUID, list[ObservedConnection]] = {}
        for one in self.connections:
            for owner in {one.session, one.participant}:
                links.setdefault(owner, []).append(one)
        object.__setattr__(self, "_happened", happened)
        object.__setattr__(self, "_links", links)

    def _of(self, owner: UUID, types: tuple[str, ...]) -> Iterator[Happening]:
        return (h for h in self._happened.get(owner, ()) if not types or h.type in types)

    def of_connection(self, connection: UUID, *types: str) -> Iterator[Happening]:
        """What happened to a connection, of these types."""
        return self._of(connection, types)

    def of_session(self, session: UUID, *types: str) -> Iterator[Happening]:
        """What happened in a session, of these types; without, of all."""
        return self._of(session, types)

    def of_track(self, track: UUID, *types: str) -> Iterator[Happening]:
        """What happened to a track, of these types."""
        return self._of(track, types)

    def of_person(self, person: UUID, *types: str) -> Iterator[Happening]:
        """What happened to a participant, of these types."""
        return self._of(person, types)

    def links_of(self, owner: UUID) -> Sequence[ObservedConnection]:
        """The connections of a session or a participant, as that end reports them."""
        return self._links.get(owner, ())

    def was_made(self, one: ObservedConnection) -> bool:
        """Whether media could ever flow. ICE alone is not enough: the encryption handshake comes after it."""
        states = [h.data for h in self.of_connection(one.id, "onconnectionstatechange")]
        flowed = any(
            flow.packets for part in one.intervals for flow in part.flows if flow.direction == "inbound"
        )  # fmt: skip
        return flowed or (one.established and ("connected" in states or "failed" not in states))

    def counterpart(self, one: ObservedConnection) -> ObservedConnection | None:
        """The same connection as its other end reports it: between the same two, at nearly the same time; None when the other end reports none."""
        others = [other for other in self.links_of(one.peer) if other.peer == one.participant]
        return min(others, key=lambda other: abs(other.start_us - one.start_us), default=None)
