"""Every code of a refusal has one text, and stands in the tables for those who have to react to it."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator

import signalbox
from signalbox.core.errors import AppError

# Contexts with a dialect of their own have a table of their own.
ONE_TABLE = ("core", "http", "accounts", "monitoring", "site")


def everything() -> None:
    for module in pkgutil.walk_packages(signalbox.__path__, "signalbox."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def kinds(of: type[AppError] = AppError) -> Iterator[type[AppError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def test_the_same_code_has_the_same_text() -> None:
    everything()
    texts: dict[str, set[str]] = defaultdict(set)
    for kind in kinds():
        if kind.__module__.split(".")[1] in ONE_TABLE:
            texts[kind.code].add(kind.message)

    assert {code: found for code, found in texts.items() if len(found) > 1} == {}
    assert all(found != {""} for found in texts.values())


def related(one: type[AppError], other: type[AppError]) -> bool:
    """Whether both are, or come from, one class with their code."""
    homes = {kind for kind in one.__mro__ if getattr(kind, "code", None) == one.code}
    return not homes.isdisjoint(other.__mro__)


def test_a_code_has_one_home() -> None:
    """A class of its own for a code that exists may only be a twin with another status."""
    everything()
    strangers = [
        f"{kind.__module__}.{kind.__name__}"
        for kind in kinds()
        if kind.__module__.split(".")[1] in ONE_TABLE
        for other in kinds()
        if other is not kind
        and other.code == kind.code
        and other.__module__.split(".")[1] in ONE_TABLE
        and not related(kind, other)
    ]

    assert strangers == []
