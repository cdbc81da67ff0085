"""How long sessions, their payload, their timeline and player events are kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

SESSION_TABLES: Final = ("playback.sessions", "playback.session_timeline")
ROLLUP_TABLES: Final = ("playback.rollup_1m", "playback.rollup_1h")
ROLLUP_DAYS: Final = 400
TOMBSTONE_DAYS: Final = 30  # an erased session stays refused for so long
TIMELINE_DAYS: Final = 30
EVENTS_DAYS: Final = 7
DAYS_MAX: Final = 36_500

Kind = Literal["sessions", "payload", "timeline", "events"]
KINDS: Final[tuple[Kind, ...]] = ("sessions", "payload", "timeline", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Days that sessions of an app are kept, of a stream type, or of contents that begin so (None: all of them).

    None in days: what the next less specific policy says.
    """

    app_id: UUID
    stream_type: str | None = None
    content_prefix: str | None = None
    sessions_days: int | None = None
    payload_days: int | None = None
    timeline_days: int | None = None
    events_days: int | None = None

    def days(self, kind: Kind) -> int | None:
        """What it says of one kind of data."""
        found: int | None = getattr(self, f"{kind}_days")
        return found

    @property
    def rank(self) -> tuple[int, bool]:
        """The greater, the more specific: contents before stream types, both before the whole app."""
        return len(self.content_prefix or ""), self.stream_type is not None


@dataclass(frozen=True, slots=True)
class Limit:
    """Days for sessions of a stream type and of contents that begin so; None: of all."""

    stream_type: str | None
    content_prefix: str | None
    days: int


@dataclass(frozen=True, slots=True)
class Keep:
    """How long one kind of data of one app is kept: the first of `limits` that fits a session holds, else `otherwise`."""

    limits: Sequence[Limit]
    otherwise: int

    @property
    def shortest(self) -> int:
        """No session goes before so many days."""
        return min([limit.days for limit in self.limits] + [self.otherwise])

    @property
    def longest(self) -> int:
        """Every session goes after so many days."""
        return max([limit.days for limit in self.limits] + [self.otherwise])


def keep(policies: Iterable[Policy], app_id: UUID, kind: Kind, sessions_days: int) -> Keep:
    """What holds for an app; `sessions_days` is the installation's own word on sessions.

    Nothing of a session outlives it, because it is deleted with it.
    """
    known = [policy for policy in policies if policy.app_id == app_id]
    ordered = sorted(known, key=lambda policy: policy.rank, reverse=True)
    limits: list[Limit] = []
    for policy in ordered:
        days = policy.days(kind)
        if days is None:
            continue
        if policy.stream_type is None and policy.content_prefix is None:
            return Keep(limits, days)
        limits.append(Limit(policy.stream_type, policy.content_prefix, days))
    return Keep(limits, _default(kind, sessions_days))


def _default(kind: Kind, sessions_days: int) -> int:
    if kind == "timeline":
        return TIMELINE_DAYS
    return EVENTS_DAYS if kind == "events" else sessions_days
