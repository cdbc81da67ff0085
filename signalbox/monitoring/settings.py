"""Settings of call monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from signalbox.core.settings import at_least, between, setting

Mask = Literal["addresses", "sdp", "devices"]


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
        check=at_least(1),
    )
    query_per_minute: int = setting(
        2_000,
        env="SIGNALBOX_QUERY_PER_MINUTE",
        doc="Requests of one address to the query API in any 60 s.",
        check=at_least(1),
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
        90, env="SIGNALBOX_EVENTS_DAYS", doc="Days that raw events are kept.", check=at_least(1)
    )
    samples_days: int = setting(
        30, env="SIGNALBOX_SAMPLES_DAYS", doc="Days that stats samples are kept.", check=at_least(1)
    )
    everything_days: int | None = setting(
        None,
        env="SIGNALBOX_KEEP_DAYS",
        doc="Days that calls are kept at all, with everything that belongs to them; for ever without.",
        check=at_least(1),
    )
