"""Signing in, out, changing the password: as forms for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.openapi import ResponseSpec

from signalbox.accounts import queries, rules, service
from signalbox.accounts.errors import (
    ExpiredToken,
    InvalidCredentials,
    InvalidParameters,
    InvalidToken,
    MissingParameters,
    MissingToken,
    RateLimited,
    WeakPassword,
)
from signalbox.accounts.guards import (
    COOKIE,
    Accounts,
    accounts_of,
    bearer_of,
    require_own_origin,
)
from signalbox.accounts.routes import pages
from signalbox.accounts.routes.limits import limit_tries
from signalbox.core.actor import Actor
from signalbox.http.answers import REFUSALS, Whole, answers, json_answer
from signalbox.http.guards import JSON

AnyRequest = Request[Any, Any, Any]

FORM_MAX_BYTES: Final = 16_384
_FORM: Final = "application/x-www-form-urlencoded"


class SignedIn(msgspec.Struct, kw_only=True):
    """A login just made; its cookie is in the answer's head. `next` is where to go on, a path of this site: to the change of a password that was chosen
    for the user, with the path asked for as its own `next`, else to that path."""

    user_id: UUID
    must_change_password: bool
    next: str


_DONE: Final = {
    200: ResponseSpec(str, generate_examples=False, description="Done: the empty text."),
    **REFUSALS,
}


@get("/login", media_type=MediaType.HTML, include_in_schema=False)
async def login_page(request: AnyRequest) -> Response[str]:
    """The sign-in form."""
    return pages.login_form(rules.local_path(request.query_params.get("next")))


@post(
    ["/login", "/v1/login"],
    status_code=200,
    tags=["accounts"],
    request_max_body_size=FORM_MAX_BYTES,
    responses=answers(Whole[SignedIn], "Signed in."),
    summary="Sign in",
)
async def login(request: AnyRequest) -> Response[Any]:
    """Sign in with `username` (or `email`) and `password`; answers with the cookie `pmsession`. `next` is where to go on afterwards.

    Five tries per five minutes and address. A form gets pages unless it accepts JSON, JSON gets JSON.
    """
    require_own_origin(request)
    accounts = accounts_of(request)
    form = _wants_pages(request)
    next_path, name = "/", ""
    try:
        await limit_tries(accounts, request)
        fields = await _fields(request)
        next_path = rules.local_path(_text(fields, "next"))
        name = _text(fields, "username") or _text(fields, "email")
        made = await _login(accounts, request, name, _text(fields, "password"))
    except RateLimited:
        if not form:
            raise
        return pages.login_form(next_path, pages.TOO_MANY)
    except (InvalidCredentials, MissingParameters):
        if not form:
            raise
        return pages.login_form(next_path, pages.WRONG, name)
    target = next_path
    if made.must_change_password:
        target = f"/change-password?{urlencode({'next': next_path})}"
    response: Response[Any]
    if form:
        response = pages.to(target)
    else:
        done = SignedIn(
            user_id=made.user_id, must_change_password=made.must_change_password, next=target
        )
        response = json_answer({"data": done})
    response.set_cookie(
        _cookie(accounts, made.cookie, timedelta(days=accounts.settings.login_days))
    )
    return response


@post(
    ["/logout", "/v1/logout"],
    status_code=200,
    tags=["accounts"],
    responses=_DONE,
    summary="Sign out",
)
async def logout(request: AnyRequest) -> Response[Any]:
    """End this browser's login; fine without one."""
    require_own_origin(request)
    accounts = accounts_of(request)
    cookie = request.cookies.get(COOKIE)
    if cookie:
        await service.logout(accounts.db, cookie=cookie, at=accounts.clock.now())
    response: Response[Any] = pages.to("/login") if _wants_pages(request) else _nothing()
    response.set_cookie(_cookie(accounts, "", timedelta(0)))
    return response


@get("/change-password", media_type=MediaType.HTML, include_in_schema=False)
async def change_password_page(request: AnyRequest) -> Response[Any]:
    """The form for a new password; strangers sign in first."""
    if await _signed_in(request) is None:
        return pages.to("/login", next="/change-password")
    target = request.query_params.get("next")
    return pages.password_form(rules.local_path(target), pages.CHOSEN_FOR_YOU if target else "")


