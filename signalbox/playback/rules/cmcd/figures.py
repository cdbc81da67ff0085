"""What a fold says: the figures of the session, its end, and the rows of its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from signalbox.playback.rules.cmcd.dictionary import number, whole
from signalbox.playback.rules.cmcd.folding import Fold, custom, told
from signalbox.playback.rules.cmcd.states import Machine, Mark, advance, charge, startup_ms

IDLE_MS: Final = 90_000
IDLE_INTERVALS: Final = 3
MAX_STARTUP_MS: Final = 2_147_483_647
STREAM_TYPES: Final = {"v": "VOD", "l": "LIVE", "ll": "LIVE"}
PLAYBACK_STATES: Final = {
    "d": "IDLE",
    "s": "BUFFERING",
    "p": "PLAYING",
    "k": "BUFFERING",
    "r": "BUFFERING",
    "w": "BUFFERING",
    "a": "PAUSED",
    "e": "ENDED",
    "q": "ENDED",
    "f": "IDLE",
}
ENDINGS: Final = {"e": "ended", "q": "quit", "f": "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One session as its lines tell it. None: the lines do not say. Times in ms, of the player's clock where they are instants."""

    first_ms: int
    last_ms: int
    duration_ms: int
    version: int
    startup_ms: int | None
    play_ms: int | None
    rebuffer_ms: int | None
    rebuffer_count: int | None
    seek_ms: int | None
    seek_count: int | None
    pause_ms: int | None
    mean_bitrate_bps: int | None
    top_bitrate_bps: int | None
    quality_switches: int | None
    dropped_frames: int | None
    error_count: int | None
    last_error_code: str | None
    attempted: bool | None
    failed_elapsed_ms: (
        int | None
    )  # since the first line: when it last failed, and when it last played or ended normally
    active_elapsed_ms: int | None
    content_id: str | None
    stream_type: str | None
    low_latency: bool
    cdn: str | None
    state: str | None
    state_ms: int | None  # how long it had been in its last state
    ending: str | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """The session at the instant of one mark; counts and rebuffering are those up to it."""

    elapsed_ms: int
    timestamp_ms: int
    playback_state: str
    bitrate_bps: int | None
    buffered_ms: int | None
    rebuffer_count: int
    rebuffer_time_ms: int


def copied(machine: Machine) -> Machine:
    """One of its own, to go on with."""
    return msgspec.structs.replace(machine)


def figures(fold: Fold) -> Figures:
    """The session up to its last line. The state that is open then is charged up to it, and no further."""
    machine = copied(fold.machine)
    for mark in fold.tail:
        advance(machine, mark)
    charge(machine, fold.last_ms)
    known = machine.started
    count, rebuffer_ms = _rebuffering(fold, machine)
    stream = told(fold, "st")
    return Figures(
        first_ms=fold.first_ms,
        last_ms=fold.last_ms,
        duration_ms=fold.last_ms - fold.first_ms,
        version=fold.version,
        startup_ms=_startup_ms(fold, machine),
        play_ms=machine.play_ms if known else None,
        rebuffer_ms=rebuffer_ms,
        rebuffer_count=count,
        seek_ms=machine.seek_ms if known else None,
        seek_count=machine.seeks if known else None,
        pause_ms=machine.pause_ms if known else None,
        mean_bitrate_bps=_mean_bitrate_bps(machine),
        top_bitrate_bps=None if fold.top_kbps is None else round(fold.top_kbps * 1000),
        quality_switches=machine.switches if machine.bitrate_kbps >= 0 else None,
        dropped_frames=fold.dropped,
        error_count=_errors(machine),
        last_error_code=machine.error_code or None,
        attempted=machine.attempted if known else None,
        failed_elapsed_ms=_elapsed_ms(fold, machine.failed_ms),
        active_elapsed_ms=_elapsed_ms(fold, machine.active_ms),
        content_id=told(fold, "cid"),
        stream_type=STREAM_TYPES.get(stream or ""),
        low_latency=fold.low_latency,
        cdn=told(fold, "cdn") or told(fold, "h"),
        state=PLAYBACK_STATES.get(machine.state),
        state_ms=machine.at_ms - machine.since_ms if machine.state else None,
        ending=ENDINGS.get(machine.state),
        payload=_payload(fold, machine),
    )


def _elapsed_ms(fold: Fold, at_ms: int | None) -> int | None:
    return None if at_ms is None else at_ms - fold.first_ms


def _startup_ms(fold: Fold, machine: Machine) -> int | None:
    """By the states; else what the player says, of several values the largest, for players say it too early."""
    by_states = startup_ms(machine)
    return fold.start_delay_ms if by_states is None else min(by_states, MAX_STARTUP_MS)


