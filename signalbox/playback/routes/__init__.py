"""The reading and managing routes of playback, under `/v1/playback`.

The application's state carries `accounts` and `playback` (`visiting.Reading`).
"""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from signalbox.playback.routes import figures, sessions
from signalbox.playback.routes.admin import admin_router
from signalbox.playback.routes.asked import provide_filters
from signalbox.playback.routes.visiting import Visits, handlers, provide_eraser, provide_reader


def playback_router(more: Sequence[ControllerRouterHandler] = ()) -> Router:
    """All of them, and the handlers in `more` beside them, which other contexts answer in the manner of playback."""
    return Router(
        "/v1/playback",
        route_handlers=[*sessions.HANDLERS, *figures.HANDLERS, *more, admin_router()],
        dependencies={
            "reader": Provide(provide_reader),
            "eraser": Provide(provide_eraser),
            "filters": Provide(provide_filters),
        },
        middleware=[Visits],
        exception_handlers=handlers(),
        tags=["playback"],
    )
