"""`signalbox key`: bearer keys for scripts and servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click

from signalbox.accounts import queries, service
from signalbox.accounts.rules import is_player_key
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.site.commands.org import organization_of
from signalbox.site.commands.running import as_json, done, run, show_all, show_one

Made = tuple[Mapping[Any, Any], str]

ONCE = "Keep the key now: it is not stored and cannot be shown again."


@click.group()
def key() -> None:
    """Bearer keys. They are secret; an app's own API key is not."""


@key.command("create")
@click.option("--app", "app_id", type=click.UUID, help="The app that the key is bound to.")
@click.option("--org", "organization", help="Without --app: id or name of the organization.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="What it may do: ingest, read, manage …; may be repeated.",
)
@click.option("--name", default="", help="What it is for.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; never without.")
@click.option("--player", is_flag=True, help="For players (`pbk_…`): five of a name at most.")
@click.option("--origin", "origins", multiple=True, help="Only pages of this origin may use it.")
@click.option("--not-before", type=click.DateTime(), help="UTC; it is refused until then.")
@click.option("--rate-limit", type=int, help="Playback requests in a window.")
@click.option("--rate-window", type=int, help="Seconds of that window.")
@as_json
def create(
    app_id: UUID | None,
    organization: str | None,
    scopes: tuple[str, ...],
    name: str,
    days: int | None,
    player: bool,
    origins: tuple[str, ...],
    not_before: datetime | None,
    rate_limit: int | None,
    rate_window: int | None,
    json_out: bool,
) -> None:
    """Make a key and print it, once."""
    bounds = service.KeyBounds(
        not_before=None if not_before is None else not_before.replace(tzinfo=UTC),
        rate_limit=rate_limit,
        rate_window_s=rate_window,
        origins=list(origins),
    )

    async def verb(db: Database, at: datetime) -> Made:
        return await service.create_key(
            db,
            app_id=app_id,
            organization_id=None if app_id else await organization_of(db, organization, at),
            scopes=scopes,
            name=name,
            expires_at=at + timedelta(days=days) if days else None,
            bounds=bounds,
            player=player,
            by=SYSTEM,
            at=at,
        )

    _show_made(run(verb), json_out)


@key.command("list")
@click.option("--app", "app_id", type=click.UUID, help="Only keys of this app.")
@as_json
def list_all(app_id: UUID | None, json_out: bool) -> None:
    """List the keys by their prefixes."""

    async def verb(db: Database, _at: datetime) -> list[Mapping[Any, Any]]:
        async with db.read() as tx:
            return [_named(row) for row in await queries.keys(tx, SYSTEM, app_id=app_id)]

    columns = ("id", "prefix", "name", "scopes", "app_id", "expires_at", "last_used_at")
    show_all(run(verb), columns, json_out)


@key.command("rotate")
@click.argument("key_id", type=click.UUID)
@click.option(
    "--overlap",
    type=click.IntRange(0, service.ROTATION_OVERLAP_MAX_S),
    help="Seconds that the old key is still accepted; a player's 7 days, others not at all.",
)
@as_json
def rotate(key_id: UUID, overlap: int | None, json_out: bool) -> None:
    """Replace a key by another with the same rights and print it, once."""

    async def verb(db: Database, at: datetime) -> Made:
        async with db.read() as tx:
            old = await queries.key(tx, SYSTEM, key_id)
        of_player = old is not None and is_player_key(old["key_prefix"])
        usual = service.ROTATION_OVERLAP_S if of_player else 0
        overlap_s = usual if overlap is None else overlap
        return await service.rotate_key(db, key_id, by=SYSTEM, at=at, overlap_s=overlap_s)

    _show_made(run(verb), json_out)


@key.command("revoke")
@click.argument("key_id", type=click.UUID)
@as_json
def revoke(key_id: UUID, json_out: bool) -> None:
    """Switch a key off at once."""

    async def verb(db: Database, at: datetime) -> None:
        await service.revoke_key(db, key_id, by=SYSTEM, at=at)

    run(verb)
    done("The key is off.", json_out)


def _show_made(made: Made, json_out: bool) -> None:
    row, secret = made
    named = _named(row)
    show_one({"id": named.pop("id"), "key": secret, **named}, json_out, notice=ONCE)


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A key's row with short names: `id`, `prefix`."""
    shorter = {"key_id": "id", "key_prefix": "prefix"}
    return {shorter.get(name, name): value for name, value in row.items()}
