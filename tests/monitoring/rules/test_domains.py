"""Which pages may report for an app that names its domain."""

from __future__ import annotations

import pytest

from signalbox.monitoring.errors import DomainNotAllowed
from signalbox.monitoring.rules.domains import check_domain, host_of, is_allowed


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://Meet.Example.org", "meet.example.org"),
        ("https://meet.example.org:8443", "meet.example.org"),
        ("http://meet.example.org.", "meet.example.org"),
        ("http://localhost:3000", "localhost"),
        ("http://192.0.2.7", "192.0.2.7"),
        ("http://[2001:db8::1]:8000", "2001:db8::1"),
        ("meet.example.org:8443", "meet.example.org"),
        ("capacitor://localhost", "localhost"),
        ("https://", None),
        ("http://[bad", None),
        ("null", None),
        ("", None),
        (None, None),
    ],
)
def test_the_host_of_an_origin(origin: str | None, host: str | None) -> None:
    assert host_of(origin) == host


@pytest.mark.parametrize(
    ("domain", "host", "allowed"),
    [
        ("example.org", "example.org", True),
        ("Example.ORG.", "example.org", True),
        (" example.org ", "example.org", True),
        ("example.org", "meet.example.org", False),
        ("example.org", "badexample.org", False),
        ("example.org", "example.org.evil.example", False),
        ("localhost", "localhost", True),
        ("192.0.2.7", "192.0.2.7", True),
        ("*.example.org", "meet.example.org", True),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "a.meet.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", ".example.org", False),
        ("*.example.org", "badexample.org", False),
        ("example.org", None, False),
        ("*.example.org", None, False),
    ],
)
def test_a_page_may_report_from_the_domain_of_its_app(
    domain: str, host: str | None, allowed: bool
) -> None:
    assert is_allowed(domain, host) is allowed


@pytest.mark.parametrize(
    ("origin", "required", "passes"),
    [
        ("https://example.org", True, True),
        ("https://example.org", False, True),
        ("https://evil.example", True, False),
        ("https://evil.example", False, False),
        ("null", False, False),
        (None, True, False),
        (None, False, True),
    ],
)
def test_a_foreign_page_is_refused_and_a_missing_origin_where_one_is_required(
    origin: str | None, required: bool, passes: bool
) -> None:
    if passes:
        check_domain("example.org", origin, required=required)
        return
    with pytest.raises(DomainNotAllowed):
        check_domain("example.org", origin, required=required)
