"""What the doors hand to the writer: checked, with event times, ready to be stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.calls import SessionFact
from signalbox.monitoring.rules.connection import Fact
from signalbox.monitoring.rules.identities import SessionKey


@dataclass(slots=True, kw_only=True)
class Initialize:
    """Get or create a conference and a participant; answers (conference id, participant id)."""

    app: UUID
    organization: UUID
    conference_id: str
    conference_name: str | None
    participant_id: str
    participant_name: str | None
    at_us: int


@dataclass(slots=True, kw_only=True)
class StartSession:
    """A participant enters a conference; answers the session's SessionKey."""

    id: UUID
    conference: UUID
    participant: UUID
    at_us: int
    platform: bytes | None
    constraints: bytes | None
    devices: bytes | None
    metadata: dict[str, Any]
    geo: dict[str, Any] | None
    app_version: str | None
    webrtc_sdk: str | None


@dataclass(slots=True, kw_only=True)
class UpdateSession:
    """Overwrite what is not None; answers the session's row."""

    session: SessionKey
    platform: bytes | None
    constraints: bytes | None
    devices: bytes | None
    webrtc_sdk: str | None


@dataclass(slots=True, kw_only=True)
class TrackSighting:
    """A track that an event names; created when unknown."""

    track_id: str
    kind: str | None
    direction: str | None  # None: find an existing one
    label: str | None = None
    info: dict[str, Any] = field(default_factory=dict)
    connection: UUID | None = None
    create: bool = True


@dataclass(slots=True, kw_only=True)
class Event:
    """Anything that happened in a session; answers None, for a track the track's row.

    `peer` is the id as the client gave it, `peer_uuid` the uuid that it may be; `add` makes a connection (then the answer is (peer id, connection id)).
    """

    id: UUID
    session: SessionKey
    name: str
    category: str
    at_us: int
    data: bytes | None
    digest: int
    peer: str | None = None
    peer_uuid: UUID | None = None
    connection: UUID | None = None
    add: AddConnection | None = None
    fact: Fact | None = None
    needs_connection: bool = False
    session_facts: list[SessionFact] = field(default_factory=list)
    devices: bytes | None = None
    tracks: list[TrackSighting] = field(default_factory=list)
    answer_track: bool = False
    remove_peer: bool = False

    escalated: bool = False

    @property
    def settles(self) -> bool:
        """Whether it can begin or end something, so that session and conference must be looked at too."""
        fact = self.fact
        return (
            self.escalated
            or self.add is not None
            or bool(self.session_facts)
            or self.remove_peer
            or self.devices is not None
            or (fact is not None and (fact.kind == "end" or fact[1:3] == ("state", "closed")))
        )


@dataclass(slots=True, kw_only=True)
class AddConnection:
    """A new connection to the participant whom the application calls `peer_id`."""

    id: UUID
    peer_id: str
    peer_name: str | None
    state: str
    is_sfu: bool


@dataclass(slots=True, kw_only=True)
class StopConference:
    """The application ends a conference; answers None."""

    app: UUID
    conference_id: str
    at_us: int


@dataclass(slots=True, kw_only=True)
class EndSessions:
    """The sweep ends sessions that nobody has heard of; answers None."""

    sessions: list[SessionKey]
    at_us: int


class Flow(NamedTuple):
    """The figures of one RTP report. `direction`: 0 audio inbound, 1 audio outbound, 2 video inbound, 3 video outbound. None: not reported."""

    direction: int
    track: str | None
    bytes: int | None
    packets: int | None
    lost: int | None
    jitter_ms: float | None
    emos: float | None


@dataclass(slots=True, kw_only=True)
class Sample:
    """A stats post; answers None."""

    id: UUID
    session: SessionKey
    connection: UUID
    at_us: int
    stamp: int  # 32 bits that identify the report
    report: bytes | None
    time_taken_ms: float | None
    rtt_ms: float | None
    available_bps: float | None
    local_type: str | None
    local_type_given: bool
    tcp: bool
    turn: bool
    established: bool
    flows: list[Flow]
    emos_version: int | None  # None when no flow has a score


Message = Initialize | StartSession | UpdateSession | Event | StopConference | EndSessions | Sample
