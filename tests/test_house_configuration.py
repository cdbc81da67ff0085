"""The settings table and the settings agree, and no variable belongs to two settings."""

from __future__ import annotations

from signalbox.core.settings import SettingRow, describe, names_claimed_twice
from signalbox.site import configuration
from signalbox.site.settings import Settings


def row(**changes: object) -> SettingRow:
    values: dict[str, object] = {
        "owner": "core",
        "field": "port",
        "env": "SIGNALBOX_PORT",
        "aliases": (),
        "type": "int",
        "default": "8000",
        "secret": False,
        "doc": "Where we listen.",
    }
    return SettingRow(**(values | changes))  # type: ignore[arg-type]


def test_the_page_is_up_to_date() -> None:
    assert configuration.main(["--check"]) == 0


def test_no_variable_is_claimed_twice() -> None:
    assert names_claimed_twice(describe(Settings)) == []


def test_every_setting_says_what_it_does() -> None:
    assert [entry.env for entry in describe(Settings) if not entry.doc] == []


def test_a_section_per_owner_and_a_line_per_setting() -> None:
    text = configuration.page([row(), row(owner="accounts", env="SIGNALBOX_X", aliases=("X",))])

    assert "## Kernel" in text
    assert "## Accounts" in text
    assert "| `SIGNALBOX_PORT` | int | `8000` | Where we listen. |" in text
    assert "| `SIGNALBOX_X`<br>or `X` |" in text


def test_a_bar_in_a_value_does_not_break_the_table() -> None:
    text = configuration.page([row(type="on | off", default="", secret=True)])

    assert "| on \\| off, secret | – |" in text
