"""API keys that doors have seen: fresh for `FRESH_S`, and good enough for `STALE_S` while the database is away.

Whoever revokes a key tells the database, the database tells every process, and `forget_key` drops what is no longer true.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import structlog
from psycopg import Error as DatabaseError
from sqlalchemy.exc import SQLAlchemyError

from signalbox.accounts import service as accounts
from signalbox.core.db import Database
from signalbox.playback.errors import StorageAway
from signalbox.playback.queries.keys import built_in_key, key_by_hash, was_revoked
from signalbox.playback.rules.keys import BUILT_IN, KeyFacts

FRESH_S: Final = 1.8  # with the time to ask again it stays below 2 s
STALE_S: Final = 3600.0
ASK_WITHIN_S: Final = (
    1.0  # a request whose key is known waits no longer for a database that may be away
)
STRANGER_WITHIN_S: Final = 5.0  # clients wait 8 s for the whole answer
TRY_AGAIN_S: Final = 1.0
KNOWN_MAX: Final = 20_000
UNKNOWN_MAX: Final = 10_000
USED_EVERY: Final = timedelta(minutes=1)
KEY_MAX: Final = 512  # characters; no key of ours is longer

log = structlog.get_logger(__name__)


class _Known(NamedTuple):
    facts: KeyFacts
    asked_s: float  # monotonic
    is_doubtful: bool = False  # a change may have been missed

    def is_fresh(self, now_s: float) -> bool:
        """Whether nobody need be asked."""
        return not self.is_doubtful and now_s - self.asked_s <= FRESH_S


class Keys:
    """Who a key belongs to."""

    def __init__(
        self,
        db: Database,
        *,
        built_in: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._monotonic = db, monotonic
        self._built_in = None if built_in is None else _hash(built_in)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._revoked: OrderedDict[str, None] = OrderedDict()
        self._asking: dict[str, asyncio.Task[KeyFacts | None]] = {}
        self._used_at: dict[UUID, datetime] = {}
        self._away_until_s = 0.0
        self._notes: set[asyncio.Task[None]] = set()

    def forget_key(self, key_id: str) -> None:
        """Ask again for a key that has changed."""
        for digest in [one for one, known in self._known.items() if str(known.facts.id) == key_id]:
            del self._known[digest]
        self._asking.clear()

    def forget_app(self, app_id: str) -> None:
        """Ask again for the keys of an app that has changed."""
        for digest in [one for one, known in self._known.items() if str(known.facts.app) == app_id]:
            del self._known[digest]
        self._asking.clear()

    def forget_all(self) -> None:
        """Ask again for every key: changes may have been missed."""
        self._known = OrderedDict(
            (digest, known._replace(is_doubtful=True)) for digest, known in self._known.items()
        )
        self._unknown.clear()
        self._asking.clear()

    def at_hand(self, secret: str) -> KeyFacts | None:
        """What is known of a key and fresh, without waiting; None when it must be asked for."""
        known = self._known.get(_hash(secret))
        if known is None or not known.is_fresh(self._monotonic()):
            return None
        return known.facts

    def has_seen(self, secret: str) -> bool:
        """Whether the key was good within the last hour."""
        known = self._known.get(_hash(secret))
        return known is not None and self._monotonic() - known.asked_s <= STALE_S

    async def find(self, secret: str, *, at: datetime) -> KeyFacts | None:
        """The key that is in force, None for anything else.

        Raises:
            StorageAway: it cannot be told now whose key this is.
        """
        if not 0 < len(secret) <= KEY_MAX:
            return None
        facts = await self._facts(_hash(secret))
        if facts is None or not facts.is_in_force(at):
            return None
        await self._note_use(facts, at)
        return facts

    async def was_revoked(self, secret: str) -> bool:
        """Whether it is a key that was good once and has been revoked: for ever, so it is asked only once.

        Raises:
            StorageAway: it cannot be told now.
        """
        if not 0 < len(secret) <= KEY_MAX:
            return False
        digest = _hash(secret)
        if digest in self._revoked:
            return True
        try:
            async with asyncio.timeout(STRANGER_WITHIN_S), self._db.read() as tx:
                is_revoked = await was_revoked(tx, digest)
        except (SQLAlchemyError, DatabaseError, OSError, TimeoutError):
            raise StorageAway(retry_after_s=5) from None
        if is_revoked:
            self._revoked[digest] = None
            if len(self._revoked) > UNKNOWN_MAX:
                self._revoked.popitem(last=False)
        return is_revoked

    async def _facts(self, digest: str) -> KeyFacts | None:
        now_s = self._monotonic()
        known = self._known.get(digest)
        if known is not None and known.is_fresh(now_s):
            return known.facts
        if now_s - self._unknown.get(digest, -FRESH_S) < FRESH_S:
            return None
        if known is None or now_s - known.asked_s > STALE_S:
            return await self._ask_stranger(digest)
        if now_s < self._away_until_s:
            return known.facts
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                return await self._ask(digest)
        except (StorageAway, TimeoutError):
            self._away_until_s = self._monotonic() + TRY_AGAIN_S
            return known.facts

    async def _ask_stranger(self, digest: str) -> KeyFacts | None:
        try:
            async with asyncio.timeout(STRANGER_WITHIN_S):
                return await self._ask(digest)
        except TimeoutError:
            raise StorageAway(retry_after_s=5) from None

    async def _ask(self, digest: str) -> KeyFacts | None:
        """From the database, once for all who ask at the same time."""
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._load(digest))
        return await asyncio.shield(task)

    async def _load(self, digest: str) -> KeyFacts | None:
        asked_s, task = self._monotonic(), asyncio.current_task()
        try:
            async with self._db.read() as tx:
                if self._built_in is not None and hmac.compare_digest(digest, self._built_in):
                    facts = await built_in_key(tx)
                else:
                    facts = await key_by_hash(tx, digest)
        except (SQLAlchemyError, DatabaseError, OSError):
            raise StorageAway(retry_after_s=5) from None
        finally:
            # Who is no longer entered was overtaken by a change: good for those who wait, not to be kept.
            is_current = self._asking.get(digest) is task
            if is_current:
                del self._asking[digest]
        if is_current:
            self._keep(digest, facts, asked_s)
        return facts

    def _keep(self, digest: str, facts: KeyFacts | None, asked_s: float) -> None:
        if facts is None:
            self._known.pop(digest, None)
            self._unknown[digest] = asked_s
            self._unknown.move_to_end(digest)
            if len(self._unknown) > UNKNOWN_MAX:
                self._unknown.popitem(last=False)
            return
        self._unknown.pop(digest, None)
        self._known[digest] = _Known(facts, asked_s)
        self._known.move_to_end(digest)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    async def _note_use(self, facts: KeyFacts, at: datetime) -> None:
        """At most once a minute; that it fails harms nobody."""
        used_at = self._used_at.get(facts.id)
        if facts.id == BUILT_IN or (used_at is not None and at - used_at < USED_EVERY):
            return
        if len(self._used_at) >= KNOWN_MAX:
            self._used_at.clear()
        self._used_at[facts.id] = at
        noting = _noted(lambda: accounts.note_key_used(self._db, facts.id, at=at))
        task = asyncio.create_task(noting)
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def close(self) -> None:
        """Wait for what is being asked and noted: it needs the database."""
        await asyncio.gather(*self._notes, *self._asking.values(), return_exceptions=True)


async def _noted(note: Callable[[], Awaitable[None]]) -> None:
    try:
        await note()
    except (SQLAlchemyError, DatabaseError, OSError) as error:
        log.info("playback.use_not_noted", error=type(error).__name__)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
