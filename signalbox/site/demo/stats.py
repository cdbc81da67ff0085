"""Stats reports of a made-up connection, its counters growing from one to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

from signalbox.site.demo.lines import Line

VIDEO_BPS: Final = 1_200_000
AUDIO_BPS: Final = 32_000
FPS: Final = 25
BLACK_BPS: Final = 4_000
SAMPLES_PER_S: Final = 48_000
SIZES: Final = ((0.6, (1280, 720)), (0.2, (640, 360)), (0.0, (320, 180)))
CLOCK_MS: Final = 1_790_000_000_000

Report = dict[str, Any]


@dataclass(slots=True)
class Meter:
    """The counters of one RTCPeerConnection; one report per call of `report`, `interval_s` after the one before."""

    name: str
    dice: random.Random
    sends: bool = True
    receives: bool = True
    interval_s: float = 10.0
    pair: str = "CP1"
    _mood: float = 1.0  # how much worse or better than usual it goes just now
    _counted: dict[str, float] = field(default_factory=dict)

    def report(self, at_s: float, line: Line) -> Report:
        """The `data` of POST /stats, `at_s` seconds into the call."""
        self._mood = min(1.7, max(0.6, self._mood + self.dice.gauss((1 - self._mood) / 6, 0.13)))
        stamp = round(CLOCK_MS + at_s * 1000 + self.dice.random(), 1)
        data: Report = {kind: {"inbound": [], "outbound": []} for kind in ("audio", "video")}
        remote: Report = {kind: {"inbound": [], "outbound": []} for kind in ("audio", "video")}
        sent = received = 0.0
        for kind in ("audio", "video"):
            if self.receives:
                report, far = self._inbound(kind, line, stamp)
                data[kind]["inbound"].append(report)
                remote[kind]["outbound"].append(far)
                received += report["bytesReceived"]
            if self.sends:
                report, far = self._outbound(kind, line, stamp)
                data[kind]["outbound"].append(report)
                remote[kind]["inbound"].append(far)
                sent += report["bytesSent"]
        return data | {"connection": self._pair(stamp, line, sent, received), "remote": remote}

    def _add(self, counter: str, value: float) -> int:
        return int(self._sum(counter, value))

    def _sum(self, counter: str, value: float) -> float:
        self._counted[counter] = self._counted.get(counter, 0.0) + value
        return self._counted[counter]

    def _rate(self, kind: str, scale: float, picture: str) -> float:
        """Bits per second of a flow."""
        if kind == "audio":
            return AUDIO_BPS * self.dice.uniform(0.9, 1.05)
        return {"none": 0.0, "black": BLACK_BPS}.get(
            picture, VIDEO_BPS * scale / self._mood * self.dice.uniform(0.9, 1.1)
        )

    def _packets(self, kind: str, rate_bps: float, loss: float) -> tuple[float, float]:
        """Packets sent in this interval, and how many of them got lost."""
        packets = rate_bps * self.interval_s / 8 / (80 if kind == "audio" else 1100)
        return packets, packets * min(loss * self._mood * self.dice.uniform(0.7, 1.3), 0.7)

    def _inbound(self, kind: str, line: Line, stamp: float) -> tuple[Report, Report]:
        rate = self._rate(kind, line.scale_in, line.picture_there)
        packets, lost = self._packets(kind, rate, line.loss_in)
        base, seconds = f"in-{kind}-", self.interval_s
        far = {
            "id": f"RO{kind}", "type": "remote-outbound-rtp", "kind": kind, "timestamp": stamp - 300, "localId": f"I{kind[0].upper()}1",
            "packetsSent": self._add(base + "s", packets),
        }  # fmt: skip
        if line.deaf:
            packets = lost = rate = 0.0
        count, ratio = self._add(base + "p", packets - lost), lost / packets if packets else 0.0
        jitter = line.jitter_in_s * self._mood * self.dice.uniform(0.8, 1.2)
        report = {
            "id": f"I{kind[0].upper()}1", "timestamp": stamp, "type": "inbound-rtp", "kind": kind, "mediaType": kind, "ssrc": 1001 if kind == "audio" else 2001,
            "jitter": round(jitter, 4), "packetsReceived": count, "packetsLost": self._add(base + "l", lost),
            "bytesReceived": self._add(base + "b", rate * seconds / 8 * (1 - ratio)), "headerBytesReceived": count * 28,
            "nackCount": self._add(base + "n", lost * 0.8), "mimeType": "audio/opus" if kind == "audio" else "video/VP8",
            "trackIdentifier": f"{self.name}-remote-{kind}"[:40], "track": {}, "bitrate": round(rate),
        }  # fmt: skip
        shown = self._heard(line, ratio, jitter) if kind == "audio" else self._seen(line, ratio)
        return report | shown, far

    def _heard(self, line: Line, ratio: float, jitter: float) -> Report:
        samples = 0.0 if line.deaf else SAMPLES_PER_S * self.interval_s
        base = "in-audio-"
        emitted = self._add(base + "e", samples)
        return {
            "jitterBufferEmittedCount": emitted, "jitterBufferDelay": round(self._sum(base + "j", (0.03 + jitter * 2) * samples), 3),
            "totalSamplesReceived": emitted, "concealedSamples": self._add(base + "c", samples * ratio * 0.8), "silentConcealedSamples": self._add(base + "sc", samples * ratio * 0.2),
            **self._energy(base, line.level_there),
        }  # fmt: skip

    def _energy(self, base: str, level: float) -> Report:
        level *= self.dice.uniform(0.5, 1.5)
        return {
            "audioLevel": round(level, 4),
            "totalAudioEnergy": round(self._sum(base + "en", level * level * self.interval_s), 6),
            "totalSamplesDuration": round(self._sum(base + "du", self.interval_s), 2),
        }

    def _frames(self, scale: float, cpu: float, picture: str) -> tuple[float, tuple[int, int]]:
        """Frames per second and size of a video."""
        size = next(size for least, size in SIZES if scale * (1 - cpu / 2) >= least)
        rate = 0.0 if picture == "none" else FPS * (1 - 0.6 * cpu) * self.dice.uniform(0.93, 1.0)
        return rate, size

    def _seen(self, line: Line, ratio: float) -> Report:
        rate, (width, height) = self._frames(line.scale_in, line.cpu_there, line.picture_there)
        base, seconds = "in-video-", self.interval_s
        rate *= 0.0 if line.deaf else max(0.15, 1 - 2.5 * ratio)
        frozen_s = seconds * min(0.8, max(0.0, ratio - 0.03) * 2.5)
        frames = self._add(base + "f", rate * seconds)
        return {
            "frameWidth": width, "frameHeight": height, "framesReceived": frames + self._add(base + "d", rate * ratio), "framesDecoded": frames,
            "framesDropped": self._add(base + "d", 0), "framesPerSecond": round(rate), "totalDecodeTime": round(self._sum(base + "t", rate * seconds * self.dice.uniform(0.0025, 0.004)), 4),
            "freezeCount": self._add(base + "z", frozen_s * 1.2), "totalFreezesDuration": round(self._sum(base + "zd", frozen_s), 3),
            "keyFramesDecoded": self._add(base + "k", 0.02 * seconds + ratio * 8), "qpSum": self._add(base + "q", rate * seconds * (28 + 60 * (1 - line.scale_in))),
            "pliCount": self._add(base + "pl", ratio * 6), "firCount": 0, "jitterBufferEmittedCount": frames, "jitterBufferDelay": round(self._sum(base + "jb", rate * seconds * (0.05 + line.jitter_in_s)), 3),
        }  # fmt: skip

    def _outbound(self, kind: str, line: Line, stamp: float) -> tuple[Report, Report]:
        rate = self._rate(kind, line.scale_out * (1 - line.cpu / 2), line.picture)
        packets, lost = self._packets(kind, rate, line.loss_out)
        base = f"out-{kind}-"
        count = self._add(base + "p", packets)
        report: Report = {
            "id": f"O{kind[0].upper()}1", "timestamp": stamp, "type": "outbound-rtp", "kind": kind, "mediaType": kind, "ssrc": 3001 if kind == "audio" else 4001,
            "packetsSent": count, "bytesSent": self._add(base + "b", rate * self.interval_s / 8), "headerBytesSent": count * 28, "active": True,
            "nackCount": self._add(base + "n", lost * 0.8), "retransmittedPacketsSent": self._add(base + "r", lost * 0.7 if kind == "video" else 0),
            "targetBitrate": round(max(rate, 8000) * 1.1), "mimeType": "audio/opus" if kind == "audio" else "video/VP8", "bitrate": round(rate),
            "track": {"id": f"S{kind}", "type": "media-source", "kind": kind, "trackIdentifier": f"{self.name.partition('>')[0]}-local-{kind}"[:40]},
        }  # fmt: skip
        if kind == "audio":
            report["track"] |= self._energy(base, line.level)
        else:
            report |= self._made(line)
        rtt = line.rtt_s * self._mood * self.dice.uniform(0.9, 1.2)
        far = {
            "id": f"RI{kind}", "type": "remote-inbound-rtp", "kind": kind, "timestamp": stamp - 200, "localId": report["id"],
            "packetsLost": self._add(base + "l", lost), "fractionLost": round(lost / packets, 4) if packets else 0, "jitter": round(line.jitter_out_s * self._mood, 4),
            "roundTripTime": round(rtt, 4), "totalRoundTripTime": round(self._sum(base + "rt", rtt * self.interval_s), 4), "roundTripTimeMeasurements": self._add(base + "rm", self.interval_s),
        }  # fmt: skip
        return report, far

    def _made(self, line: Line) -> Report:
        rate, (width, height) = self._frames(line.scale_out, line.cpu, line.picture)
        base, seconds = "out-video-", self.interval_s
        frames = self._add(base + "f", rate * seconds)
        held = "cpu" if line.cpu > 0.5 else "bandwidth" if line.scale_out < 0.5 else "none"
        shares = {"cpu": line.cpu, "bandwidth": max(0.0, 1 - line.scale_out - line.cpu) * 0.95}
        shares["none"] = 1 - shares["cpu"] - shares["bandwidth"]
        return {
            "frameWidth": width, "frameHeight": height, "framesSent": frames, "framesEncoded": frames, "framesPerSecond": round(rate),
            "totalEncodeTime": round(self._sum(base + "t", rate * seconds * (0.006 + 0.03 * line.cpu) * self.dice.uniform(0.9, 1.1)), 4), "keyFramesEncoded": self._add(base + "k", 0.02 * seconds),
            "qpSum": self._add(base + "q", rate * seconds * (28 + 60 * (1 - line.scale_out))), "pliCount": self._add(base + "pl", line.loss_out * 4), "firCount": 0,
            "qualityLimitationReason": held, "qualityLimitationResolutionChanges": self._add(base + "rc", 0.0 if held == "none" else 0.2),
            "qualityLimitationDurations": {why: round(self._sum(base + why, share * seconds), 2) for why, share in shares.items()} | {"other": 0},
        }  # fmt: skip

    def _pair(self, stamp: float, line: Line, sent: float, received: float) -> Report:
        rtt = line.rtt_s * self._mood * self.dice.uniform(0.9, 1.2)
        spare = self.dice.uniform(1.7, 2.6) if line.scale_out > 0.5 else 1.05
        local: Report = {"candidateType": line.candidate, "protocol": "udp", "networkType": line.network, "address": "192.0.2.10", "port": 49768}  # fmt: skip
        if line.relay_protocol is not None:
            local |= {"relayProtocol": line.relay_protocol, "protocol": line.relay_protocol}
        return {
            "id": self.pair, "timestamp": stamp, "type": "candidate-pair", "state": "succeeded", "nominated": True, "bytesSent": int(sent),
            "bytesReceived": int(received), "packetsSent": self._add("packets-sent", sent and 60 * self.interval_s), "packetsReceived": self._add("packets-received", received and 60 * self.interval_s),
            "responsesReceived": self._add("responses", self.interval_s / 2.5), "totalRoundTripTime": round(self._sum("total-rtt", rtt * self.interval_s / 2.5), 4),
            "currentRoundTripTime": round(rtt, 4), "availableOutgoingBitrate": round(VIDEO_BPS * line.scale_out * spare / self._mood),
            "local": local, "remote": {"candidateType": line.candidate_there, "protocol": "udp", "address": "198.51.100.4", "port": 44246},
            "dataChannelsOpened": 0, "dataChannelsClosed": 0,
        }  # fmt: skip
