"""Pages of lists, as query parameters ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from litestar.di import Provide
from litestar.params import QueryParameter

from signalbox.http.errors import InvalidParameters

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_OFFSET = 2**31
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)

Text = str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A window on a list: at most `limit` items (1 to 200) after the first `offset`."""

    limit: int
    offset: int


def integer(text: str, field: str) -> int:
    """A whole number of at most 18 digits.

    Raises:
        InvalidParameters: anything else; `field` says where.
    """
    if not _INTEGER.fullmatch(text.strip()):
        raise InvalidParameters(field=field)
    return int(text)


def page_of(limit: str | None, offset: str | None) -> Page | None:
    """The page asked for; None when neither is given: then the list is complete.

    Out of range is moved into range; no integer is InvalidParameters.
    """
    if limit is None and offset is None:
        return None
    size = DEFAULT_LIMIT if limit is None else integer(limit, "limit")
    start = 0 if offset is None else integer(offset, "offset")
    return Page(min(max(size, 1), MAX_LIMIT), min(max(start, 0), MAX_OFFSET))


def newest_first(order: str | None) -> bool:
    """Whether the newest comes first. `created_at` is the default, `-created_at` the other way."""
    if order in (None, "", "created_at"):
        return False
    if order != "-created_at":
        raise InvalidParameters(field="order")
    return True


async def provide_page(
    limit: Annotated[
        Text, QueryParameter(description="Items per page, 1 to 200; 50 if only offset is given.")
    ] = None,
    offset: Annotated[Text, QueryParameter(description="How many items to skip.")] = None,
) -> Page | None:
    """Dependency `page`."""
    return page_of(limit, offset)


async def provide_order(
    order: Annotated[Text, QueryParameter(description="`created_at` or `-created_at`.")] = None,
) -> bool:
    """Dependency `newest`."""
    return newest_first(order)


def paging_dependencies() -> Mapping[str, Any]:
    """`page` (Page or None) and `newest` (bool) for list routes."""
    return {"page": Provide(provide_page), "newest": Provide(provide_order)}
