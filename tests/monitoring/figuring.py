"""A recorded call whose minutes are made, and people who ask for its figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.monitoring.service import Minutes
from signalbox.monitoring.service.minutes import STEP
from signalbox.monitoring.store import minutes
from tests.monitoring.conftest import House
from tests.monitoring.replay import replay, trace


@dataclass(frozen=True)
class Played:
    """A call, and whoever may see it."""

    house: House
    app: UUID
    key: dict[str, str]
    conference: UUID

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Ask as somebody of the app's organization."""
        return await self.house.client.get(f"/v1/{path}", params=parameters, headers=self.key)

    async def data(self, path: str, **parameters: Any) -> Any:
        """What is answered."""
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


async def key_of(house: House, organization: Any) -> dict[str, str]:
    """Headers of somebody who may read all of an organization."""
    made: dict[str, Any] = {"by": SYSTEM, "at": house.clock.now()}
    _, key = await accounts.create_key(
        house.db, organization_id=organization, scopes=["read"], **made
    )
    return {"Authorization": f"Bearer {key}"}


async def begin_at(db: Database, at: datetime) -> None:
    """The worker has seen everything up to then. The tests of a process share a database, but each house has a clock of its own."""
    async with db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM monitoring.figure_progress")
        await minutes.advance(tx.psycopg, STEP, at)


async def play(house: House, name: str, app: Any = None) -> Played:
    """Replay a recorded call in a new app, or in one that is there, and let the worker make its minutes."""
    if app is None:
        app = await house.app()
    await begin_at(house.db, house.clock.now())
    await replay(house.client, house.clock, app["api_key"], trace(name))
    worker = Minutes(house.db, emos_version=2)
    await worker.advance(at=house.clock.advance(1))
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT id FROM monitoring.conferences WHERE app_id = %s ORDER BY created_at DESC LIMIT 1",
            (app["id"],),
        )
        row = await cursor.fetchone()
    assert row is not None
    key = await key_of(house, app["organization_id"])
    return Played(house, UUID(str(app["id"])), key, row[0])
