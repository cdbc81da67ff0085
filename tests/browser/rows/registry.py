"""How each row of the content is checked: a function by the row's name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Locator, Page

from tests.browser.looking import row
from tests.browser.scene import Scene


@dataclass(frozen=True, slots=True)
class Look:
    """A page that is open and ready, and the row that is looked at."""

    page: Page
    scene: Scene
    name: str

    async def shown(self) -> Locator:
        """The element that shows the row; fails with the row's name when there is none."""
        return await row(self.page, self.name)


Check = Callable[[Look], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def shows(*names: str) -> Callable[[Check], Check]:
    """Registers a check for rows of these names."""

    def register(check: Check) -> Check:
        for name in names:
            assert name not in CHECKS, name
            CHECKS[name] = check
        return check

    return register
