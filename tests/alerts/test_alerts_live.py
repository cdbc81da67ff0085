"""Whoever watches an app live is told of its alerts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from signalbox.alerts.service import Told
from tests.monitoring.conftest import House, Houses, houses
from tests.monitoring.live.stream import watching

__all__ = ["houses"]  # a fixture of the neighbours


@pytest.fixture(scope="module")
async def house(houses: Houses) -> AsyncIterator[House]:
    async with houses() as opened:
        yield opened


async def test_an_alert_is_told_to_those_who_watch_its_app(house: House) -> None:
    app = await house.app()
    headers = await house.bearer(app, "read")
    alert = str(uuid4())
    told = Told(
        organization_id=UUID(str(app["organization_id"])),
        app_id=app["id"],
        event="opened",
        alert={"id": alert},
    )

    async with watching(house, headers, appId=str(app["id"])) as stream:
        house.site.kernel.publisher.tell([told.telling()])
        got = await stream.until(("alert", "opened"))

    assert got[-1].data["data"]["id"] == alert
    assert json.loads(told.telling().body)["app"] == str(app["id"])
