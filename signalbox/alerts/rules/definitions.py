"""Rules as data: what is looked at, how bad is bad, for how long. The built-in ones and those that people write have one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from signalbox.alerts.rules.figures import ALL, EVERYBODY, Cohort, Figure

RuleKind = Literal["spike", "shift", "growth", "drop", "silence", "threshold"]
Severity = Literal["warning", "critical"]
WINDOW_MOST: Final = 1440  # minutes
TOP: Final = 20  # cohorts of a dimension that are looked at
_Text = Annotated[str, Meta(min_length=1, max_length=256)]
_Minutes = Annotated[int, Meta(ge=1, le=WINDOW_MOST)]


class Only(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sessions with one property."""

    dimension: _Text
    value: _Text


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an alert is raised.

    A *spike* is a share that its own past does not explain (`alpha`); a *shift* a quantile or mean of single values that has moved, by a
    rank-sum test; *growth* a ratio of sums beside its past; a *drop* a volume below that of the same hour of the week; *silence* no
    report at all; a *threshold* a figure above or below `value`. All are looked at once a minute, for everybody and for the largest
    cohorts of `dimensions`, or for `cohort` alone, in `windows` of minutes. Bad is a figure beyond `factor` times its past and beyond its past
    plus `add`, of `least_n` sessions and `least_k` failures at least. The alert opens after `fire_after` bad looks running of the same window,
    and closes after `clear_after` calm ones of the shortest window: less than half of the way to the limit, or within `clear_value`.
    """

    title: Annotated[str, Meta(min_length=1, max_length=120)]
    figure: str
    kind: RuleKind
    severity: Severity = "warning"
    dimensions: Annotated[tuple[_Text, ...], Meta(max_length=8)] = ()
    cohort: Only | None = None
    windows: Annotated[tuple[_Minutes, ...], Meta(min_length=1, max_length=3)] = (5, 30)
    fire_after: Annotated[int, Meta(ge=1, le=60)] = 2
    clear_after: Annotated[int, Meta(ge=1, le=1440)] = 10
    least_n: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 25
    least_k: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 5
    factor: Annotated[float, Meta(ge=0, le=1000)] = 2.0
    add: Annotated[float, Meta(ge=0, le=1_000_000_000)] = 0.02
    alpha: Annotated[float, Meta(gt=0, lt=1)] = 1e-4
    direction: Literal["above", "below"] = "above"
    value: float | None = None
    clear_value: float | None = None

    def looks_at(self, cohort: Cohort) -> bool:
        """Whether this cohort is one of its own."""
        if self.cohort is not None:
            return cohort == (self.cohort.dimension, self.cohort.value)
        return cohort.dimension == ALL or cohort.dimension in self.dimensions

    @property
    def only(self) -> Cohort | None:
        """The one cohort it is about; None: everybody and its dimensions."""
        return None if self.cohort is None else Cohort(self.cohort.dimension, self.cohort.value)

    @property
    def parent(self) -> Cohort:
        """The cohort whose alert holds those of the others."""
        return self.only or EVERYBODY


# Which figures a kind of rule can look at.
FITTING: Final[Mapping[str, frozenset[str]]] = {
    "spike": frozenset({"share"}),
    "shift": frozenset({"values"}),
    "growth": frozenset({"ratio", "share"}),
    "drop": frozenset({"volume"}),
    "silence": frozenset({"volume"}),
    "threshold": frozenset({"share", "ratio", "volume", "values"}),
}


def problems(rule: Rule, figures: Mapping[str, Figure]) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule as a whole: field and complaint."""
    figure = figures.get(rule.figure)
    if figure is None:
        yield "figure", f"is none of {', '.join(sorted(figures))}"
        return
    if figure.kind not in FITTING[rule.kind]:
        yield "kind", f"a {rule.kind} cannot look at {rule.figure}"
    known = figure.dimensions
    if any(name not in known for name in rule.dimensions):
        yield "dimensions", f"may be {', '.join(known)}" if known else "this figure has none"
    if rule.cohort is not None and rule.cohort.dimension not in known:
        yield (
            "cohort",
            f"its dimension may be {', '.join(known)}" if known else "this figure has none",
        )
    if rule.cohort is not None and rule.dimensions:
        yield "dimensions", "say nothing beside a single cohort"
    if len(set(rule.windows)) != len(rule.windows):
        yield "windows", "one of them stands twice"
    yield from _values_problems(rule)


