"""Settings are typed, come from the environment or from files, and refuse what is invalid by the variable's name."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from signalbox.core.settings import (
    REQUIRED,
    CoreSettings,
    SettingError,
    at_least,
    between,
    default_data_folder,
    describe,
    load,
    names_claimed_twice,
    setting,
)


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    text: str = setting("plain", env="T_TEXT", aliases=("TEXT",), doc="Some text.")
    whole: int = setting(3, env="T_WHOLE", check=between(1, 9))
    number: float = setting(0.5, env="T_NUMBER")
    flag: bool = setting(False, env="T_FLAG")
    path: Path | None = setting(None, env="T_PATH")
    names: list[str] = setting(["a", "b"], env="T_NAMES")
    fixed: tuple[int, ...] = setting((1,), env="T_FIXED")
    mode: Literal["fast", "slow"] = setting("fast", env="T_MODE")
    colour: Colour = setting(Colour.RED, env="T_COLOUR")
    secret: str | None = setting(None, env="T_SECRET", secret=True, check=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    sample: Sample
    core: CoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Needy:
    secret: int = setting(REQUIRED, env="T_NEEDED", secret=True, check=at_least(10))


def test_nothing_set_means_defaults() -> None:
    assert load(Sample, {}) == Sample()
    assert Sample().names == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("T_TEXT", "x", "text", "x"),
        ("TEXT", "alias", "text", "alias"),
        ("T_WHOLE", " 7 ", "whole", 7),
        ("T_NUMBER", "1e-3", "number", 0.001),
        ("T_FLAG", "On", "flag", True),
        ("T_FLAG", "0", "flag", False),
        ("T_PATH", "/tmp/x", "path", Path("/tmp/x")),
        ("T_NAMES", "x, y,,z ", "names", ["x", "y", "z"]),
        ("T_FIXED", "4,5", "fixed", (4, 5)),
        ("T_MODE", "slow", "mode", "slow"),
        ("T_COLOUR", "green", "colour", Colour.GREEN),
        ("T_WHOLE", "", "whole", 3),
    ],
)
def test_values_take_the_type_of_their_field(name: str, text: str, field: str, value: Any) -> None:
    assert getattr(load(Sample, {name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("T_WHOLE", "seven"),
        ("T_WHOLE", "10"),
        ("T_NUMBER", "nan"),
        ("T_NUMBER", "much"),
        ("T_FLAG", "maybe"),
        ("T_MODE", "medium"),
        ("T_COLOUR", "RED"),
    ],
)
def test_an_invalid_value_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        load(Sample, {name: text})
    assert caught.value.name == name


def test_the_own_name_wins_over_an_alias() -> None:
    assert load(Sample, {"TEXT": "alias", "T_TEXT": "own"}).text == "own"


def test_a_file_holds_a_secret(tmp_path: Path) -> None:
    held = tmp_path / "secret"
    held.write_text("s3cret\n")

    loaded = load(Sample, {"T_SECRET_FILE": str(held)})

    assert loaded.secret == "s3cret"
    assert "s3cret" not in repr(loaded)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="T_SECRET_FILE: cannot read"):
        load(Sample, {"T_SECRET_FILE": str(tmp_path / "none")})
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SettingError, match="not UTF-8"):
        load(Sample, {"T_SECRET_FILE": str(tmp_path / "binary")})


def test_a_value_beside_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="set one of them"):
        load(Sample, {"T_SECRET": "x", "T_SECRET_FILE": str(tmp_path)})


def test_a_required_setting_must_be_set() -> None:
    with pytest.raises(SettingError, match="T_NEEDED: must be set"):
        load(Needy, {})


@pytest.mark.parametrize("text", ["hunter2", "3"])
def test_a_refused_secret_is_not_shown(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        load(Needy, {"T_NEEDED": text})
    assert "hunter2" not in str(caught.value)


def test_composed_settings_are_loaded_and_described_with_their_owner() -> None:
    loaded = load(Composed, {"T_WHOLE": "5", "ENV": "production"})
    rows = {row.env: row for row in describe(Composed)}

    assert (loaded.sample.whole, loaded.core.production) == (5, True)
    assert (rows["T_WHOLE"].owner, rows["SIGNALBOX_ENV"].owner) == ("sample", "core")
    assert (rows["T_NAMES"].type, rows["T_NAMES"].default) == ("str, …", "a, b")
    assert (rows["T_MODE"].type, rows["T_COLOUR"].type) == ("fast | slow", "red | green")
    assert (rows["T_FLAG"].default, rows["T_PATH"].type) == ("false", "path")
    assert rows["T_SECRET"].secret
    assert describe(Needy)[0].default == "required"


def test_names_claimed_twice_are_found() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Clashing:
        one: str = setting("", env="T_ONE", aliases=("T_TEXT",))
        two: str = setting("", env="T_ONE_FILE")

    rows = describe(Sample) + describe(Clashing)

    assert names_claimed_twice(describe(Sample) + describe(CoreSettings)) == []
    assert names_claimed_twice(rows) == ["T_ONE_FILE", "T_TEXT", "T_TEXT_FILE"]


@pytest.mark.parametrize("text", ["no", "[1]", '{"stats": 5}', '{"stats": [0, 60]}', "[" * 100_000])
def test_rate_limits_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="SIGNALBOX_RATE_LIMITS"):
        load(CoreSettings, {"SIGNALBOX_RATE_LIMITS": text})


def test_limits_cannot_be_off_in_production() -> None:
    assert load(CoreSettings, {"SIGNALBOX_RATE_LIMITS": "off"}).rate_limits == "off"
    with pytest.raises(SettingError, match="production"):
        load(CoreSettings, {"SIGNALBOX_RATE_LIMITS": "off", "SIGNALBOX_ENV": "production"})


def test_addresses_of_stores_have_a_known_scheme() -> None:
    assert load(CoreSettings, {"SIGNALBOX_REDIS_URL": "rediss://h"}).redis_url == "rediss://h"
    with pytest.raises(SettingError, match="SIGNALBOX_DATABASE_URL: must start with") as caught:
        load(CoreSettings, {"SIGNALBOX_DATABASE_URL": "mysql://alice:pw@h"})
    assert "pw" not in str(caught.value)


def test_data_lies_where_the_account_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/home/alice/data")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_data_folder() == Path("/home/alice/data/signalbox")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_data_folder() == Path("/var/lib/signalbox")
