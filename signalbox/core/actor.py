"""On whose behalf something happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A logged-in user, a bearer key, or the system itself.

    `organization_ids` are the tenants it may see. A key of one app carries `app_id` and sees only that app; else `app_id` is None.
    """

    kind: Literal["user", "key", "system"]
    id: UUID | None = None
    user_id: UUID | None = None
    organization_ids: frozenset[UUID] = field(default_factory=frozenset)
    app_id: UUID | None = None
    role: str | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    is_admin: bool = False


SYSTEM = Actor(kind="system")
