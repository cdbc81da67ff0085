"""Files of traces: which kind a file is, and the events in it. Everything is read before anything is stored."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from signalbox.monitoring.errors import PayloadTooLarge, UnreadableBody, UnreadableTrace
from signalbox.monitoring.rules.traces.internals import events_of_dump
from signalbox.monitoring.rules.traces.rtcstats import BadTraceLine, Reader, TraceEvent
from signalbox.monitoring.wire.bodies import any_json

MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024
# Values and lists take many times the memory of their text: brackets alone would fill a gigabyte from a file of kilobytes.
MAX_VALUES: Final = 16_000_000
MAX_LISTS: Final = 8_000_000
_MAGIC: Final = b"RTCStatsDump\n"
_GZIP: Final = b"\x1f\x8b"


def read_line(line: bytes) -> Any:
    """The value that a line holds.

    Raises:
        BadTraceLine: it is no JSON.
    """
    try:
        return any_json(line)
    except UnreadableBody:
        raise BadTraceLine("it is no JSON") from None


class TraceFile(NamedTuple):
    """What a file holds: "webrtc-internals" or "rtcstats"."""

    format: str
    events: list[TraceEvent]


def read_trace(content: bytes) -> TraceFile:
    """The events of a file, which may be gzipped.

    Raises:
        UnreadableTrace: no trace, or a line of it is wrong; the facts name the line.
        PayloadTooLarge: more than 512 MB unpacked, or too many values.
    """
    content = _unpacked(content)
    lists = content.count(b"{") + content.count(b"[")
    if lists > MAX_LISTS or content.count(b",") > MAX_VALUES:
        raise PayloadTooLarge(limit_values=MAX_VALUES, limit_lists=MAX_LISTS)
    if not content.strip():
        raise UnreadableTrace(reason="the file is empty")
    if content.startswith(_MAGIC):
        return TraceFile("rtcstats", _lines(content, first=2))
    if content.lstrip()[:1] == b"{":
        dump = _dump(content)
        if dump is not None:
            try:
                return TraceFile("webrtc-internals", events_of_dump(dump))
            except (BadTraceLine, RecursionError) as wrong:
                raise UnreadableTrace(reason=str(wrong)) from None
    return TraceFile("rtcstats", _lines(content, first=0))


def _unpacked(content: bytes) -> bytes:
    """The content; of several gzipped parts in a row (RFC 1952, 2.2) all of them, as gunzip does."""
    if not content.startswith(_GZIP):
        return content
    whole: list[bytes] = []
    left = MAX_UNPACKED_BYTES
    while content:
        unpacking = zlib.decompressobj(wbits=31)
        try:
            # One more than may come, for 0 is no limit.
            whole.append(unpacking.decompress(content, left + 1))
        except zlib.error:
            raise UnreadableTrace(reason="the file is damaged") from None
        left -= len(whole[-1])
        if left < 0:
            raise PayloadTooLarge(limit_bytes=MAX_UNPACKED_BYTES)
        if not unpacking.eof:
            raise UnreadableTrace(reason="the file is cut off")
        content = unpacking.unused_data
    return b"".join(whole)


def _dump(content: bytes) -> dict[str, Any] | None:
    """The object that the whole file is; None for a file of several lines of JSON."""
    try:
        value = read_line(content)
    except BadTraceLine:
        try:
            read_line(content.split(b"\n", 1)[0])
        except BadTraceLine as wrong:
            raise UnreadableTrace(line=1, reason=str(wrong)) from None
        return None
    return value if isinstance(value, dict) and "PeerConnections" in value else None


def _lines(content: bytes, *, first: int) -> list[TraceEvent]:
    reader = Reader()
    events: list[TraceEvent] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if number <= first or not line.strip():
            continue
        try:
            events.extend(reader.event(value) for value in _values(line))
        except BadTraceLine as wrong:
            raise UnreadableTrace(line=number, reason=str(wrong)) from None
    if not events:
        raise UnreadableTrace(reason="it holds no event")
    return sorted(events, key=lambda event: event.at_ms)


def _values(line: bytes) -> Iterator[Any]:
    """The event of a line. A recording of the socket holds it as `data` beside what else happened to the socket."""
    value = read_line(line)
    if not isinstance(value, dict):
        yield value
    elif isinstance(value.get("data"), str):
        yield read_line(value["data"].encode())
    elif "kind" not in value:
        raise BadTraceLine("it is neither an event nor a recorded message")
