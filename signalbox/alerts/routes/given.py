"""What the application gives to the routes, by name, and what a query string says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidationMarker

from signalbox.alerts.errors import InvalidParameters
from signalbox.alerts.service.writing import Channels
from signalbox.core.actor import Actor
from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.http.paging import Page

AnyRequest = Request[Any, Any, Any]
GivenDb = NamedDependency[Database]
# A Protocol cannot be checked when the application hands it in.
GivenClock = Annotated[NamedDependency[Clock], SkipValidationMarker()]
GivenActor = NamedDependency[Actor]
GivenPage = NamedDependency[Page | None]
GivenChannels = NamedDependency[Channels]
AppId = Annotated[str | None, QueryParameter(name="appId", description="uuid of an app")]
Text = str | None


def uuid_of(text: str | None, field: str) -> UUID | None:
    """A uuid; None when absent or empty. Raises InvalidParameters."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidParameters(field=field) from None


def instant_of(text: str | None, field: str) -> datetime | None:
    """An ISO 8601 instant, UTC where it says no zone, or milliseconds since the Unix epoch; None when absent or empty. Raises InvalidParameters."""
    if not text:
        return None
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        # A plus sign that was not escaped arrives as a blank.
        at = datetime.fromisoformat(
            text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text
        )
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidParameters(field=field) from None
    if not 1970 <= at.year < 9000:
        raise InvalidParameters(field=field)
    return at


def one_of(text: str | None, field: str, choices: tuple[str, ...]) -> str | None:
    """One of a few words; None when absent or empty. Raises InvalidParameters."""
    if text and text not in choices:
        raise InvalidParameters(field=field)
    return text or None
