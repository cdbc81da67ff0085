"""`signalbox serve`: the site on Granian, in one process or several."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, cast

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from signalbox.core.logging import configure_from
from signalbox.site import stopping
from signalbox.site.settings import Settings

STOP_WITHIN_S = (
    10  # to answer what is being worked on; what is committed later was not acknowledged
)
BACKLOG = 4096
MAX_CONNECTIONS = (
    50_000  # of one process, those included that a browser keeps open and does not use
)
SPARE_FILES = 200


def serve(settings: Settings, processes: int) -> None:
    """Answer requests until SIGTERM or SIGINT; settings are read from the environment again."""
    configure_logs(settings)
    server = Granian(
        "signalbox.site.app:site_from_env",
        address=settings.site.host,
        port=settings.site.port,
        interface=Interfaces.ASGI,
        loop=cast("Loops", stopping.NAME),
        workers=processes,
        backlog=BACKLOG,
        backpressure=connections_at_most(),
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_WITHIN_S,
    )
    server.serve(target_loader=load_site)


def connections_at_most() -> int:
    """As many connections as this process may have files. The server leaves others waiting, idle ones count: too small a number starves pages."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        most = MAX_CONNECTIONS + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, MAX_CONNECTIONS + SPARE_FILES), most))
    return max(128, min(most - SPARE_FILES, MAX_CONNECTIONS))


def load_site(_target: str) -> Callable[..., Any]:
    """Runs in each process: its end is bound to its parent's, even if that is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
    from signalbox.site.app import site_from_env
    from signalbox.site.settings import load_settings

    configure_logs(load_settings(os.environ))
    site: Callable[..., Any] = site_from_env()
    spare_collector()
    return site


def spare_collector() -> None:
    """Look for reference cycles seldom: what a request makes dies with its last reference. A tenth of the CPU of ingest went into looking (measured)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def configure_logs(settings: Settings) -> None:
    """Logs of this process, as the settings want them."""
    core = settings.core
    configure_from(core.log_format, core.log_level, production=core.production)
