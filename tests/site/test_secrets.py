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
    fingerprints,
    put_in_front,
    stored_secrets,
    with_stored_secrets,
    without_stored_secrets,
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


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"', '{"SIGNALBOX_INIT_TOKEN_SECRET": 5}'])
def test_a_damaged_file_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets").write_text(text)

    with pytest.raises(SettingError, match="damaged"):
        stored_secrets(tmp_path)


def test_a_part_on_its_own_needs_every_secret() -> None:
    with pytest.raises(SettingError, match="SIGNALBOX_INIT_TOKEN_SECRET"):
        ready_settings({})


def test_fingerprints_tell_secrets_apart_and_nothing_else(tmp_path: Path) -> None:
    ours = ensure_secrets(tmp_path)
    name = "SIGNALBOX_INIT_TOKEN_SECRET"
    rotated = {**ours, name: f"new,{ours[name]}"}

    ours_told, rotated_told = (fingerprints(load_settings(e)) for e in (ours, rotated))
    assert rotated_told[name][1:] == ours_told[name]
    assert rotated_told[name][0] != ours_told[name][0]
    assert not any(ours[variable] in str(ours_told) for variable in MADE)
    same = dict.fromkeys(MADE, "the same everywhere")
    assert len({told for (told,) in fingerprints(load_settings(same)).values()}) == len(MADE)


def test_a_part_is_given_what_the_operator_set_and_reads_the_rest(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)
    environ = {"SESSION_TOKEN_SECRET": "mine", "PATH": "/bin"}

    completed = with_stored_secrets(environ, tmp_path)

    assert "SIGNALBOX_INIT_TOKEN_SECRET" in completed
    assert without_stored_secrets(completed, environ) == environ


def test_a_new_secret_comes_first_and_the_one_before_stays(tmp_path: Path) -> None:
    name = "SIGNALBOX_INIT_TOKEN_SECRET"
    first = ensure_secrets(tmp_path)
    for made in ("two", "three"):
        put_in_front(tmp_path, {name: made}, keep=1)

    assert stored_secrets(tmp_path) == first | {name: "three,two"}
    put_in_front(tmp_path, {name: "four"}, keep=0)
    assert stored_secrets(tmp_path)[name] == "four"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600


def test_the_secret_of_the_demonstration_is_nobodys_business_elsewhere(tmp_path: Path) -> None:
    """An older data folder gets it too; hosts that differ in it are still one installation."""
    ours = ensure_secrets(tmp_path)
    (without := dict(ours)).pop("SIGNALBOX_DEMO_SECRET")
    (tmp_path / "secrets").write_text(json.dumps(without))

    again = ensure_secrets(tmp_path)

    assert again["SIGNALBOX_DEMO_SECRET"] != ours["SIGNALBOX_DEMO_SECRET"]
    assert {name: again[name] for name in without} == without
    assert fingerprints(load_settings(again)) == fingerprints(load_settings(without))
