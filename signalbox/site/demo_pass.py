"""The pass by which `signalbox demo` plays faster than any limit: valid on this machine only, for a minute.

It is made from a secret of the data folder, so whoever may read that folder can make one. A page cannot
send it (no CORS answer allows its header), and behind a proxy it is worth nothing: the request must
come straight from a loopback address.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from signalbox.http.peers import header

HEADER: Final = "X-Signalbox-Demo"
LIFE_S: Final = 60
_NAME: Final = HEADER.lower().encode()
# What proxies add: a request with one of these comes from somewhere else.
_FORWARDED: Final = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via", b"x-forwarded-host")


def make_pass(secret: str, *, at: datetime) -> str:
    """A pass for `LIFE_S` seconds: its end as a Unix time, a full stop, a signature in hexadecimal."""
    end = str(int(at.timestamp()) + LIFE_S)
    return f"{end}.{_signature(secret, end)}"


def passes(secret: str | None) -> Callable[[Any, datetime], bool]:
    """Whether a request (its ASGI scope) carries a pass that is valid at an instant; never without a secret."""

    def is_demo(scope: Any, at: datetime) -> bool:
        given = header(scope, _NAME)
        if given is None or not secret:
            return False
        return _is_near(scope) and _is_valid(given, secret, at)

    return is_demo


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_near(scope: Any) -> bool:
    peer = (scope.get("client") or ("",))[0]
    return is_loopback(peer) and not any(header(scope, name) for name in _FORWARDED)


def _is_valid(given: str, secret: str, at: datetime) -> bool:
    end, _, signature = given.partition(".")
    if not (end.isascii() and end.isdecimal() and len(end) <= 12 and signature.isascii()):
        return False
    now = at.timestamp()
    return now < int(end) <= now + LIFE_S and hmac.compare_digest(
        signature, _signature(secret, end)
    )


def _signature(secret: str, end: str) -> str:
    return hmac.new(secret.encode(), f"signalbox demo\0{end}".encode(), "sha256").hexdigest()
