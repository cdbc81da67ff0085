"""What happens once in the life of an installation."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from signalbox.accounts import queries, rules, store
from signalbox.accounts.service.apps import DEFAULT_INTERVAL_MS, add_app
from signalbox.accounts.service.organizations import add_organization
from signalbox.accounts.service.passwords import hash_password
from signalbox.accounts.service.people import add_user, needed_email
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database

log = structlog.get_logger(__name__)

DEFAULT_ORGANIZATION: Final = "default"
DEFAULT_APP: Final = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """What the first start made. `password` is None when the operator chose it."""

    email: str
    username: str
    password: str | None = field(repr=False)
    organization_id: UUID
    app_id: UUID
    app_name: str
    api_key: str


async def ensure_first_run(
    db: Database,
    *,
    at: datetime,
    admin_email: str = "admin@localhost",
    admin_username: str = "admin",
    admin_password: str | None = None,
    interval_ms: int = DEFAULT_INTERVAL_MS,
) -> FirstRun | None:
    """Make the first administrator, the organization `default` and its app `demo`, unless anybody is entered.

    None when somebody is. Of several processes only one makes anything. `interval_ms` is the app's.
    Raises InvalidEmail, or InvalidParameters for an interval outside 1 000–60 000 ms.
    """
    async with db.read() as tx:
        if await queries.any_user(tx):
            return None
    email = needed_email(admin_email)
    username = admin_username.strip().lower()
    password = admin_password or secrets.token_urlsafe(12)
    password_hash = await hash_password(password)
    async with db.begin() as tx:
        await store.lock_first_run(tx)
        if await queries.any_user(tx):
            return None
        weak = rules.password_problem(password) is not None
        admin = await add_user(
            tx,
            {
                "email": email,
                "username": username or None,
                "display_name": "Administrator",
                "password_hash": password_hash,
                "must_change_password": admin_password is None or weak,
                "role": "admin",
            },
            by=SYSTEM,
            at=at,
        )
        organization = await add_organization(tx, name=DEFAULT_ORGANIZATION, by=SYSTEM, at=at)
        await store.put_membership(tx, admin["user_id"], organization["id"], rules.OWNER, at)
        app = await add_app(
            tx,
            organization_id=organization["id"],
            name=DEFAULT_APP,
            by=SYSTEM,
            at=at,
            interval_ms=interval_ms,
        )
    log.info("installation.created", organization_id=str(organization["id"]))
    return FirstRun(
        email=email,
        username=username,
        password=None if admin_password else password,
        organization_id=organization["id"],
        app_id=app["id"],
        app_name=app["name"],
        api_key=app["api_key"],
    )
