"""Figures of one stats post, and scores of the intervals between two."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.emos import emos
from signalbox.monitoring.rules.issues import ScoredInterval

BIGGEST = (1 << 63) - 1
LARGEST_REAL = 3.4e38


def whole(value: float | None) -> int | None:
    """A counter as a 64-bit integer; None when absent or beyond it."""
    if value is None or not -BIGGEST < value < BIGGEST:
        return None
    return int(value)


def millis(seconds: float | None) -> float | None:
    """Seconds as milliseconds."""
    return None if seconds is None else real(seconds * 1000)


def real(value: float | None) -> float | None:
    """A figure that a 32-bit float can hold; None when absent or beyond it."""
    if value is None or not -LARGEST_REAL < value < LARGEST_REAL:
        return None
    return float(value)


def score(
    report: Any, *, remote_outbound: Iterable[Any], rtt_ms: float, version: int
) -> float | None:
    """The audio score of one inbound report from its counters since the start; None when nothing was received or lost."""
    received, lost = report.packetsReceived or 0, report.packetsLost or 0
    if received + lost <= 0:
        return None
    sources = [
        item
        for item in remote_outbound
        if item.localId is not None and item.localId == report.id and (item.packetsSent or 0) > 0
    ]
    if len(sources) == 1:
        loss = max((sources[0].packetsSent - received) / sources[0].packetsSent, 0.0)
    else:
        loss = max(lost / (received + lost), 0.0)
    return emos(
        loss_ratio=min(loss, 1.0),
        rtt_ms=max(rtt_ms, 0.0),
        buffer_ms=buffer_ms(report.jitterBufferDelay, report.jitterBufferEmittedCount),
        bitrate_bps=report.bitrate,
        fec=bool(report.fecPacketsReceived),
        version=version,
    )


def buffer_ms(delay_s: float | None, count: float | None) -> float:
    """Mean delay of the jitter buffer; 0 when it is not known."""
    if not delay_s or not count or count <= 0:
        return 0.0
    return max(delay_s / count * 1000, 0.0)


class Reading(NamedTuple):
    """Counters of one inbound audio report at one instant."""

    at: datetime
    received: float
    lost: float
    buffer_s: float
    emitted: float
    rtt_ms: float
    bitrate_bps: float | None
    fec: bool
    event: UUID | None = None


MUTED_BPS = 2_000  # comfort noise of a muted or silent (DTX) source stays below


def interval_scores(readings: Iterable[Reading], *, version: int) -> list[ScoredInterval]:
    """One score per interval between readings of the same report, in time order. Intervals without packets, of a muted or silent source, and
    across a restart of the counters are left out."""
    ordered = sorted(readings)
    scores = []
    for before, after in pairwise(ordered):
        seconds = (after.at - before.at).total_seconds()
        received, lost = after.received - before.received, max(after.lost - before.lost, 0)
        if seconds <= 0 or received < 0 or received + lost <= 0:
            continue
        if after.bitrate_bps is not None and after.bitrate_bps < MUTED_BPS and lost == 0:
            continue
        value = emos(
            loss_ratio=lost / (received + lost),
            rtt_ms=after.rtt_ms,
            buffer_ms=buffer_ms(after.buffer_s - before.buffer_s, after.emitted - before.emitted),
            bitrate_bps=after.bitrate_bps,
            fec=after.fec,
            version=version,
        )
        scores.append(ScoredInterval(at=after.at, emos=value, seconds=seconds, event=after.event))
    return scores
