"""Reading what rtcstats-js writes: lists of method, connection, value, further values and time.

Times are milliseconds since the line before (or since the Unix epoch, which the first line and older versions give), stats are differences to the
report before, with numbers for names. What is remembered between lines is plain data, so that it can be carried from one socket to the next.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import msgspec

from signalbox.monitoring.rules.traces.numbers import METHODS, PROPERTIES, TYPES

ABSOLUTE_MS: Final = 1e11  # a span cannot be as long, an instant not as early
EARLIEST_MS: Final = 1_293_840_000_000  # 2011-01-01: no browser had WebRTC before
_PROPERTIES: Final = {str(number): name for number, name in PROPERTIES.items()}
STATS: Final = frozenset({"g", "getStats", "getstats"})

MAX_CONNECTIONS: Final = 256  # of one page
MAX_REPORTS: Final = 4_096  # of one connection

Reports = dict[str, dict[str, Any]]


class BadTraceLine(ValueError):
    """A line that no version of rtcstats writes; the text says why."""


class TraceEvent(NamedTuple):
    """Something that a page did or saw. `connection` None: the page as a whole. Of stats `value` is the whole report, by id."""

    at_ms: float
    method: str
    connection: str | None
    value: Any
    extra: tuple[Any, ...] = ()


def not_after(events: list[TraceEvent], now_ms: float) -> list[TraceEvent]:
    """The same trace, earlier by so much that it ends now, when the clock of its page was ahead."""
    ahead_ms = max((event.at_ms for event in events), default=now_ms) - now_ms
    if ahead_ms <= 0:
        return events
    return [event._replace(at_ms=event.at_ms - ahead_ms) for event in events]


class ReaderState(msgspec.Struct):
    """What the next line is relative to."""

    at_ms: float = 0.0
    reports: dict[str, Reports] = {}


def finite(value: Any) -> float | None:
    """A number as a float; None for anything else, for NaN, and for what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON knows no bounds
        return None
    return number if math.isfinite(number) else None


def is_instant(at_ms: float) -> bool:
    """Whether milliseconds since the Unix epoch are of a time in which there can be traces: from 2011 to 2286."""
    return EARLIEST_MS <= at_ms < ABSOLUTE_MS * 100


class Reader:
    """Reads one trace, line by line."""

    def __init__(self, state: ReaderState | None = None) -> None:
        self.state = state or ReaderState(reports={})

    def event(self, line: Any) -> TraceEvent:
        """What a line tells.

        Raises:
            BadTraceLine: it is no list of method, connection, value and time.
        """
        if not isinstance(line, list) or len(line) < 3:
            raise BadTraceLine("not a list of method, connection, value and time")
        method, connection, *values, time = line
        if isinstance(method, bool) or not isinstance(method, str | int):
            raise BadTraceLine("the method is neither a name nor a number")
        name = METHODS.get(method, method) if isinstance(method, int) else method
        if connection is not None and not isinstance(connection, str):
            raise BadTraceLine("the connection is no text")
        at_ms = self._time(time)
        value = values[0] if values else None
        if method in STATS or name in STATS:
            if connection is None or not isinstance(value, dict):
                raise BadTraceLine("stats without a connection or a report")
            return TraceEvent(at_ms, "getStats", connection, self._whole(connection, value))
        return TraceEvent(at_ms, str(name), connection, value, tuple(values[1:]))

    def _time(self, time: Any) -> float:
        given = finite(time)
        if given is None:
            raise BadTraceLine("the time is no number")
        at_ms = given if given > ABSOLUTE_MS else self.state.at_ms + given
        if not is_instant(at_ms):
            raise BadTraceLine("the trace begins without an instant")
        self.state.at_ms = at_ms
        return at_ms

    def _whole(self, connection: str, sent: dict[str, Any]) -> Reports:
        if connection not in self.state.reports and len(self.state.reports) >= MAX_CONNECTIONS:
            raise BadTraceLine("too many connections")
        before = self.state.reports.get(connection, {})
        collapsed = sent.get("t", sent.get("timestamp"))
        changed = {key: _named(report) for key, report in sent.items() if isinstance(report, dict)}
        gone = {key for key, report in sent.items() if report is None}
        if any("id" in report for report in changed.values()):
            before = {}  # written out in full, as browsers do themselves
        whole: Reports = {}
        for key in before.keys() | changed.keys():
            if key in gone:
                continue
            own = changed.get(key, {})
            merged = _merged(before.get(key, {}), own)
            # What stands above all reports is left out of them, or written 0 by older versions.
            if isinstance(collapsed, int | float) and not own.get("timestamp"):
                merged["timestamp"] = collapsed
            merged["id"] = key
            whole[key] = merged
        if len(whole) > MAX_REPORTS:
            raise BadTraceLine("too many reports")
        self.state.reports[connection] = whole
        return whole


def _named(report: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for key, value in report.items():
        if key.startswith("["):  # worked out by the browser's page, not by its stack
            continue
        name = "timestamp" if key == "t" else _PROPERTIES.get(key, key)
        named[name] = TYPES.get(value, value) if name == "type" and type(value) is int else value
    return named


def _merged(before: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    merged = before | changed
    for name, value in changed.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            merged[name] = old | value
    return merged


def described(base: Any, given: Any) -> dict[str, str] | None:
    """A session description in full; None when there is none. Sections that did not change are written `v=` or `m=` and stand in `base`."""
    if not isinstance(given, dict) or not isinstance(given.get("sdp"), str):
        return None
    sdp, kind = given["sdp"], str(given.get("type", ""))
    old = base.get("sdp") if isinstance(base, dict) else None
    if not isinstance(old, str):
        return {"type": kind, "sdp": sdp}
    sections, known = _sections(sdp), _sections(old)
    whole = [
        known[index] if section in ("v=", "m=") and index < len(known) else section
        for index, section in enumerate(sections)
    ]
    return {"type": kind, "sdp": "\r\n".join(whole) + "\r\n"}


def _sections(sdp: str) -> list[str]:
    first, *others = sdp.split("\nm=")
    return [first.strip(), *(f"m={section}".strip() for section in others)]
