"""`signalbox user`: the people who log in. Passwords are never taken from the command line, where others can see them."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import click

from signalbox.accounts import queries, service
from signalbox.accounts.errors import UserNotFound
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.site.commands.org import organization_of
from signalbox.site.commands.running import as_json, done, run, show_all, show_one

Row = Mapping[Any, Any]

ROLES = click.Choice(("owner", "member", "viewer"))
ONCE = "The password is shown once and must be changed at the first login."

from_stdin = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input.",
)


@click.group()
def user() -> None:
    """People who log in to the dashboard."""


@user.command("create")
@click.argument("email")
@click.option("--username", help="A second name to log in with.")
@click.option("--name", help="The name to show.")
@click.option("--admin", is_flag=True, help="Administrator of the whole installation.")
@click.option("--org", "organization", help="Id or name of the organization; `default` without.")
@click.option("--role", type=ROLES, default="member", show_default=True, help="Role there.")
@from_stdin
@as_json
def create(
    email: str,
    username: str | None,
    name: str | None,
    admin: bool,
    organization: str | None,
    role: str,
    password_stdin: bool,
    json_out: bool,
) -> None:
    """Enter a user; without --password-stdin a one-time password is made and printed."""
    given = _from_stdin() if password_stdin else None
    password = given or secrets.token_urlsafe(12)
    installation_role: Literal["user", "admin"] = "admin" if admin else "user"

    async def verb(db: Database, at: datetime) -> Row:
        return await service.create_user(
            db,
            email=email,
            username=username,
            display_name=name,
            password=password,
            must_change_password=given is None,
            role=installation_role,
            organization_id=await organization_of(db, organization, at),
            organization_role=role,
            by=SYSTEM,
            at=at,
        )

    row = _named(run(verb))
    if given is None:
        row["password"] = password
    show_one(row, json_out, notice=ONCE if given is None else "")


@user.command("list")
@as_json
def list_all(json_out: bool) -> None:
    """List the users."""

    async def verb(db: Database, _at: datetime) -> list[Row]:
        async with db.read() as tx:
            return [_named(row) for row in await queries.users(tx, SYSTEM)]

    columns = ("id", "email", "username", "display_name", "role", "last_login_at")
    show_all(run(verb), columns, json_out)


@user.command("set-password")
@click.argument("name")
@from_stdin
@as_json
def set_password(name: str, password_stdin: bool, json_out: bool) -> None:
    """Set the password of a user, named by e-mail, user name or id, and end all logins."""
    password = _from_stdin() if password_stdin else _asked()

    async def verb(db: Database, at: datetime) -> None:
        user_id = await _user_id(db, name)
        await service.set_password(db, user_id, password=password, by=SYSTEM, at=at)

    run(verb)
    done("The password is set.", json_out)


@user.command("grant")
@click.argument("name")
@click.option("--org", "organization", required=True, help="Id or name of the organization.")
@click.option("--role", type=ROLES, default="member", show_default=True)
@as_json
def grant(name: str, organization: str, role: str, json_out: bool) -> None:
    """Make a user a member of an organization, or change the role there."""

    async def verb(db: Database, at: datetime) -> None:
        user_id = await _user_id(db, name)
        organization_id = await organization_of(db, organization, at)
        await service.set_membership(db, user_id, organization_id, role=role, by=SYSTEM, at=at)

    run(verb)
    done(f"{name} is {role} now.", json_out)


@user.command("delete")
@click.argument("name")
@click.confirmation_option(prompt="Bar this user?")
@as_json
def delete(name: str, json_out: bool) -> None:
    """Bar a user at once: logins and keys end."""

    async def verb(db: Database, at: datetime) -> None:
        await service.delete_user(db, await _user_id(db, name), by=SYSTEM, at=at)

    run(verb)
    done("The user is barred.", json_out)


async def _user_id(db: Database, name: str) -> UUID:
    """The user named by id, e-mail address or user name. Raises UserNotFound."""
    async with db.read() as tx:
        try:
            row = await queries.user_with_password(tx, UUID(name))
        except ValueError:
            row = await queries.user_to_sign_in(tx, name.strip().lower())
    if row is None:
        raise UserNotFound(name=name)
    return UUID(str(row["user_id"]))


def _from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.ClickException("There is no password on standard input.")
    return password


def _asked() -> str:
    answer: str = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    return answer


def _named(row: Row) -> dict[str, Any]:
    """A user's row with `id` in place of `user_id`."""
    return {"id" if name == "user_id" else name: value for name, value in row.items()}
