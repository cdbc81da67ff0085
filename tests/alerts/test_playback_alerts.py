"""`GET /v1/playback/alerts`: the alerts of a key's app, in playback's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.alerts.test_alerts_door import Place
from tests.monitoring.conftest import Houses, houses

__all__ = ["houses"]  # a fixture of the neighbours

PATH = "/v1/playback/alerts"
MEMBERS = {
    "id", "tenant", "rule", "cohort", "startedAt", "clearedAt", "severity", "n", "k", "rate", "baseline", "pValue", "sampleSessionIds",
}  # fmt: skip


@pytest.fixture(scope="module")
async def place(houses: Houses) -> AsyncIterator[Place]:
    async with houses() as house:
        made = Place(house)
        await made.build()
        made.mine = await house.bearer(made.app, "read", only_app=True)
        await made.outage()
        yield made


async def test_an_open_alert_is_told_with_exactly_its_members(place: Place) -> None:
    status, listed = await place.ask("GET", PATH)

    (alert,) = listed["items"]
    assert (status, listed["nextCursor"], alert.keys()) == (200, None, MEMBERS)
    assert (alert["tenant"], alert["rule"], alert["cohort"], alert["clearedAt"]) == (
        "app",
        "playback_error_spike",
        "all",
        None,
    )
    assert (alert["n"], alert["k"], alert["rate"]) == (200, 100, 0.5)
    assert len(alert["sampleSessionIds"]) == 20


async def test_another_app_s_key_sees_none_of_it(place: Place) -> None:
    stranger = await place.house.bearer(await place.house.app(), "read", only_app=True)

    assert (await place.ask("GET", PATH, by=stranger))[1]["items"] == []
    status, refused = await place.ask("GET", f"{PATH}?appId={place.app['id']}", by=stranger)
    assert (status, refused["error"]["code"]) == (404, "NOT_FOUND")


async def test_nobody_is_told_nothing(place: Place) -> None:
    status, refused = await place.ask("GET", PATH, by={})

    assert (status, refused["error"]["code"]) == (401, "INVALID_API_KEY")


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=soon", "from"), ("to=x", "to"), ("limit=0", "limit"), ("limit=501", "limit"), ("cursor=x", "cursor")],
)  # fmt: skip
async def test_a_wrong_question_is_told_its_field(place: Place, query: str, field: str) -> None:
    status, refused = await place.ask("GET", f"{PATH}?{query}")

    assert (status, refused["error"]["code"]) == (400, "INVALID_SCHEMA")
    assert [detail["field"] for detail in refused["error"]["details"]] == [field]


async def test_what_began_later_than_asked_for_is_left_out(place: Place) -> None:
    before = (place.house.clock.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert (await place.ask("GET", f"{PATH}?to={before}"))[1]["items"] == []


async def test_a_long_list_comes_in_parts(place: Place) -> None:
    async with place.house.db.begin() as tx:
        await tx.psycopg.execute(
            """INSERT INTO alerts.alerts (id, app_id, organization_id, context, rule, definition, severity, dimension, value, started_at, cleared_at,
                window_minutes, n, baseline, limit_value)
            SELECT gen_random_uuid(), app_id, organization_id, context, rule, definition, severity, dimension, value, started_at - interval '1 minute',
                started_at, 5, number, 0, 0 FROM alerts.alerts, generate_series(1, 4) AS number WHERE app_id = %s""",
            (place.app["id"],),
        )
    try:
        seen = await _whole_list(place)
    finally:  # others look at the same app
        async with place.house.db.begin() as tx:
            await tx.psycopg.execute(
                "DELETE FROM alerts.alerts WHERE app_id = %s AND n BETWEEN 1 AND 4 AND limit_value = 0",
                (place.app["id"],),
            )

    assert len(seen) == 5
    assert len({alert["id"] for alert in seen}) == 5


async def _whole_list(place: Place) -> list[Any]:
    seen: list[Any] = []
    cursor = ""
    while True:
        _, listed = await place.ask("GET", f"{PATH}?limit=2{cursor}")
        seen += listed["items"]
        if listed["nextCursor"] is None:
            return seen
        cursor = f"&cursor={listed['nextCursor']}"
