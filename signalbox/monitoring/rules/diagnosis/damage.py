"""What a participant lost in a call, point by point, and to what. Pure.

A hundred points are shared among four parts. Every finding takes some of the points of its part, the more the longer it lasted, and says to which cause
they were lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from signalbox.monitoring.rules.detection import Detected, Happening, ObservedConference
from signalbox.monitoring.rules.diagnosis.links import (
    NETWORK_CODES,
    Blame,
    Cause,
    Link,
    Scene,
    Trouble,
    blame,
)

PARTS = {"connection": 40, "sound": 25, "picture": 20, "devices": 15}

# code: part, points when it lasts for the whole call
WEIGHTS: dict[str, tuple[str, float]] = {
    "slow_setup": ("connection", 10), "ice_restart": ("connection", 3), "pair_flips": ("connection", 4), "relay_over_tcp": ("connection", 3),
    "high_rtt": ("connection", 22), "rejoin_loop": ("connection", 20), "page_vanished": ("connection", 30), "hidden_tab": ("picture", 2),
    "high_loss": ("sound", 22), "high_jitter": ("sound", 16), "one_way_media": ("sound", 25), "silent_microphone": ("sound", 20),
    "low_bitrate": ("picture", 14), "bandwidth_limited": ("picture", 16), "frozen_video": ("picture", 16), "no_frames": ("picture", 18),
    "black_video": ("picture", 10), "cpu_limited": ("picture", 16), "slow_stats": ("devices", 14), "device_vanished": ("devices", 15),
    "muted_by_system": ("devices", 12), "dtls_failed": ("connection", 0),
}  # fmt: skip

DEVICE_CODES = frozenset({
    "silent_microphone", "no_frames", "black_video", "cpu_limited", "slow_stats", "device_vanished", "muted_by_system",
})  # fmt: skip
# That happened at one instant, however short: they take all their points.
INSTANT = frozenset({
    "slow_setup", "ice_restart", "pair_flips", "rejoin_loop", "page_vanished", "device_vanished", "hidden_tab",
})  # fmt: skip
LEAST_SHARE = 0.5  # of the points, for what lasted just long enough to be found
LOST_LINK: dict[Trouble, float] = {"unmade": 40.0, "broken": 28.0}

REFUSED = frozenset({"NotAllowedError", "SecurityError", "PermissionDeniedError"})
PROGRAM = frozenset({"TypeError", "NotSupportedError"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Points that a participant lost. `why` is a code of an issue, or what happened; `events` show it."""

    part: str
    points: float
    why: str
    blame: Blame
    events: tuple[UUID, ...] = ()
    worst: float | None = None
    other: UUID | None = None  # at the other end


def damages(
    conference: ObservedConference, found: Sequence[Detected], scene: Scene, person: UUID
) -> list[Damage]:
    """Everything that a participant lost, in no order."""
    own = scene.of(person)
    items = [*_of_links(conference, scene, own, person), *_of_media(conference, person)]
    for one in found:
        if one.participant != person or one.rule.code not in WEIGHTS:
            continue
        link = next((k for k in own if any(c.id == one.connection for c in k.connections)), None)
        items.append(_of_finding(conference, one, scene, link, person))
    return [item for item in items if item.points > 0]


def _of_finding(
    conference: ObservedConference, one: Detected, scene: Scene, link: Link | None, person: UUID
) -> Damage:
    part, points = WEIGHTS[one.rule.code]
    if one.rule.code not in INSTANT:
        points *= LEAST_SHARE + (1 - LEAST_SHARE) * _share(conference, one, link)
    worst = one.data.get("worst")
    return Damage(
        part=part,
        points=points,
        why=one.rule.code,
        blame=_blame_of(one.rule.code, scene, link, person),
        events=one.events,
        worst=worst if isinstance(worst, float | int) else None,
        other=None if link is None else link.other(person),
    )


def _blame_of(code: str, scene: Scene, link: Link | None, person: UUID) -> Blame:
    if code in DEVICE_CODES:
        return Blame("device", person)
    if code == "page_vanished":
        return Blame("browser", person)
    if code in NETWORK_CODES and link is not None:
        return blame(scene, link)
    return Blame("none")


