"""The people of an organization: list, add, give another role, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from signalbox.accounts import queries, service
from signalbox.accounts.errors import OrganizationNotFound
from signalbox.accounts.guards import accounts_of
from signalbox.accounts.routes.given import AnyRequest, GivenActor, GivenOrder, GivenPage, window
from signalbox.accounts.routes.me import Role
from signalbox.accounts.service.access import need_no_app_key
from signalbox.http.answers import (
    Answer,
    Instant,
    Refusal,
    json_answer,
    list_of,
    one_of,
    printed,
    printed_or_none,
)
from signalbox.http.fields import fields_of, given, needed


class Member(msgspec.Struct, kw_only=True):
    """Somebody of an organization, since `created_at`. `pending`: has not yet logged in with the password that was made for them."""

    user: UUID
    name: str
    email: str
    role: Role
    pending: bool
    created_at: Instant
    last_login_at: Instant | None


class NewMember(Member, kw_only=True):
    """Somebody just added. `password` is shown only here and must be changed at the first login; null for a user that was there before."""

    password: str | None


_CONFLICT = {
    409: ResponseSpec(
        Refusal,
        generate_examples=False,
        description="already_member, email_taken or last_owner.",
    )
}


@get(
    "/organizations/{organization_id:uuid}/members",
    responses=list_of(Member),
    summary="People of an organization",
)
async def list_members(
    request: AnyRequest,
    actor: GivenActor,
    organization_id: FromPath[UUID],
    page: GivenPage,
    newest: GivenOrder,
) -> Answer:
    """Who belongs to an organization, the longest first. Keys of one app may not ask."""
    need_no_app_key(actor)
    async with accounts_of(request).db.read() as tx:
        if await queries.organization(tx, actor, organization_id) is None:
            raise OrganizationNotFound
        limit, offset = window(page)
        rows = await queries.members(
            tx, actor, organization_id, limit=limit, offset=offset, newest=newest
        )
        count = await queries.member_count(tx, actor, organization_id) if page else 0
    items = [_member(row) for row in rows]
    return json_answer({"results": items, "count": count} if page else {"data": items})


@post(
    "/organizations/{organization_id:uuid}/members",
    status_code=200,
    responses={**one_of(NewMember), **_CONFLICT},
    summary="Add somebody to an organization",
    request_max_body_size=None,
)
async def add_member(
    request: AnyRequest, actor: GivenActor, organization_id: FromPath[UUID]
) -> Answer:
    """Add the user with an `email` as owner, member or viewer (`role`); owners only. Whoever is new here is entered under `name`, with a password that is shown once."""
    accounts = accounts_of(request)
    fields = await fields_of(request)
    row, password = await service.add_member(
        accounts.db,
        organization_id,
        email=needed(fields, "email", str),
        role=needed(fields, "role", str),
        name=given(fields, "name", str),
        by=actor,
        at=accounts.clock.now(),
    )
    return json_answer({"data": NewMember(**_told(row), password=password)})


@put(
    "/organizations/{organization_id:uuid}/members/{user_id:uuid}",
    responses={**one_of(Member), **_CONFLICT},
    summary="Give a member another role",
    request_max_body_size=None,
)
async def change_role(
    request: AnyRequest,
    actor: GivenActor,
    organization_id: FromPath[UUID],
    user_id: FromPath[UUID],
) -> Answer:
    """Give a member another `role`; owners only. The last owner stays one."""
    accounts = accounts_of(request)
    row = await service.change_role(
        accounts.db,
        organization_id,
        user_id,
        role=needed(await fields_of(request), "role", str),
        by=actor,
        at=accounts.clock.now(),
    )
    return json_answer({"data": _member(row)})


@delete(
    "/organizations/{organization_id:uuid}/members/{user_id:uuid}",
    status_code=200,
    responses={
        **one_of(Member),
        200: ResponseSpec(str, generate_examples=False, description="Done: the empty text."),
        **_CONFLICT,
    },
    summary="Remove a member",
)
async def remove_member(
    request: AnyRequest,
    actor: GivenActor,
    organization_id: FromPath[UUID],
    user_id: FromPath[UUID],
) -> Answer:
    """Remove a member, and end the keys that they made; owners, and everybody themselves. The last owner stays."""
    accounts = accounts_of(request)
    await service.remove_member(
        accounts.db, organization_id, user_id, by=actor, at=accounts.clock.now()
    )
    return json_answer("")


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "user": row["user_id"],
        "name": row["display_name"],
        "email": row["email"],
        "role": row["role"],
        "pending": row["must_change_password"] and row["last_login_at"] is None,
        "created_at": printed(row["created_at"]),
        "last_login_at": printed_or_none(row["last_login_at"]),
    }


def _member(row: Mapping[Any, Any]) -> Member:
    return Member(**_told(row))


HANDLERS = (list_members, add_member, change_role, remove_member)
