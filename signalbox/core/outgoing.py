"""Statements and rules of messages to other hosts, whichever way they go: queued with what they tell of, claimed, tried again, given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.ids import new_id
from signalbox.core.sealing import Sealer

Kind = Literal["webhook", "email"]
TRIES: Final = 3
BACKOFF: Final = (timedelta(seconds=10), timedelta(minutes=2))
LEASE: Final = timedelta(minutes=2)  # a sender that is silent for so long is taken for dead
AT_ONCE: Final = 20
KEPT: Final = timedelta(days=30)  # after the last try
_PURPOSE: Final = "outgoing.message"
_QUEUE = """
    INSERT INTO outgoing.messages (id, organization_id, kind, target, secret, signatures, subject, body, due_at, created_at)
    VALUES (%(id)s, %(organization)s, %(kind)s, %(target)s, %(secret)s, %(signatures)s, %(subject)s, %(body)s, %(at)s, %(at)s)"""
# A message that died with its sender has used up a try.
_CLAIM = """
    UPDATE outgoing.messages m SET tries = m.tries + 1, due_at = %(lease)s
    WHERE m.id IN (SELECT id FROM outgoing.messages WHERE state = 'waiting' AND due_at <= %(at)s AND tries < %(most)s
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING m.id, m.kind, m.target, m.secret, m.signatures, m.subject, m.body, m.tries"""
_SENT = """
    UPDATE outgoing.messages SET state = 'sent', finished_at = %s, outcome = %s WHERE id = %s AND state = 'waiting'"""
_AGAIN = (
    "UPDATE outgoing.messages SET due_at = %s, outcome = %s WHERE id = %s AND state = 'waiting'"
)
_FAILED = """
    UPDATE outgoing.messages SET state = 'failed', finished_at = %s, outcome = %s WHERE id = %s AND state = 'waiting'"""
_LOST = """
    UPDATE outgoing.messages SET state = 'failed', finished_at = %(at)s, outcome = coalesce(outcome, 'lost')
    WHERE state = 'waiting' AND due_at <= %(at)s AND tries >= %(most)s"""
_FORGET = "DELETE FROM outgoing.messages WHERE finished_at < %s"


class DeliveryFailed(Exception):
    """A try failed; `outcome` says why in a word, `final` that another would fail as well."""

    def __init__(self, outcome: str, *, final: bool = False) -> None:
        super().__init__(outcome)
        self.outcome, self.final = outcome, final


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to be sent. A webhook's `body` is JSON and is signed with `secret` in each of the headers `signatures`; an e-mail has a subject.

    `target` is an address on the web, or e-mail addresses parted by commas.
    """

    kind: Kind
    target: str
    body: bytes
    secret: str | None = None
    signatures: Sequence[str] = ()
    subject: str | None = None
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that is this process's to send; `number` of the try, from 1. Target and secret are still sealed."""

    id: UUID
    kind: Kind
    target: bytes
    secret: bytes | None
    signatures: Sequence[str]
    subject: str | None
    body: bytes
    number: int


async def queue(
    connection: AsyncConnection[Any], sealer: Sealer, letter: Letter, *, at: datetime
) -> UUID:
    """Have a message sent if and when the caller's transaction commits; its id, which the receiver sees too. Raises Unsealable without an encryption secret."""
    message = new_id()
    values = {
        "id": message,
        "organization": letter.organization_id,
        "kind": letter.kind,
        "target": sealer.seal(letter.target, _PURPOSE),
        "secret": None if letter.secret is None else sealer.seal(letter.secret, _PURPOSE),
        "signatures": list(letter.signatures),
        "subject": letter.subject,
        "body": letter.body,
        "at": at,
    }
    await connection.execute(_QUEUE, values)
    return message


async def claim(connection: AsyncConnection[Any], *, at: datetime) -> list[Claimed]:
    """Take due messages; no other process gets them before the lease is over. Those that were lost too often are given up."""
    await connection.execute(_LOST, {"at": at, "most": TRIES})
    values = {"at": at, "lease": at + LEASE, "most": TRIES, "limit": AT_ONCE}
    rows = await (await connection.execute(_CLAIM, values)).fetchall()
    return [
        Claimed(
            id=row[0],
            kind=row[1],
            target=bytes(row[2]),
            secret=None if row[3] is None else bytes(row[3]),
            signatures=row[4],
            subject=row[5],
            body=bytes(row[6]),
            number=row[7],
        )
        for row in rows
    ]


def unsealed(sealer: Sealer, claimed: Claimed) -> tuple[str, str | None]:
    """Target and secret. Raises Unsealable."""
    secret = None if claimed.secret is None else sealer.open(claimed.secret, _PURPOSE)
    return sealer.open(claimed.target, _PURPOSE), secret


async def settle(
    connection: AsyncConnection[Any],
    claimed: Claimed,
    *,
    sent: bool,
    final: bool,
    outcome: str,
    at: datetime,
) -> None:
    """Write down how a try went. One that failed is repeated later, unless it is the last or `final`: then it is given up."""
    if sent:
        await connection.execute(_SENT, (at, outcome, claimed.id))
    elif final or claimed.number >= TRIES:
        await connection.execute(_FAILED, (at, outcome, claimed.id))
    else:
        await connection.execute(_AGAIN, (at + BACKOFF[claimed.number - 1], outcome, claimed.id))


async def forget(connection: AsyncConnection[Any], *, at: datetime) -> int:
    """Delete messages that were finished long ago; how many."""
    return (await connection.execute(_FORGET, (at - KEPT,))).rowcount
