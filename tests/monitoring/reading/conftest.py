"""A small call in the database, written with plain SQL, and people who may and may not see it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb
from sqlalchemy import event

from signalbox.accounts import service
from signalbox.accounts.guards import Accounts, actor_dependency
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.compression import pack
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from signalbox.core.limits import Limiter
from signalbox.core.live import Live
from signalbox.core.partitions import ensure_daily
from signalbox.http.errors import monitoring_error
from signalbox.http.guards import exception_handlers
from signalbox.monitoring.routes import monitoring_router
from signalbox.site.docs_page import docs_handlers

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """The call: Noor and Ravi talk through an SFU. `app` belongs to alice's organization, charlie has another."""

    db: Database
    app: UUID
    organization: UUID
    alice: dict[str, str]
    alice_app_key: dict[str, str]
    charlie: dict[str, str]
    other_app: UUID
    other_organization: UUID
    ids: dict[str, UUID] = field(default_factory=dict)

    async def put(self, table: str, **values: Any) -> UUID:
        """Insert a row; dictionaries and lists of dictionaries become JSON."""
        values = {"id": new_id(), **values}
        names = SQL(", ").join(map(Identifier, values))
        places = SQL(", ").join([SQL("%s")] * len(values))
        statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(
            Identifier("monitoring", table), names, places
        )
        if "id" in values and values["id"] is None:
            raise ValueError(table)
        async with self.db.begin() as tx:
            await tx.psycopg.execute(
                statement, [Jsonb(v) if isinstance(v, dict) else v for v in values.values()]
            )
        return UUID(str(values["id"]))

    def owned(self, at: datetime = AT) -> dict[str, Any]:
        """Columns that every thing of the app has."""
        return {"app_id": self.app, "organization_id": self.organization, "created_at": at}

    async def conference(self, name: str, at: datetime = AT, **values: Any) -> UUID:
        """A conference."""
        return await self.put(
            "conferences", **self.owned(at), conference_id=name, last_seen_at=at, **values
        )

    async def participant(self, name: str, **values: Any) -> UUID:
        """A participant."""
        return await self.put("participants", **self.owned(), participant_id=name, **values)

    async def link(self, conference: UUID, participant: UUID, sessions: int) -> None:
        """Link a participant to a conference."""
        async with self.db.begin() as tx:
            await tx.psycopg.execute(
                "INSERT INTO monitoring.conference_participants VALUES (%s, %s, %s)",
                (conference, participant, sessions),
            )

    async def issue(self, kind: str, code: str, at: datetime = AT, **values: Any) -> UUID:
        """An issue of the call."""
        where = {"conference_id": self.ids["conference"], "session_id": self.ids["session"]}
        return await self.put(
            "issues", **{**self.owned(at), "type": kind, "code": code, **where, **values}
        )

    def _place(self, at: datetime) -> dict[str, Any]:
        return {
            "app_id": self.app,
            "conference_id": self.ids["conference"],
            "participant_id": self.ids["noor"],
            "session_id": self.ids["session"],
            "created_at": at,
            "received_at": at,
        }

    async def event(
        self, name: str, category: str, after_s: float, data: Any = None, **v: Any
    ) -> UUID:
        """An event of Noor's session."""
        packed = None if data is None else pack(json.dumps(data).encode())
        place = self._place(AT + timedelta(seconds=after_s))
        return await self.put(
            "events", **{**place, "type": name, "category": category, "data": packed, **v}
        )

    async def sample(self, after_s: float, report: Any, /, **values: Any) -> UUID:
        """A stats post on Noor's connection with one audio flow of a track and one without."""
        figures = {
            "flows": [0, 1],
            "tracks": [self.ids["track"], None],
            "bytes": [1000, 2000],
            "packets": [10, 20],
            "lost": [1, None],
            "jitter_ms": [2.0, None],
            "emos": [4.25, None],
        }
        row = {
            **self._place(AT + timedelta(seconds=after_s)),
            "peer_id": self.ids["sfu"],
            "connection_id": self.ids["connection"],
            "report": None if report is None else pack(json.dumps(report).encode()),
            "thinned": report is None,
            **figures,
            **values,
        }
        return await self.put("samples", **row)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT + timedelta(hours=1))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    async with database.begin() as tx:
        for table in ("monitoring.events", "monitoring.samples"):
            await ensure_daily(tx.psycopg, table, AT.date(), AT.date())
    yield database
    await database.close()


