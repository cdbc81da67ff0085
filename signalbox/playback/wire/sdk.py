"""Reports of Media3Watch's SDK, in each of its dialects (docs/reference/playback-wire.md)."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from signalbox.playback.errors import InvalidSchema
from signalbox.playback.rules.reports import STATES, Entry, Figures, Report
from signalbox.playback.rules.timelines import states_of, thinned
from signalbox.playback.rules.times import parsed_iso_ms
from signalbox.playback.rules.validation import (
    CUSTOM_KEY_MAX,
    CUSTOM_MAX,
    CUSTOM_VALUE_MAX,
    NO_BITRATE,
    WHOLE_NUMBERS,
    NotWhole,
    id_problem,
    problems_of,
    shape_problem,
    start_problem,
    whole_number,
    with_whole_numbers,
)
from signalbox.playback.wire.bodies import PROBLEM_OF_BODY, Fields, TimelineEvent

TIMELINE: Final = "timelineEvents"
_D3: Final = frozenset({"deviceModel", "osVersion", "sdkVersion", "connectionType", TIMELINE})
_EVENT_NUMBERS: Final = (
    "timestampMs",
    "elapsedMs",
    "totalDroppedFrames",
    "rebufferTimeMs",
    "rebufferCount",
    "currentBitrate",
    "bufferedDurationMs",
)
_KNOWN_MAJOR: Final = "1"
_canonical = msgspec.json.Encoder(order="sorted").encode


def read_report(body: dict[str, Any], *, received_ms: int) -> Report:
    """A report from its decoded body.

    Raises:
        InvalidSchema: with every field that is wrong.
    """
    shape = shape_problem(body, apart=TIMELINE)
    if shape is not None:
        raise InvalidSchema([(PROBLEM_OF_BODY, shape)])
    fields = _fields(body)
    warnings: list[str] = []
    figures = _figures(fields, body, warnings)
    started = parsed_iso_ms(figures.start_iso_raw)
    if figures.start_iso_raw is not None and started is None:
        warnings.append("unparsable:sessionStartDateIso")
    entries, rejected = _timeline(fields.timelineEvents, warnings)
    payload = _payload(body, warnings)
    return Report(
        session_id=fields.sessionId,
        source="media3watch",
        dialect=dialect_of(body),
        client_ts_ms=fields.timestamp,
        received_ms=received_ms,
        figures=figures,
        payload=payload,
        payload_hash=hashlib.sha256(payload).digest(),
        started_client_ms=started,
        warnings=tuple(warnings),
        timeline=entries,
        timeline_rejected=rejected,
        states=states_of(entries, client_ts_ms=fields.timestamp, received_ms=received_ms),
    )


def dialect_of(body: dict[str, Any]) -> str:
    """A label: which generation of clients writes so."""
    neither = body.get("sessionDurationMs") is None and body.get("sessionStartDateIso") is None
    if body.get("schemaVersion") is not None or neither:
        return "D1"
    return "D2" if _D3.isdisjoint(body) else "D3"


def _fields(body: dict[str, Any]) -> Fields:
    try:
        fields = msgspec.convert(body, Fields)
    except msgspec.ValidationError:
        problems = problems_of(body)
        if problems:
            raise InvalidSchema(problems) from None
        fields = msgspec.convert(with_whole_numbers(body, WHOLE_NUMBERS), Fields)
    if (
        (fields.sessionStartDateIso is None) != (fields.sessionDurationMs is None)
        or id_problem(fields.sessionId) is not None
        or (fields.sessionStartDateIso is not None and start_problem(fields.sessionStartDateIso))
    ):
        raise InvalidSchema(problems_of(body))
    return fields


class _Texts:
    """Reads optional texts: a long one is cut, one that is none is left out; both with a warning."""

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings

    def read(self, value: Any, name: str, most: int) -> str | None:
        """The text of a field, None when it has none."""
        if value is None:
            return None
        if not isinstance(value, str):
            self._warnings.append(f"ignored:{name}")
            return None
        if len(value) > most:
            self._warnings.append(f"truncated:{name}")
            return value[:most]
        return value

    def or_number(self, value: Any, name: str, most: int) -> str | None:
        """As `read`, of a field that may be a whole number too."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                value = str(whole_number(value))
            except NotWhole:
                value = str(value)
        return self.read(value, name, most)

    def inner(self, value: Any, name: str) -> dict[str, Any]:
        """The members of a nested object, none when there is no object."""
        if value is not None and not isinstance(value, dict):
            self._warnings.append(f"ignored:{name}")
        return value if isinstance(value, dict) else {}


