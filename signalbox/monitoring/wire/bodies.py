"""Bodies that the PeerMetrics SDK sends, read once and made exact.

The SDK speaks JSON whatever the Content-Type says. Fields are read as they come and checked by hand, because the error code depends on the field.
camelCase and milliseconds end here: instants are integers of microseconds since the Unix epoch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from signalbox.monitoring.errors import (
    ConnectionNotFound,
    InvalidMeta,
    InvalidParameters,
    MissingParameters,
    UnreadableBody,
)

MAX_DELTA_MS = 31 * 86_400_000
CLOCK_STEP_MS = 60_000  # a client's clock may be set back while an event waits
# Not the six characters behind an escaped backslash.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# PostgreSQL's numbers have 16 383 digits after the point, those that an exponent asks for included.
_TOO_FINE = re.compile(rb"[eE]-[0-9]{4}|\.[0-9]{1000}")
_FINE_SIGNS = (re.compile(rb"-[0-9]{4}"), re.compile(rb"\.[0-9]{1000}"))
NOTHING = msgspec.Raw(b"null")
_UUID_CHARACTERS = 36
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class Body(msgspec.Struct):
    """Every field that an ingest body may have, unchecked; absent fields are None."""

    token: Any = None
    apiKey: Any = None
    conferenceId: Any = None
    conferenceName: Any = None
    userId: Any = None
    userName: Any = None
    eventName: Any = None
    type: Any = None
    event: Any = None
    peerId: Any = None
    peerName: Any = None
    connectionId: Any = None
    connectionState: Any = None
    isSfu: Any = None
    trackId: Any = None
    delta: Any = None
    timeDelta: Any = None
    timeTaken: Any = None
    platform: msgspec.Raw = NOTHING
    constraints: msgspec.Raw = NOTHING
    devices: msgspec.Raw = NOTHING
    focus: msgspec.Raw = NOTHING
    appVersion: Any = None
    webrtcSdk: Any = None
    meta: Any = None
    data: msgspec.Raw = NOTHING
    events: msgspec.Raw = NOTHING


class Track(msgspec.Struct, gc=False):
    """The media source or track that a report points at; may be empty."""

    trackIdentifier: str | None = None
    kind: str | None = None


class Report(msgspec.Struct, gc=False):
    """The figures of one RTP report that are used (W3C webrtc-stats); the rest stays in the stored payload."""

    id: str | None = None
    timestamp: float | None = None
    type: str | None = None
    kind: str | None = None
    localId: str | None = None
    trackIdentifier: str | None = None
    track: Track | None = None
    packetsReceived: float | None = None
    packetsSent: float | None = None
    packetsLost: float | None = None
    bytesReceived: float | None = None
    bytesSent: float | None = None
    jitter: float | None = None
    roundTripTime: float | None = None
    jitterBufferDelay: float | None = None
    jitterBufferEmittedCount: float | None = None
    bitrate: float | None = None
    fecPacketsReceived: float | None = None


class Flows(msgspec.Struct, gc=False):
    """Reports of one kind by direction."""

    inbound: list[Report] | None = None
    outbound: list[Report] | None = None


class Remote(msgspec.Struct, gc=False):
    """What the other end reported."""

    audio: Flows | None = None
    video: Flows | None = None


class Candidate(msgspec.Struct, gc=False):
    """One end of the selected pair."""

    candidateType: str | None = None
    protocol: str | None = None


class Pair(msgspec.Struct, gc=False):
    """The selected candidate pair; empty before one exists."""

    timestamp: float | None = None
    state: str | None = None
    nominated: bool | None = None
    selected: bool | None = None
    bytesSent: float | None = None
    bytesReceived: float | None = None
    currentRoundTripTime: float | None = None
    availableOutgoingBitrate: float | None = None
    local: Candidate | None = None
    remote: Candidate | None = None


class StatsData(msgspec.Struct, gc=False):
    """`data` of a stats post."""

    audio: Flows | None = None
    video: Flows | None = None
    connection: Pair | None = None
    remote: Remote | None = None


_body = msgspec.json.Decoder(Body)
_stats = msgspec.json.Decoder(StatsData)
_any = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


def decode_body(raw: bytes) -> Body:
    """The fields of a body.

    Raises:
        UnreadableBody: not JSON, or nested too deeply.
        InvalidParameters: JSON but no object; not UTF-8; a NUL in a string.
    """
    # The parser skips what it does not decode, `data` among it: without this, such bytes would be stored.
    if b"\x00" in raw or not (raw.isascii() or _is_utf8(raw)):
        raise InvalidParameters(field="body")
    # A single byte is looked for much faster than six, and most bodies have no backslash.
    if b"\\" in raw and b"\\u0000" in raw and _ESCAPED_NUL.search(raw):
        raise InvalidParameters(field="body")
    try:
        return _body.decode(raw)
    except RecursionError:
        raise UnreadableBody() from None
    except msgspec.ValidationError:
        raise InvalidParameters(field="body") from None
    except msgspec.DecodeError:
        return _decode_leniently(raw)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode_leniently(raw: bytes) -> Body:
    """JSON that the strict reader refuses but browsers write: a BOM, escaped lone surrogates."""
    try:
        return _body.decode(_mended(raw))
    except msgspec.ValidationError:
        raise InvalidParameters(field="body") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise UnreadableBody() from None


def any_json(raw: bytes) -> Any:
    """A value, read as leniently as bodies are; what is no Unicode becomes a question mark.

    Raises:
        UnreadableBody: not JSON, or nested too deeply.
    """
    try:
        return _any.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mended = _mended(raw)
    try:
        return _any.decode(mended)
    except (msgspec.DecodeError, RecursionError):  # a number that no double holds
        raise UnreadableBody() from None


def encoded(value: Any) -> msgspec.Raw:
    """A value as JSON that can be stored: without NUL, and without what is no Unicode."""
    try:
        raw = _encode(value)
    except UnicodeEncodeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        raw = text.encode("utf-8", "replace")
    if b"\\u0000" in raw:
        raw = _ESCAPED_NUL.sub(lambda found: found[0][:-6], raw)
    return msgspec.Raw(raw)


def exact(text: str) -> str:
    """A text that can be stored: without NUL, and without what is no Unicode."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _mended(raw: bytes) -> bytes:
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UnreadableBody() from None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def is_json_null(raw: msgspec.Raw) -> bool:
    """Whether a field was absent or null."""
    return bytes(raw).strip() == b"null"