async def _tenant(db: Database, name: str) -> tuple[UUID, UUID, dict[str, str], dict[str, str]]:
    organization = await service.create_organization(db, name=name, by=SYSTEM, at=AT)
    app = await service.create_app(
        db, organization_id=organization["id"], name=name, by=SYSTEM, at=AT
    )
    keys = []
    for place in ({"organization_id": organization["id"]}, {"app_id": app["id"]}):
        _, key = await service.create_key(db, scopes=["read"], by=SYSTEM, at=AT, **place)
        keys.append({"Authorization": f"Bearer {key}"})
    return organization["id"], app["id"], keys[0], keys[1]


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    organization, app, alice, alice_app_key = await _tenant(db, "ours")
    theirs, other_app, charlie, _ = await _tenant(db, "theirs")
    world = World(db, app, organization, alice, alice_app_key, charlie, other_app, theirs)
    ids = world.ids
    ids["conference"] = await world.conference("standup", conference_name="Stand-up", duration=90)
    ids["noor"] = await world.participant("u-7", participant_name="Noor")
    ids["ravi"] = await world.participant("u-8")
    ids["sfu"] = await world.participant("sfu", is_sfu=True)
    for name, sessions in (("noor", 1), ("ravi", 0), ("sfu", 0)):
        await world.link(ids["conference"], ids[name], sessions)
    here = {"conference_id": ids["conference"], "participant_id": ids["noor"]}
    ids["session"] = await world.put(
        "sessions",
        **world.owned(),
        **here,
        last_seen_at=AT,
        constraints={"width": True},
        platform={"browser": {"name": "Chrome"}},
        metadata={"plan": "pro"},
        duration=61,
        app_version="3.1.0",
    )
    ids["connection"] = await world.put(
        "connections",
        **world.owned(),
        **here,
        session_id=ids["session"],
        peer_id=ids["sfu"],
        connection_info={"negotiations": []},
        start_time=AT,
        last_seen_at=AT,
        state="connected",
    )
    ids["track"] = await world.put(
        "tracks",
        **world.owned(),
        **here,
        session_id=ids["session"],
        connection_id=ids["connection"],
        track_id="a1b2",
        direction="inbound",
        kind="audio",
    )
    ids["issue"] = await world.issue("warning", "turn_used", connection_id=ids["connection"])
    yield world
    await _forget_crowd(db, other_app)


async def _forget_crowd(db: Database, app: UUID) -> None:
    """Thousands of calls would wait for every later test that ends, judges or diagnoses all that there are."""
    of_app = "(SELECT id FROM monitoring.conferences WHERE app_id = %s)"
    async with db.begin() as tx:
        cursor = await tx.psycopg.execute(f"SELECT count(*) FROM {of_app} c", (app,))
        if (await cursor.fetchall())[0][0] < 1_000:
            return
        for table in (
            "track_minutes", "samples", "events", "issues", "tracks", "connections", "conference_participants", "sessions",
        ):  # fmt: skip
            await tx.psycopg.execute(
                f"DELETE FROM monitoring.{table} WHERE conference_id IN {of_app}", (app,)
            )
        for table in ("participants", "conferences"):
            await tx.psycopg.execute(f"DELETE FROM monitoring.{table} WHERE app_id = %s", (app,))


@pytest.fixture
async def site(db: Database, clock: ManualClock, redis_url: str) -> AsyncIterator[AsyncClient]:
    """The reading doors on a real database, without a login."""
    live = Live(redis_url, timeout_ms=20_000)
    app: Any = Litestar(
        route_handlers=[monitoring_router(), *docs_handlers()],
        state=State({"accounts": Accounts(db=db, clock=clock, limiter=Limiter(live, clock))}),
        dependencies={
            "db": Provide(lambda: db, sync_to_thread=False),
            "clock": Provide(lambda: clock, sync_to_thread=False),
            # These doors only read; nothing is brought in through them.
            "feeder": Provide(lambda: None, sync_to_thread=False),
            **actor_dependency(),
        },
        exception_handlers=exception_handlers(lambda _path: monitoring_error),
    )
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        yield client
    await live.close()


@pytest.fixture
async def alice(site: AsyncClient, world: World) -> AsyncClient:
    """The site as alice sees it, by a key of her organization."""
    site.headers.update(world.alice)
    return site


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    """Every statement on the monitoring tables, as it is run."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "monitoring." in statement:
            seen.append(statement)

    assert db._engine is not None
    engine = db._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)
