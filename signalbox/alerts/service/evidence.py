"""What a look needs is gathered from the contexts: each question once for all rules that ask it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from signalbox.alerts.clients import FIGURES, source_of
from signalbox.alerts.rules.definitions import TOP, Rule
from signalbox.alerts.rules.figures import (
    EVERYBODY,
    Cohort,
    Figure,
    Histogram,
    Question,
    Seen,
    Tallies,
    Tally,
    seen_values,
)
from signalbox.alerts.rules.judging import WEEKS, Evidence, could_be_bad
from signalbox.alerts.rules.spikes import Past
from signalbox.alerts.rules.tracks import REPORTS_FOR
from signalbox.core.actor import Actor
from signalbox.core.db import Tx

APART: Final = timedelta(minutes=35)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
MANY: Final = 50_000  # sessions in a day from which the past is asked for only every few minutes
RENEWED_AFTER: Final = timedelta(minutes=5)
REMEMBERED: Final = 100  # figures of apps in one process


class Pasts:
    """What was before, of large apps: it changes slowly and costs much, so it is remembered for some minutes. Of others it is asked for each time."""

    def __init__(self) -> None:
        self._found: dict[tuple[UUID, str], dict[Cohort, tuple[datetime, Any]]] = {}

    def known(
        self, app_id: UUID, figure: str, cohorts: Collection[Cohort], at: datetime
    ) -> dict[Cohort, Any]:
        """What is remembered of these cohorts and young enough."""
        found = self._found.get((app_id, figure), {})
        return {
            cohort: found[cohort][1]
            for cohort in cohorts
            if cohort in found and timedelta() <= at - found[cohort][0] < RENEWED_AFTER
        }

    def remember(
        self, app_id: UUID, figure: str, at: datetime, pasts: Mapping[Cohort, Any], *, size: int
    ) -> None:
        """Keep it if as many as `size` were looked at for it."""
        if size < MANY:
            return
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        own = self._found.setdefault((app_id, figure), {})
        own.update({cohort: (at, past) for cohort, past in pasts.items()})


class Gatherer:
    """Answers for one app at one minute."""

    def __init__(self, tx: Tx, actor: Actor, app_id: UUID, at: datetime, pasts: Pasts) -> None:
        self._tx, self._actor, self._app, self._at = tx, actor, app_id, at
        self._pasts = pasts
        self._tallies: dict[Any, Tallies] = {}

    async def evidence(self, rule: Rule, remembered: Collection[Cohort]) -> dict[Cohort, Evidence]:
        """Of every cohort that the rule looks at, and of those that it remembers something of."""
        figure = FIGURES[rule.figure]
        wanted = {rule.parent, *remembered}
        if figure.kind == "values":
            return await self._of_values(rule, figure, wanted)
        tallies = await self._tally(rule, figure, wanted)
        cohorts = {cohort for cohort, _ in tallies if rule.looks_at(cohort)} | wanted
        seen = {cohort: _seen(figure, rule, tallies, cohort) for cohort in cohorts}
        needed = {c for c in cohorts if c in remembered or could_be_bad(rule, seen[c])}
        before = await self._before(rule, figure, needed) if needed else {}
        return {cohort: Evidence(seen=seen[cohort], **before.get(cohort, {})) for cohort in cohorts}

    async def examples(self, rule: Rule, cohort: Cohort, most: int) -> list[str]:
        """Sessions of the longest window that show what is wrong."""
        figure = FIGURES[rule.figure]
        begin = self._at - timedelta(minutes=max(rule.windows))
        question = self._question(figure, begin, self._at, [cohort])
        return await source_of(figure).examples(self._tx, self._actor, question, most=most)

    async def _tally(self, rule: Rule, figure: Figure, wanted: set[Cohort]) -> Tallies:
        dimensions: Sequence[str] = () if rule.only else rule.dimensions
        key = (figure.family, figure.context, rule.windows, dimensions, frozenset(wanted))
        if key not in self._tallies:
            question = self._question(figure, self._at, self._at, wanted)
            self._tallies[key] = await source_of(figure).tallies(
                self._tx,
                self._actor,
                question,
                windows=rule.windows,
                dimensions=dimensions,
                most=TOP,
            )
        return self._tallies[key]

    async def _before(
        self, rule: Rule, figure: Figure, cohorts: Collection[Cohort]
    ) -> dict[Cohort, dict[str, Any]]:
        """What the kind of rule holds a window against."""
        end = self._at - APART
        if rule.kind == "spike":
            pasts = await self._past(figure, cohorts, end)
            return {cohort: {"past": pasts.get(cohort, Past())} for cohort in cohorts}
        if rule.kind == "growth":
            found = await self._grown(figure, cohorts, end)
            return {cohort: {"before": seen} for cohort, seen in found.items()}
        if rule.kind == "drop":
            return await self._weeks(figure, rule.windows[0], cohorts)
        if rule.kind == "silence":
            until = self._at - timedelta(minutes=rule.windows[0])
            since = until - timedelta(minutes=REPORTS_FOR)
            sums = await self._sums(figure, since, until, cohorts)
            return {
                cohort: {"before": _a_minute(tally.of(figure), REPORTS_FOR)}
                for cohort, tally in sums.items()
            }
        return {}

    async def _past(
        self, figure: Figure, cohorts: Collection[Cohort], end: datetime
    ) -> dict[Cohort, Past]:
        """Of a day; of a week where a day has too little. Everybody's is asked for, too: it says whether the app is large."""
        known = self._pasts.known(self._app, figure.name, cohorts, self._at)
        unknown = set(cohorts) - known.keys()
        if not unknown:
            return known
        found = await self._asked_past(figure, unknown | {EVERYBODY}, end - DAY, end)
        size = found.get(EVERYBODY, Past()).n
        thin = [cohort for cohort in unknown if not found.get(cohort, Past()).enough]
        found |= await self._asked_past(figure, thin, end - WEEK, end)
        self._pasts.remember(self._app, figure.name, self._at, found, size=size)
        return {**known, **found}

    async def _grown(
        self, figure: Figure, cohorts: Collection[Cohort], end: datetime
    ) -> dict[Cohort, Seen]:
        """A figure of sums, of a day."""
        known = self._pasts.known(self._app, figure.name, cohorts, self._at)
        unknown = set(cohorts) - known.keys()
        if not unknown:
            return known
        sums = await self._sums(figure, end - DAY, end, unknown | {EVERYBODY})
        found = {cohort: tally.of(figure) for cohort, tally in sums.items()}
        size = found.get(EVERYBODY, Seen()).n
        self._pasts.remember(self._app, figure.name, self._at, found, size=size)
        return {**known, **found}

    async def _values_before(
        self, figure: Figure, cohorts: Collection[Cohort], end: datetime
    ) -> dict[Cohort, Histogram]:
        """Single values of a day."""
        known = self._pasts.known(self._app, figure.name, cohorts, self._at)
        unknown = set(cohorts) - known.keys()
        if not unknown:
            return known
        found = await self._values(figure, end - DAY, end, unknown | {EVERYBODY})
        size = sum(found.get(EVERYBODY, {}).values())
        self._pasts.remember(self._app, figure.name, self._at, found, size=size)
        return {**known, **found}

    async def _asked_past(
        self, figure: Figure, cohorts: Collection[Cohort], begin: datetime, end: datetime
    ) -> dict[Cohort, Past]:
        if not cohorts:
            return {}
        question = self._question(figure, begin, end, cohorts)
        found = await source_of(figure).pasts(self._tx, self._actor, question)
        return {cohort: past for cohort, past in found.items() if cohort in cohorts}

    async def _sums(
        self, figure: Figure, begin: datetime, end: datetime, cohorts: Collection[Cohort]
    ) -> Mapping[Cohort, Tally]:
        question = self._question(figure, begin, end, cohorts)
        return await source_of(figure).sums(self._tx, self._actor, question)

    async def _weeks(
        self, figure: Figure, window: int, cohorts: Collection[Cohort]
    ) -> dict[Cohort, dict[str, Any]]:
        found: dict[Cohort, list[float]] = {cohort: [] for cohort in cohorts}
        for week in range(1, WEEKS + 1):
            end = self._at - week * WEEK
            sums = await self._sums(figure, end - timedelta(minutes=window), end, cohorts)
            for cohort, counts in found.items():
                counts.append(sums.get(cohort, Tally(sums={})).of(figure).figure or 0.0)
        return {cohort: {"weeks": tuple(counts)} for cohort, counts in found.items()}

    async def _of_values(
        self, rule: Rule, figure: Figure, wanted: set[Cohort]
    ) -> dict[Cohort, Evidence]:
        """Single values of the windows, and of the day before where a window has enough of them."""
        tallies = await self._tally(rule, figure, wanted)
        cohorts = {cohort for cohort, _ in tallies if rule.looks_at(cohort)} | wanted
        windows = {
            window: await self._values(
                figure, self._at - timedelta(minutes=window), self._at, cohorts
            )
            for window in rule.windows
        }
        seen = {
            cohort: {
                window: seen_values(figure, found.get(cohort, {}))
                for window, found in windows.items()
            }
            for cohort in cohorts
        }
        needed = {c for c in cohorts if could_be_bad(rule, seen[c]) and _any(windows, c)}
        before: Mapping[Cohort, Histogram] = {}
        if rule.kind == "shift" and needed:
            before = await self._values_before(figure, needed, self._at - APART)
        return {
            cohort: _evidence_of_values(
                figure, {window: found.get(cohort, {}) for window, found in windows.items()}, before.get(cohort, {})
            )
            for cohort in cohorts
        }  # fmt: skip

    async def _values(
        self, figure: Figure, begin: datetime, end: datetime, cohorts: Collection[Cohort]
    ) -> Mapping[Cohort, Histogram]:
        question = self._question(figure, begin, end, cohorts)
        return await source_of(figure).values(self._tx, self._actor, question)

    def _question(
        self, figure: Figure, begin: datetime, end: datetime, cohorts: Collection[Cohort]
    ) -> Question:
        return Question(app_id=self._app, figure=figure, begin=begin, end=end, cohorts=cohorts)


def _seen(figure: Figure, rule: Rule, tallies: Tallies, cohort: Cohort) -> dict[int, Seen]:
    nothing = Tally(sums={})
    return {window: tallies.get((cohort, window), nothing).of(figure) for window in rule.windows}


def _any(windows: Mapping[int, Mapping[Cohort, Histogram]], cohort: Cohort) -> bool:
    return any(found.get(cohort) for found in windows.values())


def _a_minute(seen: Seen, minutes: int) -> Seen:
    return Seen(n=seen.n, figure=(seen.figure or 0.0) / minutes, is_volume=True)


def _evidence_of_values(
    figure: Figure, windows: Mapping[int, Histogram], before: Histogram
) -> Evidence:
    return Evidence(
        seen={window: seen_values(figure, found) for window, found in windows.items()},
        before=seen_values(figure, before) if before else None,
        values=windows,
        before_values=before,
    )
