"""Who is told, and what of it can be seen afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from signalbox.alerts import queries
from signalbox.alerts.rules.figures import EVERYBODY
from signalbox.alerts.rules.spikes import Past
from signalbox.alerts.service import Channels, Voice, Watch
from signalbox.alerts.service.evidence import Pasts
from signalbox.alerts.service.looking_back import series
from signalbox.alerts.settings import AlertSettings
from signalbox.core.actor import SYSTEM
from signalbox.core.sealing import Sealer
from signalbox.core.settings import SettingError, load
from tests.alerts.conftest import NOW, Row, Scene
from tests.alerts.test_calls import calls, usual_day


async def add(scene: Scene, **changes: Any) -> Row:
    """A channel of the app's."""
    fields: dict[str, Any] = {
        "kind": "webhook",
        "name": "",
        "target": "https://app.example/hook",
        "secret": "s" * 16,
        "enabled": True,
    }
    channels = Channels(scene.db, scene.sealer, scene.voice, private=True)
    return await channels.create(scene.id, **(fields | changes), by=SYSTEM, at=NOW)


async def outage(scene: Scene) -> Row:
    await scene.usual_day()
    await scene.play(200, ago=0, minutes=5, outcome="start_failure")
    for minute in (2, 3):
        await scene.look(minute)
    (alert,) = await scene.alerts()
    return alert


async def told(scene: Scene, alert: Row) -> list[tuple[str, str]]:
    async with scene.db.read() as tx:
        rows = await queries.deliveries(tx, SYSTEM, alert["id"])
    return sorted((row["kind"], row["shown"]) for row in rows)


async def test_every_channel_that_is_on_is_told(scene: Scene) -> None:
    await add(scene)
    await add(scene, kind="email", target="night@b.example", secret=None)
    await add(scene, target="https://off.example/", enabled=False)

    alert = await outage(scene)

    assert await told(scene, alert) == [
        ("email", "night@b.example"),
        ("webhook", "https://app.example"),
        ("webhook", "https://pager.test"),
    ]
    letter = next(one for one in await scene.messages() if one["kind"] == "email")
    assert letter["subject"] == "[ALERT] app: More plays fail than usual"
    assert f"/alerts/{alert['id']}" in bytes(letter["body"]).decode()


async def test_a_channel_that_cannot_be_read_keeps_nobody_else_from_being_told(
    scene: Scene,
) -> None:
    lost = await add(scene, target="https://lost.example/")
    await add(scene)
    async with scene.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE alerts.channels SET target = 'x' WHERE id = %s", (lost["id"],)
        )

    alert = await outage(scene)

    assert ("webhook", "https://app.example") in await told(scene, alert)


async def test_alerts_of_calls_are_signed_under_the_common_name_alone(scene: Scene) -> None:
    await usual_day(scene)
    await calls(scene, 60, ago=0, minutes=3, code="no_connection")
    for minute in (2, 3):
        await scene.look(minute)

    async with scene.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT signatures FROM outgoing.messages WHERE organization_id = %s",
            (scene.app["organization_id"],),
        )
        found = await cursor.fetchall()

    assert {tuple(row[0]) for row in found} == {("X-Signalbox-Signature",)}


async def test_without_an_address_messages_have_no_link(scene: Scene) -> None:
    voice = Voice(scene.sealer, scene.settings, origin=None)
    scene.watch = Watch(voice=voice)

    await outage(scene)

    (message,) = await scene.messages()
    assert json.loads(message["body"])["url"] is None


async def test_the_minutes_of_a_quantile_are_shown_without_a_band(scene: Scene) -> None:
    await scene.usual_day()
    await scene.play(60, ago=0, minutes=3, startup_ms=9000)
    for minute in (2, 3, 4):
        await scene.look(minute)
    (alert,) = await scene.alerts(rule="playback_slow_startup")

    async with scene.db.read() as tx:
        points = await series(tx, SYSTEM, alert, at=NOW + timedelta(minutes=4))

    assert (points[-1].seen.figure, points[-1].low, points[-1].high) == (9000, None, None)
    assert points[0].seen.figure in (800, None)


def test_the_past_of_a_large_app_is_remembered_for_five_minutes() -> None:
    pasts, app = Pasts(), uuid4()
    past = {EVERYBODY: Past(n=60_000, k=1)}

    pasts.remember(app, "f", NOW, past, size=49_999)
    small = pasts.known(app, "f", [EVERYBODY], NOW)
    pasts.remember(app, "f", NOW, past, size=50_000)

    assert small == {}
    assert pasts.known(app, "f", [EVERYBODY], NOW + timedelta(minutes=4)) == past
    assert pasts.known(app, "f", [EVERYBODY], NOW + timedelta(minutes=5)) == {}
    assert pasts.known(app, "g", [EVERYBODY], NOW) == {}


def test_what_is_remembered_is_bounded() -> None:
    pasts, first = Pasts(), uuid4()
    for app in [first, *(uuid4() for _ in range(100))]:
        pasts.remember(app, "f", NOW, {EVERYBODY: Past()}, size=50_000)

    assert pasts.known(first, "f", [EVERYBODY], NOW) == {}


def test_addresses_that_cannot_be_posted_to_stop_the_start() -> None:
    with pytest.raises(SettingError) as refused:
        load(AlertSettings, {"PLAYBACK_ALERT_WEBHOOKS": "https://ok.example,ftp://no.example"})

    assert refused.value.name == "PLAYBACK_ALERT_WEBHOOKS"


def test_the_secret_of_the_installation_is_derived_when_none_is_set() -> None:
    voice = Voice(Sealer(["one"]), AlertSettings(), origin=None)

    assert len(voice.signing_secret()) == 64
    assert Voice(Sealer([]), AlertSettings(webhook_secret="w"), origin=None).signing_secret() == "w"
