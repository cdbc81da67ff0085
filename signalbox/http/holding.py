"""Memory for the bodies that are being worked on, so that many big ones at once are refused and not held."""

from __future__ import annotations

from signalbox.core.errors import Overloaded


class Holding:
    """Bytes of the bodies that are being worked on. What must not take each other's room has each its own."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes, self._held_bytes = limit_bytes, 0

    def make_sure_of_room(self, size_bytes: int) -> None:
        """Raises Overloaded when a body of this size would find no room; it need not be read then."""
        if self._held_bytes + size_bytes > self._limit_bytes:
            raise Overloaded(retry_after_s=1)

    def take(self, size_bytes: int) -> None:
        """Make room for bytes that came; Overloaded when there is none."""
        self.make_sure_of_room(size_bytes)
        self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """They are dealt with."""
        self._held_bytes -= size_bytes


class Held:
    """What one request has taken of a holding, given back at the end."""

    __slots__ = ("_bytes", "_holding")

    def __init__(self, holding: Holding) -> None:
        self._holding, self._bytes = holding, 0

    def take(self, size_bytes: int) -> None:
        """As `Holding.take`."""
        self._holding.take(size_bytes)
        self._bytes += size_bytes

    def give_back(self) -> None:
        """All of it."""
        self._holding.give_back(self._bytes)
