"""What one stats report says of the flows of a connection and of its candidate pair, in our units. Pure.

Counters are cumulative since the start of their source (W3C webrtc-stats); figures are differences of two readings: see `intervals`. A field that the browser
does not report is None. Times by the client's clock are called `stamp_ms`, ours `at_us`; the two are never subtracted from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["audio", "video"]
Direction = Literal["inbound", "outbound"]
# In the order in which a stored report lists its flows.
FLOWS: tuple[tuple[Kind, Direction], ...] = (
    ("audio", "inbound"),
    ("audio", "outbound"),
    ("video", "inbound"),
    ("video", "outbound"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReading:
    """What the other end told by RTCP of a flow: `remote-inbound-rtp` of an outbound one, `remote-outbound-rtp` of an inbound one."""

    stamp_ms: float | None = None  # when the RTCP packet came
    packets: float | None = None  # cumulative; received there, or sent from there
    packets_lost: float | None = None  # cumulative, signed
    jitter_ms: float | None = None
    rtt_ms: float | None = None  # the latest
    rtt_total_ms: float | None = None  # cumulative
    rtt_measurements: float | None = None  # cumulative


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowReading:
    """One `inbound-rtp` or `outbound-rtp` report with its media source and what the other end told. Cumulative unless said."""

    kind: Kind
    direction: Direction
    key: str | None = None  # id of the report, else its ssrc; None when only figures were kept
    track: UUID | None = None
    rid: str | None = None  # layer of a simulcast
    stamp_ms: float | None = None
    packets: float | None = None  # received or sent
    octets: float | None = None  # payload, received or sent
    packets_lost: float | None = None  # inbound; signed
    packets_discarded: float | None = None
    packets_repeated: float | None = None  # retransmissions, received or sent
    packets_fec: float | None = None
    jitter_ms: float | None = None  # latest
    nacks: float | None = None
    plis: float | None = None
    firs: float | None = None
    frames_passed: float | None = None  # received or sent
    frames_coded: float | None = None  # decoded or encoded
    frames_dropped: float | None = None
    frames_per_s: float | None = None  # latest
    key_frames: float | None = None  # decoded or encoded
    qp_sum: float | None = None
    width: float | None = None  # latest
    height: float | None = None  # latest
    coding_ms: float | None = None  # spent on decoding or encoding
    freezes: float | None = None
    freeze_ms: float | None = None
    pauses: float | None = None
    pause_ms: float | None = None
    samples: float | None = None  # audio samples played out
    samples_concealed: float | None = None
    samples_concealed_silent: float | None = None
    buffer_ms: float | None = None  # waited in the jitter buffer by all that left it
    buffer_emitted: float | None = None  # samples or frames that left it
    audio_energy: float | None = None
    audio_s: float | None = None  # length of the audio that the energy is of
    audio_level: float | None = None  # latest, 0–1
    limitation: str | None = None  # latest
    limited_none_ms: float | None = None
    limited_cpu_ms: float | None = None
    limited_bandwidth_ms: float | None = None
    limited_other_ms: float | None = None
    resolution_changes: float | None = None  # made by a limitation
    target_bps: float | None = None  # latest
    codec: str | None = None  # latest: `opus`, `VP8`
    active: bool | None = None  # latest; outbound
    remote: RemoteReading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReading:
    """The selected candidate pair with its two ends. No address is kept."""

    stamp_ms: float | None = None
    pair: str | None = None  # id
    state: str | None = None
    nominated: bool | None = None
    octets_sent: float | None = None  # cumulative, of this pair
    octets_received: float | None = None
    packets_sent: float | None = None
    packets_received: float | None = None
    rtt_ms: float | None = None  # latest
    rtt_total_ms: float | None = None  # cumulative
    responses: float | None = (
        None  # cumulative; answers to checks, as many as round trips were measured
    )
    available_bps: float | None = None  # latest; outgoing
    available_incoming_bps: float | None = None  # latest
    local_type: str | None = None  # host, srflx, prflx or relay
    remote_type: str | None = None
    protocol: str | None = None  # of the local end: udp or tcp
    relay_protocol: str | None = None  # between client and relay: udp, tcp or tls
    network_type: str | None = None  # wifi, cellular, ethernet, …


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One stats report of one connection."""

    at_us: int  # when it was taken, by our clock
    link: LinkReading | None = None  # None before a pair exists
    flows: tuple[FlowReading, ...] = ()  # in the order of the stored report
    time_taken_ms: float | None = None  # how long the client's getStats took
    thinned: bool = False  # only some figures were kept: flows have no key
