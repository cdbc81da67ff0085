"""Where a request comes from, believing forwarding headers only from proxies that the operator named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and ranges of trusted proxies; ValueError names a bad one."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """The first header with this lower-case name, or None."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


def client_address(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """The client's address: the peer, or behind trusted proxies the last forwarded address that is none of them; "" if unknown."""
    peer = _peer(scope)
    if not is_trusted_peer(scope, trusted):
        return peer
    forwarded = header(scope, b"x-forwarded-for")
    hops = forwarded.split(",") if forwarded else [header(scope, b"x-real-ip") or ""]
    for hop in reversed([hop.strip() for hop in hops]):
        if not _is_address(hop):
            return peer
        if not _is_trusted(hop, trusted):
            return hop
    return peer


def is_trusted_peer(scope: Mapping[str, Any], trusted: Sequence[Network]) -> bool:
    """Whether the other end of the socket is one of the proxies."""
    return bool(trusted) and _is_trusted(_peer(scope), trusted)


def _peer(scope: Mapping[str, Any]) -> str:
    return (scope.get("client") or ("", 0))[0] or ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in trusted)
