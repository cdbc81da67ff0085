"""Organizations and apps: list, show, add, change, switch off, give another key.

The rows belong to accounts; they stand here because an app carries its participant minutes and speaks this dialect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from signalbox.accounts import queries as accounts_queries
from signalbox.accounts import service as accounts
from signalbox.accounts.errors import (
    AppNotFound,
    OrganizationNotFound,
    OrganizationUnknown,
)
from signalbox.accounts.guards import accounts_of
from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.http.answers import Answer, Whole, answers, json_answer, list_of, one_of, printed
from signalbox.http.fields import fields_of, given, needed, texts
from signalbox.monitoring.errors import MissingParameters
from signalbox.monitoring.queries.usage import usage
from signalbox.monitoring.routes import filters
from signalbox.monitoring.routes.answers import page_answer
from signalbox.monitoring.routes.given import (
    GivenActor,
    GivenClock,
    GivenDb,
    GivenOrder,
    GivenPage,
)
from signalbox.monitoring.wire import uuid_or_none

AnyRequest = Request[Any, Any, Any]

USAGE_DAYS: Final = 31
QUOTA: Final = "quota_participant_minutes_monthly"
_NOTHING: Final = ""


class OrganizationItem(msgspec.Struct, kw_only=True):
    """A tenant."""

    id: UUID
    name: str
    created_at: str


class AppItem(msgspec.Struct, kw_only=True):
    """A registered application. `interval` is in ms; `durations_days` holds participant seconds by UTC day.

    Retention is in days for raw events, for stats (`points`), for the figures made of them (`rollups`) and for whole calls; null is the installation's default.
    `masks` are what is taken out of reports before they are stored, null likewise. A quota of null is none.
    """

    id: UUID
    created_at: str
    organization: UUID
    name: str
    api_key: str
    domain: str | None
    interval: int
    recording: bool
    retention_events_days: int | None
    retention_points_days: int | None
    retention_rollups_days: int | None
    retention_days: int | None
    masks: list[str] | None
    quota_participant_minutes_monthly: int | None
    durations_days: dict[str, int]


class AppDefaults(msgspec.Struct, kw_only=True):
    """What holds for an app that says nothing else: the interval (ms) that a new one begins with, retention in days (null: for ever), masks."""

    interval: int = accounts.DEFAULT_INTERVAL_MS
    retention_events_days: int = 90
    retention_points_days: int = 30
    retention_rollups_days: int = 400
    retention_days: int | None = None
    masks: list[str] = []


@get("/organizations", responses=list_of(OrganizationItem), summary="Own organizations")
async def list_organizations(
    db: GivenDb, actor: GivenActor, page: GivenPage, newest: GivenOrder
) -> Answer:
    """Every organization that the caller belongs to, oldest first."""
    async with db.read() as tx:
        limit, offset = (page.limit, page.offset) if page else (None, 0)
        rows = await accounts_queries.organizations(
            tx, actor, limit=limit, offset=offset, newest=newest
        )
        count = await accounts_queries.organization_count(tx, actor) if page else 0
    items = [_organization(row) for row in rows]
    return page_answer(items, count) if page else json_answer({"data": items})


@post(
    "/organizations",
    status_code=200,
    responses=one_of(OrganizationItem),
    request_max_body_size=None,
)
async def create_organization(
    request: AnyRequest,
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
) -> Answer:
    """Add an organization; a user becomes its owner."""
    name = needed(await fields_of(request), "name", str)
    row = await accounts.create_organization(
        db,
        name=name,
        by=actor,
        at=clock.now(),
        most=accounts_of(request).settings.max_organizations,
    )
    return json_answer({"data": _organization(row)})


@delete("/organizations", status_code=200, include_in_schema=False)
async def delete_no_organization(
    actor: GivenActor,  # noqa: ARG001  # taken so that strangers get 401
) -> Answer:
    """Without an id there is nothing to delete."""
    raise MissingParameters(parameter="id")


@get("/organizations/{organization_id:uuid}", responses=one_of(OrganizationItem))
async def get_organization(
    db: GivenDb, actor: GivenActor, organization_id: FromPath[UUID]
) -> Answer:
    """One of the caller's organizations."""
    async with db.read() as tx:
        row = await accounts_queries.organization(tx, actor, organization_id)
    if row is None:
        raise OrganizationNotFound
    return json_answer({"data": _organization(row)})


