"""A site that runs for weeks without a worker still stores."""

from __future__ import annotations

from tests.monitoring.conftest import House

DAY_S = 86_400


async def test_a_day_without_a_partition_gets_one(house: House) -> None:
    app, site = await house.app(), house.client
    entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "alice"}
    for _ in range(2):
        init = (await site.post("/v1/initialize", json=entry)).json()
        session = (await site.post("/v1/sessions", json={"token": init["token"]})).json()
        event = {"token": session["token"], "eventName": "late"}
        answer = await site.post("/v1/events/browser", json=event)
        assert answer.status_code == 200, answer.text
        house.clock.advance(40 * DAY_S)

    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FROM monitoring.events WHERE app_id = %s AND type = 'late'",
            [app["id"]],
        )
        assert await cursor.fetchone() == (2,)
