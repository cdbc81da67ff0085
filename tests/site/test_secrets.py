"""Secrets are made once, read by us alone, and the operator's own win."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from signalbox.core.settings import SettingError
from signalbox.site.environment import ready_settings
from signalbox.site.secrets import (
    MADE,
    OPTIONAL,
    ensure_secrets,
    fingerprint,
    stored_secrets,
    with_stored_secrets,
)
from signalbox.site.settings import load_settings


def test_secrets_are_made_once(tmp_path: Path) -> None:
    made = ensure_secrets(tmp_path)

    assert set(made) == set(MADE) | set(OPTIONAL)
    assert len(set(made.values())) == len(made)
    assert ensure_secrets(tmp_path) == stored_secrets(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600


def test_the_operators_secret_wins_under_either_name(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)

    completed = with_stored_secrets({"INIT_TOKEN_SECRET": "mine"}, tmp_path)

    assert load_settings(completed).site.init_token_secret == ["mine"]
    assert completed["SIGNALBOX_SESSION_TOKEN_SECRET"]


def test_a_damaged_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("{")

    with pytest.raises(SettingError, match="damaged"):
        stored_secrets(tmp_path)


def test_a_part_on_its_own_needs_every_secret() -> None:
    with pytest.raises(SettingError, match="SIGNALBOX_INIT_TOKEN_SECRET"):
        ready_settings({})


def test_a_rotation_keeps_the_fingerprint_and_another_host_has_another(tmp_path: Path) -> None:
    ours = ensure_secrets(tmp_path)
    name = "SIGNALBOX_INIT_TOKEN_SECRET"
    rotated = {**ours, name: f"new,{ours[name]}"}

    assert fingerprint(load_settings(ours)) == fingerprint(load_settings(rotated))
    assert fingerprint(load_settings(ours)) != fingerprint(load_settings({**ours, name: "other"}))


def test_the_secret_of_the_demonstration_is_nobodys_business_elsewhere(tmp_path: Path) -> None:
    """An older data folder gets it too; hosts that differ in it are still one installation."""
    ours = ensure_secrets(tmp_path)
    (without := dict(ours)).pop("SIGNALBOX_DEMO_SECRET")
    (tmp_path / "secrets").write_text(json.dumps(without))

    again = ensure_secrets(tmp_path)

    assert again["SIGNALBOX_DEMO_SECRET"] != ours["SIGNALBOX_DEMO_SECRET"]
    assert {name: again[name] for name in without} == without
    assert fingerprint(load_settings(again)) == fingerprint(load_settings(without))
