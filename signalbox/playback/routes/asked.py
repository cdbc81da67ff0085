"""What stands in a query string, made exact."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from signalbox.playback.errors import InvalidSchema
from signalbox.playback.queries.selecting import EQUAL, Selection
from signalbox.playback.queries.sessions import Position
from signalbox.playback.rules.spans import DAY

MOST_ITEMS: Final = 500
DEFAULT_ITEMS: Final = 100
TEXT_MAX: Final = 256
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_OUTCOMES: Final = "played, playback_failure, start_failure, ebvs, early_exit, no_attempt, unknown"

Text = str | None
From = Annotated[
    Text,
    QueryParameter(name="from", description="ISO 8601 or epoch ms; 24 hours before `to` without"),
]
To = Annotated[
    Text, QueryParameter(name="to", description="ISO 8601 or epoch ms, not included; now without")
]
ContentId = Annotated[Text, QueryParameter(name="contentId")]
StreamType = Annotated[Text, QueryParameter(name="streamType", description="VOD or LIVE")]
Outcome = Annotated[Text, QueryParameter(name="outcome", description=_OUTCOMES)]
DeviceModel = Annotated[Text, QueryParameter(name="deviceModel")]
SdkVersion = Annotated[Text, QueryParameter(name="sdkVersion")]
ConnectionType = Annotated[Text, QueryParameter(name="connectionType")]
HasErrors = Annotated[Text, QueryParameter(name="hasErrors", description="true or false")]
MinStartup = Annotated[
    Text, QueryParameter(name="minStartupMs", description="first frame after so long or longer")
]


class Filters(NamedTuple):
    """Filters as they were given."""

    begin: Text
    end: Text
    equal: Mapping[str, Text]
    has_errors: Text
    min_startup: Text


async def provide_filters(
    begin: From = None,
    end: To = None,
    content_id: ContentId = None,
    stream_type: StreamType = None,
    outcome: Outcome = None,
    device_model: DeviceModel = None,
    sdk_version: SdkVersion = None,
    connection_type: ConnectionType = None,
    has_errors: HasErrors = None,
    min_startup: MinStartup = None,
) -> Filters:
    """Dependency `filters`."""
    equal = {
        "contentId": content_id,
        "streamType": stream_type.upper() if stream_type else None,
        "outcome": outcome,
        "deviceModel": device_model,
        "sdkVersion": sdk_version,
        "connectionType": connection_type,
    }
    return Filters(begin, end, equal, has_errors, min_startup)


def selection(filters: Filters, app_id: UUID, *, now: datetime) -> Selection:
    """The sessions that are asked for; all that is wrong is told at once. Raises InvalidSchema."""
    problems: list[tuple[str, str]] = []

    def read(name: str, value: Text, how: Any) -> Any:
        try:
            return how(value) if value else None
        except ValueError:
            problems.append((name, "malformed"))
            return None

    end = read("to", filters.end, instant) or now
    begin = read("from", filters.begin, instant) or end - DAY
    equal = {
        name: found
        for name in EQUAL
        if (found := read(name, filters.equal.get(name), _text)) is not None
    }
    has_errors = read("hasErrors", filters.has_errors, _flag)
    least = read("minStartupMs", filters.min_startup, _count)
    if not problems and begin >= end:
        problems.append(("from", "not_before_to"))
    if problems:
        raise InvalidSchema(problems)
    return Selection(
        app_id=app_id,
        begin=begin,
        end=end,
        equal=equal,
        has_errors=has_errors,
        min_startup_ms=least,
    )


def instant(text: str) -> datetime:
    """ISO 8601 (without a zone it is UTC; a `+` that arrived as a blank is understood) or whole ms since the epoch. Raises ValueError."""
    try:
        if text.isascii() and text.isdecimal():
            at = _EARLIEST + timedelta(milliseconds=int(text[:16]))
        else:
            at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None
    return min(max(at, _EARLIEST), _LATEST)


def _text(text: str) -> str:
    if len(text) > TEXT_MAX or "\x00" in text or not text.isprintable():
        raise ValueError(text)
    return text


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError(text)
    return text.lower() in ("true", "1")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise ValueError(text)
    return min(int(text), 2**31 - 1)


def limit_of(text: Text, most: int = MOST_ITEMS, default: int = DEFAULT_ITEMS) -> int:
    """How many items; 1 to `most`. Raises InvalidSchema."""
    if not text:
        return default
    try:
        found = _count(text)
    except ValueError:
        raise InvalidSchema([("limit", "malformed")]) from None
    if not 1 <= found <= most:
        raise InvalidSchema([("limit", "out_of_range")])
    return found


def choice_of(text: Text, field: str, known: Mapping[str, Any]) -> str | None:
    """One of several words; None without. Raises InvalidSchema."""
    if not text:
        return None
    if text not in known:
        raise InvalidSchema([(field, "malformed")])
    return text


class Place(msgspec.Struct, array_like=True):
    """Where a list goes on, and the span that it is of: `now` has moved on when the next page is asked for."""

    last_us: int
    last_id: int
    begin_us: int
    end_us: int


def cursor_of(position: Position, chosen: Selection) -> str:
    """A place as clients carry it: a text that means nothing to them."""
    place = Place(_us(position.at), position.id, _us(chosen.begin), _us(chosen.end))
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def place_of(text: Text) -> Place | None:
    """The opposite of `cursor_of`; None without. Raises InvalidSchema."""
    if not text:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        place = msgspec.msgpack.decode(raw, type=Place)
        for us in (place.last_us, place.begin_us, place.end_us):
            at_us(us)
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError):
        raise InvalidSchema([("cursor", "malformed")]) from None
    return place


def at_us(us: int) -> datetime:
    """The instant so many microseconds after the epoch."""
    return _EARLIEST + timedelta(microseconds=us)


def _us(at: datetime) -> int:
    return (at - _EARLIEST) // timedelta(microseconds=1)
