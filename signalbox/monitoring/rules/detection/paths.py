"""Rules about how connections are made and which way they take: set-up, restarts, flips, relays over TCP, DTLS."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from uuid import UUID

from signalbox.monitoring.rules.detection.observed import (
    Happening,
    ObservedConference,
    ObservedConnection,
)
from signalbox.monitoring.rules.detection.spells import SECOND, Rule, Spell, spells_of, stretches
from signalbox.monitoring.settings import DetectionSettings as Limits

ICE, STATE = "oniceconnectionstatechange", "onconnectionstatechange"
ICE_DONE = ("connected", "completed")


def slow_setup(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The first negotiation took too long, or goes on for too long."""
    for one in conference.connections:
        first = next((attempt for attempt in one.attempts if attempt.type == "initial"), None)
        if first is None or first.status not in ("connected", "connecting"):
            continue  # that it failed is another issue
        end_us = first.end_us or conference.now_us
        took_ms = (end_us - first.start_us) / 1000
        if took_ms >= limits.setup_ms:
            events = tuple(
                h.id for h in conference.of_connection(one.id, STATE, ICE) if h.at_us <= end_us
            )
            yield _spell(one, first.start_us, first.end_us, worst=took_ms, events=events)


def ice_restart(conference: ObservedConference, _limits: Limits) -> Iterator[Spell]:
    """ICE began again: candidates with a new user fragment (RFC 8445, 2.4), or checks after a path had been found or lost."""
    for one in conference.connections:
        signs = sorted(
            [*_new_fragments(conference, one), *_new_checks(conference, one)],
            key=lambda sign: sign.at_us,
        )
        last_us: int | None = None
        for sign in signs:
            if last_us is None or sign.at_us - last_us > 5 * SECOND:  # signs of one restart
                yield _spell(one, sign.at_us, sign.at_us, events=(sign.id,))
            last_us = sign.at_us


def _new_fragments(conference: ObservedConference, one: ObservedConnection) -> Iterator[Happening]:
    known: set[str] = set()
    for happening in conference.of_connection(one.id, "onicecandidate"):
        data = happening.data if isinstance(happening.data, dict) else {}
        fragment = data.get("usernameFragment")
        if isinstance(fragment, str) and fragment not in known:
            if known:
                yield happening
            known.add(fragment)


def _new_checks(conference: ObservedConference, one: ObservedConnection) -> Iterator[Happening]:
    before: Happening | None = None
    for happening in conference.of_connection(one.id, ICE):
        is_restart = before is not None and before.data in (*ICE_DONE, "disconnected", "failed")
        # Events are sent side by side: the first check may arrive a moment after the success of it.
        if is_restart and happening.data == "checking" and _apart(before, happening):
            yield happening
        before = happening


def _apart(before: Happening | None, after: Happening) -> bool:
    return before is not None and after.at_us - before.at_us >= SECOND


