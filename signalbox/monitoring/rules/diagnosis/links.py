"""Whose fault it is that a link between two participants was bad. Pure.

A link is everything between two participants; both of its ends may report it. What is measured on it is the way from one end to the other, so a bad link alone
does not tell which of its ends is to blame. What does: other links of the same two, in which direction it was bad, who fell silent, whose reports
came late, and what the relay said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from signalbox.monitoring.rules.detection import (
    Detected,
    Happening,
    ObservedConference,
    ObservedConnection,
)

Cause = Literal["network", "relay", "server", "device", "permission", "browser", "none"]
Trouble = Literal["unmade", "broken", "poor"]

NETWORK_CODES = frozenset({
    "high_loss", "high_rtt", "high_jitter", "bandwidth_limited", "low_bitrate", "frozen_video", "one_way_media", "slow_setup",
})  # fmt: skip
# What a receiver sees of what the other end sent, and what a sender is told of what it sent itself.
RECEIVED = frozenset({"low_bitrate", "frozen_video", "one_way_media"})
SENT = frozenset({"bandwidth_limited"})
LATE_S = 3.0  # reports that come this late were sent again: the page could not reach us either
TOGETHER_US = 20_000_000  # breaks of several links within this time have one cause
MOST = 0.8
RELAY_ERRORS = range(300, 800)  # of STUN and TURN (RFC 8489, 14.8; 701 is the browser's own)


@dataclass(frozen=True, slots=True)
class Blame:
    """A cause and whose; None when it is nobody's alone."""

    cause: Cause
    culprit: UUID | None = None


@dataclass(slots=True, kw_only=True)
class Link:
    """All connections between two participants, and what was found on them. `sfu` is which of them is a media server, if one is."""

    ends: frozenset[UUID]
    sfu: UUID | None = None
    connections: list[ObservedConnection] = field(default_factory=list)
    found: list[Detected] = field(default_factory=list)
    broke_us: int | None = None
    relayed: bool = False
    relay_failed: bool = False
    dtls_failed: bool = False
    ice_failed: bool = False
    established: bool = False  # media could flow

    @property
    def trouble(self) -> Trouble | None:
        """The worst of it; None when it was well."""
        if not self.established:
            return "unmade"
        if self.broke_us is not None:
            return "broken"
        return "poor" if any(one.rule.code in NETWORK_CODES for one in self.found) else None

    @property
    def kinds(self) -> frozenset[str]:
        """What of the network was bad on it."""
        return frozenset(one.rule.code for one in self.found if one.rule.code in NETWORK_CODES)

    def other(self, end: UUID) -> UUID:
        """The other end."""
        return next((one for one in self.ends if one != end), end)

    def directions(self) -> set[UUID]:
        """From whom what was sent was bad, as far as findings tell."""
        senders = set()
        for one in self.found:
            here, direction = one.participant, one.data.get("direction")
            if here is not None and (one.rule.code in RECEIVED or direction == "inbound"):
                senders.add(self.other(here))
            elif here is not None and (one.rule.code in SENT or direction == "outbound"):
                senders.add(here)
        return senders


def links_of(conference: ObservedConference, found: Sequence[Detected]) -> list[Link]:
    """All links, in the order in which they were first made. A connection without a peer in the conference is one too."""
    servers = {person.id for person in conference.people if person.is_sfu}
    links: dict[frozenset[UUID], Link] = {}
    for one in conference.connections:
        ends = frozenset({one.participant, one.peer})
        sfu = next((end for end in ends if end in servers), None)
        link = links.setdefault(ends, Link(ends=ends, sfu=sfu))
        link.connections.append(one)
        _learn(conference, link, one)
    by_connection = {one.id: link for link in links.values() for one in link.connections}
    for detected in found:
        if detected.connection in by_connection:
            by_connection[detected.connection].found.append(detected)
            if detected.rule.code == "dtls_failed":
                by_connection[detected.connection].dtls_failed = True
    return list(links.values())


def _learn(conference: ObservedConference, link: Link, one: ObservedConnection) -> None:
    """What a connection tells of its link beside findings."""
    paths = [interval.link for interval in one.intervals if interval.link is not None]
    link.established = link.established or conference.was_made(one)
    link.relayed = link.relayed or any(path.local_type == "relay" for path in paths)
    errors = list(conference.of_connection(one.id, "onicecandidateerror"))
    candidates = conference.of_connection(one.id, "onicecandidate")
    has_relay = any(isinstance(h.data, dict) and h.data.get("type") == "relay" for h in candidates)
    link.relay_failed = link.relay_failed or (bool(errors) and not has_relay)
    states = list(conference.of_connection(one.id, "onconnectionstatechange"))
    ice = list(conference.of_connection(one.id, "oniceconnectionstatechange"))
    link.ice_failed = link.ice_failed or any(h.data == "failed" for h in [*states, *ice])
    broke_us = _broke(states)
    if broke_us is not None and one.established:
        link.broke_us = broke_us if link.broke_us is None else min(link.broke_us, broke_us)


