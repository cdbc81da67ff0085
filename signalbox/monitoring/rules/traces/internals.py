"""Reading the dump of chrome://webrtc-internals: one JSON object with all connections of a browser.

The stats are columns: for each report and property a list of values, beside it the list of timestamps (Chrome 117 and newer; older ones are spread evenly between
start and end). They are put together into reports again. Addresses, configuration and values of events are JSON inside of strings.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from signalbox.monitoring.rules.traces.rtcstats import (
    BadTraceLine,
    Reports,
    TraceEvent,
    finite,
    is_instant,
)

_MEDIA: Final = "navigator.mediaDevices."
_SAME_POLL_MS: Final = 400  # reports of one poll carry timestamps that differ a little
# Reports that tell of the other end, and keep the timestamp of when they came.
_OLDER: Final = frozenset({"remote-inbound-rtp", "remote-outbound-rtp"})


def events_of_dump(dump: dict[str, Any]) -> list[TraceEvent]:
    """All that a dump tells, in order of time.

    Raises:
        BadTraceLine: it is no dump; the text names the part.
    """
    connections = dump.get("PeerConnections")
    if not isinstance(connections, dict):
        raise BadTraceLine("PeerConnections is missing")
    events: list[TraceEvent] = []
    for name, connection in connections.items():
        if not isinstance(connection, dict):
            raise BadTraceLine(f"PeerConnections.{name[:40]} is no object")
        events.extend(_connection(name, connection))
    events.extend(_media(dump.get("getUserMedia")))
    if not events:
        raise BadTraceLine("it holds no event")
    events.sort(key=lambda event: event.at_ms)
    page = {"userAgentData": dump.get("UserAgentData"), "userAgent": dump.get("UserAgent")}
    return [TraceEvent(events[0].at_ms, "create", None, page), *events]


def _connection(name: str, connection: dict[str, Any]) -> Iterator[TraceEvent]:
    log = connection.get("updateLog")
    entries = [entry for entry in log if isinstance(entry, dict)] if isinstance(log, list) else []
    told = [
        TraceEvent(_instant(entry), str(entry.get("type")), name, _inner(entry.get("value")))
        for entry in entries
    ]
    polls = list(_polls(name, connection.get("stats")))
    both = [*told, *polls]
    if not both:
        return
    begin = min(event.at_ms for event in both)
    yield TraceEvent(begin, "create", name, _inner(connection.get("rtcConfiguration")))
    yield from both


def _instant(entry: dict[str, Any]) -> float:
    """`timestamp` in ms; older dumps hold `time`, a text in the browser's language, of which only ISO 8601 is understood."""
    given = entry.get("timestamp", entry.get("time"))
    at_ms = finite(given)
    if at_ms is None:
        return _parsed(given)
    if not is_instant(at_ms):
        raise BadTraceLine(f"{at_ms} is no instant")
    return at_ms


def _parsed(text: Any) -> float:
    try:
        at_ms = datetime.fromisoformat(str(text)).timestamp() * 1000
    except (ValueError, OverflowError):
        at_ms = 0.0
    if not is_instant(at_ms):
        raise BadTraceLine(f"{str(text)[:40]!r} is no instant")
    return at_ms


def _inner(value: Any) -> Any:
    """JSON in a string, else the string."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _polls(name: str, stats: Any) -> Iterator[TraceEvent]:
    if not isinstance(stats, dict):
        return
    reports = _columns(stats)
    moments: dict[float, Reports] = defaultdict(dict)
    older: dict[str, list[dict[str, Any]]] = {}
    for key, rows in reports.items():
        if rows and rows[0].get("type") in _OLDER:
            older[key] = rows
            continue
        for row in rows:
            moments[_moment(moments, row["timestamp"])][key] = row
    for at_ms in sorted(moments):
        whole = moments[at_ms]
        for key, rows in older.items():
            latest = [row for row in rows if row["timestamp"] <= at_ms + _SAME_POLL_MS]
            if latest:
                whole[key] = latest[-1]
        yield TraceEvent(at_ms, "getStats", name, whole)


def _moment(moments: dict[float, Reports], at_ms: float) -> float:
    """The poll that this timestamp belongs to: one close by, else a new one."""
    for known in reversed(moments):
        if abs(known - at_ms) <= _SAME_POLL_MS:
            return known
    return at_ms


def _columns(stats: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By id the reports in order of time, put together from their columns."""
    columns: dict[str, dict[str, list[Any]]] = defaultdict(dict)
    kinds: dict[str, str] = {}
    spans: dict[str, tuple[Any, Any]] = {}
    for name, column in stats.items():
        # Figures that the page has worked out are named [a-b]: they stand in no report.
        key, dash, prop = name.rpartition("-")
        if not isinstance(column, dict) or not dash or "[" in name or "]" in name:
            continue
        values = _inner(column.get("values"))
        if isinstance(values, list):
            columns[key][prop] = values
            kinds[key] = str(column.get("statsType", ""))
            spans[key] = (column.get("startTime"), column.get("endTime"))
    return {
        key: _rows(key, kinds[key], _times(props, spans[key]), props)
        for key, props in columns.items()
    }


def _times(props: dict[str, list[Any]], span: tuple[Any, Any]) -> list[float]:
    given = props.get("timestamp")
    if given is not None:
        times = (finite(time) for time in given)
        return [time for time in times if time is not None and is_instant(time)]
    begin, end = _parsed(span[0]), _parsed(span[1])
    count = max(len(values) for values in props.values())
    return [begin + (end - begin) * index / max(1, count - 1) for index in range(count)]


def _rows(
    key: str, kind: str, times: list[float], props: dict[str, list[Any]]
) -> list[dict[str, Any]]:
    rows = []
    for index, at_ms in enumerate(times):
        row: dict[str, Any] = {"id": key, "type": kind, "timestamp": at_ms}
        for prop, values in props.items():
            # A property that came later has fewer values: they are its last ones.
            place = index - (len(times) - len(values))
            if 0 <= place < len(values) and prop not in row:
                row[prop] = values[place]
        rows.append(row)
    return rows


def _media(requests: Any) -> Iterator[TraceEvent]:
    for entry in requests if isinstance(requests, list) else []:
        if not isinstance(entry, dict) or "timestamp" not in entry:
            continue
        method = _MEDIA + str(entry.get("request_type", "getUserMedia"))
        at_ms = _instant(entry)
        if "error" in entry:
            text = f"{entry['error']}: {entry.get('error_message', '')}"
            yield TraceEvent(at_ms, method + "OnFailure", None, text)
        elif "stream_id" in entry:
            yield TraceEvent(at_ms, method + "OnSuccess", None, list(_tracks(entry)))
        else:
            asked = {
                kind: _inner(entry[kind]) or True for kind in ("audio", "video") if kind in entry
            }
            yield TraceEvent(at_ms, method, None, asked)


def _tracks(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("audio", "video"):
        track = _inner(entry.get(f"{kind}_track_info"))
        if isinstance(track, dict):
            yield {"kind": kind, **track}
