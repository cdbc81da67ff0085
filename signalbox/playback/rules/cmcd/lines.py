"""One line of a player: who and when it is about, and what of it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from signalbox.playback.rules.cmcd.dictionary import members, number, whole

MAX_LINE_BYTES: Final = 8192
MAX_SESSION_ID: Final = 64  # CTA-5004: sid
LATEST_MS: Final = 253_402_300_799_999  # the end of the year 9999
STATES: Final = frozenset("dspkrawefq")
RESPONSE: Final = (
    "rr"  # an event whose time is that of a request, not that of what else the line tells
)
ERROR: Final = "e"
INTERVAL: Final = "t"
MAX_EVENT: Final = 16
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_QUERY = re.compile(
    r'(?<![A-Za-z0-9_\-.*])(?:(url="(?:[^"?#\\]|\\.)*)[?#](?:[^"\\]|\\.)*|(url=[^",?#]*)[?#][^",]*)'
)


@dataclass(slots=True)
class Line:
    """A report that can be attributed. `sn` is None and the texts are empty where the line has none."""

    session_id: str
    ts_ms: int
    sn: int | None
    event: str
    state: str
    version: int
    key: int  # tells repetitions: 64 bits, signed
    text: str  # as sent, but for the query of an address
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a line is skipped: `bad`, `too_long`, `no_sid` or `bad_sid`."""

    reason: str


NOT_A_DICTIONARY = Unreadable("bad")
TOO_LONG = Unreadable("too_long")
NO_SESSION = Unreadable("no_sid")
BAD_SESSION = Unreadable("bad_sid")


def read_line(
    sent: str, *, received_ms: int, identity: bytes | None = None, at_ms: int | None = None
) -> Line | Unreadable:
    """Read one line. `at_ms` is when it was seen, for lines that do not say; `identity` what a repetition repeats, if more than the line.

    A time that cannot be one is that of the receipt.
    """
    if len(sent) > MAX_LINE_BYTES or (
        not sent.isascii() and len(sent.encode("utf-8", "replace")) > MAX_LINE_BYTES
    ):
        return TOO_LONG
    sent = sent.replace("\0", "\ufffd")  # which cannot be stored
    fields = members(sent)
    if fields is None:
        return NOT_A_DICTIONARY
    return line_of(fields, sent, received_ms=received_ms, identity=identity, at_ms=at_ms)


def line_of(
    fields: dict[str, str],
    sent: str,
    *,
    received_ms: int,
    identity: bytes | None = None,
    at_ms: int | None = None,
) -> Line | Unreadable:
    """As `read_line`, of a line whose members are known."""
    session_id = fields.get("sid")
    if not session_id:
        return NO_SESSION
    if len(session_id) > MAX_SESSION_ID or _UNSPEAKABLE.search(session_id):
        return BAD_SESSION
    said_ms, sn, event = (
        _natural(fields.get("ts")),
        _natural(fields.get("sn")),
        fields.get("e", "")[:MAX_EVENT],
    )
    ts_ms = said_ms or at_ms or received_ms
    state = fields.get("sta", "")
    if sn is None:
        key = _hashed(identity or sent.encode("utf-8", "replace"))
    else:
        key = _hashed(b"%d %d %b" % (sn, said_ms or at_ms or 0, event.encode("utf-8", "replace")))
    return Line(
        session_id=session_id,
        ts_ms=ts_ms,
        sn=sn,
        event=event,
        state=state if state in STATES else "",
        version=2 if fields.get("v", "1") != "1" else 1,
        key=key,
        text=without_queries(sent),
        fields=fields,
    )


def _natural(value: str | None) -> int | None:
    """A whole number from 0 to the year 9999 in ms; None for anything else."""
    if value is None:
        return None
    if value.isdecimal() and len(value) <= 15 and value.isascii():
        found: int | None = int(value)
    else:
        found = whole(value)
    return found if found is not None and 0 <= found <= LATEST_MS else None


def _hashed(identity: bytes) -> int:
    return int.from_bytes(blake2b(identity, digest_size=8).digest(), "big", signed=True)


def without_queries(sent: str) -> str:
    """The line with the address of the request cut off at its query, where tokens are."""
    if "url=" not in sent or ("?" not in sent and "#" not in sent):
        return sent
    return _QUERY.sub(r"\1\2", sent)


def written(fields: dict[str, str]) -> str:
    """Members as a line again: what `members` reads as the same. Tokens are written as strings."""
    return ",".join(_member(key, value) for key, value in fields.items())


def _member(key: str, value: str) -> str:
    if value == "":
        return key
    if value.startswith("(") or value.isdecimal() or number(value) is not None:
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}="{escaped}"'
