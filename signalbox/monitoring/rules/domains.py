"""Which pages may report for an app."""

from __future__ import annotations

from urllib.parse import urlsplit

from signalbox.monitoring.errors import DomainNotAllowed


def host_of(origin: str | None) -> str | None:
    """The host of an Origin header, lower case, without port and trailing dot; None when there is none."""
    if not origin or origin == "null":
        return None
    try:
        host = urlsplit(origin if "//" in origin else f"//{origin}").hostname
    except ValueError:
        return None
    return host.rstrip(".").lower() if host else None


def is_allowed(domain: str, host: str | None) -> bool:
    """Whether a page of `host` may report. A leading `*.` allows the domain's subdomains."""
    wanted = domain.strip().rstrip(".").lower()
    if host is None:
        return False
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and len(host) > len(wanted) - 1
    return host == wanted


def check_domain(domain: str, origin: str | None, *, required: bool) -> None:
    """Raise DomainNotAllowed for another page; a request without Origin passes unless one is required."""
    if origin is None and not required:
        return
    if not is_allowed(domain, host_of(origin)):
        raise DomainNotAllowed()
