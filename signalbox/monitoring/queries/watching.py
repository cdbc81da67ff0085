"""What may be watched live: an organization, an app, a conference."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from signalbox.accounts import queries as accounts_queries
from signalbox.core.actor import SYSTEM, Actor
from signalbox.core.db import Tx
from signalbox.monitoring.queries.scope import own_apps, visible
from signalbox.monitoring.tables import Conference


class Scene(NamedTuple):
    """What somebody watches: the whole organization when app and conference are None, the whole app when conference is None."""

    organization: UUID
    app: UUID | None = None
    conference: UUID | None = None


async def organization_scene(tx: Tx, actor: Actor, organization_id: UUID) -> Scene | None:
    """An organization of the actor, or as much as its key sees of it: one app; None for a stranger."""
    row = await accounts_queries.organization(tx, actor, organization_id)
    return None if row is None else Scene(organization_id, actor.app_id)


async def app_scene(tx: Tx, actor: Actor, app_id: UUID) -> Scene | None:
    """An app of the actor; None for a stranger."""
    row = await accounts_queries.app(tx, actor, app_id)
    return None if row is None else Scene(row["organization_id"], app_id)


async def conference_scene(tx: Tx, actor: Actor, conference_id: UUID) -> Scene | None:
    """A conference of the actor; None for a stranger."""
    columns = (Conference.organization_id, Conference.app_id)
    row = await tx.row(
        select(*columns).where(Conference.id == conference_id, visible(actor, Conference))
    )
    return None if row is None else Scene(row["organization_id"], row["app_id"], conference_id)


async def still_there(tx: Tx, scenes: Collection[Scene]) -> set[Scene]:
    """Those whose app and conference have not been deleted; whose they are is not asked."""
    apps = {scene.app for scene in scenes} - {None}
    conferences = {scene.conference for scene in scenes} - {None}
    active = own_apps(SYSTEM)
    known_apps = await tx.rows(active.where(active.selected_columns.id.in_(apps)))
    known = await tx.rows(
        select(Conference.id).where(Conference.id.in_(conferences), Conference.is_active)
    )
    there = {None, *(row["id"] for row in (*known_apps, *known))}
    return {scene for scene in scenes if scene.app in there and scene.conference in there}


def may_watch(actor: Actor, scene: Scene) -> bool:
    """Whether an actor who was let in would be let in again, as far as the actor goes."""
    if actor.kind != "system" and scene.organization not in actor.organization_ids:
        return False
    return actor.app_id is None or actor.app_id == scene.app
