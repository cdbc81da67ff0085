"""What the hosts of an installation agree on: for each kind of secret one that all of them hold.

Only fingerprints are stored. A host may hold more secrets than the agreed one, so that hosts can be given a new one by
turns; which one is agreed changes by an operator's word alone, and the audit log tells when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from signalbox.accounts import queries, store
from signalbox.accounts.errors import SecretsDiffer
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx

log = structlog.get_logger(__name__)

Held = Mapping[str, Sequence[str]]
"""Fingerprints of a host's secrets by the variable that they are set in; the first one signs."""

_PREFIX: Final = "agreed:"


async def check_secrets(db: Database, held: Held, *, at: datetime) -> None:
    """Let in a host that holds every agreed secret. Of a variable without one its first becomes the agreed one.

    Raises SecretsDiffer, which names the variable, when the host could not read what others have signed.
    """
    async with db.begin() as tx:
        for variable, agreed in (await _agree_first(tx, held, at)).items():
            if agreed not in held[variable]:
                raise SecretsDiffer(variable=variable)


async def agreed_secrets(db: Database) -> Mapping[str, str]:
    """Fingerprints of the agreed secrets by variable; empty before the first host."""
    async with db.read() as tx:
        stored = await queries.settings(tx, _PREFIX)
    return {row["name"].removeprefix(_PREFIX): row["value"] for row in stored}


async def agree_on_secrets(
    db: Database,
    held: Held,
    *,
    by: Actor,
    at: datetime,
    rotated: Sequence[str] = (),
    force: bool = False,
) -> Sequence[str]:
    """Make this host's first secrets the agreed ones; answers the variables that changed, none if all were.

    One audit entry tells what changed, or that new secrets are made for the variables in `rotated`. With `force` also
    where this host lacks the secret agreed so far: what that one has signed is then worthless.
    Raises SecretsDiffer for such a host otherwise.
    """
    async with db.begin() as tx:
        agreed = await _agree_first(tx, held, at)
        changed = [variable for variable in agreed if agreed[variable] != held[variable][0]]
        for variable in changed:
            if agreed[variable] not in held[variable] and not force:
                raise SecretsDiffer(variable=variable)
            await store.replace_setting(tx, _PREFIX + variable, held[variable][0], at)
        if changed or rotated:
            event = "secrets_rotated" if rotated else "secrets_accepted"
            facts = {"variables": list(rotated) or changed, "forced": force}
            await audit.record(tx, by, event, at=at, facts=facts)
            log.info(event.replace("_", "."), **facts)
    return changed


async def _agree_first(tx: Tx, held: Held, at: datetime) -> Mapping[str, str]:
    """The agreed secrets, locked. Always in the same order: of two first hosts one waits for all of the other's."""
    return {
        variable: await store.put_setting(tx, _PREFIX + variable, held[variable][0], at)
        for variable in sorted(held)
    }
