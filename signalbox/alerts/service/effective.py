"""The rules that hold for an app: the built-in ones as they are or as they were changed, and its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from signalbox.alerts import queries
from signalbox.alerts.rules.definitions import BUILT_IN, Rule
from signalbox.core.actor import Actor
from signalbox.core.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """A rule of an app. `name` is that of a built-in rule, or the id of another; times are None where nobody changed it."""

    name: str
    rule: Rule
    enabled: bool = True
    built_in: bool = False
    changed: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None


async def effective_rules(tx: Tx, actor: Actor, app_id: UUID) -> list[Effective]:
    """All rules of an app, the built-in ones first, switched-off ones too."""
    rows = await queries.rules(tx, actor, app_id)
    replaced = {row["built_in"]: row for row in rows if row["built_in"] is not None}
    found = [
        from_row(replaced[name])
        if name in replaced
        else Effective(name=name, rule=rule, built_in=True)
        for name, rule in BUILT_IN.items()
    ]
    return found + [from_row(row) for row in rows if row["built_in"] is None]


def from_row(row: Mapping[str, Any]) -> Effective:
    """A stored rule."""
    built_in = row["built_in"]
    return Effective(
        name=built_in or str(row["id"]),
        rule=msgspec.convert(row["definition"], Rule),
        enabled=row["enabled"],
        built_in=built_in is not None,
        changed=built_in is not None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
