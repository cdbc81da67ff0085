"""Who may report, and how often. What a door asks before it reads a body."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from signalbox.core.limits import EXACT_LIMIT, Rate, Verdict
from signalbox.http.errors import Header
from signalbox.http.peers import client_address, header
from signalbox.playback.errors import (
    InvalidKey,
    KeyRevoked,
    QuotaUsedUp,
    ScopeMissing,
    StorageAway,
    TooManyRequests,
)
from signalbox.playback.ingest.parts import Exchange, Parts, Scope
from signalbox.playback.rules.keys import BUILT_IN, KeyFacts

INGEST: Final = "ingest"
FAILED_KEYS: Final = 60  # of one address in FAILED_WINDOW_S
FAILED_WINDOW_S: Final = 60
SESSION_LIMIT: Final = 300  # posts about one session of CMCD; a player was seen at 120 a minute
CMCD_WINDOW_S: Final = 60
_ADDRESSES_MAX: Final = 10_000
_DAY_S: Final = 86_400
CHALLENGE: Final[Header] = (b"www-authenticate", b"ApiKey")


class Admission:
    """Keys, scopes, limits and quotas of one process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._refused_until: OrderedDict[str, datetime] = OrderedDict()

    async def admit(
        self, scope: Scope, exchange: Exchange, *, needs: str, at: datetime
    ) -> KeyFacts:
        """The key of a request that may pass; what every answer to it must carry is put into the exchange.

        Raises:
            InvalidKey, ScopeMissing, TooManyRequests, QuotaUsedUp: it may not.
            StorageAway: nobody can tell now.
        """
        key = await self._key(key_of(scope), scope, exchange, at)
        await self._within(key, scope, needs, lambda: self._limit(scope, exchange, key, at))
        if needs == INGEST:
            self._check_records(key)
        return key

    def is_unknown(self, scope: Scope, *, at: datetime) -> bool:
        """Whether a request carries a key that is none of those seen lately, from an address that may still ask."""
        secret = key_of(scope)
        until = self._refused_until.get(client_address(scope, self._parts.trusted))
        is_refused = until is not None and at < until
        return bool(secret) and not is_refused and not self._parts.keys.has_seen(secret)

    async def admit_known(
        self, scope: Scope, exchange: Exchange, key: KeyFacts, *, needs: str, at: datetime
    ) -> None:
        """As `admit`, with a key that somebody else has looked up."""
        exchange.tenant, exchange.key_id = key.app_name, str(key.id)
        self._parts.told.key_used(exchange.key_id, key.status)
        await self._within(key, scope, needs, lambda: self._limit(scope, exchange, key, at))

    async def admit_page(
        self, secret: str, scope: Scope, exchange: Exchange, *, at: datetime
    ) -> KeyFacts:
        """As `admit`, with a key that stands in a page and the limits of what pages report.

        Raises:
            KeyRevoked: it was good once, and whoever has it still can stop; InvalidKey and all others as `admit`.
        """
        try:
            key = await self._key(secret, scope, exchange, at)
        except InvalidKey:
            if await self._parts.keys.was_revoked(secret):
                raise KeyRevoked from None
            raise
        if key.id == BUILT_IN and not self._parts.built_in_in_pages:
            raise InvalidKey
        await self._within(key, scope, INGEST, lambda: self._limit_page(scope, exchange, key, at))
        self._check_records(key)
        return key

    async def limit_session(
        self, scope: Scope, key: KeyFacts, session_id: str, *, at: datetime
    ) -> None:
        """A player that cannot stop must not use up what all pages share. Raises TooManyRequests."""
        parts = self._parts
        if parts.excused(scope, at):
            return
        who = f"{key.app.hex}:{session_id}"
        verdict = await parts.credits.hit("cmcd-session", who, SESSION_LIMIT, CMCD_WINDOW_S)
        self._need(verdict, key, "cmcd_session", CMCD_WINDOW_S)

    async def glance(self, secret: str, *, at: datetime) -> KeyFacts | None:
        """Whose a key is, for a preflight: that counts nowhere, and what is wrong with the key the request itself is told."""
        try:
            return await self._parts.keys.find(secret, at=at)
        except StorageAway:
            return None

    def _check_records(self, key: KeyFacts) -> None:
        if not key.records:
            self._parts.told.limited(key.app_name, "suspended")
            raise QuotaUsedUp(retry_after_s=3600)

    async def count_report(self, key: KeyFacts, *, at: datetime) -> None:
        """Count one report against what the app may send in a UTC day. Raises QuotaUsedUp."""
        quota = key.daily_quota
        if quota is None:
            return
        # A window of a day under the name of the day ends with it, whenever in it a report was counted.
        who = f"{key.app.hex}:{at:%Y%m%d}"
        grant = await self._parts.limits.reserve("playback-quota", who, Rate(quota, _DAY_S), most=1)
        if not grant.granted:
            self._parts.told.limited(key.app_name, "quota")
            midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            raise QuotaUsedUp(retry_after_s=math.ceil((midnight - at).total_seconds()))

    async def _within(
        self, key: KeyFacts, scope: Scope, needs: str, limit: Callable[[], Awaitable[None]]
    ) -> None:
        """Whether the key may do this, and now. What it may not do counts, too, and is told before that it came too soon."""
        try:
            _check(key, scope, needs)
        except ScopeMissing:
            with suppress(TooManyRequests):
                await limit()
            raise
        await limit()

    async def _key(self, secret: str, scope: Scope, exchange: Exchange, at: datetime) -> KeyFacts:
        facts = self._parts.keys.at_hand(secret)
        if facts is None or not facts.is_in_force(at):
            facts = await self._asked(secret, scope, at)
        exchange.tenant, exchange.key_id = facts.app_name, str(facts.id)
        self._parts.told.key_used(exchange.key_id, facts.status)
        return facts

    async def _asked(self, secret: str, scope: Scope, at: datetime) -> KeyFacts:
        """A key that is not at hand. An address that has guessed too often is believed only what was good lately."""
        address = client_address(scope, self._parts.trusted)
        until = self._refused_until.get(address)
        if until is not None and at < until and not self._parts.keys.has_seen(secret):
            raise TooManyRequests(retry_after_s=math.ceil((until - at).total_seconds()))
        facts = await self._parts.keys.find(secret, at=at) if secret else None
        if facts is not None:
            return facts
        await self._count_failure(address, at)
        raise InvalidKey

    async def _count_failure(self, address: str, at: datetime) -> None:
        verdict = await self._parts.limits.hit(
            "playback-keys", f"ip:{address}", FAILED_KEYS, FAILED_WINDOW_S
        )
        if verdict.allowed:
            return
        self._refused_until[address] = at + timedelta(seconds=verdict.retry_after_s)
        if len(self._refused_until) > _ADDRESSES_MAX:
            self._refused_until.popitem(last=False)
        self._parts.told.limited("", "failed_keys")
        raise TooManyRequests(retry_after_s=verdict.retry_after_s)

    async def _limit(self, scope: Scope, exchange: Exchange, key: KeyFacts, at: datetime) -> None:
        parts = self._parts
        if parts.excused(scope, at):
            return
        limit = key.limit or parts.settings.rate_limit_requests
        window_s = key.window_s or parts.settings.rate_limit_window_s
        # Few hits are counted one by one by all processes together; of very many a batch at a time is near enough.
        counter = parts.limits if limit <= EXACT_LIMIT else parts.credits
        verdict = await counter.hit("playback", f"{key.app.hex}:{key.bucket}", limit, window_s)
        exchange.headers += limit_headers(verdict, at)
        self._need(verdict, key, "rate_limit", window_s)

    async def _limit_page(
        self, scope: Scope, exchange: Exchange, key: KeyFacts, at: datetime
    ) -> None:
        parts = self._parts
        if parts.excused(scope, at):
            return
        most, who = parts.settings.cmcd_rate_limit_requests, f"{key.app.hex}:{key.bucket}"
        verdict = await parts.credits.hit("cmcd", who, most, CMCD_WINDOW_S)
        exchange.headers += limit_headers(verdict, at)
        self._need(verdict, key, "cmcd", CMCD_WINDOW_S)

    def _need(self, verdict: Verdict, key: KeyFacts, reason: str, window_s: int) -> None:
        if verdict.allowed:
            return
        self._parts.told.limited(key.app_name, reason)
        raise TooManyRequests(retry_after_s=min(max(1, verdict.retry_after_s), window_s))


def _check(key: KeyFacts, scope: Scope, needs: str) -> None:
    """Whether the key may do this, and for this page. Raises ScopeMissing."""
    if needs not in key.scopes:
        raise ScopeMissing(required_scope=needs)
    origin = header(scope, b"origin")
    if key.origins and origin is not None and origin.lower() not in key.origins:
        raise ScopeMissing(origin="not allowed")


def key_of(scope: Scope) -> str:
    """The key that a request carries in `X-API-Key` or as a bearer; "" without one."""
    bearer = ""
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return bytes(value).decode("latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = bytes(value[7:]).decode("latin-1").strip()
    return bearer


def limit_headers(verdict: Verdict, at: datetime) -> list[Header]:
    """How much of the limit is left, and when one more request is possible again, in seconds since the Unix epoch."""
    frees_at_s = math.ceil(at.timestamp() + verdict.frees_ms / 1000)
    return [
        (b"x-ratelimit-limit", b"%d" % verdict.limit),
        (b"x-ratelimit-remaining", b"%d" % max(0, verdict.remaining)),
        (b"x-ratelimit-reset", b"%d" % frees_at_s),
    ]
