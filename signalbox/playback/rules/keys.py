"""What a door must know of an API key before it believes a request."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from signalbox.playback.rules.scores import DEFAULT_WEIGHTS, Weights

BUILT_IN: Final = UUID(int=0)  # the id of the key that the settings name


class KeyFacts(NamedTuple):
    """A key that is in force or was; its app is the tenant."""

    id: UUID
    app: UUID
    app_name: str
    organization: UUID
    scopes: frozenset[str]
    status: Literal["active", "retiring"] = "active"  # retiring: another one has taken its place
    bucket: str = ""  # of its rate limit; keys that replace each other share one
    limit: int | None = None  # requests in a window; None: as all keys
    window_s: int | None = None
    origins: tuple[str, ...] = ()  # of pages that may use it; none: all
    not_before: datetime | None = None
    expires_at: datetime | None = None
    records: bool = True  # False: the app is paused
    daily_quota: int | None = None  # reports of the app in a UTC day
    weights: Weights = DEFAULT_WEIGHTS

    def is_in_force(self, at: datetime) -> bool:
        """Whether its time has come and is not over."""
        begun = self.not_before is None or self.not_before <= at
        return begun and (self.expires_at is None or self.expires_at > at)
