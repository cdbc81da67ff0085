"""Filters as they stand in a query string, made exact."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar.params import QueryParameter

from signalbox.monitoring.errors import InvalidParameters, MissingParameters
from signalbox.monitoring.queries import Span
from signalbox.monitoring.rules.issues import ERROR, WARNING
from signalbox.monitoring.wire import uuid_or_none

MAX_IDS = 1_000
MAX_TEXT = 256

AppId = Annotated[str | None, QueryParameter(name="appId", description="uuid of an app")]
OrganizationId = Annotated[
    str | None, QueryParameter(name="organizationId", description="uuid of an organization")
]
ConferenceId = Annotated[
    str | None, QueryParameter(name="conferenceId", description="uuid of a conference")
]
ParticipantId = Annotated[
    str | None, QueryParameter(name="participantId", description="uuid of a participant")
]
SessionId = Annotated[str | None, QueryParameter(name="sessionId", description="uuid of a session")]
ConnectionId = Annotated[
    str | None, QueryParameter(name="connectionId", description="uuid of a connection")
]
Kind = Annotated[
    str | None, QueryParameter(name="type", description="type; of events `-x`: all but x")
]

# Nothing was made before or will be made after; between them no arithmetic leaves the calendar.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_OFFSET_AFTER_BLANK = re.compile(r" (\d\d:?\d\d)$", re.ASCII)


def uuid_of(value: str | None, field: str) -> UUID | None:
    """The uuid; None when absent or empty; InvalidParameters for anything else."""
    if not value:
        return None
    found = uuid_or_none(value)
    if found is None:
        raise InvalidParameters(field=field)
    return found


def uuids_of(value: str | None, field: str) -> list[UUID] | None:
    """A comma list of uuids, each once; None when absent or empty."""
    if not value:
        return None
    found = [uuid_of(part.strip(), field) for part in value.split(",") if part.strip()]
    if len(found) > MAX_IDS:
        raise InvalidParameters(field=field)
    return [key for key in dict.fromkeys(found) if key is not None]


def seconds_of(value: str | None, field: str) -> float | None:
    """A finite number of seconds; None when absent or empty."""
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        raise InvalidParameters(field=field) from None
    if not math.isfinite(number):
        raise InvalidParameters(field=field)
    return number


def text_of(value: str | None, field: str) -> str | None:
    """A short text without control characters; None when absent or empty.

    Joiners, marks of direction and unusual blanks are letters of names: Persian is not written without them.
    """
    text = value_of(value, field)
    if text is not None and any(unicodedata.category(letter) == "Cc" for letter in text):
        raise InvalidParameters(field=field)
    return text


def value_of(value: str | None, field: str) -> str | None:
    """A short text as sessions may have it, line breaks included: whatever the database can hold; None when absent or empty."""
    if not value:
        return None
    if len(value) > MAX_TEXT or "\x00" in value:
        raise InvalidParameters(field=field)
    return value


def kind_of(value: str | None, field: str) -> str | None:
    """`warning` or `error`; None when absent or empty."""
    if value and value not in (WARNING, ERROR):
        raise InvalidParameters(field=field)
    return value or None


def instant_of(value: str | None, field: str) -> datetime | None:
    """An ISO 8601 date or time, aware; without a zone it is UTC. A `+` that arrived as a blank is understood.

    What lies before 1900 or after 8999, as some write for "always", becomes the bound itself.
    """
    if not value:
        return None
    text = _OFFSET_AFTER_BLANK.sub(r"+\1", value) if "T" in value else value
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameters(field=field) from None
    return min(max(at, _EARLIEST), _LATEST)


async def provide_span(
    created_at_gt: Annotated[str | None, QueryParameter(description="created after")] = None,
    created_at_gte: Annotated[str | None, QueryParameter(description="created at or after")] = None,
    created_at_lt: Annotated[str | None, QueryParameter(description="created before")] = None,
    created_at_lte: Annotated[
        str | None, QueryParameter(description="created at or before")
    ] = None,
) -> Span:
    """Dependency `span`: bounds on created_at; empty when none is given."""
    return Span(
        gt=instant_of(created_at_gt, "created_at_gt"),
        gte=instant_of(created_at_gte, "created_at_gte"),
        lt=instant_of(created_at_lt, "created_at_lt"),
        lte=instant_of(created_at_lte, "created_at_lte"),
    )


def require_some(*filters: object) -> None:
    """Refuse a list without any filter.

    Raises:
        MissingParameters: all are None or empty.
    """
    if not any(given is not None and given != Span() for given in filters):
        raise MissingParameters(field="filter")
