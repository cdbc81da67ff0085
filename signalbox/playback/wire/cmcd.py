"""CMCD as it is sent: lines of events, one report in a query, and requests that a CDN has seen, as NDJSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

import msgspec

from signalbox.playback.rules.cmcd.dictionary import members
from signalbox.playback.rules.cmcd.lines import (
    LATEST_MS,
    MAX_LINE_BYTES,
    NOT_A_DICTIONARY,
    TOO_LONG,
    Line,
    Unreadable,
    line_of,
    read_line,
    written,
)

PARAMETER: Final = "CMCD"
HEADERS: Final = ("cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status")
_decode = msgspec.json.Decoder().decode


def lines_of(body: bytes) -> list[str]:
    """The lines that are not blank. Bytes that are no UTF-8 become U+FFFD."""
    return [line for line in body.decode("utf-8", "replace").split("\n") if line.strip()]


def read_events(sent: list[str], *, received_ms: int) -> list[Line | Unreadable]:
    """Lines of event mode."""
    return [read_line(line, received_ms=received_ms) for line in sent]


def read_query(query: bytes) -> str | None:
    """The report in a query string, decoded once; None when there is none."""
    for part in query.decode("latin-1").split("&"):
        name, _, value = part.partition("=")
        if unquote(name) == PARAMETER:
            return unquote_plus(value)
    return None


def read_requests(sent: list[str], *, received_ms: int) -> list[Line | Unreadable]:
    """Requests that a CDN has seen, one in each line: what their headers say goes before what their query says."""
    return [_request(line, received_ms) for line in sent]


def _request(sent: str, received_ms: int) -> Line | Unreadable:
    raw = sent.encode("utf-8", "replace")
    if len(raw) > MAX_LINE_BYTES:
        return TOO_LONG
    try:
        told: Any = _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return NOT_A_DICTIONARY
    if not isinstance(told, dict):
        return NOT_A_DICTIONARY
    url = told.get("url")
    url = url if isinstance(url, str) else ""
    fields = _told_of(url, told.get("headers"))
    if not fields:
        return NOT_A_DICTIONARY
    fields |= _seen(told, url, fields)
    return line_of(
        fields,
        written(fields),
        received_ms=received_ms,
        identity=raw,
        at_ms=_natural(told.get("ts")),
    )


def _told_of(url: str, headers: Any) -> dict[str, str]:
    """What the player said with a request."""
    fields: dict[str, str] = {}
    query = url.partition("#")[0].partition("?")[2]
    for text in (read_query(query.encode("utf-8", "replace")), *_header_texts(headers)):
        if text:
            fields |= members(text.replace("\0", "\ufffd")) or {}
    return fields


def _header_texts(headers: Any) -> Iterator[str]:
    if isinstance(headers, dict):
        for name, value in headers.items():
            if name.lower() in HEADERS and isinstance(value, str):
                yield value


def _seen(told: dict[str, Any], url: str, fields: dict[str, str]) -> dict[str, str]:
    """What the CDN knows of the request, in the keys of CMCD; only the CDN's own name gives way to what the player says."""
    seen: dict[str, str] = {}
    if url:
        seen["url"] = url.partition("#")[0].partition("?")[0].replace("\0", "\ufffd")
    for name, key in (("status", "rc"), ("ttfbMs", "ttfb"), ("ttlbMs", "ttlb")):
        number = _natural(told.get(name))
        if number is not None:
            seen[key] = str(number)
    cdn = told.get("cdn")
    if isinstance(cdn, str) and cdn and "cdn" not in fields:
        seen["cdn"] = cdn.replace("\0", "\ufffd")
    return seen


def _natural(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= LATEST_MS else None
