"""Rules about what flows: loss, jitter, bitrate, pictures, sound, limits of the encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.detection.observed import ObservedConference, ObservedConnection
from signalbox.monitoring.rules.detection.spells import (
    SECOND,
    Find,
    Rule,
    Spell,
    spells_of,
    stretches,
)
from signalbox.monitoring.rules.intervals import FlowInterval, Interval
from signalbox.monitoring.settings import DetectionSettings as Limits

# An estimate so much above what the encoder aims at is no limit, even if the browser says so: Chromium does for up to half a minute while a picture grows.
AMPLE = 1.2

Judge = Callable[[FlowInterval, Limits], float | None]
"""The figure of an interval in which the condition holds, else None."""


def flows_of(one: ObservedConnection) -> dict[tuple[str, str, str], list[FlowInterval]]:
    """The intervals of every flow of a connection, by kind, direction and key."""
    found: dict[tuple[str, str, str], list[FlowInterval]] = {}
    for interval in one.intervals:
        for flow in interval.flows:
            found.setdefault((flow.kind, flow.direction, flow.key), []).append(flow)
    return found


def per_flow(judge: Judge, *, kind: str, direction: str, at_least: str = "sustained_s", highest: bool = True) -> Find:  # fmt: skip
    """A rule that looks at each flow of one kind and direction by itself. Where nothing was ever connected there is nothing to see."""

    def find(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
        for one in conference.connections:
            for (of_kind, of_direction, key), flow in flows_of(one).items():
                if not conference.was_made(one) or (of_kind, of_direction) != (kind, direction):
                    continue
                found = stretches(
                    ((interval, judge(interval, limits)) for interval in flow),
                    at_least_s=getattr(limits, at_least),
                    bridged_s=limits.bridged_s,
                    highest=highest,
                )
                track = next((i.track for i in flow if i.track is not None), None)
                about = track or derived_id(one.id, key)
                yield from spells_of(conference, one, found, about=about, track=track)

    return find


def frozen(flow: FlowInterval, limits: Limits) -> float | None:
    """Pictures come but stand still, for at least a share of the time; all of it when packets come and no frame is decoded."""
    if not flow.packets:
        return None
    if flow.frames == 0:
        return 1.0
    ratio = flow.freeze_ratio
    return ratio if ratio is not None and ratio >= limits.frozen_ratio else None


def no_frames(flow: FlowInterval, _limits: Limits) -> float | None:
    """An active video flow sends no frame."""
    if flow.active is False or flow.frames is None or flow.frames > 0:
        return None
    return 0.0


def black(flow: FlowInterval, limits: Limits) -> float | None:
    """So few bits per frame that there can be no picture: black or one colour, unchanged. A bandwidth limit is no such case."""
    if not flow.frames or flow.bitrate_bps is None or (flow.fps or 0) < 2 or not flow.width:
        return None
    bits = flow.bitrate_bps * flow.seconds / flow.frames
    return bits if bits < limits.black_bits else None


def low_bitrate(flow: FlowInterval, limits: Limits) -> float | None:
    """Too few bits for moving pictures. Fewer than two frames a second are a still picture, such as a shared screen, and few bits then are right."""
    if flow.bitrate_bps is None or not flow.packets or (flow.fps or 0) < 2:
        return None
    return flow.bitrate_bps if flow.bitrate_bps < limits.video_bps else None


def cpu_limited(flow: FlowInterval, limits: Limits) -> float | None:
    """The encoder was held back by the processor."""
    share = flow.cpu_limited_ratio
    if share is None and flow.limitation == "cpu":
        share = 1.0
    return share if share is not None and share >= limits.limited_ratio else None


def bandwidth_limited(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The encoder was held back by the bandwidth, or the estimate of it is too low for video, after it had time to rise."""
    for one in conference.connections:
        warm_us = one.start_us + int(limits.warm_up_s * SECOND)
        judged = ((i, _held_back(i, limits)) for i in one.intervals if i.start_us >= warm_us)
        found = stretches(judged, at_least_s=limits.sustained_s, bridged_s=limits.bridged_s)
        yield from spells_of(conference, one, found, about=one.id)


def _held_back(interval: Interval, limits: Limits) -> float | None:
    """Share of the time; all of it when the estimate is too low. Without sent video nothing is held back."""
    sent = [
        flow
        for flow in interval.flows
        if (flow.kind, flow.direction) == ("video", "outbound") and flow.active is not False
    ]
    if not sent:
        return None
    estimate_bps = interval.link.available_bps if interval.link is not None else None
    if estimate_bps is not None and estimate_bps < limits.bandwidth_bps:
        return 1.0
    target_bps = sum(flow.target_bps or 0.0 for flow in sent)
    if estimate_bps is not None and target_bps and estimate_bps >= AMPLE * target_bps:
        return None
    share = max(map(_bandwidth_share, sent))
    return share if share >= limits.limited_ratio else None


