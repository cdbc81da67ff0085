"""Facts that ingest needs for every request: apps until they change, sessions for as long as there is room.

Whoever changes an app tells the database, the database tells every process, and `forget_app` drops what is no longer
true. `APP_LIFE_S` bounds the time for a process that hears nothing, and for what changes by itself: the end of a
replaced key's grace, a quota that is used up.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from psycopg import Error as DatabaseError
from sqlalchemy.exc import SQLAlchemyError

from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.core.errors import Overloaded
from signalbox.monitoring.errors import (
    AppNotRecording,
    InvalidApiKey,
    InvalidToken,
)
from signalbox.monitoring.queries import identities
from signalbox.monitoring.rules.identities import AppFacts, SessionKey

APP_LIFE_S = 1.8  # with the time to ask again it stays below 2 s
_API_KEY = re.compile(r"[a-z0-9]{32}")

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """A bounded cache; entries older than `life_s` are asked for again. None answers are kept too."""

    def __init__(self, life_s: float | None, limit: int) -> None:
        self._entries: OrderedDict[K, tuple[float, V | None]] = OrderedDict()
        self._life_s, self._limit = life_s, limit
        self.loading: dict[K, asyncio.Task[V | None]] = {}

    def get(self, key: K) -> tuple[bool, V | None]:
        """Whether the key is known, and its value."""
        entry = self._entries.get(key)
        if entry is None or (
            self._life_s is not None and time.monotonic() - entry[0] > self._life_s
        ):
            return False, None
        return True, entry[1]

    def put(self, key: K, value: V | None, *, asked_s: float | None = None) -> None:
        """Keep a value that was true at `asked_s` (monotonic; now when None); the oldest falls out."""
        self._entries[key] = (time.monotonic() if asked_s is None else asked_s, value)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def forget(self, is_stale: Callable[[V | None], bool]) -> None:
        """Drop the entries whose value is stale, and what is being asked for now: its answer may be stale too."""
        for key in [key for key, (_, value) in self._entries.items() if is_stale(value)]:
            del self._entries[key]
        self.loading.clear()


class Identities:
    """Who a request comes from."""

    def __init__(self, db: Database, clock: Clock, *, app_life_s: float = APP_LIFE_S) -> None:
        self._db, self._clock = db, clock
        self._by_key: Expiring[str, AppFacts] = Expiring(app_life_s, 10_000)
        self._by_id: Expiring[UUID, AppFacts] = Expiring(app_life_s, 10_000)
        self._sessions: Expiring[UUID, SessionKey] = Expiring(None, 100_000)
        self._conferences: Expiring[UUID, UUID] = Expiring(None, 100_000)  # to the app's id

    def forget_app(self, app_id: str) -> None:
        """Ask again for an app that has changed, and for keys that belonged to nobody so far."""

        def is_stale(app: AppFacts | None) -> bool:
            return app is None or str(app.id) == app_id

        self._by_key.forget(is_stale)
        self._by_id.forget(is_stale)

    def forget_apps(self) -> None:
        """Ask again for every app: changes may have been missed."""
        self._by_key.forget(lambda _: True)
        self._by_id.forget(lambda _: True)

    async def app(self, api_key: str) -> AppFacts:
        """The active app with this key; InvalidApiKey for anything else."""
        if not _API_KEY.fullmatch(api_key):
            raise InvalidApiKey(field="apiKey")
        found = await self._ask(self._by_key, api_key, self._load_by_key)
        if found is None or not found.is_active:
            raise InvalidApiKey(field="apiKey")
        return found

    def known_session(self, session_id: UUID) -> tuple[SessionKey, AppFacts] | None:
        """Session and app when both are at hand, else None: then await `session`."""
        _, session = self._sessions.get(session_id)
        if session is None:
            return None
        _, app = self._by_id.get(session.app)
        if app is None:
            return None
        _check(app)
        return session, app

    async def session(self, session_id: UUID) -> tuple[SessionKey, AppFacts]:
        """The session and its app.

        Raises:
            InvalidToken: there is no such session.
            InvalidApiKey, AppNotRecording: its app was deleted or paused; both stop the SDK's retries.
        """
        session = await self._ask(self._sessions, session_id, self._load_session, keep_none=False)
        if session is None:
            raise InvalidToken()
        return session, await self._live_app(session.app)

    async def app_of_conference(self, conference_id: UUID) -> AppFacts:
        """The app of a conference that somebody has a token for; raises as `session`."""
        app_id = await self._ask(
            self._conferences, conference_id, self._load_conference, keep_none=False
        )
        if app_id is None:
            raise InvalidToken()
        return await self._live_app(app_id)

    async def _live_app(self, app_id: UUID) -> AppFacts:
        app = await self._ask(self._by_id, app_id, self._load_by_id)
        if app is None:
            raise InvalidApiKey()
        _check(app)
        return app

    def remember(self, session: SessionKey) -> None:
        """Keep a session that was just committed, so that its first report need not ask for it."""
        self._sessions.put(session.id, session)

    def remember_conference(self, conference_id: UUID, app_id: UUID) -> None:
        """Keep whose a conference is, once it is committed."""
        self._conferences.put(conference_id, app_id)

    async def page(
        self, app_id: UUID, conference_id: str | None, participant_id: str | None
    ) -> UUID | None:
        """The uuid of a conference, else of a participant, by the application's id; None when there is none."""
        try:
            async with self._db.read() as tx:
                if conference_id is not None:
                    return await identities.page_of_conference(tx, app_id, conference_id)
                return await identities.page_of_participant(tx, app_id, participant_id or "")
        except (SQLAlchemyError, DatabaseError, OSError):
            raise Overloaded(retry_after_s=1) from None

    async def _ask(
        self,
        cache: Expiring[K, V],
        key: K,
        load: Callable[[K], Awaitable[V | None]],
        *,
        keep_none: bool = True,
    ) -> V | None:
        """From the cache, else loaded: once for all who ask at the same time, or a busy app would be asked for by every request."""
        known, value = cache.get(key)
        if known:
            return value
        task = cache.loading.get(key)
        if task is None:
            loading = self._load(cache, key, load, keep_none)
            task = cache.loading[key] = asyncio.create_task(loading)
        return await asyncio.shield(task)

    async def _load(
        self,
        cache: Expiring[K, V],
        key: K,
        load: Callable[[K], Awaitable[V | None]],
        keep_none: bool,
    ) -> V | None:
        asked_s, task = time.monotonic(), asyncio.current_task()
        try:
            value = await load(key)
        except (SQLAlchemyError, DatabaseError, OSError):
            raise Overloaded(retry_after_s=1) from None
        finally:
            # Who is no longer entered was overtaken by a change: the answer is good for those who wait, not to be kept.
            is_current = cache.loading.get(key) is task
            if is_current:
                del cache.loading[key]
        if is_current and (value is not None or keep_none):
            cache.put(key, value, asked_s=asked_s)
        return value

    async def _load_by_key(self, api_key: str) -> AppFacts | None:
        async with self._db.read() as tx:
            return await identities.app_by_key(tx, api_key, at=self._clock.now())

    async def _load_by_id(self, app_id: UUID) -> AppFacts | None:
        async with self._db.read() as tx:
            return await identities.app_by_id(tx, app_id, at=self._clock.now())

    async def _load_conference(self, conference_id: UUID) -> UUID | None:
        async with self._db.read() as tx:
            return await identities.app_of_conference(tx, conference_id)

    async def _load_session(self, session_id: UUID) -> SessionKey | None:
        async with self._db.read() as tx:
            return await identities.session_by_id(tx, session_id)


def _check(app: AppFacts) -> None:
    if not app.is_active:
        raise InvalidApiKey()
    if not app.recording:
        raise AppNotRecording()


class Remembered(Generic[V]):
    """Answers that may be some seconds old, by the clock of whoever asks; one who asks works them out for all who ask meanwhile."""

    def __init__(self, life_s: float, limit: int) -> None:
        self._life, self._limit = timedelta(seconds=life_s), limit
        self._answers: OrderedDict[Hashable, tuple[datetime, asyncio.Task[V]]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]], *, at: datetime) -> V:
        """The answer to `key`, asked for anew when it is older than its life or has failed."""
        begun, task = self._answers.get(key, (at, None))
        if task is None or not begun <= at < begun + self._life or _has_failed(task):
            task = asyncio.ensure_future(_awaited(ask))
            self._answers.pop(key, None)
            self._answers[key] = (at, task)
            if len(self._answers) > self._limit:
                self._answers.popitem(last=False)
        # Whoever goes away leaves the work to the others.
        return await asyncio.shield(task)


async def _awaited(ask: Callable[[], Awaitable[V]]) -> V:
    return await ask()


def _has_failed(task: asyncio.Task[V]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
