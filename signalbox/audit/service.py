"""Who did what: entries written in the transaction of the change they tell of."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address as ip_address_of
from typing import TYPE_CHECKING, Any, Final, Literal

from signalbox.audit import store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from signalbox.core.actor import Actor
    from signalbox.core.db import Tx

_ACTOR_TYPES: Final = {"user": "user", "key": "api", "system": "system"}


async def record(
    tx: Tx,
    by: Actor,
    event: str,
    *,
    at: datetime,
    subject: UUID | str | None = None,
    subject_type: str | None = None,
    organization_id: UUID | None = None,
    result: Literal["success", "failure"] = "success",
    ip_address: str | None = None,
    user_agent: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Append one entry in the caller's transaction, so that the entry and the change stand or fall together.

    `event` is `noun_verb_past` (at most 50 characters); `subject` what it happened to, its kind being the event's
    first word unless `subject_type` says otherwise. `facts` are small, JSON-able and never secret.
    """
    entry = {
        "event_type": event,
        "actor_user_id": by.user_id,
        "actor_key_id": by.id if by.kind == "key" else None,
        "actor_type": _ACTOR_TYPES[by.kind],
        "organization_id": organization_id,
        "target_type": subject_type or (event.partition("_")[0] if subject is not None else None),
        "target_id": None if subject is None else str(subject)[:255],
        "action": event,
        "result": result,
        "error_message": None,
        "ip_address": address(ip_address),
        "user_agent": user_agent and user_agent[:500],
        "facts": dict(facts or {}),
        "created_at": at,
    }
    await store.insert(tx, entry)


def address(text: str | None) -> str | None:
    """`text` if it is an IP address, else None: a peer on a Unix socket or an odd proxy has none."""
    try:
        return str(ip_address_of(text.partition("%")[0])) if text else None
    except ValueError:
        return None