@put(
    "/organizations/{organization_id:uuid}",
    responses=one_of(OrganizationItem),
    request_max_body_size=None,
)
async def update_organization(
    request: AnyRequest,
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    organization_id: FromPath[UUID],
) -> Answer:
    """Rename an organization; owners only."""
    name = given(await fields_of(request), "name", str)
    row = await accounts.update_organization(
        db, organization_id, name=name, by=actor, at=clock.now()
    )
    return json_answer({"data": _organization(row)})


@delete("/organizations/{organization_id:uuid}", status_code=200)
async def delete_organization(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    organization_id: FromPath[UUID],
) -> Answer:
    """Switch an organization off, with its apps and keys; owners only."""
    await accounts.delete_organization(db, organization_id, by=actor, at=clock.now())
    return json_answer(_NOTHING)


@get("/apps", responses=list_of(AppItem), summary="Own apps")
async def list_apps(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    page: GivenPage,
    newest: GivenOrder,
    organization: Annotated[
        str | None, QueryParameter(description="only those of this organization")
    ] = None,
) -> Answer:
    """Every active app that the caller may see, oldest first, each with its participant seconds of the last 31 days including today."""
    only = filters.uuid_of(organization, "organization")
    async with db.read() as tx:
        if only is not None and await accounts_queries.organization(tx, actor, only) is None:
            raise OrganizationUnknown(parameter="organization")
        limit, offset = (page.limit, page.offset) if page else (None, 0)
        rows = await accounts_queries.apps(
            tx, actor, organization_id=only, limit=limit, offset=offset, newest=newest
        )
        count = await accounts_queries.app_count(tx, actor, organization_id=only) if page else 0
        items = await _apps(tx, actor, rows, clock.now())
    return page_answer(items, count) if page else json_answer({"data": items})


@post("/apps", status_code=200, responses=one_of(AppItem), request_max_body_size=None)
async def create_app(
    request: AnyRequest,
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
) -> Answer:
    """Register an app in an organization of the caller."""
    fields = await fields_of(request)
    organization_id = _organization_id(fields)
    name = needed(fields, "name", str)
    try:
        row = await accounts.create_app(
            db,
            organization_id=organization_id,
            name=name,
            by=actor,
            at=clock.now(),
            interval_ms=accounts_of(request).app_interval_ms,
        )
    except OrganizationNotFound:
        raise OrganizationUnknown from None
    return json_answer({"data": _app(row, {}, clock.now())})


@get(
    "/apps/defaults",
    responses=answers(Whole[AppDefaults], "The defaults."),
    summary="What holds for an app that says nothing else",
)
async def get_defaults(
    actor: GivenActor,  # noqa: ARG001  # taken so that strangers get 401
    app_defaults: NamedDependency[AppDefaults],
) -> Answer:
    """The installation's defaults, which an app's null stands for."""
    return json_answer({"data": app_defaults})


@get("/apps/{app_id:uuid}", responses=one_of(AppItem))
async def get_app(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
) -> Answer:
    """One app, with its participant seconds of the last 31 days including today."""
    async with db.read() as tx:
        row = await accounts_queries.app(tx, actor, app_id)
        if row is None:
            raise AppNotFound
        items = await _apps(tx, actor, [row], clock.now())
    return json_answer({"data": items[0]})


