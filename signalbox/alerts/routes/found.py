"""Alerts: the list, one of them, that somebody has seen it; what rules can look at."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from signalbox.alerts import queries
from signalbox.alerts.clients import FIGURES
from signalbox.alerts.errors import AlertNotFound, AppUnknown, InvalidParameters
from signalbox.alerts.queries import AlertFilter
from signalbox.alerts.routes import shapes
from signalbox.alerts.routes.given import (
    AnyRequest,
    AppId,
    GivenActor,
    GivenClock,
    GivenDb,
    GivenPage,
    Text,
    instant_of,
    one_of,
    uuid_of,
)
from signalbox.alerts.service.looking_back import series
from signalbox.alerts.service.writing import acknowledge, seen_app
from signalbox.core.errors import AppError
from signalbox.http.answers import Answer, json_answer, list_of
from signalbox.http.answers import one_of as one_answer
from signalbox.http.fields import fields_of, given

MOST = 500  # of a list without a page
EVALUATIONS_MOST = 2000
NOTE_MOST = 2000


@get("", responses=list_of(shapes.AlertItem), summary="Alerts")
async def list_alerts(
    db: GivenDb,
    actor: GivenActor,
    page: GivenPage,
    app_id: AppId = None,
    context: Annotated[Text, QueryParameter(description="playback or monitoring")] = None,
    rule: Annotated[Text, QueryParameter(description="name or id of a rule")] = None,
    severity: Annotated[Text, QueryParameter(description="warning or critical")] = None,
    is_open: Annotated[
        Text, QueryParameter(name="state", description="open or closed; both without")
    ] = None,
    begin: Annotated[
        Text, QueryParameter(name="from", description="open at or after this instant")
    ] = None,
    end: Annotated[Text, QueryParameter(name="to", description="begun before this instant")] = None,
    parts: Annotated[
        Text, QueryParameter(description="no: without those that are parts of another")
    ] = None,
) -> Answer:
    """Open and closed alerts, the newest first; without a page the newest 500."""
    chosen = one_of(is_open, "state", ("open", "closed"))
    wanted = AlertFilter(
        app_id=uuid_of(app_id, "appId"),
        context=one_of(context, "context", ("playback", "monitoring")),
        rule=_storable(rule, "rule"),
        severity=one_of(severity, "severity", ("warning", "critical")),
        is_open=None if chosen is None else chosen == "open",
        begin=instant_of(begin, "from"),
        end=instant_of(end, "to"),
        parents_only=one_of(parts, "parts", ("yes", "no")) == "no",
    )
    async with db.read() as tx:
        if wanted.app_id is not None:
            try:
                await seen_app(tx, actor, wanted.app_id)
            except AppError:
                raise AppUnknown(field="appId") from None
        limit, offset = (page.limit, page.offset) if page else (MOST, 0)
        rows = await queries.alerts(tx, actor, wanted, limit=limit, offset=offset)
        count = await queries.alert_count(tx, actor, wanted) if page else 0
    items = [shapes.AlertItem(**shapes.alert_fields(row, FIGURES)) for row in rows]
    return json_answer({"results": items, "count": count} if page else {"data": items})


@get("/figures", responses=list_of(shapes.FigureItem), summary="What rules can look at")
async def list_figures(
    actor: GivenActor,  # noqa: ARG001  # taken so that strangers get 401
) -> Answer:
    """Every figure, with the dimensions by which its sessions can be told apart."""
    return json_answer({"data": [shapes.figure_item(figure) for figure in FIGURES.values()]})


@get("/{alert_id:uuid}", responses=one_answer(shapes.AlertDetail), summary="An alert")
async def get_alert(
    db: GivenDb, actor: GivenActor, clock: GivenClock, alert_id: FromPath[UUID]
) -> Answer:
    """One alert with its parts, the looks since it opened, the minutes from an hour before it on (a day at most), and who was told."""
    async with db.read() as tx:
        row = await queries.alert(tx, actor, alert_id)
        if row is None:
            raise AlertNotFound
        parts = await queries.children(tx, actor, [alert_id])
        looks = await queries.evaluations(tx, actor, alert_id, most=EVALUATIONS_MOST)
        points = await series(tx, actor, row, at=clock.now())
        told = await queries.deliveries(tx, actor, alert_id)
    detail = shapes.AlertDetail(
        **shapes.alert_fields(row, FIGURES),
        children=[shapes.AlertItem(**shapes.alert_fields(part, FIGURES)) for part in parts],
        evaluations=[shapes.evaluation_item(look) for look in looks],
        series=[shapes.point_item(point) for point in points],
        deliveries=[shapes.delivery_item(one) for one in told],
    )
    return json_answer({"data": detail})


@post(
    "/{alert_id:uuid}/acknowledge",
    status_code=200,
    responses=one_answer(shapes.AlertItem),
    summary="Say that an alert was seen",
    request_max_body_size=None,
)
async def acknowledge_alert(
    request: AnyRequest, db: GivenDb, actor: GivenActor, clock: GivenClock, alert_id: FromPath[UUID]
) -> Answer:
    """Somebody takes care: it is not told again. With a `note`; `{"acknowledged": false}` takes it back."""
    fields = await fields_of(request, empty_ok=True)
    seen, note = given(fields, "acknowledged", bool), given(fields, "note", str)
    if note is not None and len(note) > NOTE_MOST:
        raise InvalidParameters(field="note")
    row = await acknowledge(
        db, alert_id, seen=seen is not False, note=note or None, by=actor, at=clock.now()
    )
    return json_answer({"data": shapes.AlertItem(**shapes.alert_fields(row, FIGURES))})


def _storable(text: str | None, field: str) -> str | None:
    if text and "\x00" in text:
        raise InvalidParameters(field=field)
    return text or None


HANDLERS = (list_alerts, list_figures, get_alert, acknowledge_alert)
