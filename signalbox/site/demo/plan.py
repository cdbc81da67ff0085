"""Which calls are played, and when they were."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from signalbox.site.demo.recorded import KINDS, recorded_call
from signalbox.site.demo.scenarios import CALM, WEIGHTS, Scenario, made_up_call, worst
from signalbox.site.demo.steps import Call
from signalbox.site.demo.writer import Day

MAX_DAYS: Final = 31
MARGIN_S: Final = (
    600.0  # the oldest call stays that far inside of the 31 days that `delta` may span
)
DAY_S: Final = 86_400.0
WORST_HOUR: Final = 14
# Around the worst call nothing else goes wrong, in whatever time zone its day is looked at.
CALM_S: Final = 1.2 * DAY_S
EVERY_KIND: Final = len(WEIGHTS) + len(KINDS)  # so many calls have one of each, in their turn

Maker = Callable[[Day], Call]


def some_calls(dice: random.Random, api_key: str) -> Iterator[Call]:
    """Calls without end, of today: each scenario and each recorded one first, then by weight."""
    return (make(Day()) for make in _makers(dice, api_key, _tags()))


def past_calls(
    dice: random.Random, api_key: str, *, calls: int, days: float, now: float
) -> list[tuple[Call, float]]:
    """So many calls of the last `days`, each with the Unix time at which it began.

    Of four days or more, yesterday has one that is clearly the worst.
    """
    tags = _tags()
    makers = _makers(dice, api_key, tags)
    found: list[tuple[Call, float]] = []
    calm_at = None
    if days >= 4 and calls > 1:
        calm_at = _yesterday(now)
        day = Day(days_ago=(now - calm_at) / DAY_S, sparse=True)
        found.append((made_up_call(worst, dice, api_key, next(tags), day), calm_at))
    while len(found) < calls:
        at = _some_time(dice, days=days, now=now)
        make = next(makers)
        if calm_at is not None and not _may_be_calm(make):
            if len(found) > EVERY_KIND and abs(at - calm_at) < CALM_S:
                make = _MadeUp(dice.choice(CALM), dice, api_key, next(tags))
            while not _may_be_calm(make) and abs(at - calm_at) < CALM_S:
                at = _some_time(dice, days=days, now=now)
        call = make(Day(days_ago=(now - at) / DAY_S, sparse=True))
        found.append((call, start_of(call, at, days=days, now=now)))
    return found


def start_of(call: Call, at: float, *, days: float, now: float) -> float:
    """Unix time at which a call of the past began: `at`, or as much earlier as it takes to be over by now."""
    earliest = now - min(days * DAY_S, MAX_DAYS * DAY_S - MARGIN_S)
    return min(max(at, earliest), now - call.seconds - 5)


def _some_time(dice: random.Random, *, days: float, now: float) -> float:
    """At working hours rather than at night, on working days rather than at the weekend."""
    at = now
    for _ in range(5):
        at = now - dice.uniform(0, days * DAY_S)
        moment = datetime.fromtimestamp(at, UTC)
        if 7 <= moment.hour < 19 and moment.weekday() < 5:
            break
    return at


def _yesterday(now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).replace(hour=WORST_HOUR, minute=10, second=0)
    return (today - timedelta(days=1)).timestamp()


def _tags() -> Iterator[str]:
    run_tag = secrets.token_hex(3)
    return (f"demo-{run_tag}-{number}" for number in count(1))


class _MadeUp:
    """Makes calls of one scenario."""

    def __init__(self, scenario: Scenario, dice: random.Random, api_key: str, tag: str) -> None:
        self.scenario, self._given = scenario, (dice, api_key, tag)

    def __call__(self, day: Day) -> Call:
        """A call of that day."""
        return made_up_call(self.scenario, *self._given, day)


def _makers(dice: random.Random, api_key: str, tags: Iterator[str]) -> Iterator[Maker]:
    for scenario in WEIGHTS:
        yield _MadeUp(scenario, dice, api_key, next(tags))
    for name in KINDS:
        yield _recorded(name, dice, api_key, next(tags))
    while True:
        [scenario] = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))
        yield _MadeUp(scenario, dice, api_key, next(tags))


def _recorded(name: str, dice: random.Random, api_key: str, tag: str) -> Maker:
    return lambda _day: recorded_call(name, dice, api_key, tag)


def _may_be_calm(make: Maker) -> bool:
    return isinstance(make, _MadeUp) and make.scenario in CALM
