"""Webhooks: JSON posted to other hosts, signed, from a queue in the database; e-mail goes the same way.

Whoever has something to tell queues it in his own transaction (`core.outgoing.queue`), so that it is told if and only if that commits, and
no answer waits for a foreign host. The worker sends: three tries with growing pauses, no redirects, a time limit, and no address that
an operator's network should not be asked from outside.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from psycopg import AsyncConnection

from signalbox.core import outgoing
from signalbox.core.outgoing import Claimed, DeliveryFailed
from signalbox.core.sealing import Sealer, Unsealable
from signalbox.core.webhook_urls import allowed_address, url_problem

TIMEOUT_S: Final = 10.0
USER_AGENT: Final = "Signalbox-Webhooks"
DELIVERY_HEADER: Final = "X-Signalbox-Delivery"
SIGNATURE_HEADER: Final = "X-Signalbox-Signature"
GONE: Final = frozenset({400, 401, 403, 404, 405, 410})  # asking again would be answered the same

log = structlog.get_logger(__name__)

Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]]
SendEmail = Callable[[str, str, bytes], Awaitable[None]]
"""Sends (addresses, subject, text). Raises DeliveryFailed."""


class ForbiddenAddress(OSError):
    """The name leads to an address that is not to be asked."""


def signature(secret: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA-256 (RFC 2104) of the body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class _Guarded(AbstractResolver):
    """Looks names up and refuses forbidden addresses, so that a name cannot change its mind between check and use."""

    def __init__(self, *, private: bool) -> None:
        self._inner, self._private = ThreadedResolver(), private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a host. Raises ForbiddenAddress when one of them may not be asked."""
        found = await self._inner.resolve(host, port, family)
        if not all(allowed_address(one["host"], private=self._private) for one in found):
            raise ForbiddenAddress(host)
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


class Courier:
    """Sends what is due. `begin` opens a transaction; `email` is None where no mail server is configured."""

    def __init__(
        self,
        begin: Begin,
        sealer: Sealer,
        *,
        private: bool,
        email: SendEmail | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._begin, self._sealer, self._private, self._email = begin, sealer, private, email
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def send_due(self, *, at: datetime) -> int:
        """Send what is due at `at`, several at once, outside of any transaction; how many were tried."""
        async with self._begin() as connection:
            claimed = await outgoing.claim(connection, at=at)
        if not claimed:
            return 0
        connector = aiohttp.TCPConnector(resolver=_Guarded(private=self._private), limit=10)
        async with aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as client:
            await asyncio.gather(*(self._try(client, one, at) for one in claimed))
        return len(claimed)

    async def _try(self, client: aiohttp.ClientSession, claimed: Claimed, at: datetime) -> None:
        sent = final = False
        try:
            outcome = await self._send(client, claimed)
            sent = True
        except DeliveryFailed as failed:
            outcome, final = failed.outcome, failed.final
        async with self._begin() as connection:
            await outgoing.settle(
                connection, claimed, sent=sent, final=final, outcome=outcome, at=at
            )
        told = {"message": str(claimed.id), "kind": claimed.kind, "outcome": outcome}
        if sent:
            log.info("message.sent", number=claimed.number, **told)
        else:
            log.warning("message.not_sent", number=claimed.number, **told)

    async def _send(self, client: aiohttp.ClientSession, claimed: Claimed) -> str:
        try:
            target, secret = outgoing.unsealed(self._sealer, claimed)
        except Unsealable:
            raise DeliveryFailed("secret_lost", final=True) from None
        if claimed.kind == "webhook":
            return await self._post(client, claimed, target, secret)
        if self._email is None:
            raise DeliveryFailed("no_mail_server", final=True)
        await self._email(target, claimed.subject or "", claimed.body)
        return "accepted"

    async def _post(
        self, client: aiohttp.ClientSession, claimed: Claimed, url: str, secret: str | None
    ) -> str:
        if url_problem(url, private=self._private) is not None:
            raise DeliveryFailed("forbidden_address", final=True)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            DELIVERY_HEADER: str(claimed.id),
        }
        if secret is not None:
            headers |= dict.fromkeys(claimed.signatures, signature(secret, claimed.body))
        try:
            answer = client.post(url, data=claimed.body, headers=headers, allow_redirects=False)
            async with answer as response:  # its body is nobody's business here
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise DeliveryFailed(*_failure(error)) from None
        if not 200 <= status < 300:
            raise DeliveryFailed(str(status), final=status in GONE)
        return str(status)


def _failure(error: Exception) -> tuple[str]:
    if isinstance(error, TimeoutError):
        return ("timeout",)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddress):
            return ("forbidden_address",)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return ("unreachable" if isinstance(error, aiohttp.ClientConnectionError) else "failed",)
