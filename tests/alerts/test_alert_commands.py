"""`signalbox alerts`, as a script calls it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from signalbox.alerts.rules.simulation import Outcome
from signalbox.core.db import Database
from signalbox.site.commands.alerts import alerts
from tests.alerts.conftest import new_app

MODULE = "signalbox.site.commands.alerts"  # the package offers the group under that name
RULE = '{"title": "t", "figure": "playback_error_rate", "kind": "threshold", "value": 0.5}'


class Shell:
    """Calls commands about one app."""

    def __init__(self, url: str, data: Path, app: str) -> None:
        self.environ = {
            "SIGNALBOX_DATABASE_URL": url,
            "SIGNALBOX_DATA": str(data),
            "SIGNALBOX_ENCRYPTION_SECRET": "e" * 32,
        }
        self.app = app

    def run(self, *args: str) -> Result:
        return CliRunner().invoke(alerts, args, env=self.environ)

    def json(self, *args: str, app: bool = True) -> Any:
        result = self.run(*args, *(("--app", self.app) if app else ()), "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    async def made() -> str:
        db = Database(database_url)
        await db.open()
        try:
            return str((await new_app(db))["id"])
        finally:
            await db.close()

    return Shell(database_url, tmp_path, asyncio.run(made()))


def test_a_built_in_rule_is_switched_off_tuned_and_set_back(shell: Shell) -> None:
    off = shell.json("rule", "playback_error_spike", "--off")
    tuned = shell.json("rule", "playback_error_spike", "--on", "--set", "least_n=100", "--set", "severity=warning")  # fmt: skip
    shell.json("rule", "playback_error_spike", "--reset")
    back = shell.json("rule", "playback_error_spike")

    assert off["enabled"] is False
    assert (tuned["enabled"], tuned["least_n"], tuned["severity"]) == (True, 100, "warning")
    assert (back["changed"], back["least_n"]) == (False, 25)


def test_an_own_rule_is_added_tried_and_taken_away(shell: Shell) -> None:
    made = shell.json("add-rule", RULE)
    fired = shell.json("backtest", made["id"], "--days", "1")
    shell.json("rule", made["id"], "--reset")

    assert fired == []
    assert made["id"] not in {rule["id"] for rule in shell.json("rules")}
    assert shell.json("list") == []


def test_channels_are_added_tried_and_taken_away(shell: Shell) -> None:
    hook = shell.json("add-channel", "webhook", "https://x.example/T", "--secret", "s" * 16)
    mail = shell.json("add-channel", "email", "a@b.example", "--name", "night")
    message = shell.json("test-channel", mail["id"])
    shell.json("remove-channel", hook["id"])

    assert hook["target"] == "https://x.example"
    assert len(message["message"]) == 36
    assert [channel["name"] for channel in shell.json("channels")] == ["night"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("add-rule", "nonsense"), "not JSON"),
        (("add-rule", '{"title": "t"}'), "field: figure"),
        (("rule", "playback_error_spike", "--set", "least_n"), "FIELD=VALUE"),
        (("rule", "playback_error_spike", "--set", "least_n=many"), "field: least_n"),
        (("rule", "nothing"), "no such rule"),
        (("add-channel", "email", "nobody"), "field: target"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(
    shell: Shell, args: tuple[str, ...], told: str
) -> None:
    result = shell.run(*args, "--app", shell.app)

    assert result.exit_code == 1
    assert told in result.output


def test_the_secret_of_the_installation_s_own_webhooks_is_printed(shell: Shell) -> None:
    first = shell.json("signing-secret", app=False)

    assert len(first["secret"]) == 64
    assert shell.json("signing-secret", app=False) == first


def test_the_simulation_prints_false_alarms_and_times(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = [
        Outcome(per_minute=2, rate=None, runs=1, false_alarms=1),
        Outcome(per_minute=10, rate=0.06, runs=20, found_after=(4, 6, 9)),
        Outcome(per_minute=10, rate=0.12, runs=20),
    ]
    monkeypatch.setattr(sys.modules[MODULE], "simulate", lambda number: iter(outcomes))

    rows = shell.json("simulate", app=False)

    assert [row["false_alarms"] for row in rows] == [1, None, None]
    assert [row["caught"] for row in rows] == [None, "3/20", "0/20"]
    assert [row["median_minutes"] for row in rows] == [None, 6, None]
