"""Secrets are exchanged host by host, and nobody is turned away; a host that lacks the agreed one stays out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from click.testing import CliRunner, Result

from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.metrics import Metrics
from signalbox.core.settings import SettingError
from signalbox.site.app import create_site
from signalbox.site.cli import main
from signalbox.site.installation import check_secrets
from signalbox.site.migrate import migrate
from signalbox.site.secrets import ensure_secrets, fingerprints, stored_secrets
from signalbox.site.settings import Settings, load_settings
from tests.conftest import environment_of

INIT, SESSION = "SIGNALBOX_INIT_TOKEN_SECRET", "SIGNALBOX_SESSION_TOKEN_SECRET"


@pytest.fixture(scope="module")
def own_url(postgres_url: str) -> Iterator[str]:
    """A migrated database whose hosts are those of these tests alone."""
    name = f"signalbox_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    migrate(url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def environ(own_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """A host's environment, in a database where nothing is agreed on yet."""
    with psycopg.connect(own_url, autocommit=True) as connection:
        connection.execute("DELETE FROM accounts.settings WHERE name LIKE 'agreed:%'")
        connection.execute("DELETE FROM audit.audit_logs WHERE event_type LIKE 'secrets%'")
    return environment_of(own_url, redis_url, tmp_path)


@pytest.fixture
def embedded(environ: dict[str, str]) -> dict[str, str]:
    """The environment of one machine: its secrets stand in the data folder."""
    ensure_secrets(Path(environ["SIGNALBOX_DATA"]))
    return {name: value for name, value in environ.items() if not name.endswith("_SECRET")}


def holding(environ: dict[str, str], secrets: str) -> Settings:
    return load_settings({**environ, INIT: secrets, SESSION: secrets})


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["secrets", *arguments], env=environ)


def shown(environ: dict[str, str]) -> dict[str, str]:
    """What is agreed on, by variable, as this host sees it."""
    result = run(environ, "show", "--json")
    assert result.exit_code == 0, result.output
    return {row["variable"]: row["agreed"] for row in json.loads(result.stdout)}


def entries(environ: dict[str, str]) -> list[Any]:
    sql = "SELECT event_type, actor_type, metadata FROM audit.audit_logs WHERE event_type LIKE 'secrets%' ORDER BY id"
    with psycopg.connect(environ["SIGNALBOX_DATABASE_URL"]) as connection:
        return connection.execute(sql.encode()).fetchall()


class Host:
    """A site with some secrets, started as `serve` starts."""

    def __init__(self, environ: dict[str, str], stack: AsyncExitStack) -> None:
        self._environ, self._stack = environ, stack
        self.client: httpx.AsyncClient

    async def start(self, secrets: str) -> None:
        settings = holding(self._environ, secrets)
        await check_secrets(settings)
        site = create_site(settings, metrics=Metrics())
        await site.kernel.open()
        self._stack.push_async_callback(site.kernel.close)
        transport = httpx.ASGITransport(app=site, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://signalbox.test")

    async def taken(self, path: str, body: object) -> Any:
        response = await self.client.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()


async def test_no_token_is_refused_while_hosts_take_a_new_secret_by_turns(
    environ: dict[str, str], own_url: str
) -> None:
    db, at = Database(own_url), SystemClock().now()
    await db.open()
    organization = await service.create_organization(db, name="o", by=SYSTEM, at=at)
    app = await service.create_app(
        db, organization_id=organization["id"], name="a", by=SYSTEM, at=at
    )
    entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "alice"}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(db.close)
        one, two = Host(environ, stack), Host(environ, stack)
        await one.start("old")
        await two.start("old")
        sessions: list[Any] = []

        async def check_each_believes_the_other() -> None:
            for here, there in ((one, two), (two, one)):
                init = await here.taken("/v1/initialize", entry)
                sessions.append(await there.taken("/v1/sessions", {"token": init["token"]}))
            for session in sessions:  # those from before the rotation among them
                for host in (one, two):
                    await host.taken("/v1/events/browser", session | {"eventName": "still here"})

        await check_each_believes_the_other()
        for secrets in ("old,new", "new,old"):
            for host in (one, two):
                await host.start(secrets)
                await check_each_believes_the_other()
        held = fingerprints(holding(environ, "new,old"))
        assert await service.agree_on_secrets(db, held, by=SYSTEM, at=at) == [INIT, SESSION]
        sessions.clear()
        for host in (one, two):
            await host.start("new")
            await check_each_believes_the_other()
        with pytest.raises(SettingError, match=INIT):
            await two.start("old")


