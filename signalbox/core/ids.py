"""Identifiers: random ones for new things, derived ones for things that must come out the same twice."""

from __future__ import annotations

import os
from typing import Final
from uuid import UUID, SafeUUID, uuid5

# Randomness is asked for in pieces of 256 ids: one call each cost more than all the rest of an id (measured). `pop` and `extend` are atomic,
# so that threads never share one; a forked process begins with none, or it would make its parent's ids again.
_PIECE: Final = 256
_random: list[int] = []
os.register_at_fork(after_in_child=_random.clear)
_FIXED_BITS: Final = (0xF << 76) | (0x3 << 62)
_VERSION_4: Final = (0x4 << 76) | (0x2 << 62)


def new_id() -> UUID:
    """A random version 4 UUID (RFC 9562, 5.4)."""
    try:
        number = _random.pop()
    except IndexError:
        raw = os.urandom(16 * _PIECE)
        number, *more = (int.from_bytes(raw[n : n + 16]) for n in range(0, len(raw), 16))
        _random.extend(more)
    return _of_number((number & ~_FIXED_BITS) | _VERSION_4)


def _of_number(number: int) -> UUID:
    """As `UUID(int=number)`, without the checks of what it could have been given instead."""
    made = UUID.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def derived_id(namespace: UUID, *parts: object) -> UUID:
    """A version 5 UUID (RFC 9562, 5.5) that is the same for the same namespace and parts."""
    return uuid5(namespace, "/".join(str(part) for part in parts))
