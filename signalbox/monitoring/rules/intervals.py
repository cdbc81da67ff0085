"""Figures of the time between two consecutive stats reports of one connection. Pure.

WebRTC counters are cumulative, so a figure of an interval is always a difference of two readings. The rules for all of them:

- Reports follow each other in the order of our instants. An interval ends with the later report and begins with the one before it. How long it lasted is told by the client's
  clock (`seconds`), for both readings come from it; only without stamps by ours.
- A gap of more than `MOST_S` is not an interval: nobody looked (a sleeping laptop, a frozen page).
- A counter that falls has been started anew; the flow then has no figures for that interval. `packetsLost` alone may fall: a packet that was counted as lost came late (RFC 3550, 6.4.1): no loss then.
- What cannot be known is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from signalbox.monitoring.rules.emos import emos
from signalbox.monitoring.rules.figures import MUTED_BPS
from signalbox.monitoring.rules.readings import (
    Direction,
    FlowReading,
    Kind,
    LinkReading,
    Reading,
    RemoteReading,
)

MOST_S = 180.0  # three times the longest reporting interval of an app


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowInterval:
    """One audio or video flow between two reports. Counts are of this interval."""

    start_us: int
    end_us: int
    seconds: float
    key: str  # id of the report, else its ssrc, else `#` and its place in the report
    kind: Kind
    direction: Direction
    track: UUID | None
    rid: str | None  # layer of a simulcast

    bitrate_bps: float | None  # payload
    target_bps: float | None  # what the encoder aims at; outbound
    packets: float | None  # received or sent
    lost: float | None  # packets
    expected: float | None  # packets that could have been lost; estimated for outbound
    loss_ratio: float | None
    discarded: float | None  # packets that came too late or too early; inbound
    repeated: float | None  # packets that were retransmissions
    jitter_ms: float | None
    rtt_ms: float | None
    nacks: float | None
    plis: float | None
    firs: float | None

    frames: float | None  # decoded or encoded
    frames_passed: float | None  # received or sent
    frames_dropped: float | None
    fps: float | None
    width: float | None  # pixels, at the end
    height: float | None
    key_frames: float | None
    qp: float | None  # mean quantizer; its range depends on the codec
    freeze_count: float | None
    freeze_ms: float | None
    freeze_ratio: float | None  # share of the time
    pause_count: float | None
    pause_ms: float | None
    decode_ms: float | None  # mean per frame
    encode_ms: float | None  # mean per frame

    samples: float | None  # audio samples played out
    concealed: float | None  # of these, made up
    concealment_ratio: float | None  # None where nothing was to be received
    silent_concealment_ratio: float | None  # the part of it that was made up as silence
    buffer_emitted: float | None  # samples or frames that left the jitter buffer
    buffer_ms: float | None  # mean delay in it
    audio_level: float | None  # root mean square, 0–1
    emos: float | None  # inbound audio, 1–5
    quiet: bool  # muted or silent: an audio flow of less than `MUTED_BPS` without loss

    limitation: str | None  # none, cpu, bandwidth or other, at the end
    limited_ratio: float | None  # share of the time that a limitation was in force
    cpu_limited_ratio: float | None
    bandwidth_limited_ratio: float | None
    resolution_changes: float | None

    codec: str | None
    active: bool | None  # whether the encoding is sent; outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkInterval:
    """The selected candidate pair of a connection between two reports."""

    start_us: int
    end_us: int
    seconds: float
    pair: str | None
    pair_changed: bool  # another pair than at the beginning
    rtt_ms: float | None
    available_bps: float | None
    available_incoming_bps: float | None
    sent_bps: float | None
    received_bps: float | None
    packets_sent: float | None
    packets_received: float | None
    local_type: str | None
    remote_type: str | None
    protocol: str | None
    relay_protocol: str | None
    network_type: str | None
    time_taken_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A connection between two reports."""

    start_us: int
    end_us: int
    link: LinkInterval | None  # None while there is no pair
    flows: tuple[FlowInterval, ...]


def intervals(readings: Iterable[Reading], *, emos_version: int = 2) -> list[Interval]:
    """All intervals of one connection, in time order; of a single reading none.

    Each depends on two neighbouring readings only, so any part of a connection can be worked out by itself.
    """
    ordered = sorted(readings, key=_when)
    found = (_interval(before, after, emos_version) for before, after in pairwise(ordered))
    return [interval for interval in found if interval is not None]


