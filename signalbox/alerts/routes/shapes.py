"""What the routes answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from signalbox.alerts.rules.definitions import Rule
from signalbox.alerts.rules.figures import Cohort, Figure
from signalbox.alerts.service.effective import Effective
from signalbox.alerts.service.looking_back import Backtest, Point
from signalbox.http.answers import Instant, printed, printed_or_none


class AlertItem(msgspec.Struct, kw_only=True):
    """An alert. `rate` is the figure as it was when the alert opened, told from `n` sessions, of which `k` were counted (null where a figure counts none);
    `baseline` what was usual, `limit` from where on it was bad. `parent` is the alert of everybody that this one is a part of."""

    id: UUID
    app: UUID
    tenant: Annotated[str, Meta(description="the app's name")]
    context: str
    rule: Annotated[str, Meta(description="name of a built-in rule, or the id of one's own")]
    title: str
    figure: str
    unit: str
    cohort: str
    dimension: str
    value: str
    severity: str
    parent: UUID | None
    started_at: Instant
    cleared_at: Instant | None
    window_minutes: int
    n: int
    k: int | None
    rate: float | None
    baseline: float
    limit: float
    p_value: float | None
    sample_session_ids: list[str]
    acknowledged_at: Instant | None
    acknowledged_by: UUID | None
    note: str | None


class EvaluationItem(msgspec.Struct, kw_only=True):
    """A look at an open alert; `is_calm` is null when there was nothing to see."""

    at: Instant
    window_minutes: int
    n: int
    k: int | None
    rate: float | None
    p_value: float | None
    is_bad: bool
    is_calm: bool | None


class PointItem(msgspec.Struct, kw_only=True):
    """A minute of the chart: the figure of the window that ends then, and the band in which 19 of 20 such windows usually lie."""

    at: Instant
    n: int
    k: int | None
    rate: float | None
    low: float | None
    high: float | None


class DeliveryItem(msgspec.Struct, kw_only=True):
    """A message about an alert. `state` is waiting, sent or failed, null when it was forgotten since."""

    channel: UUID | None
    kind: str
    target: str
    event: str
    created_at: Instant
    state: str | None
    tries: int | None
    outcome: str | None
    finished_at: Instant | None


class AlertDetail(AlertItem, kw_only=True):
    """An alert with its parts, its looks since it opened, the minutes around it, and who was told."""

    children: list[AlertItem]
    evaluations: list[EvaluationItem]
    series: list[PointItem]
    deliveries: list[DeliveryItem]


class FigureItem(msgspec.Struct, kw_only=True):
    """Something that rules can look at. `kind` is share, ratio, volume or values."""

    name: str
    context: str
    title: str
    kind: str
    unit: str
    dimensions: list[str]


class OneCohort(msgspec.Struct, kw_only=True):
    """Sessions with one property."""

    dimension: str
    value: str


class RuleDefinition(msgspec.Struct, kw_only=True):
    """When an alert is raised: a figure beyond `factor` times its past and its past plus `add`, or beyond `value`, of `least_n` sessions and `least_k` failures
    at least, in one of the `windows` (minutes), for everybody and the largest cohorts of `dimensions`, or for one `cohort`. It opens after `fire_after` bad looks
    running, one a minute, and closes after `clear_after` calm ones."""

    title: str
    figure: str
    kind: Annotated[str, Meta(description="spike, shift, growth, drop, silence or threshold")]
    severity: str
    dimensions: list[str]
    cohort: OneCohort | None
    windows: list[int]
    fire_after: int
    clear_after: int
    least_n: int
    least_k: int
    factor: float
    add: float
    alpha: float
    direction: Annotated[str, Meta(description="above or below")]
    value: float | None
    clear_value: float | None


class RuleItem(msgspec.Struct, kw_only=True):
    """A rule that holds for an app. `changed`: a built-in one that is not as it was made."""

    id: Annotated[str, Meta(description="name of a built-in rule, else a uuid")]
    built_in: bool
    changed: bool
    enabled: bool
    definition: RuleDefinition
    created_at: Instant | None
    updated_at: Instant | None


class ChannelItem(msgspec.Struct, kw_only=True):
    """Who is told. Of an address on the web only the host is shown: the rest is often a secret."""

    id: UUID
    app: UUID
    kind: str
    name: str
    target: str
    enabled: bool
    created_at: Instant
    updated_at: Instant


class Queued(msgspec.Struct, kw_only=True):
    """A message that waits to be sent; receivers see its id in `X-Signalbox-Delivery`."""

    message: UUID


class FiringItem(msgspec.Struct, kw_only=True):
    """An alert as it would have been; still open at the end where `cleared_at` is null."""

    cohort: str
    dimension: str
    value: str
    opened_at: Instant
    cleared_at: Instant | None
    window_minutes: int
    n: int
    k: int | None
    rate: float | None
    baseline: float | None
    limit: float | None
    p_value: float | None


class BacktestResult(msgspec.Struct, kw_only=True):
    """What a rule would have done. `left_out` cohorts were too many to look at; `series` is the figure of the first cohort over the stretch, at most 481 points."""

    firings: list[FiringItem]
    cohorts: list[str]
    left_out: int
    series: list[PointItem]


def alert_fields(row: Mapping[str, Any], figures: Mapping[str, Figure]) -> dict[str, Any]:
    """An alert's row as the fields of `AlertItem`."""
    rule = msgspec.convert(row["definition"], Rule)
    figure = figures.get(rule.figure)
    same = (
        "id", "tenant", "context", "rule", "dimension", "value", "severity", "window_minutes", "n", "k", "rate", "baseline", "p_value",
        "acknowledged_by", "note",
    )  # fmt: skip
    return {
        **{name: row[name] for name in same},
        "app": row["app_id"],
        "title": rule.title,
        "figure": rule.figure,
        "unit": figure.unit if figure else "",
        "cohort": Cohort(row["dimension"], row["value"]).label,
        "parent": row["parent_id"],
        "limit": row["limit_value"],
        "started_at": printed(row["started_at"]),
        "cleared_at": printed_or_none(row["cleared_at"]),
        "sample_session_ids": row["samples"],
        "acknowledged_at": printed_or_none(row["acknowledged_at"]),
    }


