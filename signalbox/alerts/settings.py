"""Settings of alerts."""

from __future__ import annotations

from dataclasses import dataclass

from signalbox.core.settings import at_least, between, setting
from signalbox.core.webhook_urls import url_problem


def _urls_complaint(urls: list[str]) -> str | None:
    for url in urls:
        complaint = url_problem(url, private=True)
        if complaint is not None:
            return f"an address {complaint}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Who is told of the alerts of all apps, and how often."""

    webhooks: list[str] = setting(
        [],
        env="SIGNALBOX_ALERT_WEBHOOKS",
        aliases=("PLAYBACK_ALERT_WEBHOOKS",),
        secret=True,
        doc="Addresses that every alert of the installation is posted to.",
        check=_urls_complaint,
    )
    webhook_secret: str | None = setting(
        None,
        env="SIGNALBOX_ALERT_WEBHOOK_SECRET",
        secret=True,
        doc="What those posts are signed with; unset: a secret that `signalbox alerts signing-secret` prints.",
    )
    private_addresses: bool = setting(
        True,
        env="SIGNALBOX_WEBHOOK_PRIVATE_ADDRESSES",
        doc="Whether webhooks may lead to addresses of private networks and of this machine. Turn it off where strangers have apps.",
    )
    remind_hours: int = setting(
        6,
        env="SIGNALBOX_ALERT_REMIND_HOURS",
        doc="Hours after which an open alert that nobody has acknowledged is told again; 0: never.",
        check=between(0, 8760),
    )
    keep_days: int = setting(
        400,
        env="SIGNALBOX_ALERT_DAYS",
        doc="Days that closed alerts are kept.",
        check=at_least(1),
    )
