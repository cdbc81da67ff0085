"""Figures that can be added up over minutes, connections and groups. Pure.

Every figure is a quotient of two sums: of what was counted and of what it is counted against (bits and seconds, lost and expected packets, ms of decoding and decoded
frames). A sum over a longer time is the sum over its parts, so hours, days and groups come out the same whether they are made from reports or from minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.intervals import FlowInterval, Interval, LinkInterval
from signalbox.monitoring.rules.readings import FLOWS

MINUTE_US: Final = 60_000_000
CONNECTION: Final = 4  # the flow of a connection as a whole; below are those of `FLOWS`
VERSION: Final = (
    2  # of the list of measures and of the form of rollups; those of another one do not count
)

Sum = tuple[float, float]  # counted, against what


class Measure(NamedTuple):
    """A figure of a flow."""

    name: str
    of: Callable[[FlowInterval], Sum | None]


class LinkMeasure(NamedTuple):
    """A figure of a connection."""

    name: str
    of: Callable[[LinkInterval], Sum | None]


def _mean(name: str) -> Measure:
    """A value that holds for the whole interval: its mean over time."""

    def of(interval: FlowInterval) -> Sum | None:
        value = getattr(interval, name)
        return None if value is None else (value * interval.seconds, interval.seconds)

    return Measure(name, of)


def _weighted(name: str, weight: str) -> Measure:
    """A mean per packet, frame or sample."""

    def of(interval: FlowInterval) -> Sum | None:
        value, many = getattr(interval, name), getattr(interval, weight)
        return None if value is None or not many else (value * many, many)

    return Measure(name, of)


def _per_minute(name: str, count: str) -> Measure:
    def of(interval: FlowInterval) -> Sum | None:
        value = getattr(interval, count)
        return None if value is None else (value, interval.seconds / 60)

    return Measure(name, of)


def _link_mean(name: str) -> LinkMeasure:
    def of(interval: LinkInterval) -> Sum | None:
        value = getattr(interval, name)
        return None if value is None else (value * interval.seconds, interval.seconds)

    return LinkMeasure(name, of)


_TRANSPORT = (
    _mean("bitrate_bps"),
    _weighted("loss_ratio", "expected"),
    _mean("jitter_ms"),
    _mean("rtt_ms"),
)
_FEEDBACK = (
    _per_minute("nacks_per_min", "nacks"),
    _per_minute("plis_per_min", "plis"),
    _per_minute("firs_per_min", "firs"),
)
# By flow. Stored minutes go by these places: a new measure comes last, with the next VERSION.
FLOW_MEASURES: Final[tuple[tuple[Measure, ...], ...]] = (
    (
        *_TRANSPORT,
        _weighted("concealment_ratio", "samples"),
        _weighted("buffer_ms", "buffer_emitted"),
        _mean("audio_level"),
        _mean("emos"),
    ),
    (*_TRANSPORT, _mean("audio_level")),
    (
        *_TRANSPORT,
        _mean("fps"),
        _mean("height"),
        _mean("freeze_ratio"),
        _per_minute("freezes_per_min", "freeze_count"),
        _weighted("buffer_ms", "buffer_emitted"),
        _weighted("decode_ms", "frames"),
        *_FEEDBACK,
    ),
    (
        *_TRANSPORT,
        _mean("fps"),
        _mean("height"),
        _weighted("encode_ms", "frames"),
        _mean("limited_ratio"),
        _mean("cpu_limited_ratio"),
        _mean("bandwidth_limited_ratio"),
        *_FEEDBACK,
    ),
)
LINK_MEASURES: Final = tuple(
    map(_link_mean, ("rtt_ms", "available_bps", "sent_bps", "received_bps", "time_taken_ms"))
)
# By flow, the last is the connection: names of its measures in stored order.
NAMES: Final[tuple[tuple[str, ...], ...]] = (
    *(tuple(measure.name for measure in measures) for measures in FLOW_MEASURES),
    tuple(measure.name for measure in LINK_MEASURES),
)
FLOW_NAMES: Final[tuple[tuple[str, str | None], ...]] = (*FLOWS, ("connection", None))


@dataclass(slots=True)
class Minute:
    """What was seen of one flow, or of the connection, in one minute."""

    minute_us: int
    flow: int
    key: str  # empty for the connection
    track: UUID | None = None
    relayed: bool | None = None  # whether our end of the pair is a relay
    network_type: str | None = None
    seconds: float = 0.0
    sums: list[Sum | None] = field(default_factory=list)

    def take(self, sums: Sequence[Sum | None], seconds: float, share: float) -> None:
        """Add the share of an interval that lies in this minute."""
        self.seconds += seconds * share
        if not self.sums:
            self.sums = [None] * len(sums)
        for place, found in enumerate(sums):
            if found is not None:
                total, weight = self.sums[place] or (0.0, 0.0)
                self.sums[place] = (total + found[0] * share, weight + found[1] * share)


def minutes(
    intervals: Iterable[Interval], *, begin_us: int, end_us: int, step_us: int = MINUTE_US
) -> list[Minute]:
    """The minutes of one connection that begin from `begin_us` to before `end_us`, by time, flow and key; with `step_us` stretches of another length.

    An interval over several minutes is shared out by the time that it has in each.
    """
    found: dict[tuple[int, int, str], Minute] = {}
    for interval in intervals:
        link = interval.link
        parts = _parts(interval)
        for minute_us, share in _shares(interval.start_us, interval.end_us, step_us):
            if not begin_us <= minute_us < end_us:
                continue
            for flow, key, track, seconds, sums in parts:
                minute = found.get((minute_us, flow, key))
                if minute is None:
                    minute = found[minute_us, flow, key] = Minute(minute_us, flow, key)
                minute.take(sums, seconds, share)
                minute.track = track or minute.track
                if link is not None:
                    if link.local_type is not None:
                        minute.relayed = link.local_type == "relay"
                    minute.network_type = link.network_type or minute.network_type
    return [found[key] for key in sorted(found)]


Part = tuple[int, str, UUID | None, float, list[Sum | None]]


def sums_of_flow(flow: FlowInterval) -> list[Sum | None]:
    """The measures of a flow, by place; None where nothing can be known."""
    return [measure.of(flow) for measure in FLOW_MEASURES[FLOWS.index((flow.kind, flow.direction))]]


def sums_of_link(link: LinkInterval) -> list[Sum | None]:
    """The measures of a connection."""
    return [measure.of(link) for measure in LINK_MEASURES]


def _parts(interval: Interval) -> list[Part]:
    parts: list[Part] = []
    for flow in interval.flows:
        code = FLOWS.index((flow.kind, flow.direction))
        parts.append((code, flow.key, flow.track, flow.seconds, sums_of_flow(flow)))
    if interval.link is not None:
        link = interval.link
        parts.append((CONNECTION, "", None, link.seconds, sums_of_link(link)))
    return parts


def _shares(start_us: int, end_us: int, step_us: int) -> list[tuple[int, float]]:
    """The minutes that an interval touches, and how much of it lies in each."""
    first = start_us // step_us * step_us
    if end_us <= start_us:
        return [(first, 1.0)]
    found = []
    for minute_us in range(first, end_us, step_us):
        inside = min(end_us, minute_us + step_us) - max(start_us, minute_us)
        found.append((minute_us, inside / (end_us - start_us)))
    return found
