"""What the application and the router give to every route, by name."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import SkipValidationMarker

from signalbox.core.actor import Actor
from signalbox.core.clock import Clock
from signalbox.core.db import Database
from signalbox.http.paging import Page
from signalbox.monitoring.queries import Span

GivenDb = NamedDependency[Database]
# A Protocol cannot be checked when the application hands it in.
GivenClock = Annotated[NamedDependency[Clock], SkipValidationMarker()]
GivenActor = NamedDependency[Actor]
GivenPage = NamedDependency[Page | None]
GivenOrder = NamedDependency[bool]
GivenSpan = NamedDependency[Span]
