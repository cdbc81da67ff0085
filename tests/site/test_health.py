"""What load balancers and orchestrators ask for."""

from __future__ import annotations

import time
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

JSON, TEXT = "application/json; charset=utf-8", "text/plain; charset=utf-8"
CHECKS = {
    **dict.fromkeys(("database", "migrations", "partitions", "spool", "draining"), "ok"),
    "redis": "ok",
}
READY = {"status": "ok", "database": "ok", "redis": "ok", "checks": CHECKS}


@pytest.mark.parametrize("path", ["/health/live", "/healthz"])
async def test_a_running_site_is_alive(site: httpx.AsyncClient, path: str) -> None:
    answer = await site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/health/ready", "/readyz"])
async def test_a_site_with_its_stores_is_ready(site: httpx.AsyncClient, path: str) -> None:
    answer = await site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert answer.json() == READY


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/_ah/warmup/", "ok"),
        ("/_ah/warmup", "ok"),
        ("/teapot", "I'm a teapot"),
        ("/v1/teapot", "I'm a teapot"),
    ],
)
async def test_some_answers_are_text(site: httpx.AsyncClient, path: str, text: str) -> None:
    answer = await site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    assert answer.text == text


async def test_a_healthy_site_says_so_in_one_word(site: httpx.AsyncClient) -> None:
    answer = await site.get("/health")

    told = answer.json()
    assert answer.status_code == 200
    assert abs(told.pop("timestamp") / 1000 - time.time()) < 3600
    assert told == {"status": "healthy", "database": "connected"}


async def test_a_site_that_is_to_end_is_not_ready(site_app: Site, site: httpx.AsyncClient) -> None:
    site_app.kernel.drain()
    answer = await site.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"] == CHECKS | {"draining": "fail"}


async def test_a_month_without_partitions_is_prepared(
    site_app: Site, site: httpx.AsyncClient, clock: ManualClock
) -> None:
    clock.advance(400 * 86_400)
    first = await site.get("/health/ready")
    preparing = site_app._doors._preparing
    assert preparing is not None
    await preparing
    site_app._doors._known_until_s = 0.0

    assert (first.status_code, first.json()["checks"]["partitions"]) == (503, "fail")
    assert (await site.get("/health/ready")).status_code == 200


async def test_a_database_that_is_away_is_told(
    site_app: Site, site: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OSError

    monkeypatch.setattr(site_app.kernel.db, "read", away)
    health, ready = await site.get("/health"), await site.get("/health/ready")

    assert health.status_code == ready.status_code == 503
    assert (health.json()["status"], health.json()["database"]) == ("unhealthy", "disconnected")
    assert ready.json()["checks"]["database"] == "fail"


async def test_figures_may_need_a_token(
    environment: dict[str, str], clock: ManualClock, db: Database
) -> None:
    app = create_site(load_settings(environment | {"METRICS_TOKEN": "m" * 20}), clock=clock, metrics=Metrics())  # fmt: skip
    await app.kernel.open()
    made: dict[str, Any] = {"by": SYSTEM, "at": clock.now()}
    organization = await accounts.create_organization(db, name="o", **made)
    owner = await accounts.create_app(db, organization_id=organization["id"], name="a", **made)
    _, reading = await accounts.create_key(db, app_id=owner["id"], scopes=["read"], **made)
    _, writing = await accounts.create_key(db, app_id=owner["id"], scopes=["ingest"], **made)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        answers = [
            (await client.get("/metrics", headers=headers)).status_code
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"X-API-Key": writing},
                {"Authorization": f"Bearer {'m' * 20}"},
                {"X-API-Key": reading},
            )
        ]
    await app.kernel.close()

    assert answers == [401, 401, 401, 200, 200]


async def test_figures_may_be_switched_off(environment: dict[str, str], clock: ManualClock) -> None:
    settings = load_settings(environment | {"ENABLE_METRICS": "false"})
    transport = httpx.ASGITransport(app=create_site(settings, clock=clock, metrics=Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_only_reading_is_answered(site: httpx.AsyncClient) -> None:
    for path in ("/health", "/healthz", "/_ah/warmup/", "/metrics", "/teapot"):
        assert (await site.post(path)).status_code in (404, 405), path
