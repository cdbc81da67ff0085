"""The same rules over observed calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.alerts.conftest import NOW, Scene

_CALLS = """
    WITH numbers AS (
        SELECT number, %(begin)s::timestamptz + %(span)s::interval * number / %(count)s AS at, gen_random_uuid() AS conference,
            gen_random_uuid() AS participant, gen_random_uuid() AS session
        FROM generate_series(0, %(count)s - 1) AS number
    ), conferences AS (
        INSERT INTO monitoring.conferences (id, app_id, organization_id, created_at, last_seen_at, conference_id, end_time, ongoing, judged_at, diagnosed_at)
        SELECT conference, %(app)s, %(org)s, at - interval '5 minutes', at, conference::text, at, false, at, at FROM numbers
    ), participants AS (
        INSERT INTO monitoring.participants (id, app_id, organization_id, created_at, participant_id)
        SELECT participant, %(app)s, %(org)s, at, participant::text FROM numbers
    ), sessions AS (
        INSERT INTO monitoring.sessions (id, app_id, organization_id, conference_id, participant_id, created_at, end_time, last_seen_at, platform, app_version)
        SELECT session, %(app)s, %(org)s, conference, participant, at - interval '5 minutes', at, at,
            jsonb_build_object('browser', jsonb_build_object('name', %(browser)s::text)), '1.0' FROM numbers
    ), issues AS (
        INSERT INTO monitoring.issues (id, app_id, organization_id, session_id, conference_id, participant_id, created_at, type, code)
        SELECT gen_random_uuid(), %(app)s, %(org)s, session, conference, participant, at, 'error', %(code)s FROM numbers WHERE %(code)s::text IS NOT NULL
    )
    INSERT INTO monitoring.diagnoses (id, app_id, organization_id, conference_id, participant_id, cause, sentence, score, parts, events, issues, version, computed_at)
    SELECT gen_random_uuid(), %(app)s, %(org)s, conference, participant, 'c', 's', %(score)s, '{}', '{}', '{}', 1, at FROM numbers"""


async def calls(scene: Scene, count: int, *, ago: float, minutes: float, **traits: Any) -> None:
    """So many calls of one participant that ended from `ago` minutes before NOW on."""
    values = {
        "app": scene.id,
        "org": scene.app["organization_id"],
        "count": count,
        "begin": NOW - timedelta(minutes=ago),
        "span": timedelta(minutes=minutes),
        "browser": "Chrome",
        "code": None,
        "score": 90,
        **traits,
    }
    async with scene.db.begin() as tx:
        # Foreign keys of one statement are checked at its end, so all rows may come in one.
        await tx.psycopg.execute(_CALLS, values)


async def usual_day(scene: Scene) -> None:
    await calls(scene, 990, ago=1470, minutes=1430)
    await calls(scene, 10, ago=1470, minutes=1430, code="no_connection")


async def test_participants_who_cannot_connect_raise_an_alert(scene: Scene) -> None:
    await usual_day(scene)
    await calls(scene, 40, ago=0, minutes=4)
    await calls(scene, 40, ago=0, minutes=4, code="no_connection", browser="Firefox")

    for minute in (2, 3, 4):
        await scene.look(minute)

    found = {(alert["rule"], alert["dimension"], alert["value"]): alert for alert in await scene.alerts()}  # fmt: skip
    setup = found["monitoring_setup_failures", "all", ""]
    assert (setup["context"], setup["n"], setup["k"]) == ("monitoring", 60, 30)
    assert setup["baseline"] == pytest.approx(10.5 / 1001)
    assert len(setup["samples"]) == 20
    assert ("monitoring_issue_spike", "code", "no_connection") in found


async def test_an_issue_of_one_code_is_told_of_everybody(scene: Scene) -> None:
    await usual_day(scene)
    await calls(scene, 60, ago=0, minutes=4)
    await calls(scene, 30, ago=0, minutes=4, code="turn_allocation_failed")

    for minute in (2, 3, 4):
        await scene.look(minute)

    issue = next(a for a in await scene.alerts() if a["dimension"] == "code")
    assert (issue["value"], issue["n"], issue["k"]) == ("turn_allocation_failed", 68, 23)
    # It had never been seen: of all participants of the day before none had it.
    assert issue["baseline"] == pytest.approx(0.5 / 1001)


async def test_scores_that_drop_raise_an_alert(scene: Scene) -> None:
    await calls(scene, 600, ago=1470, minutes=1430, score=90)
    await calls(scene, 120, ago=0, minutes=4, score=60)

    for minute in (2, 3, 4):
        await scene.look(minute)

    (alert,) = await scene.alerts(rule="monitoring_score_drop", parents_only=True)
    assert (alert["rate"], alert["baseline"], alert["limit_value"]) == (60, 90, 85)
    assert len(alert["samples"]) == 20


async def test_calls_that_go_well_raise_nothing(scene: Scene) -> None:
    await usual_day(scene)
    await calls(scene, 80, ago=0, minutes=4)

    for minute in range(1, 5):
        await scene.look(minute)

    assert await scene.alerts() == []
