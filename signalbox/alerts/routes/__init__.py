"""Alerts of all contexts under `/v1/alerts`.

The application gives the dependencies `db` (Database), `clock` (Clock), `actor` (Actor) and `channels` (Channels).
"""

from __future__ import annotations

from litestar import Router

from signalbox.alerts.routes import found, written
from signalbox.alerts.routes.playback import playback_handlers
from signalbox.http.errors import named_error
from signalbox.http.guards import exception_handlers
from signalbox.http.paging import paging_dependencies

__all__ = ["alerts_router", "playback_handlers"]


def alerts_router() -> Router:
    """All of them."""
    return Router(
        "/v1/alerts",
        route_handlers=[*found.HANDLERS, *written.HANDLERS],
        dependencies=dict(paging_dependencies()),
        exception_handlers=exception_handlers(lambda _path: named_error),
        tags=["alerts"],
    )
