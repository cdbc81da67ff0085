"""What a client would rather have, by its headers."""

from __future__ import annotations

import pytest

from signalbox.http.negotiation import accepted, best_coding

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "prefers", "takes"),
    [
        (BROWSER, True, True),
        ("text/html", True, True),
        ("TEXT/HTML;level=1", True, True),
        ("text/*", True, True),
        ("text/html;q=0.5, application/json;q=0.4", True, True),
        ("text/html, */*", True, True),
        (None, False, True),
        ("", False, True),
        ("*/*", False, True),
        ("text/html, application/json", False, True),
        ("application/json", False, False),
        ("application/json, */*", False, False),
        ("application/json, text/html;q=0.9", False, False),
        ("text/html;q=0, */*", False, False),
        ("text/html;q=0", False, False),
        ("text/html;q=many", False, False),
        ("text/html;q=7", False, False),
        ("image/*", False, False),
        (";;,,", False, False),
    ],
)
def test_a_page_is_preferred_or_taken(accept: str | None, *, prefers: bool, takes: bool) -> None:
    wish = accepted(accept)

    assert (wish.prefers_html, wish.takes_html) == (prefers, takes)


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0.1, gzip", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*", "br"),
        ("gzip;q=0.5, identity", None),
        ("identity", None),
        ("br;q=0, gzip;q=0", None),
        ("", None),
        (None, None),
    ],
)
def test_the_most_wanted_coding_is_chosen(header: str | None, coding: str | None) -> None:
    assert best_coding(header, ["br", "gzip"]) == coding
