"""Which addresses on the web may be posted to. Names are looked up when they are asked (core.webhooks), and looked at again then."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

URL_MOST: Final = 2048
# What a client may read as a number instead of asking for it as a name: 127.1, 2130706433, 0x7f.1 (WHATWG URL, "ends in a number").
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)


def url_problem(url: str, *, private: bool) -> str | None:
    """Why something cannot be the address of a webhook, None when it can. `private` allows addresses of the operator's own network."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "must be an http or https address"
    if len(url) > URL_MOST or not url.isprintable() or " " in url:
        return "is not an address"
    if not parts.hostname.isascii():  # of full-width digits a client makes 127.0.0.1
        return "must name its host in ASCII (xn--…)"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name"
    if not allowed_host(parts.hostname, private=private):
        return "leads to an address that is not allowed"
    return None


def allowed_host(host: str, *, private: bool) -> bool:
    """Whether a host may be asked, as far as its text tells: names are looked up when they are asked."""
    try:
        return allowed_address(host, private=private)
    except ValueError:
        if _NUMERIC.fullmatch(host):
            return False
        return private or host.lower().rstrip(".") != "localhost"


def allowed_address(text: str, *, private: bool) -> bool:
    """Whether an IP address may be asked. Link-local ones never: clouds keep their machines' credentials there. Raises ValueError for what is none."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or address
    if inner.is_loopback:  # IPv6 counts its own among the reserved ones
        return private
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        return False
    return private or inner.is_global
