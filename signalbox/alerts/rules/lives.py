"""When an alert opens and closes: a state machine fed with one look each minute.

It opens when the same window was bad in some looks running, and closes after some calm looks running. A look that saw nothing at
all counts for neither; but what is not heard of for long is closed. After that a long window still holds the bad minutes that the alert
was about: it does not count again before it has passed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

GIVEN_UP_AFTER: Final = 60  # looks without any data
Change = Literal["opened", "cleared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one evaluation saw: which windows (minutes) are bad, and whether it is calm again; None: there was nothing to see."""

    bad: frozenset[int] = frozenset()
    calm: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """`streaks` holds for each window how many looks running it was bad; `calm` and `blank` how many running were so while open.

    `rested` is how many looks ago a closed alert was over; 0: there was none, or long ago.
    """

    streaks: Mapping[int, int] = field(default_factory=dict)
    calm: int = 0
    blank: int = 0
    rested: int = 0
    is_open: bool = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.is_open and not self.streaks and not self.rested


def after(
    life: Life, look: Look, *, fire_after: int, clear_after: int, longest: int
) -> tuple[Life, Change | None]:
    """The life after one more look, and what changed; None: nothing. `longest` is the longest window in minutes."""
    if life.is_open:
        return _while_open(life, look, clear_after)
    rested = life.rested + 1 if life.rested else 0
    streaks = {
        window: life.streaks.get(window, 0) + 1
        for window in sorted(look.bad)
        if not rested or window <= rested
    }
    if streaks and max(streaks.values()) >= fire_after:
        return Life(is_open=True), "opened"
    return Life(streaks=streaks, rested=rested if rested < longest else 0), None


def _while_open(life: Life, look: Look, clear_after: int) -> tuple[Life, Change | None]:
    if look.calm is None:
        blank = life.blank + 1
        if blank >= GIVEN_UP_AFTER:
            return Life(rested=blank), "cleared"
        return replace(life, blank=blank), None
    calm = life.calm + 1 if look.calm else 0
    if calm >= clear_after:
        return Life(rested=calm), "cleared"
    return replace(life, calm=calm, blank=0), None
