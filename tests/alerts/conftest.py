"""What tests of alerts share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from signalbox.accounts import service as accounts
from signalbox.alerts import queries
from signalbox.alerts.service import Told, Voice, Watch, evaluate_app
from signalbox.alerts.settings import AlertSettings
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.sealing import Sealer
from tests.alerts.sessions import played

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
Row = Mapping[Any, Any]


class Scene:
    """An app of its own, and looks at it."""

    def __init__(self, db: Database, app: Row) -> None:
        self.db, self.app = db, app
        self.settings = AlertSettings(webhooks=["https://pager.test/hook?token=1"], webhook_secret="w")  # fmt: skip
        self.sealer = Sealer(["e" * 32])
        self.voice = Voice(self.sealer, self.settings, origin="https://box.test")
        self.watch = Watch(voice=self.voice)

    @property
    def id(self) -> UUID:
        """The app's."""
        found: UUID = self.app["id"]
        return found

    @staticmethod
    def now_less(minutes: float) -> datetime:
        """So many minutes before NOW."""
        return NOW - timedelta(minutes=minutes)

    async def play(self, count: int, *, ago: float, minutes: float, **traits: Any) -> None:
        """So many sessions that ended from `ago` minutes before NOW on; negative: after it."""
        await played(self.db, self.id, count, begin=self.now_less(ago), minutes=minutes, **traits)

    async def usual_day(self, **traits: Any) -> None:
        """A day of 1440 plays, one in eighty of which failed, and quiet minutes up to NOW."""
        await self.play(1422, ago=1470, minutes=1430, **traits)
        await self.play(18, ago=1470, minutes=1430, outcome="start_failure", **traits)

    async def look(self, minute: float = 0) -> list[Told]:
        """Look at the app so many minutes after NOW."""
        at = NOW + timedelta(minutes=minute)
        return await evaluate_app(self.db, self.app, self.watch, minute=at)

    async def alerts(self, **wanted: Any) -> list[Row]:
        """The app's alerts, the newest first."""
        filters = queries.AlertFilter(app_id=self.id, **wanted)
        async with self.db.read() as tx:
            return list(await queries.alerts(tx, SYSTEM, filters, limit=100))

    async def leave(self) -> None:
        """Take the sessions and calls away: thousands would be in the way of tests that look at all there are."""
        async with self.db.begin() as tx:
            for table in (
                "playback.sessions", "monitoring.diagnoses", "monitoring.issues", "monitoring.sessions", "monitoring.participants",
                "monitoring.conferences",
            ):  # fmt: skip
                await tx.psycopg.execute(f"DELETE FROM {table} WHERE app_id = %s", (self.id,))

    async def messages(self) -> list[Row]:
        """What was queued for the app's organization."""
        async with self.db.read() as tx:
            cursor = await tx.psycopg.execute(
                "SELECT kind, subject, body, state, tries, outcome FROM outgoing.messages WHERE organization_id = %s ORDER BY created_at",
                (self.app["organization_id"],),
            )
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def new_app(db: Database, name: str = "app") -> Row:
    """An app in an organization of its own."""
    made: dict[str, Any] = {"by": SYSTEM, "at": NOW}
    organization = await accounts.create_organization(db, name="o", **made)
    return await accounts.create_app(db, organization_id=organization["id"], name=name, **made)


@pytest.fixture
async def scene(db: Database) -> AsyncIterator[Scene]:
    """An app that nobody else looks at; its many sessions and calls leave with it."""
    made = Scene(db, await new_app(db))
    yield made
    await made.leave()
