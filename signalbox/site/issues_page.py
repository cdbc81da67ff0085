"""The table of issue codes, written from the rules themselves.

`python -m signalbox.site.issues_page --write` rewrites `docs/reference/issues.md`; `--check` fails when page and code have drifted apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from signalbox.core.settings import SettingRow, describe
from signalbox.monitoring.rules.detection import RULES, Rule
from signalbox.monitoring.rules.issues import CATALOGUE
from signalbox.monitoring.settings import DetectionSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "issues.md"

INTRODUCTION = """\
# Issues

What Signalbox finds in a call. `GET /v1/issues` and `GET /v1/issues/ID` answer each with `type` (`warning` or `error`), `code`, `title`, `explanation`, `data`,
`count`, `created_at`, `updated_at`, `ended_at`, `source` and `events`, the ids of the events that show it; those of reports are ids of the stats event
of the report.

This page is generated: `make docs` writes it, `make check` fails when it is out of date.

## Raised by single events

`source` is `event`. They are over at once: `ended_at` is `created_at`.

| code | type | title | what it means |
| --- | --- | --- | --- |
"""

RULE_HEAD = """
## Found by looking at the whole call

`source` is `rule`. The worker looks at a conference when it has ended or changed, and at a running one every 10 s at first, after an hour every 72 s (2 % of
its duration). An issue opens when its condition has held for long enough, is updated as long as it holds (`updated_at`; `data.seconds` altogether, `data.worst` in
`data.unit`, `data.spells` how often), and closes (`ended_at`). It is never repeated: its id follows from the code and from what it is about (a track, a
connection or one direction of it, a session), so if it comes back, the same issue opens again and `count` grows. One that later reports show to have been none is
withdrawn. `signalbox monitoring diagnose` looks again with changed thresholds. Figures are those of the interval between two reports, never totals since the
start; an interval of which a figure is not known neither opens nor extends anything.

Thresholds are settings (see [configuration](configuration.md)); the defaults:

"""


def page() -> str:
    """The whole Markdown page."""
    settings = {row.field: row for row in describe(DetectionSettings)}
    raised = (
        f"| `{code}` | {kind} | {title} | {explanation} |\n"
        for code, (kind, title, explanation) in CATALOGUE.items()
    )
    sections = (_section(rule, settings) for rule in RULES)
    return INTRODUCTION + "".join(raised) + RULE_HEAD + "\n".join(sections)


def _section(rule: Rule, settings: dict[str, SettingRow]) -> str:
    lines = [f"### {rule.code}", "", f"{rule.title} ({rule.type}). {rule.explanation}", ""]
    if rule.limits:
        lines += [*_limits(rule.limits, settings), ""]
    return "\n".join([*lines, f"Source: {rule.source}", ""])


def _limits(names: Sequence[str], settings: dict[str, SettingRow]) -> Iterable[str]:
    defaults = DetectionSettings()
    fields = {field.name for field in dataclasses.fields(DetectionSettings)}
    for name in names:
        assert name in fields
        yield f"- `{settings[name].env}` = {getattr(defaults, name):g}: {settings[name].doc}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, write or check the page; the exit code is 1 when a checked page is out of date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    action.add_argument("--check", action="store_true", help=f"fail if {PAGE.name} is out of date")
    chosen = parser.parse_args(arguments)
    text = page()
    if chosen.write:
        PAGE.write_text(text, encoding="utf-8")
    elif not chosen.check:
        sys.stdout.write(text)
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{PAGE.name} is out of date: run `make docs` and commit the result.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
