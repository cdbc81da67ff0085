"""Logs are lines of JSON in UTC without secrets, whoever writes them."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog

from signalbox.core.logging import configure, configure_from, drop_secrets


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_an_instant_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    configure(as_json=True)
    structlog.get_logger().info("node.health_changed", failures=3, odd={1})

    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["failures"]) == ("node.health_changed", "info", 3)
    assert line["timestamp"].endswith("Z")


def test_libraries_come_out_in_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    configure(as_json=True)
    logging.getLogger("somebody").warning("lost %s", "it")
    logging.getLogger("procrastinate.worker").info("noise")

    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("lost it", "warning")


def test_an_exception_keeps_its_trace_but_not_its_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(as_json=True)
    held = "hunter2"
    try:
        raise ValueError(len(held))
    except ValueError:
        structlog.get_logger().exception("job.failed")
        logging.getLogger("somebody").exception("failed")

    own, theirs = lines(capsys)
    assert own["exception"][0]["exc_type"] == theirs["exception"][0]["exc_type"] == "ValueError"
    assert "hunter2" not in json.dumps([own, theirs])


def test_keys_that_could_hold_a_secret_are_dropped_at_any_depth() -> None:
    event = {
        "event": "x",
        "token": "a",
        "sessionToken": "a",
        "TURN_SECRET": "a",
        "new-password": "a",
        "ip": "a",
        "ipAddress": "a",
        "Authorization": "a",
        "set_cookie": "a",
        "inner": [{"sdp": "a", "kept": 1}, ({"address": "a"},)],
        "tokens_used": 5,
        "shipped": 1,
    }
    assert drop_secrets(None, "info", event) == {
        "event": "x",
        "inner": [{"kept": 1}, [{}]],
        "tokens_used": 5,
        "shipped": 1,
    }


def test_the_level_and_the_format_come_from_the_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_from("auto", "warning", production=True)
    structlog.get_logger().info("not.shown")
    structlog.get_logger().warning("shown.json")
    (line,) = lines(capsys)
    assert line["event"] == "shown.json"

    configure_from("console", "info", production=True)
    structlog.get_logger().info("shown.plain")
    assert not capsys.readouterr().err.startswith("{")
