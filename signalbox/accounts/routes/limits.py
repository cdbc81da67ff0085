"""How often passwords may be tried."""

from __future__ import annotations

from typing import Any

from litestar import Request

from signalbox.accounts import rules
from signalbox.accounts.errors import RateLimited
from signalbox.accounts.guards import Accounts


async def limit_tries(accounts: Accounts, request: Request[Any, Any, Any]) -> None:
    """Count one try of this address. Raises RateLimited over five in five minutes."""
    ip = accounts.client_ip(request.scope) or "local"
    verdict = await accounts.limiter.hit(
        "login", f"ip:{ip}", limit=rules.LOGIN_TRIES, window_s=rules.LOGIN_WINDOW_S
    )
    if not verdict.allowed:
        raise RateLimited(retry_after_s=verdict.retry_after_s)
