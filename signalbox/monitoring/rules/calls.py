"""When a session, a conference and its calls begin and end, derived from the stays of their connections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.issues import Finding, once

LEAVES = ("beforeunload", "unload", "endCall", "stop")
FINAL_LEAVES = ("unload", "endCall", "stop")
MAX_FACTS = 2_000
USAGE_DAYS = 31
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_us: int) -> datetime:
    """Microseconds since the epoch as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=at_us)


def micros(at: datetime) -> int:
    """An aware datetime as microseconds since the epoch."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def stamp(at_us: int) -> str:
    """An instant as clients read it: ISO 8601, six digits, Z."""
    return instant(at_us).isoformat(timespec="microseconds")[:-6] + "Z"


class Stay(NamedTuple):
    """From when to when a connection was open; `end_us` None while it is."""

    start_us: int
    end_us: int | None


@dataclass(slots=True)
class Stretch:
    """A time during which at least one connection was open; `end_us` None while it runs."""

    start_us: int
    end_us: int | None

    @property
    def seconds(self) -> int:
        """Whole seconds, rounded down; 0 while it runs."""
        return 0 if self.end_us is None else max(0, self.end_us - self.start_us) // 1_000_000


def stretches(stays: Iterable[Stay]) -> list[Stretch]:
    """Overlapping stays joined, in order. Empty when there are none."""
    joined: list[Stretch] = []
    for stay in sorted(
        stays, key=lambda stay: (stay.start_us, stay.end_us is None, stay.end_us or 0)
    ):
        last = joined[-1] if joined else None
        if last is None or (last.end_us is not None and stay.start_us > last.end_us):
            joined.append(Stretch(stay.start_us, stay.end_us))
        elif last.end_us is not None:
            last.end_us = None if stay.end_us is None else max(last.end_us, stay.end_us)
    return joined


class ConferenceState(NamedTuple):
    """What follows for the conference; instants in µs, None as in the data model; `duration_s` is the sum over finished stretches."""

    ongoing: bool
    start_us: int | None
    call_start_us: int | None
    end_us: int | None
    duration_s: int


def conference_state(joined: Sequence[Stretch]) -> ConferenceState:
    """What follows from all stretches of a conference, in order."""
    if not joined:
        return ConferenceState(False, None, None, None, 0)
    last = joined[-1]
    ongoing = last.end_us is None
    return ConferenceState(
        ongoing=ongoing,
        start_us=joined[0].start_us,
        call_start_us=last.start_us if ongoing else None,
        end_us=last.end_us,
        duration_s=sum(stretch.seconds for stretch in joined),
    )


def seconds_by_day(joined: Iterable[Stretch], *, now_us: int) -> dict[str, int]:
    """Finished seconds by the UTC day on which each stretch ended; stretches that ended over 31 days ago are left out."""
    days: dict[str, int] = {}
    oldest_us = now_us - USAGE_DAYS * 86_400 * 1_000_000
    for stretch in joined:
        if stretch.end_us is not None and stretch.end_us >= oldest_us and stretch.seconds:
            day = instant(stretch.end_us).date().isoformat()
            days[day] = days.get(day, 0) + stretch.seconds
    return days


class SessionFact(NamedTuple):
    """Something that happened to a session: a leave (value None), `gum_request`, `gum_failure` (value: name and message), `rejoin`,
    `remove_peer` (value: the peer's uuid)."""

    at_us: int
    kind: str
    value: Any = None
    event: str | None = None


@dataclass(slots=True)
class SessionState:
    """What follows for the session."""

    end_us: int | None = None
    left_us: int | None = None  # the first leave that ends its connections
    findings: list[Finding] = field(default_factory=list)


def leaves_after(
    facts: Iterable[SessionFact], start_us: int, *, peer: UUID | None = None
) -> int | None:
    """When a connection that began at `start_us` was ended by its session: the first final leave, or removal of its peer, from then on; else None."""
    ends = [
        fact.at_us
        for fact in facts
        if fact.at_us >= start_us
        and (fact.kind in FINAL_LEAVES or (fact.kind == "remove_peer" and fact.value == str(peer)))
    ]
    return min(ends) if ends else None


def fold_session(
    session: UUID, *, facts: Iterable[SessionFact], connections: Iterable[tuple[str, bool]]
) -> SessionState:
    """State of a session from its facts and, per connection, (state, established)."""
    state = SessionState()
    ordered = sorted(facts, key=lambda fact: (fact.at_us, fact.kind, str(fact.event)))
    state.end_us = min((fact.at_us for fact in ordered if fact.kind in LEAVES), default=None)
    state.left_us = min((fact.at_us for fact in ordered if fact.kind in FINAL_LEAVES), default=None)
    for fact in ordered:
        _raise(state, session, fact)
    if state.left_us is not None:
        _judge_media(state, session, ordered)
        left_by = [
            UUID(fact.event)
            for fact in ordered
            if fact.event and fact.kind in FINAL_LEAVES and fact.at_us == state.left_us
        ]
        _judge_connection(state, session, list(connections), left_by)
    return state


def _raise(state: SessionState, session: UUID, fact: SessionFact) -> None:
    if fact.kind == "gum_failure" and fact.event:
        event = UUID(fact.event)
        from_event = once(
            "getusermedia_error", event, at_us=fact.at_us, data=fact.value, events=[event]
        )
        state.findings.append(from_event)
    elif fact.kind == "rejoin":
        state.findings.append(once("multiple_rejoins", session, at_us=fact.at_us))


def _judge_media(state: SessionState, session: UUID, facts: list[SessionFact]) -> None:
    requests = sum(1 for fact in facts if fact.kind == "gum_request")
    failures = [fact for fact in facts if fact.kind == "gum_failure"]
    if requests and requests == len(failures):
        evidence = [UUID(fact.event) for fact in failures if fact.event]
        state.findings.append(
            once("no_media_access", session, at_us=state.left_us or 0, events=evidence)
        )


def _judge_connection(
    state: SessionState,
    session: UUID,
    connections: list[tuple[str, bool]],
    left_by: list[UUID],
) -> None:
    def never(state_: str, established: bool) -> bool:
        return state_ in ("new", "connecting", "failed") and not established

    if connections and all(never(*connection) for connection in connections):
        state.findings.append(
            once("no_connection", session, at_us=state.left_us or 0, events=left_by)
        )