def _when(reading: Reading) -> tuple[int, float]:
    stamps = [flow.stamp_ms for flow in reading.flows if flow.stamp_ms is not None]
    return reading.at_us, min(stamps, default=0.0)


def _interval(before: Reading, after: Reading, emos_version: int) -> Interval | None:
    if after.at_us - before.at_us > MOST_S * 1_000_000:
        return None
    span = (before.at_us, after.at_us)
    rtt_ms = next(
        (flow.remote.rtt_ms for flow in after.flows if _tells_rtt(flow) and flow.remote), None
    )
    flows = (
        _flow(first, second, key, span, rtt_ms or 0.0, emos_version)
        for first, second, key in _same_flows(before, after)
    )
    return Interval(
        start_us=before.at_us,
        end_us=after.at_us,
        link=_link(before, after),
        flows=tuple(flow for flow in flows if flow is not None),
    )


def _tells_rtt(flow: FlowReading) -> bool:
    """Whether the score of inbound audio takes its round trip from here."""
    told = flow.remote is not None and flow.remote.rtt_ms is not None
    return told and (flow.kind, flow.direction) == ("audio", "outbound")


Pair = tuple[FlowReading, FlowReading, str]


def _same_flows(before: Reading, after: Reading) -> Iterator[Pair]:
    """The flows that both readings have. Where a reading was thinned, flows have no key: then place and track tell them."""
    if before.thinned or after.thinned:
        yield from _by_place(before.flows, after.flows)
        return
    known = {(flow.kind, flow.direction, flow.key): flow for flow in before.flows}
    for flow in after.flows:
        earlier = known.get((flow.kind, flow.direction, flow.key))
        if earlier is not None and flow.key is not None:
            yield earlier, flow, flow.key


def _by_place(before: Sequence[FlowReading], after: Sequence[FlowReading]) -> Iterator[Pair]:
    places = [(flow.kind, flow.direction, flow.track) for flow in before]
    if places != [(flow.kind, flow.direction, flow.track) for flow in after]:
        return
    for place, (first, second) in enumerate(zip(before, after, strict=True)):
        yield first, second, second.key or first.key or f"#{place}"


def _seconds(
    before_ms: float | None, after_ms: float | None, span: tuple[int, int]
) -> float | None:
    """How long an interval lasted; None when the clock went back or the gap is too long."""
    if before_ms is None or after_ms is None:
        seconds = (span[1] - span[0]) / 1_000_000
    else:
        seconds = (after_ms - before_ms) / 1000
    return seconds if 0 < seconds <= MOST_S else None


def _rise(before: float | None, after: float | None) -> float | None:
    """Difference of a counter; None when unknown or started anew."""
    if before is None or after is None or after < before:
        return None
    return after - before


def _share(part: float | None, whole: float | None) -> float | None:
    """A quotient; None when a part is unknown or nothing is there to divide by."""
    if part is None or whole is None or whole <= 0:
        return None
    return part / whole


def _ratio(part: float | None, whole: float | None) -> float | None:
    """As `_share`, at most 1."""
    share = _share(part, whole)
    return None if share is None else min(share, 1.0)


