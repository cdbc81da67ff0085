"""A session that lines tell, as the report that the store of sessions takes."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from signalbox.playback.rules.cmcd.figures import (
    ENDINGS,
    Figures,
    TimelineRow,
    figures,
)
from signalbox.playback.rules.cmcd.folding import Fold
from signalbox.playback.rules.reports import Entry, Report, States
from signalbox.playback.rules.reports import Figures as Columns
from signalbox.playback.rules.times import LONGEST_MS

LOW_LATENCY: Final = "low_latency"
_encode = msgspec.json.Encoder(order="sorted").encode


def report_of(
    session_id: str,
    fold: Fold,
    *,
    received_ms: int,
    idle: bool = False,
    rows: list[TimelineRow] | None = None,
) -> Report:
    """What is known of a session by now; `received_ms` is when its last line came, `idle` whether none comes any more."""
    told = figures(fold)
    ending = told.ending or ("idle" if idle else None)
    payload = _encode(told.payload | ({"ending": ending} if ending else {}))
    return Report(
        session_id=session_id,
        source="cmcd",
        dialect=f"CMCD{told.version}",
        client_ts_ms=told.last_ms,
        received_ms=received_ms,
        figures=_columns(told),
        payload=payload,
        payload_hash=sha256(payload).digest(),
        flags=(LOW_LATENCY,) if told.low_latency else (),
        timeline=tuple(_entry(row, told.dropped_frames or 0) for row in rows or ()),
        states=_states(told, received_ms),
    )


def ending_of(fold: Fold) -> str | None:
    """How the session has ended, by its last state; None while it goes on."""
    state = next((mark.state for mark in reversed(fold.tail) if mark.state), fold.machine.state)
    return ENDINGS.get(state)


def _columns(told: Figures) -> Columns:
    return Columns(
        duration_ms=told.duration_ms,
        player_startup_ms=told.startup_ms,
        play_time_ms=told.play_ms,
        rebuffer_time_ms=told.rebuffer_ms,
        rebuffer_count=told.rebuffer_count,
        dropped_frames=told.dropped_frames,
        seek_count=told.seek_count,
        seek_time_ms=told.seek_ms,
        mean_bitrate_bps=told.mean_bitrate_bps,
        top_bitrate_bps=told.top_bitrate_bps,
        error_count=told.error_count,
        last_error_code=told.last_error_code,
        quality_switches=told.quality_switches,
        content_id=told.content_id,
        stream_type=told.stream_type,
        cdn=told.cdn,
    )


def _states(told: Figures, received_ms: int) -> States:
    if told.attempted is None:
        return States()
    return States(
        attempted=told.attempted,
        last_idle_ms=told.failed_elapsed_ms,
        last_active_ms=told.active_elapsed_ms,
        last_state=told.state,
        last_elapsed_ms=told.duration_ms,
        last_state_at_ms=told.last_ms,
        state_since_ms=received_ms - min(told.state_ms or 0, LONGEST_MS),
    )


def _entry(row: TimelineRow, dropped_frames: int) -> Entry:
    return Entry(
        elapsed_ms=row.elapsed_ms,
        timestamp_ms=row.timestamp_ms,
        playback_state=row.playback_state,
        current_bitrate_bps=row.bitrate_bps,
        network_type=None,
        dropped_frames=dropped_frames,
        buffered_ms=row.buffered_ms,
        rebuffer_count=row.rebuffer_count,
        rebuffer_time_ms=row.rebuffer_time_ms,
    )
