"""How the spike rule behaves: quiet weeks with thrown dice, and jumps of the rate at known instants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

from signalbox.alerts.rules.definitions import BUILT_IN, Rule
from signalbox.alerts.rules.figures import Figure
from signalbox.alerts.rules.tracks import APART, DAY, Track, replay

USUAL_RATE: Final = 0.012
QUIET_DAYS: Final = 29
RUNS: Final = 20
JUMP_FOR: Final = 60  # minutes that a higher rate lasts and is looked for
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_FIGURE: Final = Figure(
    name="simulated", context="", title="", kind="share", unit="ratio", whole="n", part="k"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened at one traffic: alerts in quiet days, or how soon a jump was caught.

    `rate` is that of the jump, None for quiet days. `found_after` holds minutes from the jump to the alert, of those runs that caught it.
    """

    per_minute: float
    rate: float | None
    runs: int
    false_alarms: int = 0
    found_after: Sequence[int] = ()


def simulate(
    *,
    number: int = 1,
    rule: Rule = BUILT_IN["playback_error_spike"],
    quiet: Sequence[float] = (200, 40, 10, 2),
    jumps: Sequence[float] = (200, 40, 10),
    days: int = QUIET_DAYS,
) -> Iterator[Outcome]:
    """Every case, one after the other: attempts a minute in quiet `days`, then those at which the rate jumps.

    `number` chooses the dice: the same number gives the same outcome.
    """
    dice = Random(number)
    for per_minute in quiet:
        yield _quiet(dice, rule, per_minute, days)
    for rate in (0.06, 0.12):
        for per_minute in jumps:
            yield _jumps(dice, rule, per_minute, rate)


def _quiet(dice: Random, rule: Rule, per_minute: float, days: int) -> Outcome:
    minutes = (days + 1) * DAY + APART
    track = _track(dice, per_minute, [USUAL_RATE] * minutes)
    fired = list(replay(rule, _FIGURE, track, begin=DAY + APART, end=minutes))
    return Outcome(per_minute=per_minute, rate=None, runs=1, false_alarms=len(fired))


def _jumps(dice: Random, rule: Rule, per_minute: float, rate: float) -> Outcome:
    quiet = DAY + APART
    found: list[int] = []
    for _ in range(RUNS):
        track = _track(dice, per_minute, [USUAL_RATE] * quiet + [rate] * JUMP_FOR)
        first = next(replay(rule, _FIGURE, track, begin=quiet, end=quiet + JUMP_FOR + 1), None)
        if first is not None:
            found.append(int((first.opened_at - _START).total_seconds() // 60) - quiet)
    return Outcome(per_minute=per_minute, rate=rate, runs=RUNS, found_after=sorted(found))


def _track(dice: Random, per_minute: float, rates: Sequence[float]) -> Track:
    """Attempts come as they like (Poisson), each fails by the rate of its minute."""
    whole = [_poisson(dice, per_minute) for _ in rates]
    part = [_binomial(dice, n, rate) for n, rate in zip(whole, rates, strict=True)]
    return Track(_START, {"n": whole, "k": part})


def _poisson(dice: Random, mean: float) -> int:
    """How many arrivals an exponential clock makes in one unit of time."""
    count, at = 0, dice.expovariate(mean)
    while at < 1:
        count, at = count + 1, at + dice.expovariate(mean)
    return count


def _binomial(dice: Random, n: int, rate: float) -> int:
    return sum(dice.random() < rate for _ in range(n))
