"""From lost points to a score, a cause and a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from signalbox.monitoring.rules.detection import Detected, ObservedConference, Person
from signalbox.monitoring.rules.diagnosis.damage import PARTS, Damage, applicable, damages
from signalbox.monitoring.rules.diagnosis.links import Blame, Cause, Scene, scene_of
from signalbox.monitoring.rules.diagnosis.words import sentence_of

VERSION = 2
LEAST_POINTS = 8.0  # fewer lost points have no cause worth a name
SEVERAL = 0.6  # of the points of the most blamed one: from there on another one is blamed as well
NOBODY = Blame("none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is said of a participant, or (participant None) of the conference. `score` None: nothing to go by."""

    participant: UUID | None
    cause: Cause
    culprit: UUID | None
    sentence: str
    score: int | None
    parts: Mapping[str, Any]
    events: tuple[UUID, ...]
    codes: tuple[str, ...]  # of the issues behind the cause


def diagnose(conference: ObservedConference, found: Sequence[Detected]) -> list[Diagnosis]:
    """One for each participant who had a session and is no media server, then one for the whole."""
    scene = scene_of(conference, found)
    present = {stay.participant for stay in conference.stays}
    people = [one for one in conference.people if one.id in present and not one.is_sfu]
    lost = {person.id: damages(conference, found, scene, person.id) for person in people}
    own = [_of_participant(conference, scene, person, lost[person.id]) for person in people]
    return [*own, _of_all(own, lost)]


def _of_participant(
    conference: ObservedConference, scene: Scene, person: Person, lost: Sequence[Damage]
) -> Diagnosis:
    guilty, behind = _most_guilty(lost, LEAST_POINTS)
    has_connected = any(link.connections for link in scene.of(person.id))
    score, parts = _score(lost, set(applicable(conference, person.id)))
    return Diagnosis(
        participant=person.id,
        cause=guilty.cause,
        culprit=guilty.culprit,
        sentence=sentence_of(guilty, behind, of=person.id),
        score=score if has_connected or lost else None,
        parts=parts,
        events=tuple(dict.fromkeys(event for item in behind for event in item.events)),
        codes=tuple(dict.fromkeys(item.why for item in behind)),
    )


def _score(lost: Sequence[Damage], parts: set[str]) -> tuple[int, dict[str, Any]]:
    """Points that are left, of a hundred; parts in which there was nothing to lose do not count."""
    shown: dict[str, Any] = {}
    left = 0.0
    for part, most in PARTS.items():
        items = sorted((i for i in lost if i.part == part), key=lambda i: -i.points)
        if part not in parts and not items:
            shown[part] = None
            continue
        gone = min(float(most), sum(item.points for item in items))
        left += most - gone
        reasons = [
            {"points": round(i.points, 1), "why": i.why, "cause": i.blame.cause, "culprit": i.blame.culprit and str(i.blame.culprit)}
            for i in items
        ]  # fmt: skip
        shown[part] = {"points": round(most - gone, 1), "of": most, "lost": reasons}
    whole = sum(PARTS[part] for part, value in shown.items() if value is not None)
    return round(100 * left / whole), shown


def _most_guilty(lost: Iterable[Damage], least: float) -> tuple[Blame, list[Damage]]:
    """The cause that most points were lost to, and the items behind it, the worst first. Of several culprits of one cause none is named."""
    points: dict[Blame, float] = {}
    items = sorted(lost, key=lambda item: (-item.points, item.why))
    for item in items:
        if item.blame.cause != "none":
            points[item.blame] = points.get(item.blame, 0.0) + item.points
    causes: dict[Cause, float] = {}
    for one, value in points.items():
        causes[one.cause] = causes.get(one.cause, 0.0) + value
    if not causes or max(causes.values()) < least:
        return NOBODY, []
    cause = max(causes, key=lambda one: causes[one])
    blamed = sorted(((v, b) for b, v in points.items() if b.cause == cause), key=lambda p: -p[0])
    several = len(blamed) > 1 and blamed[1][0] >= SEVERAL * blamed[0][0]
    guilty = Blame(cause) if several else blamed[0][1]
    return guilty, [i for i in items if i.blame.cause == cause and (several or i.blame == guilty)]


def _of_all(own: Sequence[Diagnosis], lost: Mapping[UUID, Sequence[Damage]]) -> Diagnosis:
    """The whole conference: half the mean of its participants' scores and half the lowest, and what cost all of them most."""
    named = {one.participant for one in own if one.cause != "none"}
    items = [item for person, items in lost.items() if person in named for item in items]
    guilty, behind = _most_guilty(items, LEAST_POINTS)
    scores = [one.score for one in own if one.score is not None]
    score = round((sum(scores) / len(scores) + min(scores)) / 2) if scores else None
    parts = {str(one.participant): {"score": one.score, "cause": one.cause} for one in own}
    return Diagnosis(
        participant=None,
        cause=guilty.cause,
        culprit=guilty.culprit,
        sentence=sentence_of(guilty, behind, of=None),
        score=score,
        parts=parts,
        events=tuple(dict.fromkeys(event for item in behind for event in item.events)),
        codes=tuple(dict.fromkeys(item.why for item in behind)),
    )
