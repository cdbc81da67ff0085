"""What the doors of playback are made of, and one request as it is told in logs and figures."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from os import urandom
from time import perf_counter
from typing import Any, Final, Protocol

from signalbox.core.clock import Clock
from signalbox.core.limits import Grant, Rate, Verdict
from signalbox.http.body import Receive
from signalbox.http.errors import Header, Send
from signalbox.http.peers import Network, header
from signalbox.playback.rules.keys import KeyFacts
from signalbox.playback.settings import PlaybackSettings
from signalbox.playback.store.cmcd import CmcdBatch, Taken
from signalbox.playback.store.messages import Applied, SessionReport

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_numbers = count(1)
_process = urandom(5).hex().upper()


class Writer(Protocol):
    """What `site` hands in to commit reports."""

    async def commit_fact(self, message: SessionReport) -> Applied:
        """Store a report; answers after the commit."""
        ...


class LineWriter(Protocol):
    """What `site` hands in to commit lines of CMCD."""

    async def commit_sample(self, message: CmcdBatch) -> Taken:
        """Store lines; answers after the commit."""
        ...


class Keys(Protocol):
    """Whose a key is."""

    def at_hand(self, secret: str) -> KeyFacts | None:
        """What is known of it without waiting."""

    def has_seen(self, secret: str) -> bool:
        """Whether it was good lately."""
        ...

    async def find(self, secret: str, *, at: datetime) -> KeyFacts | None:
        """The key that is in force, else None; StorageAway when it cannot be told."""

    async def was_revoked(self, secret: str) -> bool:
        """Whether it was good once; StorageAway when it cannot be told."""
        ...


class Limits(Protocol):
    """Exact limits, each hit asked of all processes."""

    async def hit(self, endpoint: str, identifier: str, limit: int, window_s: int) -> Verdict:
        """Count one."""
        ...

    async def reserve(
        self, endpoint: str, identifier: str, rate: Rate, *, most: int, least: int = 1
    ) -> Grant:
        """Count several."""
        ...


class Credits(Protocol):
    """Limits of very many hits, counted by each process in batches."""

    async def hit(self, endpoint: str, identifier: str, limit: int, window_s: int) -> Verdict:
        """Count one."""
        ...


class Spooled(Protocol):
    """Where reports wait while the database is away."""

    @property
    def holds_back(self) -> bool:
        """Whether the database is known to be away, so that nobody need wait to learn it again."""
        ...

    async def keep(self, key: KeyFacts, body: bytes, *, received_ms: int) -> bool:
        """Put a report there, for good; False when there is no room, or no spool."""
        ...


class Told(Protocol):
    """Figures and the access log."""

    def answered(self, exchange: Exchange) -> None:
        """One request is answered."""

    def reported(self, exchange: Exchange, dialect: str, result: str, lag_ms: int) -> None:
        """One report was taken."""

    def skewed(self, tenant: str, kind: str) -> None:
        """The clock of a device is not believed."""

    def refused(self, tenant: str, code: str, fields: Iterable[str]) -> None:
        """A request was refused."""

    def limited(self, tenant: str, reason: str) -> None:
        """A request came too soon."""

    def key_used(self, key_id: str, status: str) -> None:
        """A key was used."""

    def cmcd_lines(self, tenant: str, version: str, result: str, lines: int) -> None:
        """So many lines of CMCD had this result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the doors work with."""

    writer: Writer
    keys: Keys
    limits: Limits
    credits: Credits
    spool: Spooled
    told: Told
    clock: Clock
    settings: PlaybackSettings
    trusted: tuple[Network, ...]
    # Whether the key of the settings, which also reads, may stand in pages: only where nothing is at stake.
    built_in_in_pages: bool = True
    # Whether a request, by its scope and time, is excused from limits: our own demonstration on this machine.
    excused: Callable[[Scope, datetime], bool] = lambda _scope, _at: False


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as logs and figures tell of them: no key, no body, no address."""

    method: str
    path: str
    route: str
    request_id: str
    begun_s: float = field(default_factory=perf_counter)
    status: int = 500
    tenant: str = ""
    key_id: str = ""
    bytes_in: int = 0
    result: str = ""
    error_code: str = ""
    reason: str = ""
    session_id: str = ""
    ended_s: float = 0.0
    headers: list[Header] = field(default_factory=list)  # that every answer to it carries


def exchange_of(scope: Scope, route: str) -> Exchange:
    """The beginning of an exchange. A client's own id of the request is kept when it is a harmless one."""
    given = header(scope, b"x-request-id")
    own = given if given is not None and _GIVEN_ID.fullmatch(given) else None
    return Exchange(
        method=scope["method"],
        path=scope["path"],
        route=route,
        request_id=own or f"{_process}{next(_numbers):X}",
    )
