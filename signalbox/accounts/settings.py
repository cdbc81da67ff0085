"""Settings of logins and tenants."""

from __future__ import annotations

from dataclasses import dataclass

from signalbox.core.settings import at_least, between, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings:
    """Who the first administrator is, how long logins last, what may be open in development."""

    admin_username: str = setting(
        "admin",
        env="SIGNALBOX_ADMIN_USERNAME",
        aliases=("DEFAULT_ADMIN_USERNAME",),
        doc="Login name of the administrator made on the first start.",
    )
    admin_email: str = setting(
        "admin@localhost",
        env="SIGNALBOX_ADMIN_EMAIL",
        aliases=("DEFAULT_ADMIN_EMAIL", "BOOTSTRAP_ADMIN_EMAIL"),
        doc="E-mail address of the administrator made on the first start.",
    )
    admin_password: str | None = setting(
        None,
        env="SIGNALBOX_ADMIN_PASSWORD",
        aliases=("DEFAULT_ADMIN_PASSWORD", "BOOTSTRAP_ADMIN_PASSWORD"),
        secret=True,
        doc="Password of that administrator; unset means a random one, printed once.",
    )
    login_days: int = setting(
        28,
        env="SIGNALBOX_LOGIN_DAYS",
        doc="Days until a login must be repeated.",
        check=between(1, 365),
    )
    cookie_domain: str | None = setting(
        None,
        env="SIGNALBOX_COOKIE_DOMAIN",
        aliases=("COOKIE_DOMAIN",),
        doc="Domain of the login cookie; unset means this host only.",
    )
    max_organizations: int | None = setting(
        None,
        env="SIGNALBOX_MAX_ORGANIZATIONS",
        doc="Organizations allowed in this installation; unset means any number.",
        check=at_least(1),
    )
    open_access: bool = setting(
        False,
        env="SIGNALBOX_OPEN_ACCESS",
        doc="Development only: the private API answers without a login; production ignores it.",
    )
