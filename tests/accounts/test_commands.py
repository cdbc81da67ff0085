"""The administration commands, as a script calls them."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from click.testing import CliRunner, Result

from signalbox.accounts import service
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from signalbox.site.commands import GROUPS
from tests.accounts.conftest import AT

BY_NAME = {group.name: group for group in GROUPS}


class Shell:
    """Calls commands against one database."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, command: str, *args: str, given: str = "") -> Result:
        environ = {"SIGNALBOX_DATABASE_URL": self.url}
        return CliRunner().invoke(BY_NAME[command], args, env=environ, input=given)

    def json(self, command: str, *args: str, given: str = "") -> Any:
        result = self.run(command, *args, "--json", given=given)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


def login_works(url: str, name: str, password: str) -> bool:
    async def attempt() -> bool:
        db = Database(url)
        await db.open()
        try:
            return bool(await service.login(db, name=name, password=password, at=AT))
        finally:
            await db.close()

    return asyncio.run(attempt())


def test_a_new_app_reports_as_often_as_the_site_says(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATS_INTERVAL_MS", "2500")
    org = shell.json("org", "create", "quick")

    assert shell.json("app", "create", "n", "--org", org["id"])["interval_ms"] == 2_500


def test_an_organization_an_app_and_a_key_by_script(shell: Shell) -> None:
    org = shell.json("org", "create", "acme")
    app = shell.json("app", "create", "shop", "--org", org["id"], "--domain", "example.org")
    key = shell.json("key", "create", "--app", app["id"], "--scope", "ingest", "--scope", "read")
    listed = shell.json("key", "list", "--app", app["id"])

    assert len(app["api_key"]) == 32
    assert app["domain"] == "example.org"
    assert key["key"].startswith("mtk_")
    assert key["scopes"] == ["ingest", "read"]
    assert [row["id"] for row in listed] == [key["id"]]
    assert "key" not in listed[0]
    assert [row["id"] for row in shell.json("app", "list", "--org", org["id"])] == [app["id"]]
    assert org["id"] in [row["id"] for row in shell.json("org", "list")]


def test_an_app_keeps_its_data_for_days_of_its_own(shell: Shell) -> None:
    app = shell.json("app", "create", "shop")
    days = ("--keep-events-days", "7", "--keep-samples-days", "3", "--keep-rollups-days", "90", "--keep-days", "30")  # fmt: skip
    names = ("retention_events_days", "retention_points_days", "retention_rollups_days", "retention_days")  # fmt: skip

    chosen = shell.json("app", "update", app["id"], *days)
    back = shell.json("app", "update", app["id"], "--keep-events-days", "0")

    assert [chosen[name] for name in names] == [7, 3, 90, 30]
    assert [back[name] for name in names] == [None, 3, 90, 30]
    assert shell.run("app", "update", app["id"], "--keep-days", "-1").exit_code == 2


def test_an_app_without_an_organization_joins_one(shell: Shell) -> None:
    app = shell.json("app", "create", "shop")

    assert app["organization_id"] in [row["id"] for row in shell.json("org", "list")]


def test_an_app_is_changed_and_switched_off(shell: Shell) -> None:
    app = shell.json("app", "create", "shop")

    changed = shell.json("app", "update", app["id"], "--paused", "--quota", "600")
    unlimited = shell.json("app", "update", app["id"], "--quota", "-1", "--name", "store")
    reset = shell.json("app", "reset-key", app["id"], "--grace", "60")
    assert (changed["recording"], changed["quota_participant_minutes_monthly"]) == (False, 600)
    assert unlimited["quota_participant_minutes_monthly"] is None
    assert reset["api_key"] != app["api_key"]
    assert shell.json("app", "show", app["id"])["name"] == "store"
    assert shell.json("app", "delete", app["id"], "--yes") == {}
    gone = shell.run("app", "show", app["id"])
    assert (gone.exit_code, gone.stderr) == (1, "Error: There is no such app.\n")


def test_keys_are_rotated_and_revoked(shell: Shell) -> None:
    org = shell.json("org", "create", "acme")
    key = shell.json("key", "create", "--org", org["id"], "--scope", "read", "--days", "30")

    new = shell.json("key", "rotate", key["id"])
    assert shell.json("key", "revoke", new["id"]) == {}

    assert key["expires_at"].endswith("Z")
    assert shell.run("key", "revoke", new["id"]).exit_code == 1
    bad = shell.run("key", "create", "--scope", "everything")
    assert "scope: everything" in bad.stderr


def test_a_user_gets_a_one_time_password(shell: Shell) -> None:
    email = f"{new_id().hex}@example.org"

    made = shell.json("user", "create", email, "--name", "Alice", "--role", "owner")

    assert login_works(shell.url, email, made["password"])
    assert "password_hash" not in made
    shell.json("user", "set-password", email, "--password-stdin", given="of my own choice\n")
    assert login_works(shell.url, email, "of my own choice")
    org = shell.json("org", "create", "acme")
    assert shell.json("user", "grant", email, "--org", org["id"]) == {}
    assert made["id"] in [row["id"] for row in shell.json("user", "list")]
    assert shell.json("user", "delete", made["id"], "--yes") == {}
    assert shell.run("user", "delete", email, "--yes").exit_code == 1


def test_people_get_lines_instead_of_json(shell: Shell) -> None:
    org = shell.run("org", "create", "acme")
    key = shell.run("key", "create", "--scope", "read", "--name", "nightly")

    assert "name        acme" in org.stdout
    assert "Keep the key now" in key.stderr
    assert "nightly" in shell.run("key", "list").stdout
    assert "none" in shell.run("key", "list", "--app", str(new_id())).stderr


def test_an_organization_is_renamed_and_switched_off(shell: Shell) -> None:
    org = shell.json("org", "create", "acme")

    assert shell.json("org", "rename", org["id"], "acme 2")["name"] == "acme 2"
    assert shell.run("org", "delete", org["id"], "--yes").stdout == "The organization is off.\n"
    assert "no such organization" in shell.run("app", "list", "--org", org["id"]).stderr


def test_a_password_is_needed_on_standard_input(shell: Shell) -> None:
    result = shell.run("user", "set-password", "nobody", "--password-stdin")

    assert (result.exit_code, result.stderr) == (
        1,
        "Error: There is no password on standard input.\n",
    )


def test_a_database_that_is_away_is_said_in_one_line() -> None:
    result = Shell("postgresql://nobody@127.0.0.1:9/none").run("org", "list")

    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    wrong = Shell("mysql://x").run("org", "list")
    assert "SIGNALBOX_DATABASE_URL" in wrong.stderr


def test_a_data_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "typo"
    for folder in (missing, Path(os.path.relpath(missing))):
        environ = {"SIGNALBOX_DATA": str(folder), "SIGNALBOX_DATABASE_URL": None}
        result = CliRunner().invoke(BY_NAME["app"], ["list"], env=environ)
        assert result.exit_code == 1
        assert "SIGNALBOX_DATA: there is no folder /" in result.stderr
    assert not missing.exists()


def test_an_empty_database_is_said_in_one_line(postgres_url: str) -> None:
    name = f"signalbox_test_{new_id().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())

        result = Shell(urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))).run(
            "org", "list"
        )

        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
    assert "signalbox migrate" in result.stderr