def _bandwidth_share(flow: FlowInterval) -> float:
    if flow.bandwidth_limited_ratio is not None:
        return flow.bandwidth_limited_ratio
    return 1.0 if flow.limitation == "bandwidth" else 0.0


def silent(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """A microphone that is not muted gives no sound at all: not even the noise of a quiet room."""
    muted = mutes(conference)
    for one in conference.connections:
        for (kind, direction, key), flow in flows_of(one).items():
            if (kind, direction) != ("audio", "outbound"):
                continue
            times = muted.get(one.session, [])
            found = stretches(
                ((i, None if _overlaps(i, times) else _silence(i, limits)) for i in flow),
                at_least_s=limits.silent_s,
                bridged_s=0.0,
                highest=False,
            )
            track = next((i.track for i in flow if i.track is not None), None)
            about = track or derived_id(one.id, key)
            yield from spells_of(conference, one, found, about=about, track=track)


def _silence(flow: FlowInterval, limits: Limits) -> float | None:
    level = flow.audio_level
    return level if level is not None and level < limits.silent_level else None


def mutes(conference: ObservedConference) -> dict[UUID, list[tuple[int, int | None]]]:
    """When the user of a session was muted: by the page's own events, or because the track was disabled from the beginning."""
    found: dict[UUID, list[tuple[int, int | None]]] = {}
    for happening in conference.happenings:
        name = happening.data.get("eventName") if isinstance(happening.data, dict) else None
        if happening.type != "custom" or name not in ("mute", "unmute"):
            continue
        times = found.setdefault(happening.session, [])
        if name == "mute" and (not times or times[-1][1] is not None):
            times.append((happening.at_us, None))
        elif name == "unmute" and times and times[-1][1] is None:
            times[-1] = (times[-1][0], happening.at_us)
    return found


def _overlaps(flow: FlowInterval, times: list[tuple[int, int | None]]) -> bool:
    return any(begin < flow.end_us and (end is None or end > flow.start_us) for begin, end in times)


def high_loss(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """A large share of the packets of one direction of a connection was lost, all its flows together."""
    for one in conference.connections:
        for direction in ("inbound", "outbound"):
            judged = ((i, _loss(i, direction, limits)) for i in one.intervals)
            found = stretches(judged, at_least_s=limits.sustained_s, bridged_s=limits.bridged_s)
            yield from spells_of(
                conference, one, found, about=derived_id(one.id, direction), more=(("direction", direction),)
            )  # fmt: skip


def _loss(interval: Interval, direction: str, limits: Limits) -> float | None:
    counted = [
        flow
        for flow in interval.flows
        if flow.direction == direction and flow.lost is not None and flow.expected
    ]
    expected = sum(flow.expected or 0.0 for flow in counted)
    if not expected:
        return None
    ratio = min(sum(flow.lost or 0.0 for flow in counted) / expected, 1.0)
    return ratio if ratio >= limits.loss_ratio else None


def high_jitter(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """Packets of one direction came very unevenly. Only audio tells: video is sent in bursts."""
    for one in conference.connections:
        for (kind, direction, key), flow in flows_of(one).items():
            if kind != "audio":
                continue
            found = stretches(
                ((i, _jitter(i, limits)) for i in flow),
                at_least_s=limits.sustained_s,
                bridged_s=limits.bridged_s,
            )
            track = next((i.track for i in flow if i.track is not None), None)
            about, more = derived_id(one.id, direction, key), (("direction", direction),)
            yield from spells_of(conference, one, found, about=about, track=track, more=more)


def _jitter(flow: FlowInterval, limits: Limits) -> float | None:
    jitter_ms = flow.jitter_ms
    return jitter_ms if jitter_ms is not None and jitter_ms >= limits.jitter_ms else None


def one_way(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The connection is up and nothing arrives, although the other end sends."""
    for one in conference.connections:
        other = conference.counterpart(one)
        judged = ((i, _deaf(i, other)) for i in one.intervals)
        found = stretches(judged, at_least_s=limits.one_way_s, bridged_s=0.0)
        yield from spells_of(conference, one, found, about=one.id)


def _deaf(interval: Interval, other: ObservedConnection | None) -> float | None:
    """No packet when some were sent and none came; None when some came, or when the other end did not send."""
    inbound = [flow for flow in interval.flows if flow.direction == "inbound"]
    sent = sum(flow.packets or 0.0 for flow in interval.flows if flow.direction == "outbound")
    heard: list[Any] = [flow.packets for flow in inbound if flow.packets is not None]
    if not heard or sum(heard) > 0 or not sent:
        return None
    if other is not None and not _sends(other, interval):
        return None
    return 0.0


def _sends(other: ObservedConnection, during: Interval) -> bool:
    """Whether the other end sent in about the same time. Without reports of that time nobody knows, and it counts as no."""
    return any(
        (flow.packets or 0) > 0
        for interval in other.intervals
        if interval.end_us > during.start_us and interval.start_us < during.end_us
        for flow in interval.flows
        if flow.direction == "outbound"
    )


RULES = (
    Rule(
        code="high_loss", type="warning", find=high_loss, limits=("loss_ratio", "sustained_s"), unit="ratio",
        title="Many packets were lost",
        explanation="A large share of the packets never arrived: sound drops out, pictures freeze or fall apart.",
        source="RFC 3550, 6.4.1; W3C webrtc-stats, packetsLost. Opus conceals up to about 5 % well (RFC 6716, 2.1.6).",
    ),
    Rule(
        code="high_jitter", type="warning", find=high_jitter, limits=("jitter_ms", "sustained_s"), unit="ms",
        title="Packets arrive unevenly",
        explanation="The time between packets varied much; the receiver must wait longer before it plays, or drop what comes late.",
        source="RFC 3550, 6.4.1 (interarrival jitter). 30 ms are the usual planning limit for voice.",
    ),
    Rule(
        code="low_bitrate", type="warning", limits=("video_bps", "sustained_s"), unit="bit/s", highest=False,
        find=per_flow(low_bitrate, kind="video", direction="inbound", highest=False),
        title="Very low video bitrate",
        explanation="The video arrives with so few bits that it can only be small and blurred.",
        source="Measured: VP8 needs about 60 kbit/s for 320 × 240 at 15 frames a second of a moving head.",
    ),
    Rule(
        code="frozen_video", type="warning", limits=("frozen_ratio", "sustained_s"), unit="ratio",
        find=per_flow(frozen, kind="video", direction="inbound"),
        title="The picture stood still",
        explanation="Video arrived, but the picture was frozen for a good part of the time.",
        source="W3C webrtc-stats, totalFreezesDuration, framesDecoded.",
    ),
    Rule(
        code="no_frames", type="error", limits=("sustained_s",), unit="frames", highest=False,
        find=per_flow(no_frames, kind="video", direction="outbound", highest=False),
        title="The camera gives no pictures",
        explanation="Video is switched on and not a single frame was sent: the camera is open but delivers nothing.",
        source="W3C webrtc-stats, framesEncoded of an active outbound-rtp.",
    ),
    Rule(
        code="black_video", type="warning", limits=("black_bits", "sustained_s"), unit="bits per frame", highest=False,
        find=per_flow(black, kind="video", direction="outbound", highest=False),
        title="The picture seems to be black",
        explanation="Frames are sent, but with next to nothing in them: a covered lens, a camera that is switched off in hardware, or video disabled in the page.",
        source="Measured: VP8 sends less than 400 bits for a frame of one unchanged colour, and over 2 000 for any moving picture.",
    ),
    Rule(
        code="silent_microphone", type="warning", find=silent, limits=("silent_level", "silent_s"), unit="level", highest=False,
        title="The microphone gives no sound",
        explanation="The microphone is on and not muted in the page, yet it records complete silence: switched off in hardware, the wrong device, or no access.",
        source="W3C webrtc-stats, RTCAudioSourceStats.totalAudioEnergy. A quiet room still gives more than 0.0001 (−80 dB).",
    ),
    Rule(
        code="one_way_media", type="error", find=one_way, limits=("one_way_s",), unit="packets", highest=False,
        title="Media flows in one direction only",
        explanation="The connection is up and this end sends, but nothing of what the other end sends arrives.",
        source="W3C webrtc-stats, packetsReceived of inbound-rtp against packetsSent of the other end.",
    ),
    Rule(
        code="cpu_limited", type="warning", limits=("limited_ratio", "sustained_s"), unit="ratio",
        find=per_flow(cpu_limited, kind="video", direction="outbound"),
        title="The processor is too slow for the video",
        explanation="The browser lowered size or frame rate of the video because the device could not keep up.",
        source="W3C webrtc-stats, qualityLimitationReason, qualityLimitationDurations.",
    ),
    Rule(
        code="bandwidth_limited", type="warning", find=bandwidth_limited, limits=("bandwidth_bps", "limited_ratio", "sustained_s", "warm_up_s"), unit="ratio",
        title="The network is too slow for the video",
        explanation="The browser lowered the quality of the video because the estimated bandwidth was not enough.",
        source="W3C webrtc-stats, qualityLimitationReason, availableOutgoingBitrate. Measured: Chromium does not name a reason while it lowers only the frame rate.",
    ),
)  # fmt: skip
