"""Which values a report may carry, and what is wrong with one that it may not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

MAX_DEPTH: Final = 32
MAX_MEMBERS: Final = 2000
MAX_DIGITS: Final = 40
INT32_MAX: Final = 2_147_483_647
INT64_MAX: Final = 2**63 - 1
TIMESTAMP_MAX_MS: Final = 253_402_300_799_999  # the end of the year 9999
DURATION_MAX_MS: Final = 315_360_000_000  # ten years
SESSION_ID_MAX: Final = 128
START_MAX: Final = 64
CUSTOM_MAX: Final = 50
CUSTOM_KEY_MAX: Final = 64
CUSTOM_VALUE_MAX: Final = 512
NO_BITRATE: Final = -1  # Media3: no video format was seen

_DIGITS: Final = re.compile(r"-?[0-9]{1,40}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TOO_BIG: Final = 10**MAX_DIGITS


class Problem(NamedTuple):
    """What is wrong with one field."""

    field: str
    problem: str


class Bounds(NamedTuple):
    """The whole numbers that a field may have, both ends included, and one more that means "unknown"."""

    low: int
    high: int
    unknown: int | None = None


class NotWhole(ValueError):
    """The value is no whole number."""


_COUNT32: Final = Bounds(0, INT32_MAX)
_COUNT64: Final = Bounds(0, INT64_MAX)
_BITRATE: Final = Bounds(0, INT32_MAX, NO_BITRATE)

WHOLE_NUMBERS: Final[dict[str, Bounds]] = {
    "timestamp": Bounds(1, TIMESTAMP_MAX_MS),
    "sessionDurationMs": Bounds(1, DURATION_MAX_MS),
    "startupTimeMs": _COUNT32,
    "playerStartupMs": _COUNT32,
    "playTimeMs": _COUNT64,
    "rebufferTimeMs": _COUNT64,
    "rebufferCount": _COUNT32,
    "totalDroppedFrames": _COUNT64,
    "droppedFrames": _COUNT64,
    "totalSeekCount": _COUNT32,
    "totalSeekTimeMs": _COUNT64,
    "meanVideoFormatBitrate": _BITRATE,
    "avgBitrateKbps": _BITRATE,
    "errorCount": _COUNT32,
    "qualitySwitchCount": _COUNT32,
}
RATIO: Final = "rebufferRatio"


def whole_number(value: object) -> int:
    """A whole number, given as such, as 450.0 or as the text "450". Raises NotWhole for anything else."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and _DIGITS.fullmatch(value):
        return int(value)
    raise NotWhole


def with_whole_numbers(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The same, with the members `names` as plain whole numbers; absent and null ones stay so. Raises NotWhole."""
    told = {name: values[name] for name in names if values.get(name) is not None}
    return values | {name: whole_number(value) for name, value in told.items()}


def number_problem(value: object, bounds: Bounds) -> str | None:
    """Why a value is refused: "not_an_integer", "negative", "out_of_range"; None when it is fine."""
    try:
        number = whole_number(value)
    except NotWhole:
        return "not_an_integer"
    if bounds.low <= number <= bounds.high or number == bounds.unknown:
        return None
    return "negative" if number < 0 else "out_of_range"


def ratio_problem(value: object) -> str | None:
    """Why a ratio is refused: "not_a_number", "out_of_range"; None when it is fine."""
    if type(value) not in (int, float):
        return "not_a_number"
    return None if 0 <= value <= 1 else "out_of_range"  # type: ignore[operator]  # a number by now


def id_problem(value: object) -> str | None:
    """Why a session's id is refused; None when it is fine."""
    if value is None:
        return "missing"
    if not isinstance(value, str):
        return "not_a_string"
    if not value.strip():
        return "blank"
    if len(value) > SESSION_ID_MAX:
        return "too_long"
    return "control_character" if _CONTROL.search(value) else None


def start_problem(value: object) -> str | None:
    """Why a start is refused; that it is no time is no reason."""
    if not isinstance(value, str):
        return "not_a_string"
    if not value.strip():
        return "blank"
    return "too_long" if len(value) > START_MAX else None


def problems_of(body: dict[str, Any]) -> list[Problem]:
    """Everything that is wrong with a report's fields, in their order; empty when it can be stored."""
    found = [("sessionId", id_problem(body.get("sessionId")))]
    if body.get("timestamp") is None:
        found.append(("timestamp", "missing"))
    found.extend(_pair_problems(body))
    for name, bounds in WHOLE_NUMBERS.items():
        value = body.get(name)
        if value is not None:
            found.append((name, number_problem(value, bounds)))
    ratio = body.get(RATIO)
    if ratio is not None:
        found.append((RATIO, ratio_problem(ratio)))
    return [Problem(field, problem) for field, problem in found if problem is not None]


def _pair_problems(body: dict[str, Any]) -> Iterable[tuple[str, str | None]]:
    """Start and duration come together or not at all."""
    start, duration = body.get("sessionStartDateIso"), body.get("sessionDurationMs")
    if (start is None) != (duration is None):
        yield "sessionStartDateIso" if start is None else "sessionDurationMs", "missing"
    if start is not None:
        yield "sessionStartDateIso", start_problem(start)


def shape_problem(body: dict[str, Any], *, apart: str) -> str | None:
    """Whether a body is built too big: "too_deep", "too_many_members", "number_too_long"; None when it is fine.

    What lies under the member `apart` is not looked at. The body itself is depth 1.
    """
    members = 0
    level: list[Any] = [{name: value for name, value in body.items() if name != apart}]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for container in level:
            members += len(container) if isinstance(container, dict) else 0
            if _has_long_number(container, below):
                return "number_too_long"
        if members > MAX_MEMBERS:
            return "too_many_members"
        if not below:
            return None
        level = below
    return "too_deep"


def _has_long_number(container: Any, below: list[Any]) -> bool:
    """Whether one of its values is; puts the containers among them into `below`."""
    for value in container.values() if isinstance(container, dict) else container:
        kind = type(value)
        if kind is dict or kind is list:
            below.append(value)
        elif kind is int and abs(value) >= _TOO_BIG:
            return True
    return False
