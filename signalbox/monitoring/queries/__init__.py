"""Named questions to monitoring: the actor comes first, plain rows come out."""

from __future__ import annotations

from signalbox.monitoring.queries import events
from signalbox.monitoring.queries.events import EventFilter
from signalbox.monitoring.queries.lists import (
    conference,
    conferences,
    connections,
    issues,
    participants,
    session,
    sessions,
    tracks,
)
from signalbox.monitoring.queries.narrowing import (
    Narrowing,
    Traits,
    by_index,
    in_order,
    issues_of_sessions,
    narrowed,
)
from signalbox.monitoring.queries.scope import (
    Question,
    Span,
    first,
    following,
    own_apps,
    require_known,
    visible,
    window,
)

__all__ = [
    "EventFilter",
    "Narrowing",
    "Question",
    "Span",
    "Traits",
    "by_index",
    "conference",
    "conferences",
    "connections",
    "events",
    "first",
    "following",
    "in_order",
    "issues",
    "issues_of_sessions",
    "narrowed",
    "own_apps",
    "participants",
    "require_known",
    "session",
    "sessions",
    "tracks",
    "visible",
    "window",
]
