"""The reading side of monitoring: Litestar routes under `/v1` and, the same, at the root.

The application gives the dependencies `db` (Database), `clock` (Clock) and `actor` (Actor).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from signalbox.core.errors import AppError
from signalbox.http.errors import named_error
from signalbox.http.guards import exception_handlers
from signalbox.http.paging import paging_dependencies
from signalbox.monitoring.routes import (
    app_figures,
    conferences,
    connections,
    diagnoses,
    dimensions,
    erasures,
    events,
    export,
    figures,
    graphs,
    imports,
    issues,
    overview,
    participants,
    profiles,
    search,
    sessions,
    tracks,
    usage,
)
from signalbox.monitoring.routes.apps import AppDefaults
from signalbox.monitoring.routes.filters import provide_span

HANDLERS: tuple[ControllerRouterHandler, ...] = (
    *conferences.HANDLERS,
    *diagnoses.HANDLERS,
    *export.HANDLERS,
    *sessions.HANDLERS,
    *participants.HANDLERS,
    *profiles.HANDLERS,
    *erasures.HANDLERS,
    *connections.HANDLERS,
    *tracks.HANDLERS,
    *issues.HANDLERS,
    *dimensions.HANDLERS,
    *events.HANDLERS,
    *graphs.HANDLERS,
    *app_figures.HANDLERS,
    *figures.HANDLERS,
    *overview.HANDLERS,
    *imports.HANDLERS,
    *search.HANDLERS,
    *usage.HANDLERS,
)


def _parity_status(error: AppError) -> int:
    return 400 if error.code.endswith("_not_found") else error.status


def monitoring_router(
    *,
    more: Sequence[ControllerRouterHandler] = (),
    not_found_as_400: bool = False,
    emos_version: int = 2,
    app_defaults: AppDefaults | None = None,
) -> Router:
    """All reading routes of monitoring, and the handlers in `more` beside them.

    `not_found_as_400` answers 400 where an id in a path is unknown, as some
    clients of the PeerMetrics API expect. `emos_version` is the formula of scores, `app_defaults` what holds for apps that say nothing else.
    The reference lists only the `/v1` addresses.
    """
    handlers = [*HANDLERS, *more]
    dependencies: dict[str, Any] = {
        **paging_dependencies(),
        **overview.chart_dependencies(),
        **dimensions.remembering(),
        **app_figures.figure_dependencies(),
        "span": Provide(provide_span),
        "app_defaults": Provide(lambda: app_defaults or AppDefaults(), sync_to_thread=False),
        "emos_version": Provide(lambda: emos_version, sync_to_thread=False),
    }
    return Router(
        "/",
        route_handlers=[
            Router("/v1", route_handlers=handlers, tags=["monitoring"]),
            Router("/", route_handlers=handlers, include_in_schema=False),
        ],
        dependencies=dependencies,
        exception_handlers=exception_handlers(
            lambda _path: named_error, status_of=_parity_status if not_found_as_400 else None
        ),
    )
