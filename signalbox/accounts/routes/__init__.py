"""The doors of accounts: signing in and out, changing the password, the start page."""

from __future__ import annotations

from signalbox.accounts.routes.signing_in import (
    change_password,
    change_password_page,
    login,
    login_page,
    logout,
    start_page,
)

route_handlers = [
    login_page,
    login,
    logout,
    change_password_page,
    change_password,
    start_page,
]

__all__ = ["route_handlers"]
