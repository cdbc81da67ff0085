"""From stored sessions to somebody's pager: the jobs of the worker, one after the other."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from aiohttp import web

from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.core.streams import Telling
from signalbox.site.alerts import alert_jobs
from signalbox.site.settings import load_settings
from tests.alerts.conftest import Row, new_app
from tests.alerts.sessions import played

NOW = datetime.fromisoformat("2027-05-03T10:00:00+00:00")  # far from what other tests have stored


class Pager:
    """Takes posts on loopback."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        return web.Response()


@pytest.fixture
async def pager() -> AsyncIterator[Pager]:
    made = Pager()
    app = web.Application()
    app.router.add_post("/", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


@pytest.fixture
async def app(db: Database) -> Row:
    """An app whose plays have begun to fail; nothing else is remembered."""
    async with db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM alerts.states")
        await tx.psycopg.execute("DELETE FROM outgoing.messages")
    made = await new_app(db, "acme tv")
    day = NOW - timedelta(minutes=1480)
    await played(db, made["id"], 1422, begin=day, minutes=1440)
    await played(db, made["id"], 18, begin=day, minutes=1440, outcome="start_failure")
    await played(db, made["id"], 200, begin=NOW, minutes=5, outcome="start_failure")
    return made


async def test_an_outage_reaches_the_pager_the_watchers_and_the_metrics(
    db: Database, environment: dict[str, str], pager: Pager, app: Row
) -> None:
    settings = load_settings(
        environment
        | {"PLAYBACK_ALERT_WEBHOOKS": pager.url, "SIGNALBOX_ALERT_WEBHOOK_SECRET": "shared"}
    )
    news: list[Telling] = []
    metrics = Metrics()
    jobs = {job.name: job.run for job in alert_jobs(db, settings, news.extend, metrics)}

    for minute in (2, 3):
        await jobs["alerts.evaluate"](NOW + timedelta(minutes=minute, seconds=5))
    await jobs["core.send_messages"](NOW + timedelta(minutes=3, seconds=10))
    await jobs["alerts.remind"](NOW + timedelta(hours=1))
    await jobs["alerts.forget"](NOW)

    ((headers, body),) = pager.got
    signed = "sha256=" + hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert headers["X-Playback-Signature"] == signed
    assert headers["X-Signalbox-Signature"] == signed
    assert (told["tenant"], told["rule"], told["event"]) == ("acme tv", "playback_error_spike", "opened")  # fmt: skip
    (one,) = news
    assert (one.channel, one.event) == (app["organization_id"].hex, "alert")
    assert app["id"].hex in one.topics
    assert json.loads(one.body)["data"]["id"] == told["id"]
    line = b'playback_alert_active{cohort="all",rule="playback_error_spike",tenant="acme tv"} 1.0'
    assert line in metrics.render()
