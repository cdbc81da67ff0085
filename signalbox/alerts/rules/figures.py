"""What rules look at: figures that contexts offer, by cohort, in windows that end now.

A context is a `Source`: it names its figures, its columns and its dimensions, and answers three questions about an app.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol
from uuid import UUID

from signalbox.alerts.rules.distributions import mean, quantile
from signalbox.alerts.rules.spikes import Past

ALL: Final = "all"
Kind = Literal["share", "ratio", "volume", "values"]


class Cohort(NamedTuple):
    """Sessions with one property, such as ("device", "Tab X"); ("all", "") is everybody."""

    dimension: str
    value: str

    @property
    def label(self) -> str:
        """As it is shown: "all", or "device=Tab X"."""
        return ALL if self.dimension == ALL else f"{self.dimension}={self.value}"


EVERYBODY: Final = Cohort(ALL, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something that can be watched.

    A share is `part` of `whole`, both counts; a ratio is a quotient of sums, told from `volume` sessions; a volume is a count; values
    are single readings (`whole` names them), of which `share` gives the quantile (None: the mean). `unit` is "ratio", "ms", "count" or "points".
    `family` names the rows it is counted from: figures of one family are asked for together.
    """

    name: str
    context: str
    title: str
    kind: Kind
    unit: str
    whole: str
    family: str = ""
    part: str = ""
    volume: str = ""
    share: float | None = None
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A window of a cohort: sums by column."""

    sums: Mapping[str, float]

    def of(self, figure: Figure) -> Seen:
        """What a figure (not of single values) was in it."""
        whole = self.sums.get(figure.whole, 0.0)
        if figure.kind == "volume":
            return Seen(n=int(whole), figure=whole, is_volume=True)
        part = self.sums.get(figure.part, 0.0)
        if figure.kind == "ratio":
            volume = int(self.sums.get(figure.volume, 0.0))
            return Seen(n=volume, k=None, figure=part / whole if whole else None)
        return Seen(n=int(whole), k=int(part), figure=part / whole if whole else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A figure in a window: of `n` sessions `k` were counted (None where nothing is counted); None when there was nothing to take it from.

    A volume is a figure by itself: however small, it needs no others to be believed.
    """

    n: int = 0
    k: int | None = None
    figure: float | None = None
    is_volume: bool = False


def seen_values(figure: Figure, values: Mapping[float, int]) -> Seen:
    """A figure of single values: their quantile or mean."""
    found = mean(values) if figure.share is None else quantile(values, figure.share)
    return Seen(n=sum(values.values()), figure=found)


Tallies = Mapping[tuple[Cohort, int], Tally]
"""By cohort and length of the window in minutes."""
Histogram = Mapping[float, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a source: a figure of an app, from `begin` to before `end`, of these cohorts."""

    app_id: UUID
    figure: Figure
    begin: datetime
    end: datetime
    cohorts: Collection[Cohort] = (EVERYBODY,)


class Source(Protocol):
    """A context whose figures can be watched. Every question is about an app that the actor may see; `tx` is an open transaction."""

    context: str
    figures: Sequence[Figure]

    async def active_apps(
        self, tx: Any, actor: Any, apps: Collection[UUID], *, begin: datetime, end: datetime
    ) -> set[UUID]:
        """Those of `apps` that had something to count in between."""
        ...

    async def tallies(
        self,
        tx: Any,
        actor: Any,
        question: Question,
        *,
        windows: Collection[int],
        dimensions: Sequence[str],
        most: int,
    ) -> Tallies:
        """Sums of all columns of the figure's family in windows (minutes) that end at its end: of everybody, of the `most` largest cohorts of each of `dimensions`, and of those asked for."""
        ...

    async def pasts(self, tx: Any, actor: Any, question: Question) -> Mapping[Cohort, Past]:
        """The past of a share; a cohort without any is left out."""
        ...

    async def sums(self, tx: Any, actor: Any, question: Question) -> Mapping[Cohort, Tally]:
        """Sums of a span."""
        ...

    async def values(self, tx: Any, actor: Any, question: Question) -> Mapping[Cohort, Histogram]:
        """Single values and how often they were seen."""
        ...

    async def minutes(self, tx: Any, actor: Any, question: Question) -> Mapping[datetime, Tally]:
        """Sums of each minute that had anything, of one cohort."""
        ...

    async def minute_values(
        self, tx: Any, actor: Any, question: Question
    ) -> Mapping[datetime, Histogram]:
        """Single values by minute, of one cohort."""
        ...

    async def examples(self, tx: Any, actor: Any, question: Question, *, most: int) -> list[str]:
        """Ids of sessions of one cohort that show what is wrong."""
        ...
