"""What the ingest doors are made of, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import msgspec

from signalbox.core.clock import Clock
from signalbox.http.body import Receive
from signalbox.http.errors import Send
from signalbox.http.peers import Network, header
from signalbox.monitoring.errors import InvalidParameters, RateLimited
from signalbox.monitoring.rules.domains import check_domain
from signalbox.monitoring.rules.identities import AppFacts, SessionKey
from signalbox.monitoring.rules.masking import Masker
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.store.messages import Message
from signalbox.monitoring.wire import Body, is_json_null, rewritten, storable

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Writer(Protocol):
    """What `site` hands in to commit messages."""

    async def commit_fact(self, message: Message) -> Any:
        """Store a fact."""

    async def commit_sample(self, message: Message) -> Any:
        """Store a sample."""

    @property
    def must_thin(self) -> bool:
        """Whether samples should come without their raw part."""
        ...

    def make_sure_of_room(self) -> None:
        """Raises Overloaded when a sample that came now would be refused."""


class Identities(Protocol):
    """Who a request comes from; asked for again when it may have changed."""

    async def app(self, api_key: str) -> AppFacts:
        """The active app with this key; InvalidApiKey for anything else."""
        ...

    def known_session(self, session_id: UUID) -> tuple[SessionKey, AppFacts] | None:
        """Session and app when both are at hand, else None."""
        ...

    async def session(self, session_id: UUID) -> tuple[SessionKey, AppFacts]:
        """Session and app; InvalidToken, InvalidApiKey or AppNotRecording when they may not report."""
        ...

    async def app_of_conference(self, conference_id: UUID) -> AppFacts:
        """The app of a conference; raises as `session`."""
        ...

    def remember(self, session: SessionKey) -> None:
        """Keep a session that was just committed."""
        ...

    def remember_conference(self, conference_id: UUID, app_id: UUID) -> None:
        """Keep whose a conference is, once it is committed."""
        ...

    async def page(
        self, app_id: UUID, conference_id: str | None, participant_id: str | None
    ) -> UUID | None:
        """The uuid of a conference, else of a participant; None when there is none."""
        ...


class Credits(Protocol):
    """Rate limits."""

    def try_hit(self, endpoint: str, identifier: str, limit: int, window_s: int) -> Any:
        """The verdict when it is at hand, else None."""

    async def hit(self, endpoint: str, identifier: str, limit: int, window_s: int) -> Any:
        """The verdict."""


class SessionTokens(Protocol):
    """The tokens of both kinds."""

    def make_init(self, participant: UUID, conference: UUID, *, at: Any) -> str:
        """A token to open sessions."""

    def make_session(self, session: UUID, *, at: Any) -> str:
        """A token to report for a session."""

    def init(self, token: object, *, at: Any) -> Any:
        """The claims of an init token."""

    def session(self, token: object, *, at: Any) -> Any:
        """The claims of a session token."""


class Counts(Protocol):
    """Figures of the doors."""

    def count_request(self, door: str, status: int) -> None:
        """One answer."""

    def count_thinned(self) -> None:
        """One sample was stored without its raw part."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One request: its body, its time, where it came from."""

    body: Body
    received_us: int
    at: Any
    scope: Scope
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the doors work with."""

    writer: Writer
    identities: Identities
    tokens: SessionTokens
    credits: Credits
    clock: Clock
    settings: MonitoringSettings
    trusted: tuple[Network, ...]
    locate: Callable[[str], Any]
    counts: Counts
    web_host: str
    # Whether a request, by its scope and time, is excused from rate limits: our own demonstration on this machine.
    excused: Callable[[Scope, datetime], bool] = lambda _scope, _at: False


async def limit(parts: Parts, call: Call, app: str) -> None:
    """Count one request of this address for this app; RateLimited over the limit."""
    if parts.excused(call.scope, call.at):
        return
    who, most = f"{app}:{call.address}", parts.settings.ingest_per_minute
    verdict = parts.credits.try_hit("ingest", who, most, 60) or await parts.credits.hit(
        "ingest", who, most, 60
    )
    if not verdict.allowed:
        raise RateLimited(retry_after_s=verdict.retry_after_s)


def check_origin(call: Call, app: AppFacts, *, required: bool = False) -> None:
    """Compare the page's origin with the app's domain, if it has one. Only entering requires an Origin."""
    if app.domain:
        check_domain(app.domain, header(call.scope, b"origin"), required=required)


def mask_body(body: Body, app: AppFacts, settings: MonitoringSettings) -> None:
    """Take out of a body what its app, or else the installation, does not want to be stored.

    What a page sends as an event of its own (`custom`) belongs to its application and is left alone.
    """
    masks = settings.masks if app.masks is None else app.masks
    if not masks or body.eventName == "custom":
        return
    masker = _masker(tuple(masks))
    if not is_json_null(body.data):
        body.data = rewritten(body.data, masker)
    if not is_json_null(body.events):
        body.events = rewritten(body.events, masker)
    if not is_json_null(body.devices):
        body.devices = rewritten(body.devices, masker)


@cache
def _masker(masks: tuple[str, ...]) -> Masker:
    return Masker(masks)


MAX_PART_BYTES = 32 * 1024


def json_part(raw: msgspec.Raw, field: str, *, most: int | None = MAX_PART_BYTES) -> bytes | None:
    """A JSON part that is stored as it came; None when absent or null. `most` None: as long as the body may be.

    Raises:
        InvalidParameters: more than `most` bytes, or a number in it that cannot be stored.
    """
    if is_json_null(raw):
        return None
    content = bytes(raw)
    if most is not None and len(content) > most:
        raise InvalidParameters(field=field, limit_bytes=most)
    return storable(raw)