async def test_a_host_without_the_agreed_secret_is_kept_out_and_changes_nothing(
    environ: dict[str, str],
) -> None:
    await check_secrets(load_settings(environ))
    for variable in (INIT, SESSION, "SIGNALBOX_ENCRYPTION_SECRET"):
        with pytest.raises(SettingError, match=variable):
            await check_secrets(load_settings({**environ, variable: "another"}))
    await check_secrets(load_settings({**environ, SESSION: f"another,{environ[SESSION]}"}))
    await check_secrets(load_settings(environ))


def test_accepting_is_audited_and_doing_it_twice_changes_nothing(environ: dict[str, str]) -> None:
    assert set(shown(environ).values()) == {"not yet"}
    run(environ, "accept")
    rotated = {**environ, INIT: f"new,{environ[INIT]}"}
    assert shown(rotated)[INIT] == "known"

    for _ in range(2):
        accepted = run(rotated, "accept")
        assert accepted.exit_code == 0, accepted.output

    assert set(shown(rotated).values()) == {"first"}
    assert shown(environ)[INIT] == "missing"
    assert entries(environ) == [
        ("secrets_accepted", "system", {"variables": [INIT], "forced": False})
    ]


def test_a_stranger_accepts_only_by_force(environ: dict[str, str]) -> None:
    run(environ, "accept")
    stranger = {**environ, INIT: "another"}

    refused = run(stranger, "accept")

    assert refused.exit_code == 1
    assert INIT in refused.output
    assert shown(environ)[INIT] == "first"
    assert run(stranger, "accept", "--force").exit_code == 0
    assert shown(stranger)[INIT] == "first"
    assert entries(environ)[-1][2] == {"variables": [INIT], "forced": True}


def test_one_machine_rotates_and_what_was_signed_before_is_still_believed(
    embedded: dict[str, str],
) -> None:
    data = Path(embedded["SIGNALBOX_DATA"])
    first = stored_secrets(data)
    run(embedded, "accept")

    rotated = run(embedded, "rotate")

    assert rotated.exit_code == 0, rotated.output
    second = stored_secrets(data)
    for name in (INIT, SESSION):
        new, old = second[name].split(",")
        assert old == first[name]
        assert len(new) >= 32
        assert new not in rotated.output
    assert second["SIGNALBOX_ENCRYPTION_SECRET"] == first["SIGNALBOX_ENCRYPTION_SECRET"]
    assert shown(embedded)[INIT] == "known"
    assert entries(embedded)[-1][0] == "secrets_rotated"
    assert run(embedded, "rotate").exit_code == 0
    assert first[INIT] not in stored_secrets(data)[INIT]
    assert shown(embedded)[INIT] == "known"


def test_after_a_leak_only_the_new_secrets_are_believed(embedded: dict[str, str]) -> None:
    data = Path(embedded["SIGNALBOX_DATA"])
    run(embedded, "accept")
    first = stored_secrets(data)

    assert run(embedded, "rotate", "--drop-old").exit_code == 0

    for name in (INIT, SESSION):
        assert "," not in stored_secrets(data)[name]
        assert stored_secrets(data)[name] != first[name]
    assert set(shown(embedded).values()) == {"first"}


def test_what_the_operator_sets_is_not_rotated_in_the_data_folder(
    embedded: dict[str, str],
) -> None:
    data = Path(embedded["SIGNALBOX_DATA"])
    before = stored_secrets(data)

    refused = run({**embedded, "INIT_TOKEN_SECRET": "mine"}, "rotate")

    assert refused.exit_code == 1
    assert INIT in refused.output
    assert stored_secrets(data) == before
