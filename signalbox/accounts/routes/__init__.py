"""The doors of accounts: signing in and out, changing the password, the start page; the own account, members and keys as JSON."""

from __future__ import annotations

from litestar import Router

from signalbox.accounts.routes import keys, me, members
from signalbox.accounts.routes.signing_in import (
    change_password,
    change_password_page,
    login,
    login_page,
    logout,
    start_page,
)
from signalbox.http.errors import named_error
from signalbox.http.guards import exception_handlers
from signalbox.http.paging import paging_dependencies

route_handlers = [
    Router(
        "/",
        route_handlers=[
            login_page,
            login,
            logout,
            change_password_page,
            change_password,
            start_page,
            Router(
                "/v1",
                route_handlers=[*me.HANDLERS, *members.HANDLERS, *keys.HANDLERS],
                tags=["accounts"],
            ),
        ],
        dependencies=dict(paging_dependencies()),
        exception_handlers=exception_handlers(lambda _path: named_error),
    )
]

__all__ = ["route_handlers"]
