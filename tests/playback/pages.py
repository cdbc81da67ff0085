"""A page with a player in it that reports CMCD, and what the collector then has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from signalbox.accounts import service as accounts
from signalbox.accounts.service.keys import KeyBounds
from signalbox.core.actor import SYSTEM
from signalbox.playback.settings import PlaybackSettings
from signalbox.site.cmcd import cmcd_jobs
from tests.monitoring.conftest import House


@dataclass
class Page:
    """The key that stands in the page."""

    house: House
    app: Mapping[Any, Any]
    key: str
    key_id: UUID

    @property
    def client(self) -> httpx.AsyncClient:
        """The door."""
        return self.house.client

    @property
    def path(self) -> str:
        """Where it reports."""
        return f"/v1/cmcd/{self.key}"

    async def post(
        self, body: bytes | str, headers: Mapping[str, str] | None = None, path: str = ""
    ) -> httpx.Response:
        """Report lines."""
        sent = {"Content-Type": "application/cmcd"} | dict(headers or {})
        return await self.client.post(self.path + path, content=body, headers=sent)

    async def get(self, report: str) -> httpx.Response:
        """Report in a query; `report` is encoded already."""
        return await self.client.get(f"{self.path}?CMCD={report}")

    async def written(self) -> None:
        """As after the worker's next round."""
        jobs = {job.name: job for job in cmcd_jobs(self.house.db, PlaybackSettings())}
        await jobs["playback.cmcd"].run(self.house.clock.now())

    async def rows(self, statement: str) -> Sequence[Any]:
        """Rows of a statement whose only parameter is the app."""
        async with self.house.db.read() as tx:
            cursor = await tx.psycopg.execute(statement, (self.app["id"],))
            return await cursor.fetchall()

    async def lines(self) -> Sequence[Mapping[str, Any]]:
        """What is stored of its lines."""
        found = await self.rows(
            "SELECT sn, line FROM playback.v_cmcd_events WHERE app_id = %s ORDER BY session_id, sn, line"
        )
        return [{"sn": sn, "line": text} for sn, text in found]


async def new_page(house: House, *scopes: str, origins: Sequence[str] = (), **changes: Any) -> Page:
    """A page of a new app; `changes` as of `update_app`."""
    app = await house.app(**changes)
    row, key = await accounts.create_key(
        house.db,
        app_id=app["id"],
        scopes=scopes or ("ingest",),
        by=SYSTEM,
        at=house.clock.now(),
        bounds=KeyBounds(origins=list(origins) or None),
    )
    return Page(house, app, key, row["key_id"])
