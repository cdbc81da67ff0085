"""The life of one RTCPeerConnection, folded from what was reported of it.

Events arrive shuffled and more than once, so nothing is applied as it arrives: the facts are kept with their event time and the whole life is folded
from them in that order. The same facts give the same life, whatever the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.issues import MAX_EVIDENCE, Finding, once, per_event

STATES = ("new", "connecting", "connected", "disconnected", "failed", "closed")
ICE_STATES = ("new", "checking", "connected", "completed", "failed", "disconnected", "closed")
GATHERING_STATES = ("new", "gathering", "complete")
SIGNALING_STATES = (
    "stable",
    "have-local-offer",
    "have-remote-offer",
    "have-local-pranswer",
    "have-remote-pranswer",
    "closed",
)
CANDIDATE_TYPES = ("host", "srflx", "prflx", "relay")

MAX_FACTS = 2_000
# An SFU renegotiates whenever somebody comes or goes, for hours. States and, last of all, ends still find room then.
ROOM_FOR_STATES, ROOM_FOR_ENDS = 500, 100
_RANK = {
    "end": 9,
    "closed": 8,
    "failed": 7,
    "disconnected": 6,
    "connected": 5,
    "completed": 4,
    "connecting": 3,
    "checking": 2,
    "new": 1,
}


class Fact(NamedTuple):
    """Something that happened to a connection.

    `kind` is one of: `state`, `ice` (value: the state), `signaling` (value), `needed` (a negotiation), `ice_error` (value: its data),
    `end` (removed or left), and the once-only ones whose earliest reading counts: `stats`, `tcp`, `turn`.
    """

    at_us: int
    kind: str
    value: Any = None
    event: str | None = None


ONCE_ONLY = frozenset({"stats", "tcp", "turn"})
_RAISING = frozenset({"ice_error", "tcp", "turn"})


def can_raise(fact: Fact) -> bool:
    """Whether a fact can give rise to an issue; without any such fact there is none."""
    return fact.kind in _RAISING or fact.value in ("failed", "disconnected")


def with_fact(facts: list[Fact], fact: Fact) -> bool:
    """Add a fact in place; answers whether anything changed. Of the once-only kinds the earliest stays."""
    if fact.kind in ONCE_ONLY:
        return _keep_earliest(facts, fact)
    if len(facts) >= _room(fact):
        return False
    facts.append(fact)
    return True


def _room(fact: Fact) -> int:
    """How many facts there may be before this one. All of them are folded again with each new one, so none is taken for ever."""
    if fact.kind == "end" or fact.value == "closed":
        return MAX_FACTS + ROOM_FOR_ENDS
    return MAX_FACTS if fact.kind in ("state", "ice") else MAX_FACTS - ROOM_FOR_STATES


def _keep_earliest(facts: list[Fact], fact: Fact) -> bool:
    for index, known in enumerate(facts):
        if known.kind == fact.kind:
            if fact.at_us >= known.at_us:
                return False
            facts[index] = fact
            return True
    facts.append(fact)
    return True


def _order(fact: Fact) -> tuple[int, int, int, str, str]:
    rank = _RANK.get("end" if fact.kind == "end" else str(fact.value), 0)
    return fact.at_us // 1000, rank, fact.at_us, fact.kind, str(fact.event)


@dataclass(slots=True)
class Negotiation:
    """One attempt to agree on and open a path. Instants in µs; `end_us` and `duration_s` are None while it runs."""

    start_us: int
    status: str = "connecting"
    type: str = "initial"
    end_us: int | None = None
    inferred: bool = False

    def finish(self, status: str, at_us: int) -> None:
        """Set status and end; an end never lies before the start."""
        self.status, self.end_us = status, max(at_us, self.start_us)

    @property
    def duration_s(self) -> int | None:
        """Whole seconds, rounded down."""
        return None if self.end_us is None else (self.end_us - self.start_us) // 1_000_000


@dataclass(slots=True)
class Life:
    """The folded connection."""

    connection: UUID
    start_us: int
    state: str
    changed_us: int
    negotiations: list[Negotiation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    end_us: int | None = None
    established: bool = False
    tcp: bool = False
    turn: bool = False
    lost: bool = False  # a disconnected since the last connected
    lost_us: int = 0
    may_lower: bool = False  # a negotiation or loss since `connected`
    settled: bool = (
        False  # the connection itself, not only ICE, said that this negotiation is connected
    )

    @property
    def duration_s(self) -> int | None:
        """Whole seconds from start to end; None while it runs."""
        return None if self.end_us is None else (self.end_us - self.start_us) // 1_000_000

    def last(self) -> Negotiation:
        """The running or latest negotiation; one is begun when there is none."""
        if not self.negotiations:
            self.negotiations.append(Negotiation(self.start_us))
        return self.negotiations[-1]


def fold(connection: UUID, *, start_us: int, initial: str, facts: Iterable[Fact]) -> Life:
    """The life that the facts tell. `initial` is the state that the SDK gave when the connection was added; facts after the end change nothing."""
    life = Life(connection, start_us, initial if initial in STATES else "new", start_us)
    if life.state != "connected":
        life.negotiations.append(Negotiation(start_us))
    for fact in sorted(facts, key=_order):
        if life.end_us is not None:
            break
        _STEPS[fact.kind](life, fact)
    return life


def _state(life: Life, fact: Fact) -> None:
    value = str(fact.value)
    if value in ("connecting", "new"):
        _lower(life, value, fact.at_us)
        return
    repeated = life.state == value
    if value == "connected":
        _connected(life, fact.at_us, authoritative=True)
        return
    life.state, life.changed_us = value, max(fact.at_us, life.start_us)
    if value == "closed":
        _end(life, fact)
    elif not repeated:
        _broken(life, fact, value)


def _broken(life: Life, fact: Fact, value: str) -> None:
    life.lost = life.may_lower = True
    life.lost_us = max(fact.at_us, life.start_us)
    if value == "failed":
        life.last().finish("failed", fact.at_us)
    if fact.event:
        code = "connection_failed" if value == "failed" else "connection_disconnected"
        life.findings.append(per_event(code, UUID(fact.event), at_us=fact.at_us))


def _lower(life: Life, value: str, at_us: int) -> None:
    """`connecting` may be reported late by another clock tick; it lowers `connected` only after a loss or a new negotiation."""
    if life.state == "connected" and not life.may_lower:
        return
    if value == "new" and life.state != "new":
        return
    life.state, life.changed_us = value, max(at_us, life.start_us)


def _connected(life: Life, at_us: int, *, authoritative: bool, inferred: bool = False) -> None:
    """A path is open. Coming back after a loss is an entry of its own, so that the time of the first set-up stays what it was."""
    life.established = True
    last = life.last()
    if last.status != "connected" or (authoritative and not life.settled and not life.lost):
        last.finish("connected", at_us)
        last.inferred = inferred
    elif life.lost:
        recovery = Negotiation(life.lost_us, type="recovery")
        recovery.finish("connected", at_us)
        life.negotiations.append(recovery)
    life.settled = life.settled or authoritative
    life.state, life.changed_us = "connected", max(at_us, life.start_us)
    life.lost = life.may_lower = False


def _ice(life: Life, fact: Fact) -> None:
    value = str(fact.value)
    if value in ("connected", "completed"):
        _connected(life, fact.at_us, authoritative=False)
    elif value == "failed":
        life.may_lower = True
        if fact.event:
            life.findings.append(per_event("ice_failed", UUID(fact.event), at_us=fact.at_us))
    elif value == "disconnected":
        life.may_lower = True


def _signaling(life: Life, fact: Fact) -> None:
    value = str(fact.value)
    if value in ("have-local-offer", "have-remote-offer"):
        _needed(life, fact)
    elif value == "stable":
        last = life.last()
        if last.status in ("connecting", "stable"):
            last.finish("stable", fact.at_us)


def _needed(life: Life, fact: Fact) -> None:
    if not life.negotiations or life.negotiations[-1].status != "connecting":
        kind = "renegotiation" if life.negotiations else "initial"
        life.negotiations.append(Negotiation(max(fact.at_us, life.start_us), type=kind))
        life.may_lower, life.settled = True, False


def _stats(life: Life, fact: Fact) -> None:
    """Media flowed: that establishes a connection whose other events were lost."""
    life.established = True
    if life.state in ("new", "connecting"):
        _connected(life, fact.at_us, authoritative=False, inferred=True)


def _ice_error(life: Life, fact: Fact) -> None:
    event = [UUID(fact.event)] if fact.event else []
    for finding in life.findings:
        if finding.code == "icecandidateerror":
            finding.count += 1
            finding.events = [*finding.events, *event][:MAX_EVIDENCE]
            return
    life.findings.append(
        once("icecandidateerror", life.connection, at_us=fact.at_us, data=fact.value, events=event)
    )


def _tcp(life: Life, fact: Fact) -> None:
    life.tcp = True
    life.findings.append(
        once(
            "tcp_used",
            life.connection,
            at_us=fact.at_us,
            events=[UUID(fact.event)] if fact.event else [],
        )
    )


def _turn(life: Life, fact: Fact) -> None:
    life.turn = True
    life.findings.append(
        once(
            "turn_used",
            life.connection,
            at_us=fact.at_us,
            events=[UUID(fact.event)] if fact.event else [],
        )
    )


def _end(life: Life, fact: Fact) -> None:
    life.end_us = max(fact.at_us, life.start_us)
    for negotiation in life.negotiations:
        if negotiation.end_us is None:
            negotiation.finish("failed", life.end_us)


_STEPS = {
    "state": _state,
    "ice": _ice,
    "signaling": _signaling,
    "needed": _needed,
    "stats": _stats,
    "ice_error": _ice_error,
    "tcp": _tcp,
    "turn": _turn,
    "end": _end,
}


def is_established_by(
    *,
    state: str | None,
    nominated: bool,
    selected: bool,
    sent: float,
    received: float,
    rtt: float | None,
    local: str | None,
    remote: str | None,
) -> bool:
    """Whether the candidate pair of a stats post shows an open path; RTP counters are looked at by the caller."""
    if state == "succeeded" and (nominated or selected or rtt is not None):
        return True
    return sent > 0 or received > 0 or bool(local and remote)