def _sum(*parts: float | None) -> float | None:
    """Sum of what is known; None when nothing is."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loss:
    lost: float | None = None
    expected: float | None = None
    jitter_ms: float | None = None
    rtt_ms: float | None = None


def _flow(
    a: FlowReading,
    b: FlowReading,
    key: str,
    span: tuple[int, int],
    score_rtt_ms: float,
    emos_version: int,
) -> FlowInterval | None:
    seconds = _seconds(a.stamp_ms, b.stamp_ms, span)
    if seconds is None or _restarted(a, b):
        return None
    inbound = b.direction == "inbound"
    octets = _rise(a.octets, b.octets)
    bitrate_bps = None if octets is None else octets * 8 / seconds
    packets = _rise(a.packets, b.packets)
    loss = _inbound_loss(a, b) if inbound else _outbound_loss(a, b, packets, seconds)
    frames = _rise(a.frames_coded, b.frames_coded)
    samples, concealed = (
        _rise(a.samples, b.samples),
        _rise(a.samples_concealed, b.samples_concealed),
    )
    quiet = _is_quiet(b.kind, bitrate_bps, loss.lost)
    heard = inbound and not quiet and bool(packets or loss.lost)
    coding_ms = _share(_rise(a.coding_ms, b.coding_ms), frames)
    freeze_ms = _rise(a.freeze_ms, b.freeze_ms)
    limited = _limits(a, b)
    interval = FlowInterval(
        start_us=span[0],
        end_us=span[1],
        seconds=seconds,
        key=key,
        kind=b.kind,
        direction=b.direction,
        track=b.track,
        rid=b.rid or a.rid,
        bitrate_bps=bitrate_bps,
        target_bps=b.target_bps,
        packets=packets,
        lost=loss.lost,
        expected=loss.expected,
        loss_ratio=_ratio(loss.lost, loss.expected),
        discarded=_rise(a.packets_discarded, b.packets_discarded),
        repeated=_rise(a.packets_repeated, b.packets_repeated),
        jitter_ms=loss.jitter_ms,
        rtt_ms=loss.rtt_ms,
        nacks=_rise(a.nacks, b.nacks),
        plis=_rise(a.plis, b.plis),
        firs=_rise(a.firs, b.firs),
        frames=frames,
        frames_passed=_rise(a.frames_passed, b.frames_passed),
        frames_dropped=_rise(a.frames_dropped, b.frames_dropped),
        fps=_fps(a, b, frames, seconds),
        width=b.width,
        height=b.height,
        key_frames=_rise(a.key_frames, b.key_frames),
        qp=_share(_rise(a.qp_sum, b.qp_sum), frames),
        freeze_count=_rise(a.freezes, b.freezes),
        freeze_ms=freeze_ms,
        freeze_ratio=_ratio(freeze_ms, seconds * 1000),
        pause_count=_rise(a.pauses, b.pauses),
        pause_ms=_rise(a.pause_ms, b.pause_ms),
        decode_ms=coding_ms if inbound else None,
        encode_ms=None if inbound else coding_ms,
        samples=samples if heard else None,
        concealed=concealed if heard else None,
        concealment_ratio=_ratio(concealed, samples) if heard else None,
        silent_concealment_ratio=_ratio(
            _rise(a.samples_concealed_silent, b.samples_concealed_silent), samples
        )
        if heard
        else None,
        buffer_emitted=_rise(a.buffer_emitted, b.buffer_emitted),
        buffer_ms=_share(
            _rise(a.buffer_ms, b.buffer_ms), _rise(a.buffer_emitted, b.buffer_emitted)
        ),
        audio_level=_level(a, b),
        emos=None,
        quiet=quiet,
        limitation=b.limitation,
        limited_ratio=limited[0],
        cpu_limited_ratio=limited[1],
        bandwidth_limited_ratio=limited[2],
        resolution_changes=_rise(a.resolution_changes, b.resolution_changes),
        codec=b.codec or a.codec,
        active=b.active,
    )
    if not heard or b.kind != "audio" or interval.loss_ratio is None:
        return interval
    fec = bool(b.packets_fec)
    return replace(interval, emos=_score(interval, score_rtt_ms, fec, emos_version))


def _restarted(a: FlowReading, b: FlowReading) -> bool:
    pairs = ((a.packets, b.packets), (a.octets, b.octets), (a.frames_passed, b.frames_passed))
    return any(
        before is not None and after is not None and after < before for before, after in pairs
    )


def _is_quiet(kind: Kind, bitrate_bps: float | None, lost: float | None) -> bool:
    return kind == "audio" and bitrate_bps is not None and bitrate_bps < MUTED_BPS and not lost


def _inbound_loss(a: FlowReading, b: FlowReading) -> _Loss:
    received = _rise(a.packets, b.packets)
    if a.packets_lost is None or b.packets_lost is None:
        lost = None
    else:
        lost = max(b.packets_lost - a.packets_lost, 0.0)
    expected = None if lost is None or received is None else lost + received
    return _Loss(
        lost=lost,
        expected=expected,
        jitter_ms=b.jitter_ms if received else None,
        rtt_ms=_remote_rtt(a.remote, b.remote),
    )


def _outbound_loss(a: FlowReading, b: FlowReading, sent: float | None, seconds: float) -> _Loss:
    """By the receiver's reports, which come every few seconds: none between two readings says nothing."""
    before, after = a.remote, b.remote
    if before is None or after is None or not _is_news(before, after):
        return _Loss()
    if before.packets_lost is None or after.packets_lost is None:
        lost = None
    else:
        lost = max(after.packets_lost - before.packets_lost, 0.0)
    received = _rise(before.packets, after.packets)
    if received is not None and lost is not None:
        expected: float | None = received + lost
    else:
        expected = _expected(before, after, sent, seconds)
    return _Loss(
        lost=lost,
        expected=None if lost is None else expected,
        jitter_ms=after.jitter_ms,
        rtt_ms=_remote_rtt(before, after),
    )


