"""The settings table of the documentation, written from the settings themselves.

`python -m signalbox.site.configuration --write` rewrites `docs/reference/configuration.md`; `--check` fails when the
page and the code have drifted apart; without either, the page goes to standard output.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from signalbox.core.settings import SettingRow, describe
from signalbox.site.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "configuration.md"

INTRODUCTION = """\
# Configuration

Signalbox is configured by environment variables. None is needed to start: `signalbox up` brings its own PostgreSQL and
Redis, makes every secret once and keeps all of it in `SIGNALBOX_DATA`.

- An invalid value stops the start with one line that names the variable. An empty value counts as unset.
- Every variable can be read from a file instead: `<NAME>_FILE` holds the path, for secrets mounted by an orchestrator.
- Other accepted names of a setting stand below its own; the setting's own name wins.
- Lists are separated by commas. Switches take `on`, `off`, `true`, `false`, `yes`, `no`, `1`, `0`.

This page is generated: `make docs` writes it, `make check` fails when it is out of date.
"""

TITLES = {"": "General", "core": "Kernel", "site": "Site"}

# Defaults that are worked out on the machine: the page tells the rule, not one machine's result.
RULES = {
    "SIGNALBOX_DATA": "`/var/lib/signalbox` as root, else `~/.local/share/signalbox`",
}


def page(rows: Sequence[SettingRow]) -> str:
    """The whole Markdown page: one section per owner, in the order in which the settings are composed."""
    sections = (_section(owner, members) for owner, members in groupby(rows, lambda row: row.owner))
    return "\n".join([INTRODUCTION, *sections])


def _section(owner: str, rows: Iterable[SettingRow]) -> str:
    title = TITLES.get(owner) or owner.replace(".", ", ").capitalize()
    head = [
        f"## {title}",
        "",
        "| variable | value | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *map(_line, rows), ""])


def _line(row: SettingRow) -> str:
    names = "<br>".join([f"`{row.env}`", *(f"or `{alias}`" for alias in row.aliases)])
    value = f"{row.type}, secret" if row.secret else row.type
    cells = (names, value, _default(row), row.doc or "–")
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _default(row: SettingRow) -> str:
    if row.env in RULES:
        return RULES[row.env]
    if row.default in ("", "required"):
        return row.default or "–"
    return f"`{row.default}`"


def _drifted(text: str) -> bool:
    return not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, write or check the page; the exit code is 1 when a checked page is out of date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    action.add_argument("--check", action="store_true", help=f"fail if {PAGE.name} is out of date")
    chosen = parser.parse_args(arguments)
    text = page(describe(Settings))
    if chosen.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    elif not chosen.check:
        sys.stdout.write(text)
    elif _drifted(text):
        sys.stderr.write(f"{PAGE.name} is out of date: run `make docs` and commit the result.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
