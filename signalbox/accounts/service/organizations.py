"""Verbs on tenants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from signalbox.accounts import queries, rules, store
from signalbox.accounts.errors import (
    MaxOrganizationsReached,
    MissingParameters,
    OrganizationNotFound,
)
from signalbox.accounts.service.access import need_no_app_key, need_role
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.ids import new_id

log = structlog.get_logger(__name__)


async def create_organization(
    db: Database, *, name: str, by: Actor, at: datetime, most: int | None = None
) -> Mapping[Any, Any]:
    """Add an organization; a user becomes its owner. Answers id, name, created_at.

    Raises:
        MissingParameters: nothing is left of the name.
        MaxOrganizationsReached: `most` are there already.
    """
    need_no_app_key(by)
    async with db.begin() as tx:
        if most is not None and await store.count_organizations(tx) >= most:
            raise MaxOrganizationsReached(most=most)
        row = await add_organization(tx, name=name, by=by, at=at)
    log.info("organization.created", organization_id=str(row["id"]), by=str(by.id))
    return row


async def add_organization(tx: Tx, *, name: str, by: Actor, at: datetime) -> Mapping[Any, Any]:
    """As `create_organization`, in a transaction that is open already and without a maximum."""
    row = await store.insert_organization(
        tx, {"id": new_id(), "name": needed_name(name), "created_at": at}
    )
    if by.user_id is not None:
        await store.put_membership(tx, by.user_id, row["id"], rules.OWNER, at)
    await audit.record(
        tx, by, "organization_created", subject=row["id"], at=at, organization_id=row["id"]
    )
    return row


async def update_organization(
    db: Database, organization_id: UUID, *, name: str | None, by: Actor, at: datetime
) -> Mapping[Any, Any]:
    """Rename an organization, None leaves it as it is; owners only.

    Raises OrganizationNotFound, Forbidden, or MissingParameters if nothing is left of the name.
    """
    need_no_app_key(by)
    async with db.begin() as tx:
        await need_role(tx, by, organization_id, rules.OWNER)
        if name is not None:
            await store.rename_organization(tx, organization_id, needed_name(name))
            await audit.record(
                tx,
                by,
                "organization_updated",
                subject=organization_id,
                at=at,
                organization_id=organization_id,
            )
        row = await queries.organization(tx, by, organization_id)
    if row is None:
        raise OrganizationNotFound
    return row


async def delete_organization(
    db: Database, organization_id: UUID, *, by: Actor, at: datetime
) -> None:
    """Switch an organization off, with its apps and keys; owners only. Its data stays until retention takes it.

    Raises OrganizationNotFound (also when it is off already) or Forbidden.
    """
    need_no_app_key(by)
    async with db.begin() as tx:
        await need_role(tx, by, organization_id, rules.OWNER)
        for app_id in await store.deactivate_organization(tx, organization_id, at):
            await store.app_changed(tx, app_id)
        await audit.record(
            tx,
            by,
            "organization_deleted",
            subject=organization_id,
            at=at,
            organization_id=organization_id,
        )
    log.info("organization.deleted", organization_id=str(organization_id), by=str(by.id))


def needed_name(name: str) -> str:
    """The name as it is stored. Raises MissingParameters if nothing is left of it."""
    cleaned = rules.clean_name(name)
    if not cleaned:
        raise MissingParameters(parameter="name")
    return cleaned