def _values_problems(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.kind != "threshold":
        if rule.value is not None:
            yield "value", "belongs to a threshold"
        if rule.clear_value is not None:
            yield "clear_value", "belongs to a threshold"
        return
    if rule.value is None:
        yield "value", "a threshold needs one"
    elif rule.clear_value is not None:
        above = rule.direction == "above"
        if rule.clear_value > rule.value if above else rule.clear_value < rule.value:
            yield "clear_value", "lies beyond the value itself"


def decoded(content: bytes | str) -> Rule:
    """A rule from JSON. Raises msgspec.ValidationError, whose text ends with the path to what is wrong."""
    return msgspec.json.decode(content, type=Rule)


def encoded(rule: Rule) -> bytes:
    """As JSON."""
    return msgspec.json.encode(rule)


def changed(rule: Rule, fields: Mapping[str, Any]) -> Rule:
    """A rule with some fields replaced. Raises as `decoded`."""
    return decoded(msgspec.json.encode({**msgspec.to_builtins(rule), **fields}))


def wrong_field(error: msgspec.ValidationError) -> tuple[str, str]:
    """Field and complaint of a rule that could not be decoded; the field is "" when it is the whole."""
    text = str(error)
    complaint, _, path = text.partition(" - at `$")
    if path:
        return path.strip(".`").split(".")[0].split("[")[0], complaint
    quoted = complaint.split("`")
    return (quoted[1] if len(quoted) > 2 and "field" in complaint else ""), complaint


_COHORTS: Final = ("stream_type", "content", "device", "sdk", "cdn")
_CALLERS: Final = ("app_version", "browser", "country")
BUILT_IN: Final[Mapping[str, Rule]] = {
    "playback_error_spike": Rule(
        title="More plays fail than usual",
        figure="playback_error_rate",
        kind="spike",
        severity="critical",
        dimensions=_COHORTS,
    ),
    "playback_ebvs_spike": Rule(
        title="More viewers leave before the video starts than usual",
        figure="playback_ebvs_rate",
        kind="spike",
        dimensions=_COHORTS,
    ),
    "playback_slow_startup": Rule(
        title="Videos start more slowly than usual",
        figure="playback_startup_p95",
        kind="shift",
        dimensions=_COHORTS,
        least_n=50,
        factor=1.5,
        add=1000.0,
    ),
    "playback_rebuffering": Rule(
        title="Videos stall more than usual",
        figure="playback_rebuffer_ratio",
        kind="growth",
        dimensions=_COHORTS,
        least_n=50,
        factor=2.0,
        add=0.01,
    ),
    "playback_traffic_drop": Rule(
        title="Far fewer plays than at this hour of the week",
        figure="playback_attempts",
        kind="drop",
        severity="critical",
        windows=(60,),
        least_n=50,
        factor=0.3,
    ),
    "playback_silence": Rule(
        title="Players have stopped to report",
        figure="playback_reports",
        kind="silence",
        severity="critical",
        windows=(10,),
        least_n=10,
    ),
    "monitoring_setup_failures": Rule(
        title="More participants cannot connect than usual",
        figure="monitoring_setup_failure_rate",
        kind="spike",
        severity="critical",
        dimensions=_CALLERS,
    ),
    "monitoring_issue_spike": Rule(
        title="A problem of calls is more frequent than usual",
        figure="monitoring_issue_rate",
        kind="spike",
        dimensions=("code",),
    ),
    "monitoring_score_drop": Rule(
        title="The quality of calls has dropped",
        figure="monitoring_score",
        kind="shift",
        dimensions=_CALLERS,
        least_n=50,
        factor=1.0,
        add=5.0,
        direction="below",
    ),
}
