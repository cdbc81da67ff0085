"""Filters of the query string on what sessions ran on, and on how calls went."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from signalbox.monitoring.errors import InvalidParameters
from signalbox.monitoring.queries import Narrowing, Traits
from signalbox.monitoring.queries.narrowing import STATUSES
from signalbox.monitoring.routes import filters
from signalbox.monitoring.rules.days import META, TRAITS
from signalbox.monitoring.rules.diagnosis import Cause

MAX_META_FILTERS = 5
MAX_WORDS = 64
CAUSES = frozenset(get_args(Cause))
_Trait = Annotated[str | None, QueryParameter(description="of a session; Unknown: missing")]


async def provide_traits(
    request: Request[Any, Any, Any],
    app_version: _Trait = None,
    browser: _Trait = None,
    os: _Trait = None,
    country: _Trait = None,
    webrtc_sdk: _Trait = None,
) -> Traits:
    """Dependency `traits`: what sessions must have."""
    given = (app_version, browser, os, country, webrtc_sdk)
    pairs = (
        (trait, filters.value_of(value, trait)) for trait, value in zip(TRAITS, given, strict=True)
    )
    traits = tuple((trait, value) for trait, value in pairs if value is not None)
    return Traits(traits=traits, meta=meta_filters(request))


async def provide_narrowing(
    traits: NamedDependency[Traits],
    words: Annotated[
        str | None,
        QueryParameter(
            name="query", description="a part of the conference's id or name, 1 to 64 characters"
        ),
    ] = None,
    cause: Annotated[str | None, QueryParameter(description="of the diagnosis")] = None,
    status: Annotated[
        str | None, QueryParameter(description="ongoing, error, warning or success")
    ] = None,
) -> Narrowing:
    """Dependency `narrowing`: which conferences of an app are looked for."""
    part = filters.text_of(words.strip() if words else None, "query")
    if part is not None and len(part) > MAX_WORDS:
        raise InvalidParameters(field="query")
    if cause and cause not in CAUSES:
        raise InvalidParameters(field="cause")
    if status and status not in STATUSES:
        raise InvalidParameters(field="status")
    return Narrowing(traits=traits, words=part, cause=cause or None, status=status or None)


def meta_filters(request: Request[Any, Any, Any]) -> tuple[tuple[str, str], ...]:
    """Filters `meta.<key>` of the query string, each key once."""
    found = {}
    for name, value in request.query_params.multi_items():
        if not name.startswith(META):
            continue
        key, wanted = filters.value_of(name[len(META) :], name), filters.value_of(value, name)
        if key is None:
            raise InvalidParameters(field=name)
        if wanted is not None:
            found[key] = wanted
    if len(found) > MAX_META_FILTERS:
        raise InvalidParameters(field=META)
    return tuple(sorted(found.items()))