def evaluation_item(row: Mapping[str, Any]) -> EvaluationItem:
    """A look."""
    return EvaluationItem(**{**row, "at": printed(row["at"])})


def point_item(point: Point) -> PointItem:
    """A minute."""
    seen = point.seen
    return PointItem(
        at=printed(point.at), n=seen.n, k=seen.k, rate=seen.figure, low=point.low, high=point.high
    )


def delivery_item(row: Mapping[str, Any]) -> DeliveryItem:
    """A message."""
    return DeliveryItem(
        channel=row["channel_id"],
        kind=row["kind"],
        target=row["shown"],
        event=row["event"],
        created_at=printed(row["created_at"]),
        state=row["state"],
        tries=row["tries"],
        outcome=row["outcome"],
        finished_at=printed_or_none(row["finished_at"]),
    )


def figure_item(figure: Figure) -> FigureItem:
    """A figure."""
    return FigureItem(
        name=figure.name,
        context=figure.context,
        title=figure.title,
        kind=figure.kind,
        unit=figure.unit,
        dimensions=list(figure.dimensions),
    )


def rule_item(one: Effective) -> RuleItem:
    """A rule."""
    return RuleItem(
        id=one.name,
        built_in=one.built_in,
        changed=one.changed,
        enabled=one.enabled,
        definition=msgspec.convert(msgspec.to_builtins(one.rule), RuleDefinition),
        created_at=printed_or_none(one.created_at),
        updated_at=printed_or_none(one.updated_at),
    )


def channel_item(row: Mapping[str, Any]) -> ChannelItem:
    """A channel."""
    return ChannelItem(
        id=row["id"],
        app=row["app_id"],
        kind=row["kind"],
        name=row["name"],
        target=row["shown"],
        enabled=row["enabled"],
        created_at=printed(row["created_at"]),
        updated_at=printed(row["updated_at"]),
    )


def backtest_result(found: Backtest) -> BacktestResult:
    """What a rule would have done."""
    return BacktestResult(
        firings=[_firing(cohort, firing) for cohort, firing in found.firings],
        cohorts=labels(found.cohorts),
        left_out=found.left_out,
        series=[point_item(point) for point in found.points],
    )


def labels(cohorts: Sequence[Cohort]) -> list[str]:
    """Cohorts as they are shown."""
    return [cohort.label for cohort in cohorts]


def _firing(cohort: Cohort, firing: Any) -> FiringItem:
    verdict, reference = firing.opening, firing.opening.reference
    cleared: datetime | None = firing.cleared_at
    return FiringItem(
        cohort=cohort.label,
        dimension=cohort.dimension,
        value=cohort.value,
        opened_at=printed(firing.opened_at),
        cleared_at=printed_or_none(cleared),
        window_minutes=verdict.window,
        n=verdict.seen.n,
        k=verdict.seen.k,
        rate=verdict.seen.figure,
        baseline=reference and reference.baseline,
        limit=reference and reference.limit,
        p_value=verdict.p_value,
    )
