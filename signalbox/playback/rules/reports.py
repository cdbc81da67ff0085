"""One report about a playback session as every dialect is read into, and the session as it is stored.

A report is a cumulative snapshot: what it does not know is None. All times are milliseconds; `_ms` of an instant counts from the
Unix epoch. Instants of the device carry `client`, all others are the server's.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

Source = Literal["media3watch", "cmcd", "merged"]
Result = Literal["created", "updated", "duplicate", "stale"]
ClockSkew = Literal["future", "past"]

STATES: Final = frozenset({"IDLE", "BUFFERING", "PLAYING", "PAUSED", "ENDED"})


class Figures(NamedTuple):
    """What a report says of its session, in the order of the columns of `playback.sessions`; None: not told."""

    start_iso_raw: str | None = None  # as sent, not always a time
    duration_ms: int | None = None
    schema_version: str | None = None
    player_startup_ms: int | None = None  # play command to first frame
    play_time_ms: int | None = None
    rebuffer_time_ms: int | None = None  # without joining, seeking and pauses
    rebuffer_count: int | None = None
    rebuffer_ratio_reported: float | None = None  # by the client's own formula
    dropped_frames: int | None = None
    seek_count: int | None = None
    seek_time_ms: int | None = None
    mean_bitrate_bps: int | None = None
    top_bitrate_bps: int | None = None  # the best that was offered
    error_count: int | None = None
    last_error_code: str | None = None
    last_error_category: str | None = None
    quality_switches: int | None = None
    content_id: str | None = None
    stream_type: str | None = None  # in upper case
    device_model: str | None = None
    os_name: str | None = None
    os_version: str | None = None
    app_name: str | None = None
    app_version: str | None = None
    sdk_version: str | None = None
    connection_type: str | None = None
    cdn: str | None = None


class Entry(NamedTuple):
    """One entry of a session's timeline."""

    elapsed_ms: int  # by the device's steady clock, since the session began
    timestamp_ms: int  # by the device's wall clock
    playback_state: str  # of STATES
    current_bitrate_bps: int | None
    network_type: str | None
    dropped_frames: int
    buffered_ms: int | None
    rebuffer_count: int
    rebuffer_time_ms: int


class States(NamedTuple):
    """What all timeline entries of a session show together; the default is a session without any.

    Order is by `elapsed_ms`, which no correction of the device's clock can turn.
    """

    attempted: bool | None = None  # whether any entry is BUFFERING or PLAYING; None without entries
    last_idle_ms: int | None = None  # elapsed: ExoPlayer goes IDLE on a fatal error
    last_active_ms: int | None = None  # elapsed: PLAYING or ENDED
    last_state: str | None = None
    last_elapsed_ms: int | None = None
    last_state_at_ms: int | None = None  # client time of the newest entry
    state_since_ms: int | None = None  # server's time since when it has been in that state

    @property
    def recovered(self) -> bool:
        """Whether playing went on, or came to its end, after the last time that the player was idle."""
        if self.last_active_ms is None:
            return False
        return self.last_idle_ms is None or self.last_active_ms > self.last_idle_ms


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One report, checked. `timeline` is what this report adds; `states` is what it shows, or what a collector knows by itself."""

    session_id: str
    source: Source
    dialect: str  # D1, D2, D3, CMCD1, CMCD2
    client_ts_ms: int
    received_ms: int
    figures: Figures
    payload: bytes  # canonical JSON: members sorted, without the timeline
    payload_hash: bytes  # SHA-256 of it
    started_client_ms: int | None = None  # the ISO start, when it is one
    flags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    timeline: tuple[Entry, ...] = ()
    timeline_rejected: int = 0
    states: States = States()


class Stored(msgspec.Struct, kw_only=True, gc=False):
    """A session as it is stored; `merging` makes it, no one else changes it."""

    session_id: str
    source: Source
    dialect: str
    client_ts_ms: int  # of the report that won
    timestamp_ms: int  # normalised end of what was reported
    clock_skew: ClockSkew | None
    started_ms: int | None
    figures: Figures
    filled_at_ms: dict[
        str, int
    ]  # column to client time of the older report it is from; negative: from CMCD
    payload: bytes | None  # None when its time is over
    payload_hash: bytes
    states: States
    outcome: str
    score: float | None
    score_version: int
    flags: tuple[str, ...]
    revision: int
    first_received_ms: int
    won_received_ms: int  # when the report that won came
    last_received_ms: int
