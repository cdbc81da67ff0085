"""One look at one cohort: is it bad, is it calm, and against what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

from signalbox.alerts.rules.definitions import Rule
from signalbox.alerts.rules.distributions import rank_sum
from signalbox.alerts.rules.figures import Histogram, Seen
from signalbox.alerts.rules.lives import Look
from signalbox.alerts.rules.spikes import Past, p_value

WEEKS: Final = 4  # that a drop is compared with
Status = Literal["ok", "insufficient_data", "no_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a look is held against: the usual figure, the limit, how far it must come back to be calm; `certainty` only of a share (M)."""

    baseline: float
    limit: float
    calm: float
    certainty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of a cohort, by window in minutes, and what was before; of it as much as the kind of rule needs."""

    seen: Mapping[int, Seen]
    past: Past | None = None
    before: Seen | None = None
    values: Mapping[int, Histogram] = field(default_factory=dict)
    before_values: Histogram = field(default_factory=dict)
    weeks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of a look. `window`, `seen` and `p_value` are of the worst window; `reference` is None without a past."""

    status: Status
    look: Look
    window: int
    seen: Seen
    p_value: float | None = None
    reference: Reference | None = None


def judge(
    rule: Rule, evidence: Evidence, *, tested: int = 1, frozen: Reference | None = None
) -> Verdict:
    """Look at a cohort. `tested` is how many cohorts share the probability of a false alarm; `frozen` what an open alert is held against."""
    reference = frozen or _reference(rule, evidence)
    shortest = min(rule.windows)
    if reference is None:
        seen = evidence.seen.get(shortest, Seen())
        return Verdict(status="insufficient_data", look=Look(), window=shortest, seen=seen)
    bad: dict[int, float | None] = {}
    shown = shortest
    for window in sorted(rule.windows):
        found = _bad(rule, evidence, window, reference, tested)
        if found is not None:
            bad[window] = found[0]
            shown = window if len(bad) == 1 else shown
    seen = evidence.seen.get(shown, Seen())
    calm = _calm(rule, evidence.seen.get(shortest, Seen()), reference)
    return Verdict(
        status="ok" if seen.figure is not None else "no_data",
        look=Look(bad=frozenset(bad), calm=calm),
        window=shown,
        seen=seen,
        p_value=bad[shown] if bad else _probability(rule, evidence, shown, reference),
        reference=reference,
    )


def could_be_bad(rule: Rule, seen: Mapping[int, Seen]) -> bool:
    """Whether any past at all would make one of these windows bad: if not, the past need not be asked for.

    The limit lies above `add`, for what is usual is never negative.
    """
    if rule.kind not in ("spike", "shift", "growth") or rule.direction == "below":
        return True
    return any(
        one.figure is not None and one.figure >= rule.add and _told_by_enough(rule, one)
        for one in seen.values()
    )


def _beyond(rule: Rule, figure: float, limit: float) -> bool:
    return figure >= limit if rule.direction == "above" else figure <= limit


def _bad(
    rule: Rule, evidence: Evidence, window: int, reference: Reference, tested: int
) -> tuple[float | None] | None:
    """The p-value (None where nothing is tested) of a window that is bad; None of one that is not."""
    seen = evidence.seen.get(window, Seen())
    if seen.figure is None or not _size(rule, seen, reference):
        return None
    probability = _probability(rule, evidence, window, reference)
    if rule.kind in ("spike", "shift") and (
        probability is None or probability >= rule.alpha / tested
    ):
        return None
    return (probability,)


def _size(rule: Rule, seen: Seen, reference: Reference) -> bool:
    """Whether a figure is far enough off, and told by enough."""
    assert seen.figure is not None
    if rule.kind == "drop":
        return seen.figure < reference.limit
    if rule.kind == "silence":
        return seen.figure == 0
    if not _told_by_enough(rule, seen):
        return False
    if rule.kind == "spike":
        return _beyond(rule, seen.figure, reference.limit)
    # The others are beyond only strictly: a figure that stands at its limit has not passed it.
    return _beyond(rule, seen.figure, reference.limit) and seen.figure != reference.limit


def _told_by_enough(rule: Rule, seen: Seen) -> bool:
    if seen.is_volume:
        return True
    counted = seen.k is None or rule.direction == "below" or seen.k >= rule.least_k
    return seen.n >= rule.least_n and counted


def _probability(rule: Rule, evidence: Evidence, window: int, reference: Reference) -> float | None:
    if rule.kind == "spike" and reference.certainty is not None:
        seen = evidence.seen.get(window, Seen())
        if not seen.n or seen.k is None:
            return None
        return p_value(seen.n, seen.k, rate=reference.baseline, certainty=reference.certainty)
    if rule.kind == "shift" and evidence.values.get(window) and evidence.before_values:
        now, before = evidence.values[window], evidence.before_values
        return (
            rank_sum(now, before)
            if rule.direction == "above"
            else rank_sum(_turned(now), _turned(before))
        )
    return None


def _turned(values: Histogram) -> Histogram:
    return {-value: count for value, count in values.items()}


def _calm(rule: Rule, seen: Seen, reference: Reference) -> bool | None:
    """Whether the shortest window has come back; None when it saw nothing. Of volumes, nothing is a figure, too."""
    if seen.figure is None:
        return None
    if rule.kind == "threshold" and seen.figure == reference.calm:
        return True
    if rule.kind in ("drop", "silence") or rule.direction == "below":
        return seen.figure > reference.calm
    return seen.figure < reference.calm


def _of_spike(rule: Rule, evidence: Evidence) -> Reference | None:
    past = evidence.past
    if past is None or not past.enough:
        return None
    p = past.rate
    limit = max(rule.factor * p, p + rule.add)
    return Reference(baseline=p, limit=limit, calm=p + rule.add / 2, certainty=past.certainty)


def _of_growth(rule: Rule, evidence: Evidence) -> Reference | None:
    before = evidence.before
    if before is None or before.figure is None or before.n < rule.least_n:
        return None
    usual = before.figure
    if rule.direction == "above":
        limit = max(rule.factor * usual, usual + rule.add)
    else:
        limit = min(usual / rule.factor if rule.factor else usual, usual - rule.add)
    return Reference(baseline=usual, limit=limit, calm=(usual + limit) / 2)


def _of_drop(rule: Rule, evidence: Evidence) -> Reference | None:
    if len(evidence.weeks) < WEEKS or median(evidence.weeks) < rule.least_n:
        return None
    usual = median(evidence.weeks)
    limit = rule.factor * usual
    return Reference(baseline=usual, limit=limit, calm=(usual + limit) / 2)


def _of_silence(rule: Rule, evidence: Evidence) -> Reference | None:
    before = evidence.before
    if before is None or before.figure is None or before.figure < rule.least_n:
        return None
    return Reference(baseline=before.figure, limit=0.0, calm=0.0)


def _of_threshold(rule: Rule, evidence: Evidence) -> Reference | None:  # noqa: ARG001  # as its siblings
    assert rule.value is not None
    calm = rule.value if rule.clear_value is None else rule.clear_value
    return Reference(baseline=rule.value, limit=rule.value, calm=calm)


_REFERENCES: Final[Mapping[str, Callable[[Rule, Evidence], Reference | None]]] = {
    "spike": _of_spike,
    "shift": _of_growth,
    "growth": _of_growth,
    "drop": _of_drop,
    "silence": _of_silence,
    "threshold": _of_threshold,
}


def _reference(rule: Rule, evidence: Evidence) -> Reference | None:
    return _REFERENCES[rule.kind](rule, evidence)