def _figures(fields: Fields, body: dict[str, Any], warnings: list[str]) -> Figures:
    texts = _Texts(warnings)
    device, app = texts.inner(fields.device, "device"), texts.inner(fields.app, "app")
    model = texts.read(fields.deviceModel, "deviceModel", 128)
    kind = texts.read(fields.streamType, "streamType", 16)
    return Figures(
        start_iso_raw=fields.sessionStartDateIso,
        duration_ms=fields.sessionDurationMs,
        schema_version=_version(fields.schemaVersion, texts, warnings),
        player_startup_ms=_first(fields.startupTimeMs, fields.playerStartupMs),
        play_time_ms=fields.playTimeMs,
        rebuffer_time_ms=fields.rebufferTimeMs,
        rebuffer_count=fields.rebufferCount,
        rebuffer_ratio_reported=fields.rebufferRatio,
        dropped_frames=_first(fields.totalDroppedFrames, fields.droppedFrames),
        seek_count=fields.totalSeekCount,
        seek_time_ms=fields.totalSeekTimeMs,
        mean_bitrate_bps=_bitrate(fields),
        error_count=fields.errorCount,
        last_error_code=texts.or_number(fields.lastErrorCode, "lastErrorCode", 64),
        last_error_category=texts.read(fields.lastErrorCategory, "lastErrorCategory", 16),
        quality_switches=fields.qualitySwitchCount,
        content_id=texts.read(fields.contentId, "contentId", 256),
        stream_type=None if kind is None else kind.upper()[:16],
        device_model=model or texts.read(device.get("model"), "device.model", 128),
        os_name=texts.read(device.get("os"), "device.os", 32) or _android(body, fields),
        os_version=texts.or_number(fields.osVersion, "osVersion", 32)
        or texts.or_number(device.get("osVersion"), "device.osVersion", 32),
        app_name=texts.read(app.get("name"), "app.name", 128),
        app_version=texts.or_number(app.get("version"), "app.version", 32),
        sdk_version=texts.read(fields.sdkVersion, "sdkVersion", 32),
        connection_type=texts.read(fields.connectionType, "connectionType", 16),
    )


def _android(body: dict[str, Any], fields: Fields) -> str | None:
    """Only Android's SDK names the device flatly."""
    return "Android" if fields.deviceModel is not None and dialect_of(body) == "D3" else None


def _version(value: Any, texts: _Texts, warnings: list[str]) -> str | None:
    version = texts.read(value, "schemaVersion", 16)
    if version is not None and version.partition(".")[0] != _KNOWN_MAJOR:
        warnings.append("unknown:schemaVersion")
    return version


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _bitrate(fields: Fields) -> int | None:
    if fields.meanVideoFormatBitrate not in (None, NO_BITRATE):
        return fields.meanVideoFormatBitrate
    if fields.avgBitrateKbps in (None, NO_BITRATE):
        return None
    return (fields.avgBitrateKbps or 0) * 1000


def _payload(body: dict[str, Any], warnings: list[str]) -> bytes:
    """The body without its timeline, and without more custom members than are kept."""
    kept = {name: value for name, value in body.items() if name != TIMELINE}
    custom = kept.get("custom")
    if custom is not None:
        kept["custom"] = _custom(custom, warnings)
    return _canonical(kept)


def _custom(custom: Any, warnings: list[str]) -> dict[str, str] | None:
    if not isinstance(custom, dict):
        warnings.append("ignored:custom")
        return None
    fitting = {
        name: value
        for name, value in custom.items()
        if isinstance(value, str) and len(name) <= CUSTOM_KEY_MAX and len(value) <= CUSTOM_VALUE_MAX
    }
    names = list(fitting)[:CUSTOM_MAX]
    if len(names) < len(custom):
        warnings.append("dropped:custom")
    return {name: fitting[name] for name in names}


# --- timeline -------------------------------------------------------------------------------------


def _timeline(value: Any, warnings: list[str]) -> tuple[tuple[Entry, ...], int]:
    """The good entries, in their order, and how many were bad."""
    if value is None:
        return (), 0
    if not isinstance(value, list):
        warnings.append(f"ignored:{TIMELINE}")
        return (), 0
    used = thinned(value)
    if len(used) < len(value):
        warnings.append("timeline_thinned")
    try:
        events = msgspec.convert(used, list[TimelineEvent])
    except msgspec.ValidationError:
        events = [event for event in map(_event, used) if event is not None]
    entries = [_entry(event) for event in events if event.playbackState in STATES]
    return tuple(entries), len(used) - len(entries)


def _event(value: Any) -> TimelineEvent | None:
    """One entry, whole numbers in any of their forms; None when it is bad."""
    try:
        if isinstance(value, dict):
            value = with_whole_numbers(value, _EVENT_NUMBERS)
        return msgspec.convert(value, TimelineEvent)
    except (msgspec.ValidationError, NotWhole):
        return None


def _entry(event: TimelineEvent) -> Entry:
    network = event.networkType
    return Entry(
        event.elapsedMs,
        event.timestampMs,
        event.playbackState,
        event.currentBitrate,
        None if network is None else network[:16],
        event.totalDroppedFrames,
        event.bufferedDurationMs,
        event.rebufferCount,
        event.rebufferTimeMs,
    )
