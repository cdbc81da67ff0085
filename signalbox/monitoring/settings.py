"""Settings of call monitoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from signalbox.core.settings import at_least, between, setting

MAX_DAYS = 36_500
Mask = Literal["addresses", "sdp", "devices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionSettings:
    """From where on a figure is a finding. Every kind of finding names the ones that it goes by."""

    sustained_s: float = setting(
        8.0,
        env="SIGNALBOX_DETECT_SUSTAINED_S",
        doc="Seconds that a figure must be bad, in one stretch, to count.",
        check=at_least(0),
    )
    bridged_s: float = setting(
        6.0,
        env="SIGNALBOX_DETECT_BRIDGED_S",
        doc="A return to normal of no more seconds does not end a bad stretch.",
        check=at_least(0),
    )
    loss_ratio: float = setting(
        0.05,
        env="SIGNALBOX_DETECT_LOSS_RATIO",
        doc="Share of lost packets from which loss is high.",
        check=between(0, 1),
    )
    rtt_ms: float = setting(
        400.0,
        env="SIGNALBOX_DETECT_RTT_MS",
        doc="Round trip from which it is long, in ms.",
        check=at_least(1),
    )
    jitter_ms: float = setting(
        30.0,
        env="SIGNALBOX_DETECT_JITTER_MS",
        doc="Jitter of audio from which it is high, in ms.",
        check=at_least(1),
    )
    video_bps: float = setting(
        60000.0,
        env="SIGNALBOX_DETECT_VIDEO_BPS",
        doc="Bits per second of received video below which there are too few.",
        check=at_least(0),
    )
    bandwidth_bps: float = setting(
        150_000.0,
        env="SIGNALBOX_DETECT_BANDWIDTH_BPS",
        doc="Estimated bits per second that can be sent, below which video is held back.",
        check=at_least(0),
    )
    frozen_ratio: float = setting(
        0.2,
        env="SIGNALBOX_DETECT_FROZEN_RATIO",
        doc="Share of the time that a picture stood still, from which video is frozen.",
        check=between(0, 1),
    )
    black_bits: float = setting(
        500.0,
        env="SIGNALBOX_DETECT_BLACK_BITS",
        doc="Bits per sent frame below which there can be no picture in it.",
        check=at_least(0),
    )
    silent_level: float = setting(
        0.0001,
        env="SIGNALBOX_DETECT_SILENT_LEVEL",
        doc="Level of a microphone, 0 to 1, below which it is silent.",
        check=between(0, 1),
    )
    silent_s: float = setting(
        20.0,
        env="SIGNALBOX_DETECT_SILENT_S",
        doc="Seconds that an unmuted microphone must be silent.",
        check=at_least(0),
    )
    one_way_s: float = setting(
        8.0,
        env="SIGNALBOX_DETECT_ONE_WAY_S",
        doc="Seconds without a packet from the other end, which sends.",
        check=at_least(0),
    )
    muted_s: float = setting(
        3.0,
        env="SIGNALBOX_DETECT_MUTED_S",
        doc="Seconds that a device must deliver nothing.",
        check=at_least(0),
    )
    limited_ratio: float = setting(
        0.5,
        env="SIGNALBOX_DETECT_LIMITED_RATIO",
        doc="Share of the time that an encoder must be held back.",
        check=between(0, 1),
    )
    warm_up_s: float = setting(
        15.0,
        env="SIGNALBOX_DETECT_WARM_UP_S",
        doc="Seconds after the start of a connection in which a limited bandwidth is usual.",
        check=at_least(0),
    )
    setup_ms: float = setting(
        5000.0,
        env="SIGNALBOX_DETECT_SETUP_MS",
        doc="Time to connect from which it is long, in ms.",
        check=at_least(1),
    )
    flips: float = setting(
        3.0,
        env="SIGNALBOX_DETECT_FLIPS",
        doc="Changes of the network path that are too many.",
        check=at_least(1),
    )
    flips_within_s: float = setting(
        60.0,
        env="SIGNALBOX_DETECT_FLIPS_WITHIN_S",
        doc="Seconds within which changes of the path are counted.",
        check=at_least(1),
    )
    stats_ms: float = setting(
        500.0,
        env="SIGNALBOX_DETECT_STATS_MS",
        doc="Time that a browser takes for its statistics, from which it is overloaded, in ms.",
        check=at_least(1),
    )
    hidden_s: float = setting(
        60.0,
        env="SIGNALBOX_DETECT_HIDDEN_S",
        doc="Seconds that a page must be in the background.",
        check=at_least(0),
    )
    vanished_s: float = setting(
        45.0,
        env="SIGNALBOX_DETECT_VANISHED_S",
        doc="Seconds without a report, and without a leave, after which a page has vanished.",
        check=at_least(1),
    )
    rejoins: float = setting(
        3.0,
        env="SIGNALBOX_DETECT_REJOINS",
        doc="Sessions of one participant that are too many.",
        check=at_least(2),
    )
    rejoins_within_s: float = setting(
        300.0,
        env="SIGNALBOX_DETECT_REJOINS_WITHIN_S",
        doc="Seconds within which sessions of one participant are counted.",
        check=at_least(1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSettings:
    """Cadence, limits and ends of observed calls."""

    stats_interval_ms: int = setting(
        10_000,
        env="SIGNALBOX_STATS_INTERVAL_MS",
        aliases=("STATS_INTERVAL_MS",),
        doc="How often browsers of a new app send stats; an app's own interval can be changed later.",
        check=between(1_000, 60_000),
    )
    max_body_bytes: int = setting(
        2 * 1024 * 1024,
        env="SIGNALBOX_MAX_BODY_BYTES",
        doc="Largest accepted request body.",
        check=between(65_536, 67_108_864),
    )
    ingest_per_minute: int = setting(
        2_000,
        env="SIGNALBOX_INGEST_PER_MINUTE",
        doc="Requests of one address for one app in any 60 s.",
        check=between(1, 1_000_000_000),
    )
    query_per_minute: int = setting(
        2_000,
        env="SIGNALBOX_QUERY_PER_MINUTE",
        doc="Requests of one address to the query API in any 60 s.",
        check=between(1, 1_000_000_000),
    )
    live_clients: int = setting(
        1_000,
        env="SIGNALBOX_LIVE_CLIENTS",
        doc="Live streams that one process holds open at most.",
        check=between(0, 100_000),
    )
    live_clients_per_actor: int = setting(
        50,
        env="SIGNALBOX_LIVE_CLIENTS_PER_ACTOR",
        doc="Live streams of one login or key in one process at most.",
        check=at_least(1),
    )
    live_queue: int = setting(
        1_000,
        env="SIGNALBOX_LIVE_QUEUE",
        doc="Messages that may wait for one live stream; a slower reader is cut off and may resume.",
        check=between(10, 100_000),
    )
    live_kept: int = setting(
        10_000,
        env="SIGNALBOX_LIVE_KEPT",
        doc="Live messages of an organization that are kept, about and for an hour, for readers who resume.",
        check=between(100, 1_000_000),
    )
    conference_timeout_hours: float = setting(
        4.0,
        env="SIGNALBOX_CONFERENCE_TIMEOUT_HOURS",
        aliases=("CONFERENCE_TIMEOUT_HOURS",),
        doc="A running conference of which nothing was heard for so long is ended.",
        check=between(0.05, 8_784),
    )
    emos_version: Literal[1, 2] = setting(
        2,
        env="SIGNALBOX_EMOS_VERSION",
        doc="2 feeds the audio score with loss in per cent, 1 as a fraction, as PeerMetrics does.",
    )
    not_found_as_400: bool = setting(
        False,
        env="SIGNALBOX_NOT_FOUND_AS_400",
        doc="Answer 400 instead of 404 where an id in a path is unknown, as PeerMetrics does.",
    )
    masks: list[Mask] = setting(
        [],
        env="SIGNALBOX_MASKS",
        doc="What is taken out of reports before they are stored, unless an app says otherwise: `addresses`, `sdp`, `devices`.",
    )
    events_days: int = setting(
        90,
        env="SIGNALBOX_EVENTS_DAYS",
        doc="Days that raw events are kept.",
        check=between(1, MAX_DAYS),
    )
    samples_days: int = setting(
        30,
        env="SIGNALBOX_SAMPLES_DAYS",
        doc="Days that stats samples are kept.",
        check=between(1, MAX_DAYS),
    )
    rollups_days: int = setting(
        400,
        env="SIGNALBOX_ROLLUPS_DAYS",
        doc="Days that figures of minutes, hours and days are kept; never shorter than the samples that they are made of.",
        check=between(1, MAX_DAYS),
    )
    everything_days: int | None = setting(
        None,
        env="SIGNALBOX_KEEP_DAYS",
        doc="Days that calls are kept at all, with everything that belongs to them; for ever without.",
        check=between(1, MAX_DAYS),
    )
    detection: DetectionSettings = field(default_factory=DetectionSettings)
