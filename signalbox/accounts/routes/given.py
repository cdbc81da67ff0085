"""What the application and the router give to the routes, by name."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from signalbox.core.actor import Actor
from signalbox.http.paging import Page

AnyRequest = Request[Any, Any, Any]
GivenActor = NamedDependency[Actor]
GivenPage = NamedDependency[Page | None]
GivenOrder = NamedDependency[bool]


def window(page: Page | None) -> tuple[int | None, int]:
    """Limit and offset; no limit without a page."""
    return (page.limit, page.offset) if page else (None, 0)
