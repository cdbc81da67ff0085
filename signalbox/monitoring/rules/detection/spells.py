"""Rules, spells, and how intervals become spells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from signalbox.monitoring.rules.detection.observed import (
    ObservedConference,
    ObservedConnection,
)
from signalbox.monitoring.rules.intervals import FlowInterval, Interval, LinkInterval
from signalbox.monitoring.settings import DetectionSettings as Limits

SECOND = 1_000_000
MAX_SPELLS = 20
SILENT_S = (
    5.0  # reports since then that say nothing of it do not close it: RTCP comes every few seconds
)
OPEN_S = 30.0  # what was bad until the last report, this long ago at most, still is

T = TypeVar("T", bound="FlowInterval | LinkInterval | Interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time during which the condition of a rule held for the thing `about`; `end_us` None while it does.

    `worst` is the figure at its worst, in the unit of the rule. `events` are the evidence.
    """

    about: UUID
    start_us: int
    end_us: int | None
    session: UUID | None = None
    participant: UUID | None = None
    connection: UUID | None = None
    track: UUID | None = None
    worst: float | None = None
    events: tuple[UUID, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()  # told with the finding


Find = Callable[[ObservedConference, Limits], Iterator[Spell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of finding. `limits` names the thresholds that it goes by, `source` is where they come from, `unit` is that of `worst`."""

    code: str
    type: str
    title: str
    explanation: str
    source: str
    find: Find
    limits: tuple[str, ...] = ()
    unit: str = ""
    highest: bool = True  # whether the worst figure is the highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a rule found about one thing: all its spells together. `end_us` None while one is open."""

    rule: Rule
    about: UUID
    start_us: int
    end_us: int | None
    updated_us: int
    session: UUID | None
    participant: UUID | None
    connection: UUID | None
    track: UUID | None
    events: tuple[UUID, ...]
    data: dict[str, Any] = field(default_factory=dict)
    count: int = 1

    @property
    def seconds(self) -> float:
        """How long it was so, altogether."""
        return float(self.data["seconds"])


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive intervals that meet a condition, short interruptions included."""

    start_us: int
    end_us: int
    bad_s: float
    worst: float


def stretches(
    intervals: Iterable[tuple[T, float | None]], *, at_least_s: float, bridged_s: float, highest: bool = True
) -> list[Stretch]:  # fmt: skip
    """Runs of intervals that have a figure (None: the condition does not hold), with no more than `bridged_s` in between; shorter ones than `at_least_s`
    of bad time are left out."""
    pick = max if highest else min
    found: list[Stretch] = []
    for interval, figure in intervals:
        if figure is None:
            continue
        seconds = (interval.end_us - interval.start_us) / SECOND
        last = found[-1] if found else None
        if last is not None and interval.start_us - last.end_us <= bridged_s * SECOND:
            found[-1] = Stretch(
                last.start_us, interval.end_us, last.bad_s + seconds, pick(last.worst, figure)
            )
        else:
            found.append(Stretch(interval.start_us, interval.end_us, seconds, figure))
    return [stretch for stretch in found if stretch.bad_s >= at_least_s]


def still_open(conference: ObservedConference, one: ObservedConnection, end_us: int) -> bool:
    """Whether what held at an instant still holds: the connection goes on, and nothing newer has come."""
    newest_us = one.intervals[-1].end_us if one.intervals else one.last_us
    is_recent = conference.now_us - end_us <= OPEN_S * SECOND
    return one.is_open and newest_us - end_us <= SILENT_S * SECOND and is_recent


def spells_of(
    conference: ObservedConference,
    one: ObservedConnection,
    found: Sequence[Stretch],
    *,
    about: UUID,
    track: UUID | None = None,
    more: tuple[tuple[str, Any], ...] = (),
) -> Iterator[Spell]:
    """Stretches of a connection as spells, with the reports at their ends as evidence."""
    for stretch in found:
        events = [one.reports.get(at) for at in (stretch.start_us, stretch.end_us)]
        yield Spell(
            about=about,
            start_us=stretch.start_us,
            end_us=None if still_open(conference, one, stretch.end_us) else stretch.end_us,
            session=one.session,
            participant=one.participant,
            connection=one.id,
            track=track,
            worst=stretch.worst,
            events=tuple(event for event in events if event is not None),
            more=more,
        )


def merged(rule: Rule, spells: Sequence[Spell], *, now_us: int) -> Detected:
    """All spells about one thing as one finding."""
    ordered = sorted(spells, key=lambda spell: (spell.start_us, spell.end_us or now_us))
    first, ends = ordered[0], [spell.end_us for spell in ordered]
    worst = [spell.worst for spell in ordered if spell.worst is not None]
    known_ends = [end for end in ends if end is not None]
    is_open = len(known_ends) < len(ends)
    last_us = now_us if is_open else max(known_ends)
    seconds = sum(((spell.end_us or now_us) - spell.start_us) / SECOND for spell in ordered)
    data: dict[str, Any] = {"seconds": round(seconds, 1), "spells": len(ordered)}
    if worst:
        data["worst"] = round(max(worst) if rule.highest else min(worst), 4)
        data["unit"] = rule.unit
    for spell in ordered:
        data.update(spell.more)
    events = dict.fromkeys(event for spell in ordered[:MAX_SPELLS] for event in spell.events)
    return Detected(
        rule=rule,
        about=first.about,
        start_us=first.start_us,
        end_us=None if is_open else last_us,
        updated_us=last_us,
        session=first.session,
        participant=first.participant,
        connection=first.connection,
        track=first.track,
        events=tuple(events),
        data=data,
        count=len(ordered),
    )
