"""Sessions, payloads and timelines go when their time is over: by the policies of each app, else by the installation's word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg.errors import LockNotAvailable

from signalbox.accounts import service as accounts
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.ids import new_id
from signalbox.playback.errors import InvalidSchema, NoSuchPolicy
from signalbox.playback.rules.retention import DAYS_MAX, KINDS, Keep, Kind, Policy, keep
from signalbox.playback.store import retention as store

PAUSE_S: Final = 0.05  # between two batches: others want the database, too
STREAM_MAX, PREFIX_MAX = 16, 256

log = structlog.get_logger(__name__)

Rest = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Removed:
    """What is over, or was removed: of an app (None: a whole month of all), so many of a kind."""

    app_id: UUID | None
    kind: str
    count: int


async def policies(db: Database) -> list[Policy]:
    """All policies."""
    async with db.read() as tx:
        rows = await store.policies(tx.psycopg)
    names = ("app_id", "stream_type", "content_prefix", *(f"{kind}_days" for kind in KINDS))
    return [Policy(**{name: row[name] for name in names}) for row in rows]


async def policies_of(db: Database, app_id: UUID | None) -> Sequence[Mapping[str, Any]]:
    """The policies of an app, or of all, the oldest first."""
    async with db.read() as tx:
        return await store.policies(tx.psycopg, app_id)


async def shortest_days(db: Database, sessions_days: int) -> Mapping[UUID, int]:
    """After how many days the first sessions go, of the apps that say something of it."""
    known = await policies(db)
    apps = {policy.app_id for policy in known}
    return {app: keep(known, app, "sessions", sessions_days).shortest for app in apps}


async def remove_over(
    db: Database, *, sessions_days: int, at: datetime, rest: Rest = asyncio.sleep
) -> list[Removed]:
    """Remove what is over; whole months first. Doing it twice changes nothing."""
    known = await policies(db)
    apps = await _apps(db, known)
    done = await _remove_months(db, known, apps, sessions_days, at)
    for app in apps:
        for kind in _kinds(known, app):
            kept = keep(known, app, kind, sessions_days)
            count = await _remove_all(db, kind, app, kept, at, rest)
            done += [Removed(app, kind, count)] if count else []
    async with db.begin() as tx:
        await store.forget_tombstones(tx.psycopg, at=at)
    for one in done:
        log.info("playback.retention_done", app_id=str(one.app_id), kind=one.kind, count=one.count)
    return done


async def count_over(db: Database, *, sessions_days: int, at: datetime) -> list[Removed]:
    """What `remove_over` would remove, without removing it."""
    known = await policies(db)
    found: list[Removed] = []
    apps = await _apps(db, known)
    async with db.read() as tx:
        for app in apps:
            for kind in _kinds(known, app):
                kept = keep(known, app, kind, sessions_days)
                count = await store.count_over(tx.psycopg, kind, app, kept, at=at)
                found.append(Removed(app, kind, count))
    return found


async def _apps(db: Database, known: Iterable[Policy]) -> list[UUID]:
    """Apps of which there may be something to remove."""
    async with db.read() as tx:
        apps = await store.apps_with_sessions(tx.psycopg)
    return sorted({*apps, *(policy.app_id for policy in known)})


def _kinds(known: Iterable[Policy], app: UUID) -> list[Kind]:
    """Lines of CMCD go day by day for all apps together; apart only where an app wants them for a shorter time."""
    apart = any(policy.app_id == app and policy.events_days for policy in known)
    return [kind for kind in KINDS if kind != "events" or apart]


async def _remove_all(
    db: Database, kind: Kind, app: UUID, kept: Keep, at: datetime, rest: Rest
) -> int:
    done = 0
    while True:
        async with db.begin() as tx:
            count = await store.remove_some(tx.psycopg, kind, app, kept, at=at)
        done += count
        if count < store.AT_ONCE:
            return done
        await rest(PAUSE_S)


async def _remove_months(
    db: Database, known: Iterable[Policy], apps: list[UUID], sessions_days: int, at: datetime
) -> list[Removed]:
    """Drop the months in which even the sessions that are kept the longest are over."""
    known = list(known)
    longest = max(
        [keep(known, app, "sessions", sessions_days).longest for app in apps] or [sessions_days]
    )
    before = at - timedelta(days=longest)
    async with db.read() as tx:
        months = await store.months_over(tx.psycopg, apps, before=before)
    done: list[Removed] = []
    for month in months:
        gone = 0
        while True:
            async with db.begin() as tx:
                found = await store.forget_keys(tx.psycopg, month, before=before)
            gone += found
            if not found:
                break
        try:
            async with db.begin() as tx:
                dropped = await store.drop_month(tx.psycopg, month, apps, before=before)
        except LockNotAvailable:  # somebody reads it: the next run will do
            continue
        if dropped:
            done.append(Removed(None, month, gone))
    return done


async def put_policy(
    db: Database,
    *,
    app_id: UUID,
    stream_type: str | None,
    content_prefix: str | None,
    days: Mapping[Kind, int | None],
    by: Actor,
    at: datetime,
) -> Mapping[str, Any]:
    """Say how long sessions of an app are kept, or of a stream type or contents of it; members only. What was said of the same before is replaced.

    Raises AppNotFound, Forbidden, or InvalidSchema (days outside 1 to 36 500, none at all, names too long).
    """
    _check(stream_type, content_prefix, days)
    async with db.begin() as tx:
        app = await accounts.member_app(tx, by, app_id)
        values = {
            "id": new_id(),
            "app_id": app_id,
            "stream_type": stream_type.upper() if stream_type else None,
            "content_prefix": content_prefix or None,
            **{f"{kind}_days": days.get(kind) for kind in KINDS},
            "at": at,
        }
        row = await store.put_policy(tx.psycopg, values)
        await _tell(tx, by, "playback_retention_set", row, app["organization_id"], at)
    return row


async def delete_policy(db: Database, policy_id: UUID, *, by: Actor, at: datetime) -> None:
    """Take a policy back; members only. Raises NoSuchPolicy, AppNotFound or Forbidden."""
    async with db.begin() as tx:
        rows = await store.delete_policy(tx.psycopg, policy_id)
        if not rows:
            raise NoSuchPolicy
        app = await accounts.member_app(tx, by, rows[0]["app_id"])
        await _tell(tx, by, "playback_retention_deleted", rows[0], app["organization_id"], at)


def _check(
    stream_type: str | None, content_prefix: str | None, days: Mapping[Kind, int | None]
) -> None:
    problems = [
        (f"{kind}Days", "out_of_range")
        for kind, value in days.items()
        if value is not None and not 1 <= value <= DAYS_MAX
    ]
    if all(days.get(kind) is None for kind in KINDS):
        problems.append(("sessionsDays", "missing"))
    if len(stream_type or "") > STREAM_MAX:
        problems.append(("streamType", "out_of_range"))
    if len(content_prefix or "") > PREFIX_MAX:
        problems.append(("contentPrefix", "out_of_range"))
    if problems:
        raise InvalidSchema(problems)


async def _tell(
    tx: Tx, by: Actor, event: str, row: Mapping[str, Any], organization_id: UUID, at: datetime
) -> None:
    names = ("stream_type", "content_prefix", *(f"{kind}_days" for kind in KINDS))
    facts = {name: row[name] for name in names if row[name] is not None}
    await audit.record(
        tx,
        by,
        event,
        subject=row["app_id"],
        subject_type="app",
        at=at,
        organization_id=organization_id,
        facts=facts,
    )
