"""The demonstration's pass lifts the rate limit for one who sits at this machine, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from signalbox.accounts.service.apps import add_app
from signalbox.accounts.service.organizations import add_organization
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.site.app import Site, create_site
from signalbox.site.demo_pass import HEADER, LIFE_S, make_pass
from signalbox.site.settings import load_settings

SECRET = "d" * 40
LIMIT = 2


@pytest.fixture
async def limited(environment: dict[str, str], clock: ManualClock) -> AsyncIterator[Site]:
    """A site that lets an address in twice a minute."""
    strict = environment | {
        "SIGNALBOX_RATE_LIMITS": "on",
        "SIGNALBOX_INGEST_PER_MINUTE": str(LIMIT),
        "SIGNALBOX_DEMO_SECRET": SECRET,
    }
    app = create_site(load_settings(strict), clock=clock, metrics=Metrics())
    await app.kernel.open()
    yield app
    await app.kernel.close()


@pytest.fixture
async def key(db: Database, clock: ManualClock) -> str:
    """The public key of a new app."""
    at = clock.now()
    async with db.begin() as tx:
        organization = await add_organization(tx, name="Demo", by=SYSTEM, at=at)
        row = await add_app(
            tx, organization_id=organization["id"], name="limited", by=SYSTEM, at=at
        )
    return str(row["api_key"])


async def entries(
    site: Site,
    key: str,
    headers: dict[str, str],
    *,
    peer: str = "127.0.0.1",
    times: int = LIMIT + 2,
) -> list[int]:
    """Status of so many requests to enter, all at one instant."""
    transport = httpx.ASGITransport(app=site, raise_app_exceptions=False, client=(peer, 50_000))
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    body = {"apiKey": key, "conferenceId": uuid4().hex, "userId": "alice"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return [
            (await client.post("/v1/initialize", json=body, headers=sent)).status_code
            for _ in range(times)
        ]


REFUSED = [200, 200, 429, 429]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1"])
async def test_a_pass_lifts_the_limit_on_this_machine(
    limited: Site, key: str, clock: ManualClock, peer: str
) -> None:
    demo = {HEADER: make_pass(SECRET, at=clock.now())}

    assert await entries(limited, key, demo, peer=peer, times=6) == [200] * 6
    assert await entries(limited, key, {}, peer=peer) == REFUSED


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "", "localhost.test"])
async def test_it_is_worth_nothing_from_elsewhere(
    limited: Site, key: str, clock: ManualClock, peer: str
) -> None:
    demo = {HEADER: make_pass(SECRET, at=clock.now())}

    assert await entries(limited, key, demo, peer=peer) == REFUSED


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"]
)
async def test_it_is_worth_nothing_through_a_proxy(
    limited: Site, key: str, clock: ManualClock, name: str
) -> None:
    demo = {HEADER: make_pass(SECRET, at=clock.now()), name: "127.0.0.1"}

    assert await entries(limited, key, demo) == REFUSED


@pytest.mark.parametrize(
    "forged", ["", ".", "x", "99999999999.", "1.ff", "²²²²²²²²²².ü", "9" * 400]
)
async def test_nonsense_is_no_pass(limited: Site, key: str, forged: str) -> None:
    assert await entries(limited, key, {HEADER: forged}) == REFUSED


async def test_a_pass_of_another_installation_is_none(
    limited: Site, key: str, clock: ManualClock
) -> None:
    forged = make_pass("another secret", at=clock.now())

    assert await entries(limited, key, {HEADER: forged}) == REFUSED


async def test_the_end_of_a_pass_cannot_be_moved(
    limited: Site, key: str, clock: ManualClock
) -> None:
    end, _, signature = make_pass(SECRET, at=clock.now()).partition(".")

    assert await entries(limited, key, {HEADER: f"{int(end) - 1}.{signature}"}) == REFUSED


@pytest.mark.parametrize("shift_s", [-LIFE_S, LIFE_S])
async def test_a_pass_of_another_time_is_none(
    limited: Site, key: str, clock: ManualClock, shift_s: int
) -> None:
    early = make_pass(SECRET, at=clock.now() + timedelta(seconds=shift_s))

    assert await entries(limited, key, {HEADER: early}) == REFUSED


async def test_without_a_secret_there_is_no_pass(
    environment: dict[str, str], clock: ManualClock, key: str
) -> None:
    strict = environment | {
        "SIGNALBOX_RATE_LIMITS": "on",
        "SIGNALBOX_INGEST_PER_MINUTE": str(LIMIT),
    }
    site = create_site(load_settings(strict), clock=clock, metrics=Metrics())
    await site.kernel.open()

    assert await entries(site, key, {HEADER: make_pass("", at=clock.now())}) == REFUSED
    await site.kernel.close()


@pytest.mark.parametrize(("peer", "city"), [("127.0.0.1", "Bern"), ("192.0.2.7", None)])
async def test_people_of_the_demonstration_may_say_where_they_are(
    limited: Site, key: str, clock: ManualClock, db: Database, peer: str, city: str | None
) -> None:
    """From this machine only, like everything else about the pass."""
    said = {HEADER: make_pass(SECRET, at=clock.now()), "X-AppEngine-Country": "CH", "X-AppEngine-City": "Bern"}  # fmt: skip
    transport = httpx.ASGITransport(app=limited, raise_app_exceptions=False, client=(peer, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        body = {"apiKey": key, "conferenceId": uuid4().hex, "userId": "alice"}
        token = (await client.post("/v1/initialize", json=body)).json()["token"]
        answer = await client.post("/v1/sessions", json={"token": token}, headers=said)
    assert answer.status_code == 200
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT s.geo_ip->>'city' FROM monitoring.sessions s JOIN monitoring.conferences c ON c.id = s.conference_id WHERE c.conference_id = %s",
            (body["conferenceId"],),
        )
        assert await cursor.fetchone() == (city,)