def _rebuffering(fold: Fold, machine: Machine) -> tuple[int | None, int | None]:
    """Count and time. Without states a player's own figures count; the flags of version 1 are a lower bound of the count."""
    if machine.started:
        return machine.rebuffers, machine.rebuffer_ms
    whole_ms = fold.starved_whole_ms if fold.starved_whole_ms is not None else fold.starved_ms
    count = fold.starvations if fold.starvations is not None else (fold.starved_count or None)
    return count, whole_ms


def _mean_bitrate_bps(machine: Machine) -> int | None:
    """Weighted by the time of playing; where no state is told, by the time that passed."""
    if machine.played_known_ms:
        return int(machine.played_kbit * 1000 / machine.played_known_ms)
    if machine.started or not machine.passed_known_ms:
        return None
    return int(machine.passed_kbit * 1000 / machine.passed_known_ms)


def _errors(machine: Machine) -> int | None:
    """A failure without an error is one; without any state and any error nothing is known."""
    if machine.errors:
        return machine.errors
    if machine.failed_ms is not None:
        return 1
    return 0 if machine.started else None


def _payload(fold: Fold, machine: Machine) -> dict[str, Any]:
    """What has no column, without what is not known."""
    requests = fold.requests
    all_known: dict[str, Any] = {
        "streamingFormat": told(fold, "sf"),
        "lines": fold.lines,
        "lost": fold.events.lost + fold.requests_made.lost,
        "startupWaitMs": machine.wait_ms or None,
        "preloadMs": machine.preload_ms or None,
        "pauseMs": machine.pause_ms or None,
        "playbackRate": _number(told(fold, "pr")),
        "measuredThroughputKbps": _whole(fold, "mtp"),
        "liveLatencyMs": _whole(fold, "ltc"),
        "playheadMs": _whole(fold, "pt"),
        "reportIntervalMs": machine.interval_ms,
        "lastState": machine.state or None,
        "requests": _requests(fold) if requests.count else None,
        "custom": custom(fold) or None,
    }
    return {key: value for key, value in all_known.items() if value is not None}


def _number(value: str | None) -> float | None:
    return None if value is None else number(value)


def _whole(fold: Fold, key: str) -> int | None:
    known = fold.told.get(key)
    return None if known is None else whole(known[2])


def _requests(fold: Fold) -> dict[str, Any]:
    told_of = fold.requests
    found: dict[str, Any] = {"count": told_of.count, "failed": told_of.failed}
    if told_of.first_byte_count:
        found["meanFirstByteMs"] = round(told_of.first_byte_ms / told_of.first_byte_count)
    if told_of.last_byte_count:
        found["meanLastByteMs"] = round(told_of.last_byte_ms / told_of.last_byte_count)
        found["longestMs"] = told_of.longest_ms
    return found


def idle_after_ms(fold: Fold) -> int:
    """How long without a line until the session is over."""
    machine = copied(fold.machine)
    for mark in fold.tail:
        advance(machine, mark)
    return max(IDLE_MS, IDLE_INTERVALS * (machine.interval_ms or 0))


def timeline(fold: Fold, since_ms: int = 0) -> list[TimelineRow]:
    """Rows of the marks that are not settled, from `since_ms` on, in their order; none before a state is told."""
    return _rows(copied(fold.machine), fold.tail, fold.first_ms, since_ms)


def whole_timeline(fold: Fold, marks: Sequence[Mark]) -> list[TimelineRow]:
    """As `timeline`, of all marks of the session."""
    return _rows(Machine(), marks, fold.first_ms, 0)


def _rows(
    machine: Machine, marks: Sequence[Mark], first_ms: int, since_ms: int
) -> list[TimelineRow]:
    rows: dict[tuple[int, str], TimelineRow] = {}
    for mark in marks:
        advance(machine, mark)
        if mark.ts_ms >= since_ms and machine.state:
            row = _row(machine, mark, mark.ts_ms - first_ms)
            rows[row.timestamp_ms, row.playback_state] = row
    return list(rows.values())


def _row(machine: Machine, mark: Mark, elapsed_ms: int) -> TimelineRow:
    known = machine.bitrate_kbps >= 0
    return TimelineRow(
        elapsed_ms=elapsed_ms,
        timestamp_ms=mark.ts_ms,
        playback_state=PLAYBACK_STATES[machine.state],
        bitrate_bps=round(machine.bitrate_kbps * 1000) if known else None,
        buffered_ms=mark.buffer_ms if mark.buffer_ms >= 0 else None,
        rebuffer_count=machine.rebuffers,
        rebuffer_time_ms=machine.rebuffer_ms,
    )
