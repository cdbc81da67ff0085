"""Who reports: the facts of apps and sessions that every request is checked against."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class AppFacts(NamedTuple):
    """An app as far as ingest cares. `domain` None: any page; `quota_used_up`: its participant minutes of this month are gone; `masks` None: those of the installation."""

    id: UUID
    organization: UUID
    domain: str | None
    interval_ms: int
    recording: bool
    is_active: bool
    quota_used_up: bool
    masks: tuple[str, ...] | None = None


class SessionKey(NamedTuple):
    """The facts of a session that never change."""

    id: UUID
    app: UUID
    organization: UUID
    conference: UUID
    participant: UUID
