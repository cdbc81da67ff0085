"""How often the right cause is found in the labelled calls: `python -m tests.monitoring.confusion [--write]` plays them all and prints the table.

With `--write` the table in `docs/reference/diagnosis.md` is replaced.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import structlog

from signalbox.site.embedded import start_postgres, start_redis
from signalbox.site.migrate import migrate
from tests.monitoring.conftest import House, opened
from tests.monitoring.labelled import Label, labels, play

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "diagnosis.md"
BEGIN, END = "<!-- confusion table: begin -->", "<!-- confusion table: end -->"
CAUSES = ("none", "network", "relay", "server", "device", "permission", "browser")

_WHOLE = """
    SELECT d.cause, p.participant_id, d.score FROM monitoring.diagnoses d LEFT JOIN monitoring.participants p ON p.id = d.culprit_id
    WHERE d.app_id = %s AND d.participant_id IS NULL"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said of a labelled call."""

    label: Label
    cause: str
    whose: str | None
    score: int | None

    @property
    def is_right(self) -> bool:
        """Cause and culprit are as labelled."""
        return (self.cause, self.whose) == (self.label.cause, self.label.whose)


async def judged(house: House, label: Label) -> Verdict:
    """Play one call and see what is said of it."""
    app: UUID = await play(house, label)
    async with house.db.read() as tx:
        row = await (await tx.psycopg.execute(_WHOLE, (app,))).fetchone()
    return Verdict(label, *(row or ("none", None, None)))


def table(verdicts: Sequence[Verdict]) -> str:
    """Labelled causes down, found ones across; then the mistakes; as Markdown."""
    counts = Counter((verdict.label.cause, verdict.cause) for verdict in verdicts)
    lines = [f"| labelled | {' | '.join(CAUSES)} |", "| --- |" + " --: |" * len(CAUSES)]
    for cause in CAUSES:
        cells = [str(counts[cause, found] or "") for found in CAUSES]
        lines.append(f"| **{cause}** | {' | '.join(cells)} |")
    lines += ["", *_summary(verdicts), ""]
    lines += [
        f"- `{v.label.name}`: {_named(v.label.cause, v.label.whose)}, taken for {_named(v.cause, v.whose)}"
        for v in verdicts
        if not v.is_right
    ]
    return "\n".join(lines).rstrip()


def _named(cause: str, whose: str | None) -> str:
    return cause if whose is None else f"{cause} of {whose}"


def _summary(verdicts: Sequence[Verdict]) -> Iterable[str]:
    def share(some: Sequence[Verdict]) -> str:
        right = sum(verdict.is_right for verdict in some)
        return f"{right} of {len(some)} ({right / max(len(some), 1):.0%})"

    real = [v for v in verdicts if v.label.source != "altered"]
    later = [v for v in verdicts if v.label.held_out]
    clean = [v for v in verdicts if v.label.cause == "none"]
    yield f"Right cause and right culprit: {share(verdicts)}; of the {len(real)} recorded in Chromium {share(real)};"
    yield f"of those recorded after the rules had been written {share(later)}."
    yield f"Clean calls of which a cause was named: {sum(v.cause != 'none' for v in clean)} of {len(clean)}."


async def _run(folder: Path) -> list[Verdict]:
    postgres, redis = start_postgres(folder, fast_unsafe=True), start_redis(folder)
    try:
        migrate(postgres.url)
        async with opened(postgres.url, redis.url, folder) as house:
            return [await judged(house, label) for label in labels()]
    finally:
        redis.stop()
        postgres.stop()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path(tempfile.mkdtemp(prefix="sbt-", dir="/tmp"))
    try:
        text = table(asyncio.run(_run(folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(text)
    if chosen.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
