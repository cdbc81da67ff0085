"""What the body of a report holds, typed; and JSON that a lenient server must still be able to read."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from signalbox.playback.errors import InvalidSchema
from signalbox.playback.rules.validation import (
    DURATION_MAX_MS,
    INT32_MAX,
    INT64_MAX,
    TIMESTAMP_MAX_MS,
)

PROBLEM_OF_BODY: Final = "body"  # the field that a problem of the whole body is told under
BOM: Final = b"\xef\xbb\xbf"
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff\x00]")

Count32 = Annotated[int, Meta(ge=0, le=INT32_MAX)]
Count64 = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Bitrate = Annotated[int, Meta(ge=-1, le=INT32_MAX)]
Ratio = Annotated[float, Meta(ge=0, le=1)]


class Fields(msgspec.Struct, gc=False):
    """Every field that is read, wherever it appears. Texts are looked at apart: a wrong one refuses nothing."""

    sessionId: Annotated[str, Meta(min_length=1, max_length=128)]
    timestamp: Annotated[int, Meta(ge=1, le=TIMESTAMP_MAX_MS)]
    sessionStartDateIso: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    sessionDurationMs: Annotated[int, Meta(ge=1, le=DURATION_MAX_MS)] | None = None
    startupTimeMs: Count32 | None = None
    playerStartupMs: Count32 | None = None
    playTimeMs: Count64 | None = None
    rebufferTimeMs: Count64 | None = None
    rebufferCount: Count32 | None = None
    rebufferRatio: Ratio | None = None
    totalDroppedFrames: Count64 | None = None
    droppedFrames: Count64 | None = None
    totalSeekCount: Count32 | None = None
    totalSeekTimeMs: Count64 | None = None
    meanVideoFormatBitrate: Bitrate | None = None
    avgBitrateKbps: Bitrate | None = None
    errorCount: Count32 | None = None
    qualitySwitchCount: Count32 | None = None
    schemaVersion: Any = None
    lastErrorCode: Any = None
    lastErrorCategory: Any = None
    contentId: Any = None
    streamType: Any = None
    device: Any = None
    app: Any = None
    custom: Any = None
    deviceModel: Any = None
    osVersion: Any = None
    sdkVersion: Any = None
    connectionType: Any = None
    timelineEvents: Any = None


class TimelineEvent(msgspec.Struct, gc=False):
    """One entry of `timelineEvents`."""

    timestampMs: Annotated[int, Meta(ge=1, le=INT64_MAX)]
    elapsedMs: Count64
    playbackState: str
    totalDroppedFrames: Count64
    rebufferTimeMs: Count64
    rebufferCount: Count32
    currentBitrate: Count32 | None = None
    networkType: str | None = None
    bufferedDurationMs: Count64 | None = None


def decode_object(raw: bytes) -> dict[str, Any]:
    """The one JSON object of a body. NUL and lone surrogates in its texts, which no database keeps, become U+FFFD.

    The texts `sessionId` are left as they are, to be refused.

    Raises:
        InvalidSchema: it is not one object, no UTF-8, or holds what JSON does not have.
    """
    text = raw.removeprefix(BOM)
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError:
        body = _with_surrogates(text)
    except (UnicodeDecodeError, RecursionError) as error:
        what = "too_deep" if isinstance(error, RecursionError) else "not_utf8"
        raise InvalidSchema([(PROBLEM_OF_BODY, what)]) from None
    if not isinstance(body, dict):
        raise InvalidSchema([(PROBLEM_OF_BODY, "not_an_object")])
    return _storable(body) if b"\\u" in text else body


def _with_surrogates(text: bytes) -> Any:
    """Once more, by a reader that takes a lone surrogate."""
    if b"\\u" not in text:
        raise InvalidSchema([(PROBLEM_OF_BODY, "not_json")])
    try:
        return json.loads(text.decode(), parse_constant=_refused, parse_float=_finite)
    except UnicodeDecodeError:
        problem = "not_utf8"
    except ValueError:
        problem = "not_json"
    except RecursionError:
        problem = "too_deep"
    raise InvalidSchema([(PROBLEM_OF_BODY, problem)])


def _refused(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def _storable(body: dict[str, Any]) -> dict[str, Any]:
    try:
        cleaned: dict[str, Any] = _clean(body)
    except RecursionError:
        raise InvalidSchema([(PROBLEM_OF_BODY, "too_deep")]) from None
    if "sessionId" in body:
        cleaned["sessionId"] = body["sessionId"]
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_clean(name): _clean(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value
