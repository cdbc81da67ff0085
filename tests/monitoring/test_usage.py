"""What an app has used, what is left of its quota, and what is stored of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner, Result

from signalbox.monitoring.service import count_volumes
from signalbox.site.commands.app import app as app_command
from tests.monitoring.conftest import House, Houses
from tests.monitoring.pages import Page

Row = Mapping[Any, Any]


@pytest.fixture
async def house(houses: Houses) -> AsyncIterator[House]:
    """Of our own: we move its clock by days."""
    async with houses() as opened:
        yield opened


async def add_seconds(house: House, app: Row, day: str, seconds: int) -> None:
    async with house.db.begin() as tx:
        sql = "INSERT INTO monitoring.app_usage VALUES (%s, %s, %s)"
        await tx.psycopg.execute(sql, (app["id"], day, seconds))


async def usage(house: House, app: Row, headers: dict[str, str]) -> Any:
    answer = await house.client.get(f"/v1/apps/{app['id']}/usage", headers=headers)
    assert answer.status_code == 200
    return answer.json()["data"]


async def test_minutes_by_day_and_month_and_what_is_left(house: House) -> None:
    app = await house.app(quota_participant_minutes_monthly=10)
    headers = await house.bearer(app, "read", only_app=True)
    for day, seconds in (
        ("2026-03-02", 119),
        ("2026-03-01", 61),
        ("2026-02-01", 600),
        ("2025-03-31", 999),
    ):
        await add_seconds(house, app, day, seconds)

    told = await usage(house, app, headers)

    days = {day["day"]: day["minutes"] for day in told["days"]}
    assert len(days) == 31
    assert (min(days), max(days)) == ("2026-01-31", "2026-03-02")
    assert {day: minutes for day, minutes in days.items() if minutes} == {
        "2026-02-01": 10,
        "2026-03-01": 1,
        "2026-03-02": 1,
    }
    months = [(month["month"], month["minutes"]) for month in told["months"]]
    assert (months[0][0], months[-2:]) == ("2025-04", [("2026-02", 10), ("2026-03", 3)])
    assert (told["quota_participant_minutes_monthly"], told["minutes_left"]) == (10, 7)
    assert told["stored"] == {"events": 0, "samples": 0, "bytes": 0}
    assert told["counted_at"] is None


async def test_what_is_stored_is_counted_by_the_worker(house: House) -> None:
    app, other = await house.app(), await house.app()
    headers = await house.bearer(app, "read")
    for each, posts in ((app, 3), (other, 1)):
        page = await Page.open(house, each)
        for number in range(posts):
            data = {"connection": {"timestamp": number}}
            body = page.good("POST", "/v1/stats") | {"data": data}
            assert (await house.client.post("/v1/stats", json=body)).status_code == 200

    assert await count_volumes(house.db, everything=False, at=house.clock.now()) >= 1

    told = await usage(house, app, headers)
    assert (told["stored"]["events"], told["stored"]["samples"]) == (1, 3)
    assert told["stored"]["bytes"] > 1000
    assert told["days"][-1]["samples"] == 3
    assert told["counted_at"] == "2026-03-02T10:00:00.000000Z"
    assert told["minutes_left"] is None

    async with house.db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM monitoring.samples WHERE app_id = %s", (app["id"],))
    house.clock.advance(5 * 86_400)
    await count_volumes(house.db, everything=False, at=house.clock.now())
    assert (await usage(house, app, headers))["stored"]["samples"] == 3
    await count_volumes(house.db, everything=True, at=house.clock.now())
    assert (await usage(house, app, headers))["stored"]["samples"] == 0


async def test_strangers_see_no_usage(house: House) -> None:
    app, other = await house.app(), await house.app()
    charlie = await house.bearer(other, "read", "manage")
    answer = await house.client.get(f"/v1/apps/{app['id']}/usage", headers=charlie)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "app_not_found")
    answer = await house.client.get(f"/v1/apps/{app['id']}/usage")
    assert (answer.status_code, answer.json()["error_code"]) == (401, "missing_token")


async def test_usage_on_the_command_line(house: House) -> None:
    app = await house.app(quota_participant_minutes_monthly=10)

    def ask(*args: str) -> Result:
        environ = {"SIGNALBOX_DATABASE_URL": house.db.url}
        return CliRunner().invoke(app_command, ["usage", str(app["id"]), *args], env=environ)

    shown = await asyncio.to_thread(ask, "--json")
    assert json.loads(shown.stdout)["minutes_left"] == 10
    text = (await asyncio.to_thread(ask)).stdout
    assert "0 of 10" in text
