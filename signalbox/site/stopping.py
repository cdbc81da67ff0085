"""The event loop of `serve`: tells those who hold requests open when the process is asked to end.

The server waits for open requests before it says so to the application, and kills a process that takes longer than it may. A live stream would never end by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import uvloop
from granian import loops

NAME: Final = "signalbox"


class StoppingLoop(uvloop.Loop):
    """uvloop, with calls that come before any handler of a signal to end. They must return at once."""

    def __init__(self) -> None:
        super().__init__()
        self.before_stop: list[Callable[[], None]] = []

    def add_signal_handler(  # type: ignore[override]  # the base is generic in its arguments
        self, sig: int, callback: Callable[..., Any], *args: Any
    ) -> None:
        """As ever, but `before_stop` is called first."""

        def stop() -> None:
            for told in self.before_stop:
                told()
            callback(*args)

        super().add_signal_handler(sig, stop)


@loops.register(NAME)
def make_loop() -> asyncio.AbstractEventLoop:
    """For the server, by name."""
    loop = StoppingLoop()
    asyncio.set_event_loop(loop)
    return loop


def before_stop(told: Callable[[], None]) -> None:
    """Have `told` called when the process is asked to end; without effect in another loop than `serve`'s."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, StoppingLoop):
        loop.before_stop.append(told)
