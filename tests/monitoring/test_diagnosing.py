"""The worker's look at conferences: findings open while a call runs, change, close, and are never repeated."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.monitoring.rules.happenings import Happening
from signalbox.monitoring.service import (
    diagnose_again,
    diagnose_conference,
    diagnose_since,
    erase_participant,
    finish_erasures,
)
from signalbox.site.cli import main
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


async def reader(house: House, app: UUID | None = None) -> dict[str, str]:
    """Headers of somebody who may read: the owner of the app, else charlie of another organization."""
    if app is None:
        made = await accounts.create_organization(
            house.db, name="charlie", by=SYSTEM, at=house.clock.now()
        )
        organization = made["id"]
    else:
        organization = await owner(house, app)
    _, key = await accounts.create_key(
        house.db, organization_id=organization, scopes=["read"], by=SYSTEM, at=house.clock.now()
    )
    return {"authorization": f"Bearer {key}"}


async def test_the_diagnosis_of_a_conference_is_read(house: House) -> None:
    app = await play(house, label("loss-alice"))
    path = f"/v1/conferences/{await conference_of(house, app)}/diagnosis"

    answer = await house.client.get(path, headers=await reader(house, app))

    assert answer.status_code == 200
    said = answer.json()["data"]
    whole, (alice, bob) = said["conference"], said["participants"]
    assert (whole["cause"], whole["culprit"], whole["participant"]) == (
        "network",
        alice["participant"],
        None,
    )
    assert whole["sentence"].startswith("Most likely the network of alice: up to 1")
    assert (alice["participant_name"], alice["cause"]) == ("alice", "network")
    assert (bob["participant_name"], bob["cause"], bob["score"]) == ("bob", "none", 100)
    assert alice["score"] < whole["score"] < 100
    issues = {str(issue["id"]) for issue in await findings(house, app)}
    assert set(alice["issues"]) == set(whole["issues"]) == issues
    assert alice["events"]
    assert whole["version"] == 2
    listed = await house.client.get(
        "/v1/conferences", params={"appId": str(app)}, headers=await reader(house, app)
    )
    (conference,) = listed.json()["data"]
    assert (conference["cause"], conference["score"]) == ("network", whole["score"])


async def test_charlie_is_told_nothing(house: House) -> None:
    app = await play(house, label("clean-direct"))
    path = f"/v1/conferences/{await conference_of(house, app)}/diagnosis"

    stranger = await house.client.get(path, headers=await reader(house))
    nobody = await house.client.get(path)

    assert stranger.status_code == 404
    assert stranger.json()["error_code"] == "conference_not_found"
    assert nobody.status_code == 401


async def test_before_the_first_look_there_is_no_diagnosis(house: House) -> None:
    app = await house.app()
    await replay(house.client, house.clock, app["api_key"], label("clean-direct").requests()[:20])
    path = f"/v1/conferences/{await conference_of(house, app['id'])}/diagnosis"

    answer = await house.client.get(path, headers=await reader(house, app["id"]))

    assert answer.json() == {"data": {"conference": None, "participants": []}}


async def test_who_never_got_as_far_as_a_connection_is_diagnosed_too(house: House) -> None:
    app = await house.app()
    requests = [
        r for r in label("denied-alice").requests() if not r.path.endswith(("/connection", "/stats", "/tracks"))
    ]  # fmt: skip
    await replay(house.client, house.clock, app["api_key"], requests)
    await look(house, after_s=60)
    path = f"/v1/conferences/{await conference_of(house, app['id'])}/diagnosis"

    answer = await house.client.get(path, headers=await reader(house, app["id"]))

    assert answer.json()["data"]["conference"]["cause"] == "permission"


async def test_what_was_found_of_an_erased_participant_stays_without_a_name(house: House) -> None:
    app = await play(house, label("loss-alice"))
    conference = await conference_of(house, app)
    before = {issue["id"] for issue in await findings(house, app)}
    async with house.db.read() as tx:
        row = await (
            await tx.psycopg.execute(
                "SELECT id FROM monitoring.participants WHERE app_id = %s AND participant_id = 'alice'",
                (app,),
            )
        ).fetchone()
    assert row is not None
    await erase_participant(house.db, row[0], by=SYSTEM, at=house.clock.now())
    await finish_erasures(house.db, at=house.clock.now())

    await diagnose_conference(house.db, conference, settings=SETTINGS, at=house.clock.now())

    answer = await house.client.get(
        f"/v1/conferences/{conference}/diagnosis", headers=await reader(house, app)
    )
    assert {issue["id"] for issue in await findings(house, app)} == before
    assert "alice" not in answer.text
    assert len(answer.json()["data"]["participants"]) == 2


async def test_looking_again_since_an_instant(house: House) -> None:
    app = await play(house, label("loss-alice"))
    house.clock.set(house.clock.now() + timedelta(seconds=5))
    run: dict[str, Any] = {"settings": SETTINGS, "at": house.clock.now()}

    done = await diagnose_since(house.db, datetime(2020, 1, 1, tzinfo=UTC), **run)
    none = await diagnose_since(house.db, datetime(2100, 1, 1, tzinfo=UTC), **run)

    assert done["looked_at"] >= 1
    assert none == {"looked_at": 0, "left": 0}
    assert await diagnosed_at(house, app) == house.clock.now()


async def test_the_command_looks_again(house: House, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:  # fmt: skip
    app = await play(house, label("loss-alice"))
    conference = await conference_of(house, app)
    monkeypatch.setenv("SIGNALBOX_DATABASE_URL", database_url)

    async def command(*arguments: str) -> Result:
        words = ["monitoring", "diagnose", *arguments]
        return await asyncio.to_thread(CliRunner().invoke, main, words)

    one = await command("--conference", str(conference), "--json")
    unknown = await command("--conference", str(uuid4()))
    neither = await command()

    assert json.loads(one.stdout) == {"looked_at": 1, "left": 0}
    assert unknown.exit_code == 1
    assert neither.exit_code == 2


async def test_late_reports_of_a_finished_conference_are_looked_at_once_more(house: House) -> None:
    app = await play(house, label("clean-direct"))
    conference = await conference_of(house, app)

    await diagnose_again(house.db, {conference: house.clock.now()}, house.clock.now())

    assert await diagnosed_at(house, app) is None
    await look(house)
    assert await diagnosed_at(house, app) == house.clock.now()


async def test_watchers_are_told_of_findings(house: House) -> None:
    app = await house.app()
    requests = label("delay-alice").requests()
    cut = next(number for number, r in enumerate(requests) if r.at_ms > 25_000)
    told: list[Happening] = []

    async def looked(after_s: float = 0) -> dict[str, str]:
        told.clear()
        house.clock.set(house.clock.now() + timedelta(seconds=after_s))
        await diagnose_conference(
            house.db, await conference_of(house, app["id"]), settings=SETTINGS, at=house.clock.now(), tell=told.extend
        )  # fmt: skip
        return {one.data["code"]: one.change for one in told}

    await replay(house.client, house.clock, app["api_key"], requests[:cut])
    first, second, third, fourth = await looked(), await looked(5), await looked(60), await looked()

    assert first["high_rtt"] == "opened"
    assert second["high_rtt"] == "updated"
    assert third["high_rtt"] == "closed"
    assert fourth == {}
    assert (first["slow_setup"], "slow_setup" in second) == ("opened", False)


async def test_watchers_are_told_what_was_none(house: House) -> None:
    app = await play(house, label("delay-alice"))
    told: list[Happening] = []
    loose = type(SETTINGS)(detection=type(SETTINGS.detection)(rtt_ms=5_000.0))

    await diagnose_conference(
        house.db, await conference_of(house, app), settings=loose, at=house.clock.now(), tell=told.extend
    )  # fmt: skip

    assert [(one.kind, one.change, one.data["code"]) for one in told] == [("issue", "withdrawn", "high_rtt")]  # fmt: skip
    assert told[0].data["title"] == "Long round trip"
