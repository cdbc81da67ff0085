"""A recorded call whose minutes are made, and people who ask for its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.monitoring.service import Minutes
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


async def play(house: House, name: str, app: Any = None) -> Played:
    """Replay a recorded call in a new app, or in one that is there, and let the worker make its minutes."""
    if app is None:
        app = await house.app()
    await replay(house.client, house.clock, app["api_key"], trace(name))
    worker = Minutes(house.db, emos_version=2)
    await worker.advance(at=house.clock.advance(1))
    await worker.advance(at=house.clock.now())
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT id FROM monitoring.conferences WHERE app_id = %s ORDER BY created_at DESC LIMIT 1",
            (app["id"],),
        )
        row = await cursor.fetchone()
    assert row is not None
    key = await key_of(house, app["organization_id"])
    return Played(house, UUID(str(app["id"])), key, row[0])