def _expected(
    before: RemoteReading, after: RemoteReading, sent: float | None, seconds: float
) -> float | None:
    """Packets sent in the time that the receiver's reports cover, at the pace of this interval."""
    covered_s = _seconds(before.stamp_ms, after.stamp_ms, (0, int(seconds * 1_000_000)))
    return None if sent is None or covered_s is None else sent / seconds * covered_s


def _is_news(before: RemoteReading, after: RemoteReading) -> bool:
    if before.stamp_ms is None or after.stamp_ms is None:
        return True
    return after.stamp_ms > before.stamp_ms


def _remote_rtt(before: RemoteReading | None, after: RemoteReading | None) -> float | None:
    """Mean of the round trips measured in between, else the latest if it is new."""
    if after is None:
        return None
    if before is None:
        return after.rtt_ms
    mean = _share(
        _rise(before.rtt_total_ms, after.rtt_total_ms),
        _rise(before.rtt_measurements, after.rtt_measurements),
    )
    if mean is not None:
        return mean
    is_counted = after.rtt_measurements is not None and before.rtt_measurements is not None
    return None if is_counted or not _is_news(before, after) else after.rtt_ms


def _fps(a: FlowReading, b: FlowReading, frames: float | None, seconds: float) -> float | None:
    if b.kind != "video":
        return None
    shown = _rise(a.frames_passed, b.frames_passed) if frames is None else frames
    return b.frames_per_s if shown is None else shown / seconds


def _level(a: FlowReading, b: FlowReading) -> float | None:
    """Root mean square of the interval, else the latest level."""
    power = _share(_rise(a.audio_energy, b.audio_energy), _rise(a.audio_s, b.audio_s))
    return b.audio_level if power is None else min(math.sqrt(power), 1.0)


def _limits(a: FlowReading, b: FlowReading) -> tuple[float | None, float | None, float | None]:
    """Share of the time under any limitation, under that by CPU, by bandwidth."""
    free = _rise(a.limited_none_ms, b.limited_none_ms)
    cpu = _rise(a.limited_cpu_ms, b.limited_cpu_ms)
    bandwidth = _rise(a.limited_bandwidth_ms, b.limited_bandwidth_ms)
    other = _rise(a.limited_other_ms, b.limited_other_ms)
    whole, limited = _sum(free, cpu, bandwidth, other), _sum(cpu, bandwidth, other)
    return _share(limited, whole), _share(cpu, whole), _share(bandwidth, whole)


def _score(interval: FlowInterval, rtt_ms: float, fec: bool, version: int) -> float | None:
    return emos(
        loss_ratio=interval.loss_ratio or 0.0,
        rtt_ms=rtt_ms,
        buffer_ms=interval.buffer_ms or 0.0,
        bitrate_bps=interval.bitrate_bps,
        fec=fec,
        version=version,
    )


def _link(before: Reading, after: Reading) -> LinkInterval | None:
    b = after.link
    if b is None:
        return None
    span = (before.at_us, after.at_us)
    a = before.link or LinkReading()
    seconds = _seconds(a.stamp_ms, b.stamp_ms, span)
    if seconds is None:
        return None
    changed = a.pair is not None and b.pair is not None and a.pair != b.pair
    if changed:  # the counters are of a pair
        a = LinkReading()
    sent, received = (
        _rise(a.octets_sent, b.octets_sent),
        _rise(a.octets_received, b.octets_received),
    )
    return LinkInterval(
        start_us=span[0],
        end_us=span[1],
        seconds=seconds,
        pair=b.pair,
        pair_changed=changed,
        rtt_ms=_link_rtt(a, b),
        available_bps=b.available_bps,
        available_incoming_bps=b.available_incoming_bps,
        sent_bps=None if sent is None else sent * 8 / seconds,
        received_bps=None if received is None else received * 8 / seconds,
        packets_sent=_rise(a.packets_sent, b.packets_sent),
        packets_received=_rise(a.packets_received, b.packets_received),
        local_type=b.local_type,
        remote_type=b.remote_type,
        protocol=b.protocol,
        relay_protocol=b.relay_protocol,
        network_type=b.network_type,
        time_taken_ms=after.time_taken_ms,
    )


def _link_rtt(a: LinkReading, b: LinkReading) -> float | None:
    """Mean of the checks answered in between, else the latest, which may be older than the interval by one check."""
    mean = _share(_rise(a.rtt_total_ms, b.rtt_total_ms), _rise(a.responses, b.responses))
    return b.rtt_ms if mean is None else mean