def pair_flips(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The path changed again and again within a short time."""
    for one in conference.connections:
        recent: deque[int] = deque()
        for interval in one.intervals:
            if interval.link is None or not interval.link.pair_changed:
                continue
            recent.append(interval.end_us)
            while interval.end_us - recent[0] > limits.flips_within_s * SECOND:
                recent.popleft()
            if len(recent) >= limits.flips:
                report = one.reports.get(interval.end_us)
                events = () if report is None else (report,)
                yield _spell(
                    one, recent[0], interval.end_us, worst=float(len(recent)), events=events
                )


def relay_over_tcp(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """Media goes to the relay over TCP or TLS."""
    for one in conference.connections:
        links = [interval.link for interval in one.intervals if interval.link is not None]
        over = [
            (link, 1.0 if link.relay_protocol in ("tcp", "tls") else None)
            for link in links
            if link.local_type == "relay"
        ]
        found = stretches(over, at_least_s=0.0, bridged_s=limits.bridged_s)
        protocols = {link.relay_protocol for link, figure in over if figure is not None}
        yield from spells_of(
            conference, one, found, about=one.id, more=(("protocol", ", ".join(sorted(p for p in protocols if p))),)
        )  # fmt: skip


def dtls_failed(conference: ObservedConference, _limits: Limits) -> Iterator[Spell]:
    """ICE had found a path and yet the connection failed without ever having been connected: what remains is the DTLS handshake (RFC 8842)."""
    for one in conference.connections:
        ice, connected = "", False
        for happening in conference.of_connection(one.id, ICE, STATE):
            if happening.type == ICE:
                ice = str(happening.data)
            elif happening.data == "connected":
                connected = True
            elif happening.data == "failed" and ice in ICE_DONE and not connected:
                yield _spell(one, happening.at_us, happening.at_us, events=(happening.id,))
                break


def slow_stats(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The browser takes long to gather its statistics: its main thread is busy."""
    for one in conference.connections:
        took = (
            (interval.link, interval.link.time_taken_ms)
            for interval in one.intervals
            if interval.link is not None
        )
        slow = ((link, ms if ms is not None and ms >= limits.stats_ms else None) for link, ms in took)  # fmt: skip
        found = stretches(slow, at_least_s=limits.sustained_s, bridged_s=limits.bridged_s)
        yield from spells_of(conference, one, found, about=one.id)


def high_rtt(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """Checks of the path take long to come back."""
    for one in conference.connections:
        measured = ((i.link, i.link.rtt_ms) for i in one.intervals if i.link is not None)
        high = ((link, ms if ms is not None and ms >= limits.rtt_ms else None) for link, ms in measured)  # fmt: skip
        found = stretches(high, at_least_s=limits.sustained_s, bridged_s=limits.bridged_s)
        yield from spells_of(conference, one, found, about=one.id)


def _spell(
    one: ObservedConnection,
    start_us: int,
    end_us: int | None,
    *,
    worst: float | None = None,
    events: tuple[UUID, ...] = (),
) -> Spell:
    return Spell(
        about=one.id,
        start_us=start_us,
        end_us=end_us,
        session=one.session,
        participant=one.participant,
        connection=one.id,
        worst=worst,
        events=events,
    )


RULES = (
    Rule(
        code="slow_setup", type="warning", find=slow_setup, limits=("setup_ms",), unit="ms",
        title="Connecting took long",
        explanation="The first negotiation took unusually long until media could flow; people wait and join again.",
        source="Measured on recorded calls: 0.1–2 s are usual. ICE alone may pace its checks for 5 s and more (RFC 8445, 14).",
    ),
    Rule(
        code="ice_restart", type="warning", find=ice_restart,
        title="The path had to be found again",
        explanation="ICE was restarted during the call, usually after a change of network or an interruption.",
        source="RFC 8445, 2.4; W3C WebRTC, RTCPeerConnection.restartIce.",
    ),
    Rule(
        code="pair_flips", type="warning", find=pair_flips, limits=("flips", "flips_within_s"), unit="changes",
        title="The path kept changing",
        explanation="The selected pair of addresses changed again and again within a minute; each change may cost some media.",
        source="W3C webrtc-stats, RTCTransportStats.selectedCandidatePairChanges.",
    ),
    Rule(
        code="relay_over_tcp", type="warning", find=relay_over_tcp,
        title="The relay is reached over TCP or TLS",
        explanation="UDP to the relay seems to be blocked; over TCP a lost packet holds up everything behind it.",
        source="W3C webrtc-stats, RTCIceCandidateStats.relayProtocol; RFC 8656.",
    ),
    Rule(
        code="dtls_failed", type="error", find=dtls_failed,
        title="The encryption handshake failed",
        explanation="A network path was found, but no keys could be agreed on: a wrong certificate fingerprint, or something on the way meddles with DTLS.",
        source="RFC 8842; W3C WebRTC, RTCPeerConnectionState.",
    ),
    Rule(
        code="slow_stats", type="warning", find=slow_stats, limits=("stats_ms", "sustained_s"), unit="ms",
        title="The page is overloaded",
        explanation="The browser took long to answer a request for its statistics: its main thread is too busy, so everything else in the page is late too.",
        source="Measured on recorded calls: 1–30 ms are usual.",
    ),
    Rule(
        code="high_rtt", type="warning", find=high_rtt, limits=("rtt_ms", "sustained_s"), unit="ms",
        title="Long round trip",
        explanation="Packets took so long to the other end and back that people begin to talk over each other.",
        source="ITU-T G.114: more than 150 ms one way disturbs talk, more than 400 ms is not acceptable.",
    ),
)  # fmt: skip
