"""A source whose figures are counted from families of rows (core.cohorts)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from signalbox.alerts.rules.figures import (
    EVERYBODY,
    Cohort,
    Figure,
    Histogram,
    Question,
    Tallies,
    Tally,
)
from signalbox.alerts.rules.spikes import Past
from signalbox.core import cohorts
from signalbox.core.actor import Actor
from signalbox.core.cohorts import Asked, Family
from signalbox.core.db import Tx

Active = Callable[..., Awaitable[set[UUID]]]


class Families:
    """Answers from a context's families. `active` is its question after apps."""

    def __init__(
        self,
        context: str,
        figures: Sequence[Figure],
        families: Mapping[str, Family],
        active: Active,
    ) -> None:
        self.context, self.figures = context, figures
        self._families, self._active = families, active

    async def active_apps(
        self, tx: Tx, actor: Actor, apps: Collection[UUID], *, begin: datetime, end: datetime
    ) -> set[UUID]:
        """See Source."""
        return await self._active(tx, actor, apps, begin=begin, end=end)

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
        family = self._family(question, actor)
        rows = await cohorts.tallies(
            tx, family, _asked(question), windows=windows, dimensions=dimensions, most=most
        )
        return {(Cohort(*row[:2]), row.minutes): Tally(sums=row.sums) for row in rows}

    async def pasts(self, tx: Tx, actor: Actor, question: Question) -> Mapping[Cohort, Past]:
        """See Source. A part of everybody that was never seen has everybody's past, with nothing counted."""
        family, figure = self._family(question, actor), question.figure
        rows = await cohorts.pasts(
            tx, family, _asked(question), whole=figure.whole, part=figure.part
        )
        found = {
            Cohort(row.dimension, row.value): Past(
                n=row.n, k=row.k, squares=row.squares, windows=row.windows
            )
            for row in rows
        }
        everybody = found.get(EVERYBODY)
        if everybody is not None:
            nothing = Past(n=everybody.n, k=0, squares=0.0, windows=everybody.windows)
            parts = [cohort for cohort in question.cohorts if cohort.dimension in family.many]
            found = {**dict.fromkeys(parts, nothing), **found}
        return found

    async def sums(self, tx: Tx, actor: Actor, question: Question) -> Mapping[Cohort, Tally]:
        """See Source."""
        rows = await cohorts.sums(tx, self._family(question, actor), _asked(question))
        return {Cohort(*row[:2]): Tally(sums=row.sums) for row in rows}

    async def values(self, tx: Tx, actor: Actor, question: Question) -> Mapping[Cohort, Histogram]:
        """See Source."""
        family = self._family(question, actor)
        found = await cohorts.values(tx, family, _asked(question), value=question.figure.whole)
        return {Cohort(*cohort): values for cohort, values in found.items()}

    async def minutes(self, tx: Tx, actor: Actor, question: Question) -> Mapping[datetime, Tally]:
        """See Source."""
        found = await cohorts.minutes(tx, self._family(question, actor), _asked(question))
        return {minute: Tally(sums=sums) for minute, sums in found.items()}

    async def minute_values(
        self, tx: Tx, actor: Actor, question: Question
    ) -> Mapping[datetime, Histogram]:
        """See Source."""
        family = self._family(question, actor)
        return await cohorts.minute_values(
            tx, family, _asked(question), value=question.figure.whole
        )

    async def examples(self, tx: Tx, actor: Actor, question: Question, *, most: int) -> list[str]:
        """See Source."""
        figure = question.figure
        of = figure.whole if figure.kind == "values" else figure.part
        family = self._family(question, actor)
        return await cohorts.examples(tx, family, _asked(question), of=of, most=most)

    def _family(self, question: Question, actor: Actor) -> Family:
        """The family of a figure; nobody gets this far with a key of another app. Raises LookupError then."""
        if actor.app_id not in (None, question.app_id):
            raise LookupError(question.app_id)
        return self._families[question.figure.family]


def _asked(question: Question) -> Asked:
    return Asked(
        app_id=question.app_id,
        begin=question.begin,
        end=question.end,
        cohorts=[(cohort.dimension, cohort.value) for cohort in question.cohorts],
    )
