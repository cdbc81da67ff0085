"""Estimated mean opinion score of audio, 1 (bad) to 5 (excellent), after the E-model (ITU-T G.107)."""

from __future__ import annotations

import math


def loss_impairment(
    *, loss_ratio: float, bitrate_bps: float | None, fec: bool, version: int
) -> float:
    """The equipment impairment factor with loss. Version 1 feeds the loss as a fraction, version 2 in per cent, as the formula means it."""
    codec = (
        min(max(55 - 4.6 * math.log(bitrate_bps), 0.0), 30.0)
        if bitrate_bps and bitrate_bps > 0
        else 6.0
    )
    robustness = 20.0 if fec else 10.0
    loss = loss_ratio * 100 if version >= 2 else loss_ratio
    return codec + (100 - codec) * loss / (loss + robustness)


def emos(
    *,
    loss_ratio: float,
    rtt_ms: float,
    buffer_ms: float,
    bitrate_bps: float | None = None,
    fec: bool = False,
    version: int = 2,
) -> float:
    """The score of one interval or reading, two decimals.

    `loss_ratio` is 0–1; `rtt_ms` is 0 when unknown; `buffer_ms` is the jitter buffer's delay, 0 when unknown; `bitrate_bps` None when unknown.
    """
    delay_ms = 20 + buffer_ms + rtt_ms / 2
    delay_impairment = 0.03 * delay_ms + (0.1 * (delay_ms - 150) if delay_ms > 150 else 0.0)
    impairment = loss_impairment(
        loss_ratio=loss_ratio, bitrate_bps=bitrate_bps, fec=fec, version=version
    )
    r = min(max(100 - impairment - delay_impairment, 0.0), 100.0)
    score = 1 + 0.035 * r + 7 * r * (r - 60) * (100 - r) / 1_000_000
    return min(max(round(score, 2), 1.0), 5.0)
