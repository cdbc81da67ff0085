"""What may be forgotten, kept in Redis for a while; when Redis is away it is forgotten."""

from __future__ import annotations

from signalbox.core.live import Live, LiveUnavailableError


class LiveMemory:
    """Values by key."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def keep(self, key: str, value: bytes, *, seconds: int) -> None:
        """Keep a value for a while."""
        try:
            async with self._live.connection() as redis:
                await redis.set(key, value, ex=seconds)
        except LiveUnavailableError:
            return

    async def take(self, key: str) -> bytes | None:
        """The value, which is forgotten by that; None when there is none."""
        try:
            async with self._live.connection() as redis:
                found = await redis.getdel(key)
        except LiveUnavailableError:
            return None
        return found.encode() if isinstance(found, str) else found