@put("/apps/{app_id:uuid}", responses=one_of(AppItem), request_max_body_size=None)
async def update_app(
    request: AnyRequest,
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
) -> Answer:
    """Change `name`, `domain` (null or "" clears it), `interval` (ms), `recording`, the retention (days, or null), `masks` (or null) or the quota."""
    fields = await fields_of(request)
    row = await accounts.update_app(
        db,
        app_id,
        name=given(fields, "name", str),
        domain=given(fields, "domain", str) if "domain" in fields else accounts.UNCHANGED,
        interval_ms=given(fields, "interval", int),
        recording=given(fields, "recording", bool),
        retention={name: given(fields, name, int) for name in accounts.RETENTION if name in fields},
        masks=texts(fields, "masks") if "masks" in fields else accounts.UNCHANGED,
        quota_participant_minutes_monthly=(
            given(fields, QUOTA, int) if QUOTA in fields else accounts.UNCHANGED
        ),
        by=actor,
        at=clock.now(),
    )
    async with db.read() as tx:
        items = await _apps(tx, actor, [row], clock.now())
    return json_answer({"data": items[0]})


@delete("/apps/{app_id:uuid}", status_code=200)
async def delete_app(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
) -> Answer:
    """Switch an app off; its key is refused from now on."""
    await accounts.delete_app(db, app_id, by=actor, at=clock.now())
    return json_answer(_NOTHING)


@post("/apps/{app_id:uuid}/reset-key", status_code=200, request_max_body_size=None)
async def reset_app_key(
    request: AnyRequest,
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
) -> Answer:
    """Give an app another key. The old one dies at once, or after `grace_s` seconds."""
    fields = await fields_of(request, empty_ok=True)
    grace_s = given(fields, "grace_s", int) or 0
    row = await accounts.reset_app_key(db, app_id, by=actor, at=clock.now(), grace_s=grace_s)
    return json_answer({"api_key": row["api_key"]})


HANDLERS = (
    list_organizations,
    create_organization,
    delete_no_organization,
    get_organization,
    update_organization,
    delete_organization,
    list_apps,
    create_app,
    get_defaults,
    get_app,
    update_app,
    delete_app,
    reset_app_key,
)


async def _apps(
    tx: Tx, actor: Actor, rows: Sequence[Mapping[Any, Any]], at: datetime
) -> list[AppItem]:
    today = at.astimezone(UTC).date()
    first = today - timedelta(days=USAGE_DAYS - 1)
    ids = [row["id"] for row in rows]
    seconds = await usage(tx, actor, ids, from_day=first, to_day=today)
    return [_app(row, seconds.get(row["id"], {}), at) for row in rows]


def _app(row: Mapping[Any, Any], seconds: Mapping[date, int], at: datetime) -> AppItem:
    today = at.astimezone(UTC).date()
    days = [today - timedelta(days=back) for back in reversed(range(USAGE_DAYS))]
    return AppItem(
        id=row["id"],
        created_at=printed(row["created_at"]),
        organization=row["organization_id"],
        name=row["name"],
        api_key=row["api_key"],
        domain=row["domain"],
        interval=row["interval_ms"],
        recording=row["recording"],
        retention_events_days=row["retention_events_days"],
        retention_points_days=row["retention_points_days"],
        retention_rollups_days=row["retention_rollups_days"],
        retention_days=row["retention_days"],
        masks=row["masks"],
        quota_participant_minutes_monthly=row[QUOTA],
        durations_days={day.isoformat(): seconds.get(day, 0) for day in days},
    )


def _organization(row: Mapping[Any, Any]) -> OrganizationItem:
    return OrganizationItem(id=row["id"], name=row["name"], created_at=printed(row["created_at"]))


def _organization_id(fields: Mapping[str, Any]) -> UUID:
    value = fields.get("organization")
    if value in (None, ""):
        raise MissingParameters(parameter="organization")
    found = uuid_or_none(value)
    if found is None:
        raise OrganizationUnknown
    return found
