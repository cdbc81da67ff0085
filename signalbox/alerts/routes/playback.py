"""`GET /v1/playback/alerts`: the alerts of one app, in the words of playback."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter, SkipValidationMarker

from signalbox.alerts import queries
from signalbox.alerts.errors import InvalidParameters
from signalbox.alerts.queries import AlertFilter
from signalbox.alerts.routes.given import GivenClock, GivenDb, Text, instant_of
from signalbox.alerts.rules.messages import alert_object
from signalbox.core.actor import Actor
from signalbox.http.answers import Answer, json_answer
from signalbox.playback.errors import InvalidSchema

LIMIT, LIMIT_MOST = 100, 500
RECENT: Final = timedelta(days=7)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


class Reader(Protocol):
    """Who may read the sessions of an app, as playback has found."""

    app_id: UUID
    actor: Actor


GivenReader = Annotated[NamedDependency[Reader], SkipValidationMarker()]


class PlaybackAlert(msgspec.Struct, kw_only=True, rename="camel"):
    """An alert. `cohort` is `all`, or a property as in `device=Tab X`; `rate` is the figure, told from `n` sessions, of which `k` were bad."""

    id: str
    tenant: str
    rule: str
    cohort: str
    started_at: str
    cleared_at: str | None
    severity: str
    n: int
    k: int | None
    rate: float | None
    baseline: float
    p_value: float | None
    sample_session_ids: list[str]


class PlaybackAlerts(msgspec.Struct, kw_only=True, rename="camel"):
    """A part of the list."""

    items: list[PlaybackAlert]
    next_cursor: str | None


async def list_playback_alerts(
    db: GivenDb,
    clock: GivenClock,
    reader: GivenReader,
    begin: Annotated[
        Text,
        QueryParameter(
            name="from", description="open at or after this instant; 7 days ago without"
        ),
    ] = None,
    end: Annotated[Text, QueryParameter(name="to", description="begun before this instant")] = None,
    limit: Annotated[Text, QueryParameter(description="1 to 500; 100 without")] = None,
    cursor: Annotated[Text, QueryParameter(description="`nextCursor` of the part before")] = None,
) -> Answer:
    """What is open, and what was within the last days, the newest first."""
    try:
        since = instant_of(begin, "from") or clock.now() - RECENT
        wanted = AlertFilter(
            app_id=reader.app_id, context="playback", begin=since, end=instant_of(end, "to")
        )
    except InvalidParameters as error:
        raise InvalidSchema([(str(error.facts["field"]), "malformed")]) from None
    most, before = _limit(limit), _place(cursor)
    async with db.read() as tx:
        rows = await queries.alerts(tx, reader.actor, wanted, limit=most + 1, before=before)
    shown = rows[:most]
    return json_answer(
        {
            "items": [alert_object(row) for row in shown],
            "nextCursor": _cursor(shown[-1]) if len(rows) > most else None,
        }
    )


def _limit(text: str | None) -> int:
    if not text:
        return LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LIMIT_MOST):
        raise InvalidSchema([("limit", "out of range")])
    return int(text)


def _cursor(row: Mapping[str, Any]) -> str:
    at_us = (row["started_at"] - _EPOCH) // _US
    return base64.urlsafe_b64encode(f"{at_us}.{row['id'].hex}".encode()).decode()


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        at_us, _, key = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii").partition(".")  # fmt: skip
        return _EPOCH + int(at_us) * _US, UUID(key)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidSchema([("cursor", "malformed")]) from None


def playback_handlers(refusals: Mapping[int, ResponseSpec]) -> tuple[HTTPRouteHandler, ...]:
    """The route, for the router of playback, whose `refusals` are told of it, too."""
    listed = ResponseSpec(PlaybackAlerts, generate_examples=False, description="The alerts.")
    made = get("/alerts", responses={200: listed, **refusals}, summary="Open and recent alerts")
    return (made(list_playback_alerts),)
