"""Erasing one person: the name at once, everything else by the worker in small batches."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import structlog
from psycopg import errors

from signalbox.accounts import service as accounts
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.compression import UnreadablePayload, pack, unpack
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from signalbox.monitoring import queries
from signalbox.monitoring.queries import erasures as asked
from signalbox.monitoring.queries.refusals import ParticipantMissing
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.rules.masking import Masker, renamed
from signalbox.monitoring.store import Applier
from signalbox.monitoring.store import erasure as store
from signalbox.monitoring.store.erasure import Erasure, Payload
from signalbox.monitoring.store.messages import EndSessions, Message

log = structlog.get_logger(__name__)

SESSIONS_AT_ONCE: Final = 10
PAYLOADS_AT_ONCE: Final = 200
AT_ONCE: Final = 20
# A session may just be starting when its participant is erased; whoever started it has committed by then.
SETTLED_AFTER: Final = timedelta(seconds=10)
_mask = Masker(["addresses", "sdp"])


async def erase_participant(
    db: Database, participant_id: UUID, *, by: Actor, at: datetime
) -> asked.ErasureRow:
    """Take a participant's id and name away and have the worker take out the rest; owners only. Asking twice changes nothing.

    Raises:
        ParticipantMissing: `by` sees no such participant.
        Forbidden: not with this role.
    """
    async with db.begin() as tx:
        row = await queries.first(tx, queries.participants(by), participant_id)
        if row is None:
            raise ParticipantMissing
        app = await accounts.owned_app(tx, by, row["app"])
        words = await store.anonymize(tx.psycopg, participant_id, at)
        await store.anonymize_named_after(tx.psycopg, participant_id, words, at)
        if words:
            made = Erasure(new_id(), app["id"], app["organization_id"], participant_id, at, words)
            await store.add(tx.psycopg, made)
            await audit.record(
                tx,
                by,
                "participant_erased",
                subject=participant_id,
                at=at,
                organization_id=app["organization_id"],
                facts={"app_id": str(app["id"])},
            )
            log.info("participant.erased", participant_id=str(participant_id), by=str(by.id))
        found = await asked.of_participant(tx, by, participant_id)
    assert found is not None
    return found


async def finish_erasures(db: Database, *, at: datetime) -> int:
    """Go on with what was asked for; answers how many are done. What is locked by a running call is left for the next run."""
    async with db.read() as tx:
        waiting = await store.unfinished(tx.psycopg, most=AT_ONCE)
    done = 0
    for erasure in waiting:
        try:
            await _erase(db, erasure, at)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            log.warning("erasure.postponed", erasure_id=str(erasure.id))
            continue
        if at - erasure.requested_at >= SETTLED_AFTER:
            async with db.begin() as tx:
                await store.finish(tx.psycopg, erasure.id, at)
            done += 1
            log.info("erasure.done", erasure_id=str(erasure.id))
    return done


async def _erase(db: Database, erasure: Erasure, at: datetime) -> None:
    while await _erase_sessions(db, erasure, at) == SESSIONS_AT_ONCE:
        pass
    async with db.begin() as tx:
        named = (erasure.participant, erasure.words, at)
        await store.anonymize_named_after(tx.psycopg, *named)
        conferences = await store.conferences_of(tx.psycopg, erasure.participant)
    for conference in conferences:
        async with db.begin() as tx:
            await store.clean_conference(tx.psycopg, conference, erasure.participant)
        for table in ("events", "samples"):
            await _clean_payloads(db, erasure, table, conference)


async def _erase_sessions(db: Database, erasure: Erasure, at: datetime) -> int:
    apply = Applier(lambda: micros(at))
    async with db.begin() as tx:
        sessions, still_open = await store.lock_next_sessions(
            tx.psycopg, erasure.participant, most=SESSIONS_AT_ONCE
        )
        endings: list[Message] = [
            EndSessions(sessions=[one.key], at_us=micros(min(one.seen_at, at)))
            for one in still_open
        ]
        if endings:
            await apply(tx.psycopg, endings)
        if sessions:
            await store.strip_sessions(tx.psycopg, sessions, at)
    return len(sessions)


async def _clean_payloads(db: Database, erasure: Erasure, table: str, conference: UUID) -> None:
    """Walk through what others reported of their connections to the person."""
    after: store.Position | None = None
    while True:
        async with db.begin() as tx:
            rows = await store.payloads_about(
                tx.psycopg,
                table,
                conference,
                erasure.participant,
                after=after,
                most=PAYLOADS_AT_ONCE,
            )
            changed = [row for old in rows if (row := _cleaned(old, erasure)) is not old]
            if changed:
                await store.replace_payloads(tx.psycopg, table, conference, changed)
        if len(rows) < PAYLOADS_AT_ONCE:
            return
        after = (rows[-1].created_at, rows[-1].id)


def _cleaned(row: Payload, erasure: Erasure) -> Payload:
    """The payload without the person's names and without addresses and secrets; the same one when nothing is to be taken out."""
    try:
        content = unpack(row.packed)
        value = msgspec.json.decode(content)
        stand_in = store.pseudonym(erasure.participant)
        cleaned = renamed(_mask(value), frozenset(erasure.words), stand_in)
    except (UnreadablePayload, msgspec.DecodeError, RecursionError):
        return row
    if cleaned == msgspec.json.decode(content):
        return row
    text = json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
    return row._replace(packed=pack(text.encode("utf-8", "replace")))
