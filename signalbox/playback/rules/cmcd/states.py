"""What a player's states say of a session: one pass over its marks in the order of (time, number).

Time between two marks is charged to the state before the second. Before the first frame, waiting is startup; afterwards it is
rebuffering, except after a seek, where it is the seek's until something plays.
"""

from __future__ import annotations

from typing import Final

import msgspec

from signalbox.playback.rules.cmcd.lines import ERROR, INTERVAL

SAME_ERROR_MS: Final = 2000
MAX_ERRORS_KNOWN: Final = 32
LEAST_INTERVAL_MS: Final = 1000
WAITING: Final = frozenset("rw")
TRYING: Final = frozenset("spkrw")
NONE: Final = -1


class Mark(msgspec.Struct, array_like=True, order=True, frozen=True):
    """What one line says that matters for states: order is time, then number, then the rest, so that it is total."""

    ts_ms: int
    sn: int = NONE
    event: str = ""
    state: str = ""
    bitrate_kbps: float = NONE
    buffer_ms: int = NONE
    error: str = ""


class Machine(msgspec.Struct, array_like=True):
    """A session up to `at_ms`, the time of its last mark. Times in ms; those that may be None are instants, None until they come."""

    at_ms: int = 0
    state: str = ""
    since_ms: int = 0  # when it came into this state
    started: bool = False  # any state was told
    attempted: bool = False  # one of them was more than preloading, pausing or ending
    seeking: bool = False  # a seek, and nothing played since
    stalled: bool = False
    first_start_ms: int | None = None
    first_play_ms: int | None = None
    wait_ms: int = 0
    preload_ms: int = 0
    play_ms: int = 0
    pause_ms: int = 0
    rebuffer_ms: int = 0
    rebuffers: int = 0
    seek_ms: int = 0
    seeks: int = 0
    bitrate_kbps: float = NONE
    switches: int = 0
    played_kbit: float = 0.0  # kbit/s × ms while playing, and the ms for which it is known
    played_known_ms: int = 0
    passed_kbit: float = 0.0  # the same, whatever the state
    passed_known_ms: int = 0
    errors: int = 0
    error_code: str = ""
    recent: dict[str, int] = {}  # code of an error to when it was last counted
    failed_ms: int | None = None
    active_ms: int | None = None  # when it was last told to play or to have ended
    interval_ms: int | None = None  # the shortest time between two periodic reports
    interval_at_ms: int | None = None


def advance(machine: Machine, mark: Mark) -> None:
    """Take in the next mark; its order is not before any that the machine has seen."""
    charge(machine, mark.ts_ms)
    if mark.bitrate_kbps >= 0:
        _bitrate(machine, mark.bitrate_kbps)
    if mark.event == ERROR:
        _error(machine, mark)
    elif mark.event == INTERVAL:
        _interval(machine, mark.ts_ms)
    if mark.state:
        _enter(machine, mark.state, mark.ts_ms)


def charge(machine: Machine, until_ms: int) -> None:
    """Charge the time since the last mark to the state that it left; before the first mark there is none."""
    elapsed = until_ms - machine.at_ms if machine.at_ms else 0
    machine.at_ms = max(until_ms, machine.at_ms)
    if elapsed <= 0:
        return
    if machine.bitrate_kbps >= 0:
        machine.passed_kbit += machine.bitrate_kbps * elapsed
        machine.passed_known_ms += elapsed
    state = machine.state
    if state == "p":
        machine.play_ms += elapsed
        if machine.bitrate_kbps >= 0:
            machine.played_kbit += machine.bitrate_kbps * elapsed
            machine.played_known_ms += elapsed
    elif state == "d":
        machine.preload_ms += elapsed
    elif state == "a":
        machine.pause_ms += elapsed
    elif state == "k" or (state in WAITING and machine.seeking):
        machine.seek_ms += elapsed
    elif state in WAITING and machine.first_play_ms is not None:
        machine.rebuffer_ms += elapsed
    elif state == "s" or state in WAITING:
        machine.wait_ms += elapsed


def _enter(machine: Machine, state: str, at_ms: int) -> None:
    before = machine.state
    if state != before:
        machine.state, machine.since_ms = state, at_ms
    machine.started = True
    machine.attempted = machine.attempted or state in TRYING
    stalled = False
    if state == "p":
        machine.seeking = False
        machine.active_ms = at_ms
        if machine.first_play_ms is None:
            machine.first_play_ms = at_ms
    elif state == "k":
        # Whoever drags goes from seek to wait to seek, and means one place.
        machine.seeks += before != "k" and not (machine.seeking and before in WAITING)
        machine.seeking = True
    elif state in WAITING:
        stalled = machine.first_play_ms is not None and not machine.seeking
        machine.rebuffers += stalled and not machine.stalled
    elif state == "s" and machine.first_start_ms is None:
        machine.first_start_ms = at_ms
    elif state == "f":
        machine.failed_ms = at_ms
    elif state == "e":
        machine.active_ms = at_ms
    machine.stalled = stalled


def _bitrate(machine: Machine, kbps: float) -> None:
    machine.switches += machine.bitrate_kbps >= 0 and machine.bitrate_kbps != kbps
    machine.bitrate_kbps = kbps


def _error(machine: Machine, mark: Mark) -> None:
    """One error is often told more than once."""
    machine.failed_ms = mark.ts_ms
    machine.error_code = mark.error or machine.error_code
    counted_ms = machine.recent.get(mark.error)
    if counted_ms is not None and mark.ts_ms - counted_ms <= SAME_ERROR_MS:
        return
    machine.errors += 1
    known = {code: ms for code, ms in machine.recent.items() if mark.ts_ms - ms <= SAME_ERROR_MS}
    known[mark.error] = mark.ts_ms
    machine.recent = dict(list(known.items())[-MAX_ERRORS_KNOWN:])


def _interval(machine: Machine, at_ms: int) -> None:
    if machine.interval_at_ms is not None:
        gap_ms = at_ms - machine.interval_at_ms
        if gap_ms >= LEAST_INTERVAL_MS:
            machine.interval_ms = min(gap_ms, machine.interval_ms or gap_ms)
    machine.interval_at_ms = at_ms


def startup_ms(machine: Machine) -> int | None:
    """From the first start to the first frame; None without both in this order."""
    start, play = machine.first_start_ms, machine.first_play_ms
    if start is None or play is None or start > play:
        return None
    return play - start