def test_a_key_for_players_by_script(shell: Shell) -> None:
    app = shell.json("app", "create", "tv")
    made = shell.json(
        "key", "create", "--app", app["id"], "--scope", "ingest", "--player", "--name", "page",
        "--origin", "https://tv.example", "--rate-limit", "500", "--not-before", "2020-01-01",
    )  # fmt: skip
    second = shell.json("key", "rotate", made["id"])
    listed = {row["id"]: row for row in shell.json("key", "list", "--app", app["id"])}

    assert made["key"].startswith("pbk_")
    assert (made["origins"], made["rate_limit"]) == (["https://tv.example"], 500)
    assert second["key"].startswith("pbk_")
    assert listed[made["id"]]["expires_at"] is not None
    assert listed[second["id"]]["bucket_id"] == made["id"]


def test_retention_of_playback_by_script(shell: Shell) -> None:
    app = shell.json("app", "create", "tv")

    made = shell.json(
        "playback", "keep", app["id"], "--stream-type", "live", "--sessions-days", "7"
    )
    listed = shell.json("playback", "policies", "--app", app["id"])
    told = shell.json("playback", "retention", "--dry-run")
    counted = shell.json("playback", "recount", app["id"], "--from", "2026-01-01")

    assert (made["stream_type"], made["sessions_days"]) == ("LIVE", 7)
    assert [row["id"] for row in listed] == [made["id"]]
    assert isinstance(told, list)
    assert counted == {"minutes": 0}
    assert shell.json("playback", "unkeep", made["id"]) == {}
    assert shell.run("playback", "unkeep", made["id"]).exit_code == 1
    assert shell.json("playback", "policies", "--app", app["id"]) == []
