"""All settings of an installation in one object, and the settings of the site itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from signalbox.accounts.settings import AccountsSettings
from signalbox.alerts.settings import AlertSettings
from signalbox.core.settings import CoreSettings, MailSettings, between, load, setting
from signalbox.http.peers import networks
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.playback.settings import PlaybackSettings


def origin_of(domain: str) -> str:
    """An origin as browsers send it; a bare host means `https`. ValueError for what is none."""
    parts = urlsplit((domain if "//" in domain else f"https://{domain}").strip().lower())
    odd = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or odd or parts.port == 0:
        raise ValueError("must be an origin, such as https://calls.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def _origin_complaint(domain: str | None) -> str | None:
    if domain is not None:
        origin_of(domain)
    return None


def _networks_complaint(texts: list[str]) -> str | None:
    networks(texts)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """Where the site listens, and the secrets that it signs and encrypts with."""

    host: str = setting("127.0.0.1", env="SIGNALBOX_HOST", doc="Address to listen on.")
    port: int = setting(
        8000,
        env="SIGNALBOX_PORT",
        aliases=("PORT",),
        doc="Port to listen on.",
        check=between(1, 65_535),
    )
    processes: int = setting(
        1,
        env="SIGNALBOX_PROCESSES",
        doc="Processes that answer requests, on this machine.",
        check=between(1, 256),
    )
    web_domain: str | None = setting(
        None,
        env="SIGNALBOX_WEB_DOMAIN",
        aliases=("WEB_DOMAIN",),
        doc="Origin of a dashboard on another address, such as `https://calls.example.com`.",
        check=_origin_complaint,
    )
    trusted_proxies: list[str] = setting(
        [],
        env="SIGNALBOX_TRUSTED_PROXIES",
        doc="Networks of reverse proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.",
        check=_networks_complaint,
    )
    enable_metrics: bool = setting(
        True,
        env="SIGNALBOX_ENABLE_METRICS",
        aliases=("ENABLE_METRICS",),
        doc="Whether `/metrics` is there.",
    )
    metrics_token: str | None = setting(
        None,
        env="SIGNALBOX_METRICS_TOKEN",
        aliases=("METRICS_TOKEN",),
        secret=True,
        doc="Bearer token of `/metrics`; an API key with the scope `read` does as well. Unset means open to all.",
    )
    init_token_secret: list[str] = setting(
        [],
        env="SIGNALBOX_INIT_TOKEN_SECRET",
        aliases=("INIT_TOKEN_SECRET",),
        secret=True,
        doc="Secrets of conference tokens: the first signs, all verify. `up` makes one.",
    )
    session_token_secret: list[str] = setting(
        [],
        env="SIGNALBOX_SESSION_TOKEN_SECRET",
        aliases=("SESSION_TOKEN_SECRET",),
        secret=True,
        doc="Secrets of session tokens: the first signs, all verify. `up` makes one.",
    )
    encryption_secret: list[str] = setting(
        [],
        env="SIGNALBOX_ENCRYPTION_SECRET",
        secret=True,
        doc="Secrets that stored credentials are encrypted with: the first writes, all read.",
    )
    demo_secret: str | None = setting(
        None,
        env="SIGNALBOX_DEMO_SECRET",
        secret=True,
        doc="Lets `signalbox demo` play faster than the limits, from this machine only. `up` makes one.",
    )
    init_token_lifespan_s: int = setting(
        86_400,
        env="SIGNALBOX_INIT_TOKEN_LIFESPAN",
        aliases=("INIT_TOKEN_LIFESPAN",),
        doc="Seconds that a conference token is valid.",
        check=between(1, 366 * 86_400),
    )
    session_token_lifespan_s: int = setting(
        86_400,
        env="SIGNALBOX_SESSION_TOKEN_LIFESPAN",
        aliases=("SESSION_TOKEN_LIFESPAN",),
        doc="Seconds that a session token is valid.",
        check=between(1, 366 * 86_400),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the environment can say."""

    core: CoreSettings = field(default_factory=CoreSettings)
    site: SiteSettings = field(default_factory=SiteSettings)
    accounts: AccountsSettings = field(default_factory=AccountsSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    playback: PlaybackSettings = field(default_factory=PlaybackSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    mail: MailSettings = field(default_factory=MailSettings)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises SettingError, which names the variable."""
    return load(Settings, environ)
