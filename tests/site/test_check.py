"""`signalbox check` names what is misconfigured."""

from __future__ import annotations

import json

import psycopg
from click.testing import CliRunner

from signalbox.site.check import findings
from signalbox.site.cli import main


def faults(environment: dict[str, str]) -> dict[str, str]:
    return {f.subject: f.text for f in findings(environment) if not f.fine}


def test_a_right_configuration_has_no_faults(environment: dict[str, str]) -> None:
    with psycopg.connect(environment["SIGNALBOX_DATABASE_URL"], autocommit=True) as connection:
        # Another test's installation in this database had secrets of its own.
        connection.execute("DELETE FROM accounts.settings WHERE name LIKE 'agreed:%'")

    assert faults(environment) == {}


def test_an_invalid_value_is_named(environment: dict[str, str]) -> None:
    assert "SIGNALBOX_PORT" in faults({**environment, "SIGNALBOX_PORT": "many"})["settings"]


def test_a_missing_secret_is_named(environment: dict[str, str]) -> None:
    del environment["SIGNALBOX_SESSION_TOKEN_SECRET"]

    assert "SIGNALBOX_SESSION_TOKEN_SECRET" in faults(environment)["secrets"]


def test_a_secret_that_can_be_guessed_is_a_fault_in_production(environment: dict[str, str]) -> None:
    short = {**environment, "SIGNALBOX_ENV": "production", "SIGNALBOX_INIT_TOKEN_SECRET": "abc"}
    short["SIGNALBOX_RATE_LIMITS"] = ""

    assert "SIGNALBOX_INIT_TOKEN_SECRET is shorter" in faults(short)["strength of secrets"]


def test_servers_that_do_not_answer_are_named(environment: dict[str, str]) -> None:
    away = {
        "SIGNALBOX_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "SIGNALBOX_REDIS_URL": "redis://127.0.0.1:1/0",
    }

    assert set(faults({**environment, **away})) == {"database", "redis"}


def test_a_script_gets_json_and_an_exit_code(environment: dict[str, str]) -> None:
    wrong = {**environment, "SIGNALBOX_GEO_PATH": "/nowhere.mmdb"}

    result = CliRunner().invoke(main, ["check", "--json"], env=wrong)

    assert result.exit_code == 1
    assert {
        "subject": "places",
        "fine": False,
        "text": "SIGNALBOX_GEO_PATH: no file /nowhere.mmdb",
    } in json.loads(result.stdout)


def test_every_command_explains_itself() -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout

    for name in ("up", "serve", "worker", "migrate", "check", "org", "app", "key", "user", "demo"):
        assert f"\n  {name} " in listed
