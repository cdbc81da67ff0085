"""Settings of playback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from signalbox.core.settings import at_least, between, setting

MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackSettings:
    """Who may report, how much, and how long it is kept."""

    built_in_key: str | None = setting(
        None,
        env="SIGNALBOX_PLAYBACK_KEY",
        aliases=("M3W_API_KEY",),
        secret=True,
        doc="A key that reports to and reads the app `default`, for trying out; unset means there is none.",
    )
    rate_limit_requests: int = setting(
        100,
        env="SIGNALBOX_PLAYBACK_RATE_LIMIT",
        aliases=("RATE_LIMIT_REQUESTS",),
        doc="Playback requests of one API key in a window; a viewer sends 4 to 60 a minute.",
        check=between(1, 10_000_000),
    )
    rate_limit_window_s: int = setting(
        60,
        env="SIGNALBOX_PLAYBACK_RATE_LIMIT_WINDOW_S",
        aliases=("RATE_LIMIT_WINDOW_SEC",),
        doc="Length of that window, in seconds.",
        check=between(1, 86_400),
    )
    cmcd_rate_limit_requests: int = setting(
        6000,
        env="SIGNALBOX_CMCD_RATE_LIMIT",
        aliases=("CMCD_RATE_LIMIT_REQUESTS",),
        doc="CMCD requests of one API key in a minute.",
        check=between(1, 10_000_000),
    )
    retention_days: int = setting(
        90,
        env="SIGNALBOX_PLAYBACK_DAYS",
        aliases=("RETENTION_DAYS",),
        doc="Days that playback sessions are kept.",
        check=between(1, MAX_DAYS),
    )
    cmcd_events_days: int = setting(
        7,
        env="SIGNALBOX_CMCD_EVENTS_DAYS",
        doc="Days that single CMCD lines are kept; what they say of their sessions is kept as long as these.",
        check=between(1, MAX_DAYS),
    )
    max_body_bytes: int = setting(
        1_048_576,
        env="SIGNALBOX_PLAYBACK_MAX_BODY_BYTES",
        aliases=("PLAYBACK_MAX_BODY_BYTES",),
        doc="Bytes of a playback report as received.",
        check=between(1024, 64 * 1024 * 1024),
    )
    max_future_skew_ms: int = setting(
        300_000,
        env="SIGNALBOX_PLAYBACK_MAX_FUTURE_SKEW_MS",
        aliases=("PLAYBACK_MAX_FUTURE_SKEW_MS",),
        doc="Milliseconds that a device's clock may be ahead before its time is not believed.",
        check=at_least(0),
    )
    max_past_days: int = setting(
        400,
        env="SIGNALBOX_PLAYBACK_MAX_PAST_DAYS",
        aliases=("PLAYBACK_MAX_PAST_DAYS",),
        doc="Days that a device's time may lie back before it is not believed.",
        check=between(1, MAX_DAYS),
    )
    spool: bool = setting(
        False,
        env="SIGNALBOX_PLAYBACK_SPOOL",
        aliases=("PLAYBACK_SPOOL",),
        doc="Keep reports in the data folder while the database is away, and store them when it is back.",
    )
    spool_max_bytes: int = setting(
        268_435_456,
        env="SIGNALBOX_PLAYBACK_SPOOL_MAX_BYTES",
        aliases=("PLAYBACK_SPOOL_MAX_BYTES",),
        doc="Bytes that this may take.",
        check=at_least(1_048_576),
    )
    retry_budget_ms: int = setting(
        3000,
        env="SIGNALBOX_DB_RETRY_BUDGET_MS",
        aliases=("DB_RETRY_BUDGET_MS",),
        doc="Milliseconds in which a failed transaction of playback is tried again before the client is told.",
        check=between(0, 7000),
    )
    partition_ahead: int = setting(
        3,
        env="SIGNALBOX_PARTITION_AHEAD",
        aliases=("PARTITION_AHEAD",),
        doc="Months for which playback's partitions are made ahead.",
        check=between(1, 24),
    )
    session_idle_s: int = setting(
        120,
        env="SIGNALBOX_PLAYBACK_SESSION_IDLE_S",
        aliases=("PLAYBACK_SESSION_IDLE_SEC",),
        doc="Seconds without a report after which a playback session has ended.",
        check=between(1, 86_400),
    )
    live_window_s: int = setting(
        45,
        env="SIGNALBOX_PLAYBACK_LIVE_WINDOW_S",
        aliases=("PLAYBACK_LIVE_WINDOW_SEC",),
        doc="Seconds since the last report within which a viewer counts as watching now.",
        check=between(1, 86_400),
    )
    store_ip: Literal["none", "truncated", "full"] = setting(
        "none",
        env="SIGNALBOX_PLAYBACK_STORE_IP",
        aliases=("PLAYBACK_STORE_IP",),
        doc="What is kept of viewers' addresses; `truncated` is /24 and /48.",
    )
    cors_origins: list[str] = setting(
        [],
        env="SIGNALBOX_PLAYBACK_CORS_ORIGINS",
        aliases=("PLAYBACK_CORS_ORIGINS",),
        doc="Origins whose pages may report playback; unset means all for CMCD and none elsewhere.",
    )
    admin_token: str | None = setting(
        None,
        env="SIGNALBOX_PLAYBACK_ADMIN_TOKEN",
        aliases=("PLAYBACK_ADMIN_TOKEN",),
        secret=True,
        doc="Bearer token of the routes that manage playback's tenants and keys; unset means they are off.",
    )
    hosts: list[str] = setting(
        [],
        env="SIGNALBOX_PLAYBACK_HOSTS",
        aliases=("PLAYBACK_HOSTS",),
        doc="Host names, or `:port`, that belong to playback alone: all of `POST /v1/sessions` there is playback's.",
    )
    good_startup_ms: int = setting(
        4000,
        env="SIGNALBOX_PLAYBACK_GOOD_STARTUP_MS",
        doc="Milliseconds within which a good session shows its first frame.",
        check=between(1, 600_000),
    )
    good_rebuffer_ratio: float = setting(
        0.01,
        env="SIGNALBOX_PLAYBACK_GOOD_REBUFFER_RATIO",
        doc="Share of its time, 0 to 1, that a good session may rebuffer.",
        check=between(0, 1),
    )
    payload_gin: bool = setting(
        False,
        env="SIGNALBOX_PLAYBACK_PAYLOAD_GIN",
        aliases=("PLAYBACK_PAYLOAD_GIN",),
        doc="Index the members of stored payloads, for ad-hoc SQL; makes writing slower.",
    )