def any_value(raw: msgspec.Raw) -> Any:
    """A part of a body as plain Python values.

    Raises:
        InvalidParameters: a number that no double holds.
        UnreadableBody: nested too deeply.
    """
    try:
        return _any.decode(raw)
    except msgspec.ValidationError:
        raise InvalidParameters(field="body") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise UnreadableBody() from None


def storable(raw: msgspec.Raw) -> bytes:
    """A part of a body as it came, if the database can hold it; finer numbers than it holds become those of a double."""
    content, value = bytes(raw), any_value(raw)
    # What begins with a fixed character is found several times faster, and most contents have neither.
    if any(sign.search(content) for sign in _FINE_SIGNS) and _TOO_FINE.search(content):
        return json.dumps(value).encode()
    return content


def rewritten(raw: msgspec.Raw, change: Callable[[Any], Any]) -> msgspec.Raw:
    """A part of a body with `change` applied to its value. Raises as `any_value`."""
    value = change(any_value(raw))
    try:
        return msgspec.Raw(_encode(value))
    except (OverflowError, msgspec.MsgspecError):  # whole numbers beyond 64 bits
        return msgspec.Raw(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def without_credentials(raw: bytes) -> bytes:
    """A peer's configuration as it came, but without the passwords of its ICE servers (W3C webrtc-pc, 4.2.2)."""
    value = any_value(msgspec.Raw(raw))
    configuration = value.get("peerConfiguration") if isinstance(value, dict) else None
    servers = configuration.get("iceServers") if isinstance(configuration, dict) else None
    listed = servers if isinstance(servers, list) else [servers]
    secret = [server for server in listed if isinstance(server, dict) and "credential" in server]
    for server in secret:
        del server["credential"]
    return json.dumps(value).encode() if secret else raw


def exact_text(value: object, field: str, *, limit: int) -> str | None:
    """A text cut to `limit` characters; None when absent or empty.

    Raises:
        InvalidParameters: not a text.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidParameters(field=field)
    return value[:limit] or None


def required_text(value: object, field: str, *, limit: int) -> str:
    """As `exact_text`, but MissingParameters when absent or empty."""
    text = exact_text(value, field, limit=limit)
    if text is None:
        raise MissingParameters(field=field)
    return text


def delta_ms(value: object) -> float:
    """How long before the request the event happened; milliseconds, 0 to 31 days.

    A small negative value (the client's clock was set back) counts as 0; a longer one than 31 days is cut.

    Raises:
        InvalidParameters: not a number, or clearly negative.
    """
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidParameters(field="delta")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidParameters(field="delta")
    if value < -CLOCK_STEP_MS:
        raise InvalidParameters(field="delta")
    return float(min(max(value, 0), MAX_DELTA_MS))


def event_name(body: Body, *, default: str | None = None) -> str:
    """The event's name, cut to 32 characters; `eventName` wins over `type`."""
    name = body.eventName if body.eventName not in (None, "") else body.type
    text = exact_text(name, "eventName", limit=32) or default
    if text is None:
        raise MissingParameters(field="eventName")
    return text


def uuid_or_none(value: object) -> UUID | None:
    """The uuid that a text holds, else None."""
    return _uuid_of(value) if isinstance(value, str) and len(value) == _UUID_CHARACTERS else None


@lru_cache(maxsize=20_000)  # the same connections and peers report again and again
def _uuid_of(text: str) -> UUID | None:
    return UUID(text) if _UUID.fullmatch(text) else None


def connection_uuid(value: object) -> UUID:
    """The uuid of a connection; ConnectionNotFound for anything else."""
    found = uuid_or_none(value)
    if found is None:
        raise ConnectionNotFound(field="connectionId")
    return found


def meta(value: object) -> dict[str, Any]:
    """Tags of a session: at most 5; keys to 64 characters; finite numbers, booleans and strings to 128. Empty when falsy; nulls are dropped.

    Raises:
        InvalidMeta: any rule is broken.
    """
    if not value:
        return {}
    if not isinstance(value, dict) or len(value) > 5:
        raise InvalidMeta(limit=5)
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if len(key) > 64:
            raise InvalidMeta(key=key[:64])
        if item is None:
            continue
        if not _is_meta_value(item):
            raise InvalidMeta(key=key)
        kept[key] = item
    return kept


def _is_meta_value(item: object) -> bool:
    if isinstance(item, str):
        return len(item) <= 128
    return isinstance(item, (bool, int)) or (isinstance(item, float) and math.isfinite(item))


def decode_stats(raw: msgspec.Raw) -> StatsData:
    """The figures of a stats post. Fields of an unexpected type count as absent.

    Raises:
        MissingParameters: no data at all.
        InvalidParameters: data is not an object.
    """
    try:
        decoded = _stats.decode(raw)
    except msgspec.ValidationError:
        decoded = _salvage(raw)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise UnreadableBody() from None
    return decoded


def _salvage(raw: msgspec.Raw) -> StatsData:
    value = any_value(raw)
    if value is None:
        raise MissingParameters(field="data")
    if not isinstance(value, dict):
        raise InvalidParameters(field="data")
    return StatsData(
        audio=_flows(value.get("audio")),
        video=_flows(value.get("video")),
        connection=_pair(value.get("connection")),
        remote=_remote(value.get("remote")),
    )


def _flows(value: object) -> Flows | None:
    if not isinstance(value, dict):
        return None
    return Flows(inbound=_reports(value.get("inbound")), outbound=_reports(value.get("outbound")))


def _reports(value: object) -> list[Report]:
    if not isinstance(value, list):
        return []
    return [_report(item) for item in value if isinstance(item, dict)]


def _report(value: dict[str, Any]) -> Report:
    report: Report = _loose(value, Report, {"track"})
    track = value.get("track")
    report.track = _loose(track, Track, set()) if isinstance(track, dict) else None
    return report


def _pair(value: object) -> Pair | None:
    if not isinstance(value, dict):
        return None
    pair: Pair = _loose(value, Pair, {"local", "remote"})
    for side in ("local", "remote"):
        end = value.get(side)
        setattr(pair, side, _loose(end, Candidate, set()) if isinstance(end, dict) else None)
    return pair


def _remote(value: object) -> Remote | None:
    if not isinstance(value, dict):
        return None
    return Remote(audio=_flows(value.get("audio")), video=_flows(value.get("video")))


def _loose(value: dict[str, Any], into: Any, without: set[str]) -> Any:
    """An instance of a flat struct; fields whose value has another type are left out."""
    made = into()
    for field in msgspec.structs.fields(into):
        if field.name in without or field.name not in value:
            continue
        try:
            setattr(made, field.name, msgspec.convert(value[field.name], field.type))
        except msgspec.ValidationError:
            continue
    return made
