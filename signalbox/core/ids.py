"""Identifiers: random ones for new things, derived ones for things that must come out the same twice."""

from __future__ import annotations

from os import urandom
from uuid import UUID, uuid5


def new_id() -> UUID:
    """A random version 4 UUID (RFC 9562, 5.4)."""
    raw = bytearray(urandom(16))
    raw[6] = (raw[6] & 0x0F) | 0x40
    raw[8] = (raw[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(raw))


def derived_id(namespace: UUID, *parts: object) -> UUID:
    """A version 5 UUID (RFC 9562, 5.5) that is the same for the same namespace and parts."""
    return uuid5(namespace, "/".join(str(part) for part in parts))
