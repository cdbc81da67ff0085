"""The worker's look at conferences: findings open while a call runs, change, close, and are never repeated."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.monitoring.service import diagnose_conference
from tests.monitoring.conftest import House
from tests.monitoring.labelled import SETTINGS, findings, label, look, play
from tests.monitoring.replay import replay


async def conference_of(house: House, app: UUID) -> UUID:
    async with house.db.read() as tx:
        row = await (
            await tx.psycopg.execute(
                "SELECT id FROM monitoring.conferences WHERE app_id = %s", (app,)
            )
        ).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


async def test_a_finding_opens_during_the_call_and_closes_with_it(house: House) -> None:
    app = await house.app()
    key = await accounts.create_key(
        house.db, organization_id=app["organization_id"], scopes=["read"], by=SYSTEM, at=house.clock.now()
    )  # fmt: skip
    requests = label("loss-alice").requests()
    first = [r for r in requests if r.at_ms < 25_000]
    headers = {"authorization": f"Bearer {key[1]}"}

    async def issues() -> list[dict[str, Any]]:
        answer = await house.client.get(
            "/v1/issues", params={"appId": str(app["id"]), "code": "high_loss"}, headers=headers
        )
        found: list[dict[str, Any]] = answer.json()["data"]
        return sorted(found, key=lambda issue: str(issue["id"]))

    await replay(house.client, house.clock, app["api_key"], first)
    await look(house)
    during = await issues()
    await look(house, after_s=12)
    again = await issues()
    assert {issue["ended_at"] for issue in during} == {None}
    assert [issue["id"] for issue in again] == [issue["id"] for issue in during]
    assert all(new["updated_at"] > old["updated_at"] for new, old in zip(again, during, strict=True))  # fmt: skip
    assert {issue["source"] for issue in during} == {"rule"}
    assert all(issue["title"] != issue["code"] and issue["events"] for issue in during)

    whole = await play(house, label("loss-alice"))
    ended = [issue for issue in await findings(house, whole) if issue["code"] == "high_loss"]
    assert len(ended) == len(during) == 2
    assert all(issue["ended_at"] is not None for issue in ended)


async def test_looking_again_changes_nothing(house: House) -> None:
    app = await play(house, label("delay-alice"))
    before = await findings(house, app)

    changed = await diagnose_conference(
        house.db, await conference_of(house, app), settings=SETTINGS, at=house.clock.now()
    )

    assert changed == []
    assert await findings(house, app) == before
    assert {issue["code"] for issue in before} >= {"high_rtt", "slow_setup"}


async def test_a_finished_conference_is_looked_at_once(house: House) -> None:
    app = await play(house, label("clean-direct"))
    looked_at = await diagnosed_at(house, app)

    await look(house, after_s=60)

    assert looked_at is not None
    assert await diagnosed_at(house, app) == looked_at


async def diagnosed_at(house: House, app: UUID) -> Any:
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT diagnosed_at FROM monitoring.conferences WHERE app_id = %s", (app,)
        )
        return (await cursor.fetchone() or (None,))[0]


async def test_what_is_no_finding_any_more_is_withdrawn(house: House) -> None:
    app = await play(house, label("delay-alice"))
    (high,) = [issue for issue in await findings(house, app) if issue["code"] == "high_rtt"]
    conference = await conference_of(house, app)
    loose = type(SETTINGS)(detection=type(SETTINGS.detection)(rtt_ms=5_000.0))

    async def run(settings: Any) -> list[UUID] | None:
        return await diagnose_conference(
            house.db, conference, settings=settings, at=house.clock.now()
        )

    assert await run(loose) == [high["id"]]
    assert "high_rtt" not in {issue["code"] for issue in await findings(house, app)}
    assert await run(SETTINGS) == [high["id"]]
    assert high in await findings(house, app)


async def test_nothing_is_withdrawn_when_the_reports_are_gone(house: House) -> None:
    app = await play(house, label("delay-alice"))
    before = await findings(house, app)
    async with house.db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM monitoring.samples WHERE app_id = %s", (app,))

    answered = await diagnose_conference(
        house.db, await conference_of(house, app), settings=SETTINGS, at=house.clock.now()
    )

    assert answered is None
    assert await findings(house, app) == before


async def test_one_process_at_a_time_looks_at_a_conference(house: House) -> None:
    app = await play(house, label("clean-direct"))
    conference = await conference_of(house, app)

    both = await asyncio.gather(
        *(
            diagnose_conference(house.db, conference, settings=SETTINGS, at=house.clock.now())
            for _ in range(2)
        )
    )

    assert both in ([[], None], [None, []], [[], []])


async def test_evidence_of_findings_are_events_that_exist(house: House) -> None:
    app = await play(house, label("loss-alice"))
    known = await accounts.create_key(
        house.db, organization_id=(await owner(house, app)), scopes=["read"], by=SYSTEM, at=house.clock.now()
    )  # fmt: skip
    conference = await conference_of(house, app)
    answer = await house.client.get(
        f"/v1/conferences/{conference}/events", headers={"authorization": f"Bearer {known[1]}"}
    )
    ids = {event["id"] for event in answer.json()["data"]}

    for issue in await findings(house, app):
        assert {str(event) for event in issue["events"]} <= ids
        assert issue["events"]


async def owner(house: House, app: UUID) -> UUID:
    async with house.db.read() as tx:
        row = await (
            await tx.psycopg.execute(
                "SELECT organization_id FROM accounts.apps WHERE id = %s", (app,)
            )
        ).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found