@post(
    ["/change-password", "/v1/change-password"],
    status_code=200,
    tags=["accounts"],
    request_max_body_size=FORM_MAX_BYTES,
    responses=_DONE,
    summary="Set the own password",
)
async def change_password(request: AnyRequest) -> Response[Any]:
    """Set one's own password: `password` and `password_again`, equal, at least 8 characters."""
    require_own_origin(request)
    accounts = accounts_of(request)
    form = _wants_pages(request)
    actor = await _signed_in(request)
    if actor is None:
        if not form:
            raise MissingToken
        return pages.to("/login", next="/change-password")
    fields = await _fields(request)
    next_path = rules.local_path(_text(fields, "next"))
    try:
        await service.change_password(
            accounts.db,
            by=actor,
            password=_text(fields, "password"),
            again=_text(fields, "password_again"),
            at=accounts.clock.now(),
            cookie=request.cookies.get(COOKIE),
        )
    except WeakPassword as refusal:
        if not form:
            raise
        return pages.password_form(next_path, pages.PROBLEMS[str(refusal.facts["problem"])])
    return pages.to(next_path) if form else _nothing()


@get("/", media_type=MediaType.HTML, include_in_schema=False)
async def start_page(request: AnyRequest) -> Response[Any]:
    """Who is signed in, the apps and the lines for the page to be watched; strangers sign in first."""
    actor = await _signed_in(request)
    if actor is None or actor.user_id is None:
        return pages.to("/login")
    accounts = accounts_of(request)
    async with accounts.db.read() as tx:
        apps = await queries.apps(tx, actor, limit=100)
        user = await queries.user_with_password(tx, actor.user_id)
    name = user["display_name"] if user else ""
    return pages.welcome(f"{str(request.base_url).rstrip('/')}/v1", apps, name)


async def _signed_in(request: AnyRequest) -> Actor | None:
    """The user behind the cookie; None for strangers, whatever the reason, and for keys."""
    accounts = accounts_of(request)
    cookie = request.cookies.get(COOKIE)
    if not cookie or bearer_of(request.headers) is not None:
        return None
    try:
        return await service.authenticate(accounts.db, cookie=cookie, at=accounts.clock.now())
    except (InvalidToken, ExpiredToken):
        return None


async def _login(
    accounts: Accounts, request: AnyRequest, name: str, password: str
) -> service.Login:
    if not name or not password:
        raise MissingParameters(parameter="password" if name else "username")
    return await service.login(
        accounts.db,
        name=name,
        password=password,
        at=accounts.clock.now(),
        lifetime=timedelta(days=accounts.settings.login_days),
        ip_address=accounts.client_ip(request.scope),
        user_agent=_shown(request.headers.get("user-agent")),
    )


async def _fields(request: AnyRequest) -> Mapping[str, Any]:
    """The fields of a form or of a JSON object. Raises InvalidParameters when it is neither."""
    body = await request.body()
    try:
        if _is_form(request):
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidParameters from None
    if not isinstance(value, dict):
        raise InvalidParameters
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A text field, "" when absent or null. Raises InvalidParameters for anything that cannot be stored as text."""
    value = fields.get(name)
    if value is None:
        return ""
    if (
        not isinstance(value, str)
        or "\x00" in value
        or any("\ud800" <= c <= "\udfff" for c in value)
    ):
        raise InvalidParameters(parameter=name)
    return value


def _nothing() -> Response[Any]:
    """Success without words: the empty JSON string, since clients parse every answer."""
    return Response(b'""', media_type=JSON)


def _shown(text: str | None) -> str | None:
    return text and "".join(char for char in text if char.isprintable())


def _wants_pages(request: AnyRequest) -> bool:
    """A form that was sent by hand, not by a script."""
    return _is_form(request) and "application/json" not in request.headers.get("accept", "")


def _is_form(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


def _cookie(accounts: Accounts, value: str, lifetime: timedelta) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        domain=accounts.settings.cookie_domain,
        secure=accounts.production,
        httponly=True,
        samesite="lax",
    )
