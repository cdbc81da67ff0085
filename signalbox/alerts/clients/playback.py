"""Figures of playback."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from signalbox.alerts.clients.families import Families
from signalbox.alerts.rules.figures import (
    EVERYBODY,
    Cohort,
    Figure,
    Question,
    Tallies,
    Tally,
)
from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.playback import queries

_REPORTS: Final = "reports"
_OF_SESSIONS: Final[dict[str, Any]] = {
    "context": "playback",
    "family": "sessions",
    "dimensions": tuple(queries.WATCHED_SESSIONS.dimensions),
}
_SHARE: Final[dict[str, Any]] = {"kind": "share", "unit": "ratio", **_OF_SESSIONS}
_VALUES: Final[dict[str, Any]] = {"kind": "values", **_OF_SESSIONS}
FIGURES: Final = (
    Figure(name="playback_error_rate", title="failed plays of attempts", whole="attempts", part="errors", **_SHARE),
    Figure(name="playback_start_failure_rate", title="attempts that failed before the first frame", whole="attempts", part="start_failures", **_SHARE),
    Figure(name="playback_failure_rate", title="plays that broke down after the first frame", whole="plays", part="playback_failures", **_SHARE),
    Figure(name="playback_ebvs_rate", title="viewers who left before the first frame", whole="attempts", part="ebvs", **_SHARE),
    Figure(name="playback_rebuffer_ratio", title="time stalled of time watched", kind="ratio", unit="ratio", whole="watch_ms", part="rebuffer_ms", volume="measured", **_OF_SESSIONS),
    Figure(name="playback_startup_p50", title="median time to the first frame", unit="ms", whole="startup_ms", share=0.5, **_VALUES),
    Figure(name="playback_startup_p95", title="time to the first frame of the slowest 5 %", unit="ms", whole="startup_ms", share=0.95, **_VALUES),
    Figure(name="playback_score", title="mean experience score", unit="points", whole="score", **_VALUES),
    Figure(name="playback_attempts", title="attempts to play", kind="volume", unit="count", whole="attempts", **_OF_SESSIONS),
    Figure(name="playback_reports", title="reports of players", kind="volume", unit="count", whole=_REPORTS, context="playback", family=_REPORTS),
)  # fmt: skip


class Playback(Families):
    """Sessions by their end; reports, of which only everybody's are known, by when they came."""

    async def tallies(
        self,
        tx: Tx,
        actor: Actor,
        question: Question,
        *,
        windows: Collection[int],
        dimensions: Sequence[str],
        most: int,
    ) -> Tallies:
        """See Source."""
        if question.figure.family != _REPORTS:
            return await super().tallies(
                tx, actor, question, windows=windows, dimensions=dimensions, most=most
            )
        found: dict[tuple[Cohort, int], Tally] = {}
        for window in windows:
            begin = question.end - timedelta(minutes=window)
            count = await queries.reporting(
                tx, actor, question.app_id, begin=begin, end=question.end
            )
            found[EVERYBODY, window] = Tally(sums={_REPORTS: count})
        return found

    async def sums(self, tx: Tx, actor: Actor, question: Question) -> Mapping[Cohort, Tally]:
        """See Source."""
        if question.figure.family != _REPORTS:
            return await super().sums(tx, actor, question)
        count = await queries.reports(
            tx, actor, question.app_id, begin=question.begin, end=question.end
        )
        return {EVERYBODY: Tally(sums={_REPORTS: count})}

    async def minutes(self, tx: Tx, actor: Actor, question: Question) -> Mapping[datetime, Tally]:
        """See Source."""
        if question.figure.family != _REPORTS:
            return await super().minutes(tx, actor, question)
        found = await queries.report_minutes(
            tx, actor, question.app_id, begin=question.begin, end=question.end
        )
        return {minute: Tally(sums={_REPORTS: count}) for minute, count in found.items()}

    async def examples(self, tx: Tx, actor: Actor, question: Question, *, most: int) -> list[str]:
        """See Source: of reports that did not come there are none."""
        if question.figure.family == _REPORTS:
            return []
        return await super().examples(tx, actor, question, most=most)


PLAYBACK: Final = Playback(
    "playback", FIGURES, {"sessions": queries.WATCHED_SESSIONS}, queries.active_apps
)
