"""A UDP relay that stands between one participant and a TURN server and makes the network between them as bad as wanted.

With relay-only ICE everything that a page sends and receives passes it, so no help of the kernel (netem) is needed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

Address = tuple[str, int]
Deliver = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What happens to datagrams in one direction; the default lets them pass at once.

    `loss` is the share of datagrams lost at random. `burst` is the chance that a loss burst begins with a datagram, which then lasts
    `burst_ms`. `jitter_ms` is the largest addition to `delay_ms`; datagrams may overtake one another. `rate_kbps` is drained from a queue
    that holds `queue_ms` of traffic and drops what does not fit.
    """

    loss: float = 0.0
    burst: float = 0.0
    burst_ms: float = 400.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    rate_kbps: float | None = None
    queue_ms: float = 400.0


class Pipe:
    """One direction of one participant."""

    def __init__(self, trouble: Trouble, dice: random.Random) -> None:
        self.trouble = trouble
        self._dice = dice
        self._lost_until = 0.0
        self._free_at = 0.0  # when the last queued datagram will have left

    def send(self, data: bytes, deliver: Deliver) -> None:
        """Deliver now, later or never."""
        loop = asyncio.get_running_loop()
        now, trouble = loop.time(), self.trouble
        if now < self._lost_until or self._dice.random() < trouble.loss:
            return
        if self._dice.random() < trouble.burst:
            self._lost_until = now + trouble.burst_ms / 1000
            return
        wait = trouble.delay_ms / 1000 + self._dice.random() * trouble.jitter_ms / 1000
        if trouble.rate_kbps is not None:
            begins = max(now, self._free_at)
            if begins - now > trouble.queue_ms / 1000:
                return
            self._free_at = begins + len(data) * 8 / (trouble.rate_kbps * 1000)
            wait += self._free_at - now
        if wait <= 0:
            deliver(data)
        else:
            loop.call_later(wait, deliver, data)


class _Upstream(asyncio.DatagramProtocol):
    """The socket that speaks to the TURN server for one socket of the page."""

    def __init__(self, received: Deliver) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._received(data)


class Relay(asyncio.DatagramProtocol):
    """What one participant takes for the TURN server; `up` is from the participant on."""

    def __init__(self, target: Address, seed: int) -> None:
        dice = random.Random(seed)
        self.up, self.down = Pipe(Trouble(), dice), Pipe(Trouble(), dice)
        self._target = target
        self._outside: asyncio.DatagramTransport | None = None
        self._inside: dict[Address, asyncio.DatagramTransport] = {}
        self._opening: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, target: Address, seed: int) -> Relay:
        """Listen on a free port of the loopback."""
        loop = asyncio.get_running_loop()
        _, relay = await loop.create_datagram_endpoint(
            lambda: cls(target, seed), local_addr=("127.0.0.1", 0)
        )
        return relay

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._outside is not None
        return int(self._outside.get_extra_info("sockname")[1])

    def set(self, *, up: Trouble | None = None, down: Trouble | None = None) -> None:
        """Change what happens from now on."""
        self.up.trouble = up or self.up.trouble
        self.down.trouble = down or self.down.trouble

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outside = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        task = asyncio.ensure_future(self._forward(data, addr))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _forward(self, data: bytes, addr: Address) -> None:
        if addr not in self._inside:
            loop = asyncio.get_running_loop()
            opened, _ = await loop.create_datagram_endpoint(
                lambda: _Upstream(lambda answer: self._back(answer, addr)),
                remote_addr=self._target,
            )
            if addr in self._inside:
                opened.close()
            else:
                self._inside[addr] = opened
        inside = self._inside[addr]
        self.up.send(data, inside.sendto)

    def _back(self, data: bytes, addr: Address) -> None:
        def deliver(late: bytes) -> None:
            if self._outside is not None and not self._outside.is_closing():
                self._outside.sendto(late, addr)

        self.down.send(data, deliver)

    def close(self) -> None:
        """Close all sockets."""
        for transport in [*self._inside.values(), self._outside]:
            if transport is not None:
                transport.close()
