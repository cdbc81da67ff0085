"""Stored stats reports as readings: every field that a figure is made of, by its own name and unit.

Apart from the hot path, which decodes only what it stores. A field of another type than expected counts as absent, and so does a number that is not
finite. Fields as in W3C webrtc-stats; `track` is the media source or, from old browsers, the track report that once carried some of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from signalbox.monitoring.rules.readings import (
    FLOWS,
    Direction,
    FlowReading,
    Kind,
    LinkReading,
    Reading,
    RemoteReading,
)

Report = Mapping[str, Any]
# Ours: theirs, and what theirs is multiplied with.
Names = Mapping[str, tuple[str, float]]

_BOTH: Names = {
    "stamp_ms": ("timestamp", 1),
    "nacks": ("nackCount", 1),
    "plis": ("pliCount", 1),
    "firs": ("firCount", 1),
    "frames_per_s": ("framesPerSecond", 1),
    "qp_sum": ("qpSum", 1),
    "width": ("frameWidth", 1),
    "height": ("frameHeight", 1),
}
_INBOUND: Names = {
    **_BOTH,
    "packets": ("packetsReceived", 1),
    "octets": ("bytesReceived", 1),
    "packets_lost": ("packetsLost", 1),
    "packets_discarded": ("packetsDiscarded", 1),
    "packets_repeated": ("retransmittedPacketsReceived", 1),
    "packets_fec": ("fecPacketsReceived", 1),
    "jitter_ms": ("jitter", 1000),
    "frames_passed": ("framesReceived", 1),
    "frames_coded": ("framesDecoded", 1),
    "frames_dropped": ("framesDropped", 1),
    "key_frames": ("keyFramesDecoded", 1),
    "coding_ms": ("totalDecodeTime", 1000),
    "freezes": ("freezeCount", 1),
    "freeze_ms": ("totalFreezesDuration", 1000),
    "pauses": ("pauseCount", 1),
    "pause_ms": ("totalPausesDuration", 1000),
    "samples": ("totalSamplesReceived", 1),
    "samples_concealed": ("concealedSamples", 1),
    "samples_concealed_silent": ("silentConcealedSamples", 1),
    "buffer_ms": ("jitterBufferDelay", 1000),
    "buffer_emitted": ("jitterBufferEmittedCount", 1),
    "audio_energy": ("totalAudioEnergy", 1),
    "audio_s": ("totalSamplesDuration", 1),
    "audio_level": ("audioLevel", 1),
}
_OUTBOUND: Names = {
    **_BOTH,
    "packets": ("packetsSent", 1),
    "octets": ("bytesSent", 1),
    "packets_repeated": ("retransmittedPacketsSent", 1),
    "frames_passed": ("framesSent", 1),
    "frames_coded": ("framesEncoded", 1),
    "key_frames": ("keyFramesEncoded", 1),
    "coding_ms": ("totalEncodeTime", 1000),
    "resolution_changes": ("qualityLimitationResolutionChanges", 1),
    "target_bps": ("targetBitrate", 1),
}
_SOURCE: Names = {
    "audio_energy": ("totalAudioEnergy", 1),
    "audio_s": ("totalSamplesDuration", 1),
    "audio_level": ("audioLevel", 1),
}
_LIMITED: Names = {
    f"limited_{reason}_ms": (reason, 1000) for reason in ("none", "cpu", "bandwidth", "other")
}
_REMOTE: Names = {
    "stamp_ms": ("timestamp", 1),
    "packets_lost": ("packetsLost", 1),
    "jitter_ms": ("jitter", 1000),
    "rtt_ms": ("roundTripTime", 1000),
    "rtt_total_ms": ("totalRoundTripTime", 1000),
    "rtt_measurements": ("roundTripTimeMeasurements", 1),
}
# The other end of an inbound flow tells what it has sent.
_REMOTE_PACKETS: Mapping[Direction, Names] = {
    "inbound": {"packets": ("packetsSent", 1)},
    "outbound": {"packets": ("packetsReceived", 1)},
}
_LINK: Names = {
    "stamp_ms": ("timestamp", 1),
    "octets_sent": ("bytesSent", 1),
    "octets_received": ("bytesReceived", 1),
    "packets_sent": ("packetsSent", 1),
    "packets_received": ("packetsReceived", 1),
    "rtt_ms": ("currentRoundTripTime", 1000),
    "rtt_total_ms": ("totalRoundTripTime", 1000),
    "responses": ("responsesReceived", 1),
    "available_bps": ("availableOutgoingBitrate", 1),
    "available_incoming_bps": ("availableIncomingBitrate", 1),
}


def decode_reading(
    content: bytes,
    *,
    at_us: int,
    tracks: Sequence[UUID | None] = (),
    time_taken_ms: float | None = None,
) -> Reading:
    """A report as it was sent, with the tracks of its flows in the order of `FLOWS` and then as sent. What cannot be read gives an empty reading."""
    data = _object(_decode(content))
    remote = _object(data.get("remote"))
    places = iter(tracks)
    flows = [
        _flow(report, kind, direction, next(places, None), _object(remote.get(kind)))
        for kind, direction in FLOWS
        for report in _reports(_object(data.get(kind)), direction)
    ]
    return Reading(
        at_us=at_us,
        link=_link(_object(data.get("connection"))),
        flows=tuple(flows),
        time_taken_ms=time_taken_ms,
    )


def thinned_reading(row: Mapping[str, Any], *, at_us: int) -> Reading:
    """A report of which only the columns of `monitoring.samples` were kept."""
    flows = []
    for place, (code, track) in enumerate(zip(row["flows"], row["tracks"], strict=True)):
        kind, direction = FLOWS[code]
        flows.append(
            FlowReading(
                kind=kind,
                direction=direction,
                track=track,
                octets=row["bytes"][place],
                packets=row["packets"][place],
                packets_lost=row["lost"][place] if direction == "inbound" else None,
                jitter_ms=row["jitter_ms"][place] if direction == "inbound" else None,
            )
        )
    link = LinkReading(rtt_ms=row["rtt_ms"], available_bps=row["available_bps"])
    return Reading(
        at_us=at_us,
        link=link,
        flows=tuple(flows),
        time_taken_ms=row["time_taken_ms"],
        thinned=True,
    )


def _decode(content: bytes) -> object:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:  # stored as sent: a BOM or a lone surrogate may be in it
        return json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _reports(flows: Report, direction: str) -> list[Report]:
    listed = flows.get(direction)
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    return value[:128] if isinstance(value, str) and value else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _numbers(report: Report, names: Names, other: Report | None = None) -> dict[str, float | None]:
    """The fields of a report by our names; what it lacks is taken from `other`."""
    found = {}
    for ours, (theirs, factor) in names.items():
        value = _number(report.get(theirs))
        if value is None and other:
            value = _number(other.get(theirs))
        found[ours] = None if value is None else value * factor
    return found


def _flow(
    report: Report, kind: Kind, direction: Direction, track: UUID | None, remote: Report
) -> FlowReading:
    source = _object(report.get("track"))
    if direction == "inbound":
        numbers = _numbers(report, _INBOUND, source)
    else:
        numbers = _numbers(report, _OUTBOUND) | _numbers(source, _SOURCE)
        numbers |= _numbers(_object(report.get("qualityLimitationDurations")), _LIMITED)
    return FlowReading(
        kind=kind,
        direction=direction,
        key=_key(report),
        track=track,
        rid=_text(report.get("rid")),
        limitation=_text(report.get("qualityLimitationReason")),
        codec=_codec(report),
        active=_flag(report.get("active")),
        remote=_remote(report, direction, remote),
        **numbers,
    )


def _key(report: Report) -> str | None:
    ssrc = report.get("ssrc")
    return _text(report.get("id")) or (None if ssrc is None else str(ssrc)[:128])


def _codec(report: Report) -> str | None:
    name = _text(report.get("mimeType"))
    return None if name is None else name.rpartition("/")[2] or None


def _remote(report: Report, direction: Direction, remote: Report) -> RemoteReading | None:
    """The report of the other end that names ours."""
    key = report.get("id")
    opposite = "outbound" if direction == "inbound" else "inbound"
    # An outbound flow is inbound there: `remote-inbound-rtp`.
    for found in _reports(remote, opposite):
        if key is not None and found.get("localId") == key:
            names = {**_REMOTE, **_REMOTE_PACKETS[direction]}
            return RemoteReading(**_numbers(found, names))
    return None


def _link(pair: Report) -> LinkReading | None:
    """The candidate pair; None before there is one."""
    if not (pair.get("id") or pair.get("state") or pair.get("local")):
        return None
    local, remote = _object(pair.get("local")), _object(pair.get("remote"))
    return LinkReading(
        pair=_text(pair.get("id")),
        state=_text(pair.get("state")),
        nominated=_flag(pair.get("nominated")),
        local_type=_text(local.get("candidateType")),
        remote_type=_text(remote.get("candidateType")),
        protocol=_text(local.get("protocol")),
        relay_protocol=_text(local.get("relayProtocol")),
        network_type=_text(local.get("networkType")),
        **_numbers(pair, _LINK),
    )