def _share(conference: ObservedConference, one: Detected, link: Link | None) -> float:
    """Of the time of the link, or of the call; 0–1."""
    starts = [c.start_us for c in link.connections] if link else [conference.start_us]
    ends = [c.last_us for c in link.connections] if link else [conference.end_us or conference.now_us]  # fmt: skip
    whole_s = (max(ends) - min(starts)) / 1_000_000
    return min(1.0, one.seconds / whole_s) if whole_s > 0 else 1.0


def _of_links(
    conference: ObservedConference, scene: Scene, own: Sequence[Link], person: UUID
) -> Iterator[Damage]:
    """Links that were never made or broke, shared among all of the participant's; and interruptions that passed."""
    for link in own:
        trouble = link.trouble
        if trouble in LOST_LINK:
            guilty = blame(scene, link)
            if trouble == "unmade" and guilty.cause == "none":
                continue  # calling somebody who is not there is nobody's fault
            yield Damage(
                part="connection",
                points=LOST_LINK[trouble] / len(own),
                why="dtls_failed" if link.dtls_failed else trouble,
                blame=guilty,
                events=_signs(conference, link),
                other=link.other(person),
            )
        elif _interruptions(conference, link, person):
            signs = _interruptions(conference, link, person)
            points = min(18.0, 6.0 * len(signs))
            yield Damage(part="connection", points=points, why="interrupted", blame=_of_interruption(scene, link), events=signs, other=link.other(person))  # fmt: skip


def _of_interruption(scene: Scene, link: Link) -> Blame:
    guilty = blame(scene, link)
    if guilty.cause != "none":
        return guilty
    return Blame("network", None if link.sfu is None else link.other(link.sfu))


def _interruptions(
    conference: ObservedConference, link: Link, person: UUID
) -> tuple[UUID, ...]:  # fmt: skip
    return tuple(
        h.id
        for one in link.connections
        if one.participant == person
        for h in conference.of_connection(one.id, "onconnectionstatechange")
        if h.data == "disconnected"
    )


def _signs(conference: ObservedConference, link: Link) -> tuple[UUID, ...]:
    kinds = ("onconnectionstatechange", "oniceconnectionstatechange", "onicecandidateerror")
    return tuple(
        h.id
        for one in link.connections
        for h in conference.of_connection(one.id, *kinds)
        if h.type == "onicecandidateerror" or h.data in ("failed", "disconnected")
    )


def _of_media(conference: ObservedConference, person: UUID) -> Iterator[Damage]:
    """Camera and microphone that were asked for and never given."""
    asked = list(conference.of_person(person, "getUserMedia"))
    given = {kind for h in asked for kind in ("audio", "video") if _gives(h, kind)}
    failed: dict[str, list[Happening]] = {}
    for happening in asked:
        error = happening.data.get("error") if isinstance(happening.data, dict) else None
        if isinstance(error, dict):
            failed.setdefault(str(error.get("name")), []).append(happening)
    if given == {"audio", "video"}:
        return  # a later try succeeded
    for name, refusals in failed.items():
        yield Damage(
            part="devices",
            points=PARTS["devices"] if not given else PARTS["devices"] * 0.7,
            why=name,
            blame=Blame(_cause_of(name), person),
            events=tuple(h.id for h in refusals),
        )


def _gives(happening: Happening, kind: str) -> bool:
    return isinstance(happening.data, dict) and bool(happening.data.get(kind))


def _cause_of(name: str) -> Cause:
    if name in REFUSED:
        return "permission"
    return "browser" if name in PROGRAM else "device"


def applicable(conference: ObservedConference, person: UUID) -> Iterable[str]:
    """The parts that there was something to lose in: a call without video has no picture."""
    yield from ("connection", "devices")
    kinds = {
        flow.kind
        for one in conference.links_of(person)
        for interval in one.intervals
        for flow in interval.flows
    }
    if "audio" in kinds:
        yield "sound"
    if "video" in kinds:
        yield "picture"
