"""Stats reports of a made-up connection, its counters growing from one to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

VIDEO_BPS: Final = 1_200_000
AUDIO_BPS: Final = 32_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a network path is like. `loss` is a fraction, `rtt_s` and `jitter_s` seconds."""

    loss: float = 0.002
    rtt_s: float = 0.03
    jitter_s: float = 0.004
    buffer_s: float = 0.04
    candidate: str = "host"
    protocol: str = "udp"
    scale: float = 1.0


@dataclass(slots=True)
class Meter:
    """The counters of one RTCPeerConnection; one report per call of `report`."""

    name: str
    line: Line
    dice: random.Random
    sends: bool = True
    receives: bool = True
    interval_s: float = 10.0
    _ticks: int = 0
    _counted: dict[str, float] = field(default_factory=dict)

    def report(self, at_s: float) -> dict[str, Any]:
        """The `data` of POST /stats `at_s` seconds into the call."""
        self._ticks += 1
        stamp = round(1_790_000_000_000 + at_s * 1000 + self.dice.random(), 1)
        data: dict[str, Any] = {
            kind: {"inbound": [], "outbound": []} for kind in ("audio", "video")
        }
        remote: dict[str, Any] = {
            kind: {"inbound": [], "outbound": []} for kind in ("audio", "video")
        }
        sent = received = 0.0
        for kind, rate_bps in (("audio", AUDIO_BPS), ("video", VIDEO_BPS * self.line.scale)):
            rate = rate_bps * self.dice.uniform(0.85, 1.1)
            if self.receives:
                report, far = self._inbound(kind, rate, stamp)
                data[kind]["inbound"].append(report)
                remote[kind]["outbound"].append(far)
                received += report["bytesReceived"]
            if self.sends:
                report, far = self._outbound(kind, rate, stamp)
                data[kind]["outbound"].append(report)
                remote[kind]["inbound"].append(far)
                sent += report["bytesSent"]
        return data | {"connection": self._pair(stamp, sent, received), "remote": remote}

    def _add(self, counter: str, value: float) -> int:
        self._counted[counter] = self._counted.get(counter, 0.0) + value
        return int(self._counted[counter])

    def _flow(self, kind: str, rate_bps: float) -> tuple[float, float]:
        """Packets sent in this interval, and how many of them got lost."""
        packets = rate_bps * self.interval_s / 8 / (80 if kind == "audio" else 1100)
        return packets, packets * min(self.line.loss * self.dice.uniform(0.4, 1.6), 0.6)

    def _inbound(
        self, kind: str, rate_bps: float, stamp: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        packets, lost = self._flow(kind, rate_bps)
        base = f"{self.name}-in-{kind}"
        count = self._add(base + "p", packets - lost)
        report = {
            "id": f"I{kind[0].upper()}1", "timestamp": stamp, "type": "inbound-rtp", "kind": kind, "mediaType": kind, "ssrc": 1001 if kind == "audio" else 2001,
            "jitter": round(self.line.jitter_s * self.dice.uniform(0.5, 1.5), 4), "packetsReceived": count, "packetsLost": self._add(base + "l", lost),
            "bytesReceived": self._add(base + "b", rate_bps * self.interval_s / 8), "headerBytesReceived": count * 28,
            "jitterBufferDelay": self._add(base + "j", self.line.buffer_s * 50 * self.interval_s * 1000) / 1000,
            "jitterBufferEmittedCount": self._add(base + "e", 50 * self.interval_s), "trackIdentifier": f"{self.name}-remote-{kind}"[:40],
            "mimeType": "audio/opus" if kind == "audio" else "video/VP8", "track": {}, "bitrate": round(rate_bps),
        }  # fmt: skip
        if kind == "video":
            frames = self._add(
                base + "f", 25 * self.interval_s * (1 - min(self.line.loss * 2, 0.7))
            )
            report |= {
                "frameWidth": 1280,
                "frameHeight": 720,
                "framesReceived": frames,
                "framesDecoded": frames,
                "framesPerSecond": 25,
            }
            report |= {
                "totalDecodeTime": round(frames * 0.003, 3),
                "freezeCount": self._add(base + "z", self.line.loss * 20),
            }
        return report, {
            "id": f"RO{kind}",
            "type": "remote-outbound-rtp",
            "kind": kind,
            "localId": report["id"],
            "packetsSent": self._add(base + "s", packets),
        }

    def _outbound(
        self, kind: str, rate_bps: float, stamp: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        packets, lost = self._flow(kind, rate_bps)
        base = f"{self.name}-out-{kind}"
        count = self._add(base + "p", packets)
        report = {
            "id": f"O{kind[0].upper()}1", "timestamp": stamp, "type": "outbound-rtp", "kind": kind, "mediaType": kind, "ssrc": 3001 if kind == "audio" else 4001,
            "packetsSent": count, "bytesSent": self._add(base + "b", rate_bps * self.interval_s / 8), "headerBytesSent": count * 28,
            "mimeType": "audio/opus" if kind == "audio" else "video/VP8", "bitrate": round(rate_bps),
            "track": {"id": f"S{kind}", "type": "media-source", "kind": kind, "trackIdentifier": f"{self.name.partition('>')[0]}-local-{kind}"[:40]},
        }  # fmt: skip
        if kind == "video":
            frames = self._add(base + "f", 25 * self.interval_s)
            report |= {
                "frameWidth": 1280,
                "frameHeight": 720,
                "framesSent": frames,
                "framesEncoded": frames,
                "totalEncodeTime": round(frames * 0.006, 3),
            }
        far = {
            "id": f"RI{kind}",
            "type": "remote-inbound-rtp",
            "kind": kind,
            "localId": report["id"],
            "packetsLost": self._add(base + "l", lost),
        }
        far |= {
            "fractionLost": self.line.loss,
            "roundTripTime": round(self.line.rtt_s * self.dice.uniform(0.9, 1.2), 4),
            "jitter": self.line.jitter_s,
        }
        return report, far

    def _pair(self, stamp: float, sent: float, received: float) -> dict[str, Any]:
        rtt = round(self.line.rtt_s * self.dice.uniform(0.9, 1.2), 4)
        responses = self._add("responses", 4)
        return {
            "id": "CP1", "timestamp": stamp, "type": "candidate-pair", "state": "succeeded", "nominated": True, "bytesSent": int(sent),
            "bytesReceived": int(received), "responsesReceived": responses, "totalRoundTripTime": round(responses * self.line.rtt_s, 3),
            "currentRoundTripTime": rtt, "availableOutgoingBitrate": round(VIDEO_BPS * self.line.scale * self.dice.uniform(1.5, 3)),
            "local": {"candidateType": self.line.candidate, "protocol": self.line.protocol, "address": "192.0.2.10", "port": 49768},
            "remote": {"candidateType": "srflx", "protocol": "udp", "address": "198.51.100.4", "port": 44246},
            "dataChannelsOpened": 0, "dataChannelsClosed": 0,
        }  # fmt: skip
