"""One site for a whole module of tests: making one takes longer than most of what is asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.site.app import Site, create_site
from signalbox.site.settings import load_settings
from tests.conftest import START, environment_of

ADDRESS = "http://signalbox.test"


@dataclass(frozen=True)
class House:
    """A site that all tests of a module share, with its database and its clock, which stands still until moved."""

    client: httpx.AsyncClient
    db: Database
    clock: ManualClock
    site: Site

    async def app(self, **changes: Any) -> Mapping[Any, Any]:
        """A new app in an organization of its own; `changes` as of `update_app`."""
        made: dict[str, Any] = {"by": SYSTEM, "at": self.clock.now()}
        organization = await accounts.create_organization(self.db, name="o", **made)
        app = await accounts.create_app(
            self.db, organization_id=organization["id"], name="app", **made
        )
        return await self.change(app, **changes) if changes else app

    async def change(self, app: Mapping[Any, Any], **changes: Any) -> Mapping[Any, Any]:
        """Change an app."""
        return await accounts.update_app(
            self.db, app["id"], by=SYSTEM, at=self.clock.now(), **changes
        )

    async def bearer(
        self, app: Mapping[Any, Any], *scopes: str, only_app: bool = False
    ) -> dict[str, str]:
        """Headers with a new key of the app's organization, or of the app alone."""
        owner = {"app_id": app["id"]} if only_app else {"organization_id": app["organization_id"]}
        made: dict[str, Any] = {"by": SYSTEM, "at": self.clock.now()} | owner
        _, key = await accounts.create_key(self.db, scopes=scopes, **made)
        return {"Authorization": f"Bearer {key}"}


Houses = Callable[..., AbstractAsyncContextManager[House]]


@asynccontextmanager
async def opened(
    database_url: str, redis_url: str, folder: Path, **settings: str
) -> AsyncIterator[House]:
    """A site on a database, with a clock of its own; keywords are settings."""
    clock, database = ManualClock(START), Database(database_url)
    environment = environment_of(database_url, redis_url, folder)
    loaded = load_settings(environment | settings)
    app = create_site(loaded, clock=clock, metrics=Metrics())
    await database.open()
    await app.kernel.open()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield House(client, database, clock, app)
    await app.kernel.close()
    await database.close()


@pytest.fixture(scope="module")
def houses(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Houses:
    """Opens sites on the one database, each with a clock of its own; keywords are settings."""

    def open_house(**settings: str) -> AbstractAsyncContextManager[House]:
        return opened(database_url, redis_url, tmp_path_factory.mktemp("house"), **settings)

    return open_house


@pytest.fixture(scope="module")
async def house(houses: Houses) -> AsyncIterator[House]:
    """The shared site."""
    async with houses() as opened:
        yield opened