def _broke(states: Iterable[Happening]) -> int | None:
    """When a connection broke for good: lost and never back; None if it came back or was closed in good order."""
    lost_us: int | None = None
    for happening in states:
        if happening.data in ("disconnected", "failed"):
            lost_us = happening.at_us if lost_us is None else lost_us
        elif happening.data == "connected":
            lost_us = None
    return lost_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All links of a conference, and what else tells whom to blame."""

    links: Sequence[Link]
    vanished: frozenset[UUID]
    late: frozenset[UUID]

    def of(self, end: UUID) -> list[Link]:
        """The links of a participant."""
        return [link for link in self.links if end in link.ends]


def scene_of(conference: ObservedConference, found: Sequence[Detected]) -> Scene:
    """Everything that blame is decided by."""
    vanished = (one.participant for one in found if one.rule.code == "page_vanished")
    late = (one.participant for one in conference.connections if one.late_s >= LATE_S)
    return Scene(
        links=links_of(conference, found),
        vanished=frozenset(person for person in vanished if person is not None),
        late=frozenset(late),
    )


def blame(scene: Scene, link: Link) -> Blame:
    """The most likely cause of the trouble on a link; `none` when there is no trouble, or nothing to tell by."""
    trouble = link.trouble
    if trouble is None:
        return Blame("none")
    if trouble == "unmade":
        return _unmade(scene, link)
    gone = [end for end in link.ends if end in scene.vanished]
    if trouble == "broken" and gone:
        return Blame("browser", gone[0])
    if link.sfu is not None:
        return _at_server(scene, link, link.sfu)
    return _between(scene, link)


def _unmade(scene: Scene, link: Link) -> Blame:
    if link.dtls_failed:
        return Blame("browser")
    if link.relay_failed:
        return Blame("relay")
    if link.sfu is not None:
        fellows = [one for one in scene.of(link.sfu) if one.established]
        return Blame("network", link.other(link.sfu)) if fellows else Blame("server")
    return Blame("network") if link.ice_failed else Blame("none")


def _at_server(scene: Scene, link: Link, server: UUID) -> Blame:
    """Links to a media server meet there: if most are bad at the same time, so is the server or what is before it."""
    guest = link.other(server)
    if guest in scene.late:
        return Blame("network", guest)
    fellows = [one for one in scene.of(server) if one.other(server) not in scene.late]
    alike = [one for one in fellows if _alike(one, link)]
    if len(fellows) >= 2 and len(alike) >= MOST * len(fellows):
        return Blame("server")
    return Blame("network", guest)


def _alike(one: Link, other: Link) -> bool:
    if one.broke_us is not None and other.broke_us is not None:
        return abs(one.broke_us - other.broke_us) <= TOGETHER_US
    return one.trouble is not None and one.trouble == other.trouble


def _between(scene: Scene, link: Link) -> Blame:
    people = [one for one in scene.links if one.sfu is None]
    bad = [one for one in people if one.trouble in ("broken", "poor") and _is_as_bad(one, link)]
    if len(people) >= 3 and len(bad) >= MOST * len(people):
        return Blame("relay") if all(one.relayed for one in bad) else Blame("network")
    worse = _whose_other_links_are_bad(scene, link)
    if worse is not None:
        return Blame("network", worse)
    late = [end for end in link.ends if end in scene.late]
    if len(late) == 1:
        return Blame("network", late[0])
    if link.trouble == "broken":
        # Both ends reach us and not each other: it is neither's access, but what is between them.
        return Blame("relay" if link.relayed else "network")
    senders = link.directions()
    return Blame("network", next(iter(senders)) if len(senders) == 1 else None)


def _whose_other_links_are_bad(scene: Scene, link: Link) -> UUID | None:
    """Of two ends the one whose other links are as bad, while the other's are not; None when that does not tell them apart."""
    shares = {}
    for end in link.ends:
        others = [one for one in scene.of(end) if one is not link and one.established]
        if not others:
            return None
        shares[end] = sum(_is_as_bad(one, link) for one in others) / len(others)
    worst = max(shares, key=lambda end: shares[end])
    least = min(shares.values())
    return worst if shares[worst] >= MOST and least <= 1 - MOST else None


def _is_as_bad(one: Link, link: Link) -> bool:
    """Whether another link suffers from at least half of what this one does: somebody who is slow to connect has not lost a third of the packets.

    A link that broke is compared with any trouble: what breaks one may only disturb another.
    """
    if link.trouble == "broken" or not link.kinds:
        return one.trouble is not None
    return one.trouble == "broken" or 2 * len(one.kinds & link.kinds) >= len(link.kinds)
