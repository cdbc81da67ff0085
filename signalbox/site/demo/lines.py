"""What the two ends of a call are like, and what the connection between them is like as one of them sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Picture = Literal["moving", "black", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One participant's access and machine. Losses are fractions, `scale` the share of full video that the access carries up."""

    up_loss: float = 0.002
    down_loss: float = 0.002
    rtt_s: float = 0.016
    jitter_s: float = 0.003
    scale: float = 1.0
    network: str = "wifi"
    candidate: str = "srflx"
    relay_protocol: str | None = None
    cpu: float = 0.0  # share of the time that the processor held the encoder back
    level: float = 0.06  # of the microphone, 0–1
    picture: Picture = "moving"
    time_taken_ms: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A connection as one end of it sees it. `deaf`: nothing arrives."""

    loss_in: float
    loss_out: float
    rtt_s: float
    jitter_in_s: float
    jitter_out_s: float
    scale_in: float
    scale_out: float
    cpu: float
    cpu_there: float
    level: float
    level_there: float
    picture: Picture
    picture_there: Picture
    candidate: str
    candidate_there: str
    relay_protocol: str | None
    network: str
    time_taken_ms: int
    deaf: bool = False


SERVER: Final = End(rtt_s=0.004, jitter_s=0.0005, up_loss=0.0, down_loss=0.0, candidate="host")
FINE: Final = End()
OFFICE: Final = End(network="ethernet", rtt_s=0.009, jitter_s=0.001, up_loss=0.0, down_loss=0.0005)
MOBILE: Final = End(network="cellular", rtt_s=0.045, jitter_s=0.011, up_loss=0.008, down_loss=0.005)  # fmt: skip
LOSSY: Final = End(up_loss=0.13, down_loss=0.06, rtt_s=0.13, jitter_s=0.045, scale=0.4)
FAR: Final = End(rtt_s=0.46, jitter_s=0.012, up_loss=0.006, down_loss=0.006)
NARROW: Final = End(scale=0.05, rtt_s=0.09, jitter_s=0.018, up_loss=0.01, down_loss=0.01, network="cellular")  # fmt: skip
BEHIND_FIREWALL: Final = End(candidate="relay", relay_protocol="udp", rtt_s=0.04, jitter_s=0.008, up_loss=0.006, network="ethernet")  # fmt: skip
TCP_ONLY: Final = End(candidate="relay", relay_protocol="tcp", rtt_s=0.09, jitter_s=0.024, up_loss=0.0, scale=0.7, network="ethernet")  # fmt: skip
OVERLOADED: Final = End(cpu=0.85, time_taken_ms=900)
SILENT: Final = End(level=0.0)
COVERED: Final = End(picture="black")
NO_CAMERA: Final = End(picture="none")
DREADFUL: Final = End(up_loss=0.27, down_loss=0.12, rtt_s=0.42, jitter_s=0.075, scale=0.12)


def between(mine: End, there: End) -> Line:
    """How the connection of two ends looks from the first: what is lost up here is lost, and so is what is lost down there."""
    return Line(
        loss_in=1 - (1 - there.up_loss) * (1 - mine.down_loss),
        loss_out=1 - (1 - mine.up_loss) * (1 - there.down_loss),
        rtt_s=mine.rtt_s + there.rtt_s,
        jitter_in_s=mine.jitter_s + there.jitter_s,
        jitter_out_s=mine.jitter_s + there.jitter_s,
        scale_in=there.scale,
        scale_out=mine.scale,
        cpu=mine.cpu,
        cpu_there=there.cpu,
        level=mine.level,
        level_there=there.level,
        picture=mine.picture,
        picture_there=there.picture,
        candidate=mine.candidate,
        candidate_there=there.candidate,
        relay_protocol=mine.relay_protocol,
        network=mine.network,
        time_taken_ms=mine.time_taken_ms,
    )
