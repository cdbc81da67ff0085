"""The calls that run now, for all who look at the same moment: worked out once in two seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from signalbox.core.db import Database
from signalbox.monitoring.cache import Remembered
from signalbox.monitoring.queries.running import Running, running

MOST: Final = 1_000
REMEMBERED_S: Final = 2.0
MOST_REMEMBERED: Final = 100
_MINUTE: Final = timedelta(minutes=1)

Position = Callable[[UUID], Awaitable[str | None]]
"""The id behind which the live stream of an organization goes on; None while it cannot be followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What runs at `at`: the newest calls, how many there are in all, and where the live stream goes on."""

    at: datetime
    position: str | None
    calls: list[Running]
    count: int


class Walls:
    """Walls of organizations and apps, remembered in this process. Who asks must have been allowed to see the apps before."""

    def __init__(self) -> None:
        self._remembered: Remembered[Wall] = Remembered(REMEMBERED_S, MOST_REMEMBERED)

    async def now(
        self,
        db: Database,
        organization_id: UUID,
        apps: Collection[UUID],
        *,
        position: Position,
        at: datetime,
    ) -> Wall:
        """What runs in the apps, at most some seconds old."""
        key = (organization_id, frozenset(apps))
        return await self._remembered.get(
            key, lambda: _look(db, organization_id, apps, position, at), at=at
        )


async def _look(
    db: Database, organization_id: UUID, apps: Collection[UUID], position: Position, at: datetime
) -> Wall:
    # Asked before the calls are read: what is committed in between is told twice rather than never.
    after = await position(organization_id)
    # The minute that is going on and the one before: at least one whole minute of the last two.
    since = at.replace(second=0, microsecond=0) - _MINUTE
    async with db.read() as tx:
        calls, count = await running(tx, apps, since=since, most=MOST)
    return Wall(at=at, position=after, calls=calls, count=count)
