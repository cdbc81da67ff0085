"""GET and PUT /v1/me: who is asking, and what they may do where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, put
from litestar.openapi import ResponseSpec
from msgspec import Meta

from signalbox.accounts import queries, rules, service
from signalbox.accounts.guards import Accounts, accounts_of
from signalbox.accounts.routes.given import AnyRequest, GivenActor
from signalbox.accounts.routes.limits import limit_tries
from signalbox.core.actor import Actor
from signalbox.http.answers import (
    Answer,
    Instant,
    Refusal,
    Whole,
    answers,
    json_answer,
    printed,
    printed_or_none,
)
from signalbox.http.fields import fields_of, given

Role = Annotated[
    Literal["owner", "member", "viewer"],
    Meta(description="viewers look, members change apps and keys, owners also people"),
]


class OwnUser(msgspec.Struct, kw_only=True):
    """A user as they see themselves. `must_change_password`: it was chosen for them; they may put that off."""

    id: UUID
    name: str
    username: str | None
    email: str
    is_admin: bool
    must_change_password: bool
    created_at: Instant
    last_login_at: Instant | None


class OwnOrganization(msgspec.Struct, kw_only=True):
    """An organization of the caller, and the caller's role in it."""

    id: UUID
    name: str
    created_at: Instant
    role: Role


class Me(msgspec.Struct, kw_only=True):
    """Who is asking. `user` is null for a key and where everybody is let in; `app` and `scopes` are those of a key, else null."""

    kind: Literal["user", "key", "everybody"]
    user: OwnUser | None
    organizations: list[OwnOrganization]
    app: UUID | None
    scopes: list[str] | None


_TAKEN = {409: ResponseSpec(Refusal, generate_examples=False, description="The address is taken.")}


@get("/me", responses=answers(Whole[Me], "The caller."), summary="Who is asking")
async def get_me(request: AnyRequest, actor: GivenActor) -> Answer:
    """The caller, with organizations and roles; 401 for strangers, whatever the reason."""
    return json_answer({"data": await me_of(accounts_of(request), actor)})


@put(
    "/me",
    responses={**answers(Whole[Me], "The caller."), **_TAKEN},
    summary="Change the own account",
    request_max_body_size=None,
)
async def update_me(request: AnyRequest, actor: GivenActor) -> Answer:
    """Change one's own `name`, or `email`: that needs the `password`, as one logs in with it. Users only, not keys."""
    accounts = accounts_of(request)
    fields = await fields_of(request)
    email = given(fields, "email", str)
    if email is not None:
        await limit_tries(accounts, request)
    await service.update_account(
        accounts.db,
        by=actor,
        name=given(fields, "name", str),
        email=email,
        password=given(fields, "password", str),
        at=accounts.clock.now(),
    )
    return json_answer({"data": await me_of(accounts, actor)})


async def me_of(accounts: Accounts, actor: Actor) -> Me:
    """What the caller is told of itself."""
    async with accounts.db.read() as tx:
        found = await queries.organizations(tx, actor)
        user, roles = None, {}
        if actor.kind == "user" and actor.user_id is not None:
            user = await queries.user_with_password(tx, actor.user_id)
            members = await queries.memberships(tx, actor.user_id)
            roles = {row["organization_id"]: row["role"] for row in members}
    return Me(
        kind="everybody" if actor.kind == "system" else actor.kind,
        user=None if user is None else _user(user),
        organizations=[_organization(row, _role(actor, roles, row["id"])) for row in found],
        app=actor.app_id,
        scopes=sorted(actor.scopes) if actor.kind == "key" else None,
    )


def _role(actor: Actor, roles: Mapping[UUID, str], organization_id: UUID) -> str:
    """What may be done in an organization; an administrator may do everything everywhere."""
    if actor.kind == "system" or actor.is_admin:
        return rules.OWNER
    return (actor.role if actor.kind == "key" else roles.get(organization_id)) or rules.VIEWER


def _user(row: Mapping[Any, Any]) -> OwnUser:
    return OwnUser(
        id=row["user_id"],
        name=row["display_name"],
        username=row["username"],
        email=row["email"],
        is_admin=row["role"] == "admin",
        must_change_password=row["must_change_password"],
        created_at=printed(row["created_at"]),
        last_login_at=printed_or_none(row["last_login_at"]),
    )


def _organization(row: Mapping[Any, Any], role: Any) -> OwnOrganization:
    return OwnOrganization(
        id=row["id"], name=row["name"], created_at=printed(row["created_at"]), role=role
    )


HANDLERS = (get_me, update_me)
