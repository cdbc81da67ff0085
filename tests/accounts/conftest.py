"""People and places of the accounts tests: alice owns, bob belongs, charlie is a stranger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from signalbox.accounts import queries, service
from signalbox.accounts.guards import Accounts, actor_dependency
from signalbox.accounts.routes import route_handlers
from signalbox.accounts.service.access import user_actor
from signalbox.accounts.settings import AccountsSettings
from signalbox.core.actor import SYSTEM, Actor
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from signalbox.core.limits import Limiter
from signalbox.core.live import Live
from signalbox.http.errors import monitoring_error
from signalbox.http.guards import exception_handlers
from signalbox.monitoring.routes import monitoring_router
from signalbox.monitoring.routes.apps import HANDLERS

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class People:
    """Two organizations: alice owns the first and bob is a viewer there, charlie owns the second."""

    organization_id: UUID
    other_organization_id: UUID
    alice: Actor
    bob: Actor
    charlie: Actor
    alice_email: str


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def people(db: Database) -> People:
    ours = await service.create_organization(db, name="ours", by=SYSTEM, at=AT)
    theirs = await service.create_organization(db, name="theirs", by=SYSTEM, at=AT)
    mark = new_id().hex[:8]
    alice = await _user(db, f"alice-{mark}@example.org", ours["id"], "owner")
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.users SET password_hash = %s WHERE user_id = %s",
            [_password_hash(), alice.user_id],
        )
    bob = await _user(db, f"bob-{mark}@example.org", ours["id"], "viewer")
    charlie = await _user(db, f"charlie-{mark}@example.org", theirs["id"], "owner")
    return People(ours["id"], theirs["id"], alice, bob, charlie, f"alice-{mark}@example.org")


@cache
def _password_hash() -> str:
    return PasswordHasher().hash(PASSWORD)


async def _user(db: Database, email: str, organization_id: UUID, role: str) -> Actor:
    made = await service.create_user(
        db,
        email=email,
        organization_id=organization_id,
        organization_role=role,
        by=SYSTEM,
        at=AT,
    )
    async with db.read() as tx:
        row = await queries.user_with_password(tx, made["user_id"])
        assert row is not None
        return await user_actor(tx, row)


@pytest.fixture
async def site(db: Database, clock: ManualClock, redis_url: str) -> AsyncIterator[AsyncClient]:
    """The doors of accounts on a real database and Redis; every test comes from its own address."""
    async with _site(db, clock, redis_url) as client:
        yield client


@pytest.fixture
async def production(
    db: Database, clock: ManualClock, redis_url: str
) -> AsyncIterator[AsyncClient]:
    """The same in production, where a setting for development has no effect."""
    settings = AccountsSettings(open_access=True)
    async with _site(db, clock, redis_url, production=True, settings=settings) as client:
        yield client


@pytest.fixture
async def open_access(
    db: Database, clock: ManualClock, redis_url: str
) -> AsyncIterator[AsyncClient]:
    """The same, open to everyone."""
    settings = AccountsSettings(open_access=True)
    async with _site(db, clock, redis_url, settings=settings) as client:
        yield client


@asynccontextmanager
async def _site(
    db: Database, clock: ManualClock, redis_url: str, **options: Any
) -> AsyncIterator[AsyncClient]:
    live = Live(redis_url, timeout_ms=20_000)
    accounts = Accounts(db=db, clock=clock, limiter=Limiter(live, clock), **options)
    app: Any = Litestar(
        route_handlers=[*route_handlers, monitoring_router(more=HANDLERS)],
        state=State({"accounts": accounts}),
        dependencies={
            "db": Provide(lambda: db, sync_to_thread=False),
            "clock": Provide(lambda: clock, sync_to_thread=False),
            "feeder": Provide(lambda: None, sync_to_thread=False),
            **actor_dependency(),
        },
        exception_handlers=exception_handlers(lambda _path: monitoring_error),
    )
    address = f"fd00::{new_id().hex[:4]}:{new_id().hex[:4]}"
    transport = ASGITransport(app=app, client=(address, 1))
    async with AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        yield client
    await live.close()


async def bearer(db: Database, by: Actor, organization_id: UUID, *scopes: str) -> dict[str, str]:
    """Headers with a new key of the organization."""
    _, key = await service.create_key(
        db, organization_id=organization_id, scopes=scopes, by=by, at=AT
    )
    return {"Authorization": f"Bearer {key}"}
