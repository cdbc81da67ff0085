"""`signalbox org`: the tenants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from signalbox.accounts import queries, service
from signalbox.accounts.errors import OrganizationNotFound
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.site.commands.running import as_json, done, run, show_all, show_one


async def organization_of(db: Database, wanted: str | None, at: datetime) -> UUID:
    """The id of an organization named by id or name; without either `default`, else the oldest.

    The first one is made when there is none yet. Raises OrganizationNotFound.
    """
    async with db.read() as tx:
        if wanted is None:
            row = await queries.organization_named(tx, SYSTEM, "default")
            row = row or next(iter(await queries.organizations(tx, SYSTEM, limit=1)), None)
        elif (organization_id := _uuid(wanted)) is not None:
            row = await queries.organization(tx, SYSTEM, organization_id)
        else:
            row = await queries.organization_named(tx, SYSTEM, wanted)
    if row is not None:
        return UUID(str(row["id"]))
    if wanted is not None:
        raise OrganizationNotFound
    made = await service.create_organization(db, name="default", by=SYSTEM, at=at)
    return UUID(str(made["id"]))


@click.group()
def org() -> None:
    """Organizations: the tenants that apps and people belong to."""


@org.command("create")
@click.argument("name")
@as_json
def create(name: str, json_out: bool) -> None:
    """Add an organization."""

    async def verb(db: Database, at: datetime) -> Mapping[Any, Any]:
        return await service.create_organization(db, name=name, by=SYSTEM, at=at)

    show_one(run(verb), json_out)


@org.command("list")
@as_json
def list_all(json_out: bool) -> None:
    """List the organizations."""

    async def verb(db: Database, _at: datetime) -> list[Mapping[Any, Any]]:
        async with db.read() as tx:
            return list(await queries.organizations(tx, SYSTEM))

    show_all(run(verb), ("id", "name", "created_at"), json_out)


@org.command("rename")
@click.argument("organization_id", type=click.UUID)
@click.argument("name")
@as_json
def rename(organization_id: UUID, name: str, json_out: bool) -> None:
    """Give an organization another name."""

    async def verb(db: Database, at: datetime) -> Mapping[Any, Any]:
        return await service.update_organization(db, organization_id, name=name, by=SYSTEM, at=at)

    show_one(run(verb), json_out)


@org.command("delete")
@click.argument("organization_id", type=click.UUID)
@click.confirmation_option(prompt="Switch the organization, its apps and its keys off?")
@as_json
def delete(organization_id: UUID, json_out: bool) -> None:
    """Switch an organization off, with its apps and keys."""

    async def verb(db: Database, at: datetime) -> None:
        await service.delete_organization(db, organization_id, by=SYSTEM, at=at)

    run(verb)
    done("The organization is off.", json_out)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
