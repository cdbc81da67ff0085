"""The reading and managing routes of playback, under `/v1/playback`.

The application's state carries `accounts` and `playback` (`visiting.Reading`).
"""

from __future__ import annotations

from litestar import Router
from litestar.di import Provide

from signalbox.playback.routes import figures, sessions
from signalbox.playback.routes.admin import admin_router
from signalbox.playback.routes.asked import provide_filters
from signalbox.playback.routes.visiting import Visits, handlers, provide_eraser, provide_reader


def playback_router() -> Router:
    """All of them."""
    return Router(
        "/v1/playback",
        route_handlers=[*sessions.HANDLERS, *figures.HANDLERS, admin_router()],
        dependencies={
            "reader": Provide(provide_reader),
            "eraser": Provide(provide_eraser),
            "filters": Provide(provide_filters),
        },
        middleware=[Visits],
        exception_handlers=handlers(),
        tags=["playback"],
    )
