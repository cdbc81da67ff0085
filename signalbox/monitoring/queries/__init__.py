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
    Tally,
    first,
    following,
    own_apps,
    require_known,
    visible,
    window,
)
from signalbox.monitoring.queries.watched import ISSUES as WATCHED_ISSUES
from signalbox.monitoring.queries.watched import PEOPLE as WATCHED_PEOPLE
from signalbox.monitoring.queries.watched import SCORES as WATCHED_SCORES
from signalbox.monitoring.queries.watched import active_apps

__all__ = [
    "WATCHED_ISSUES",
    "WATCHED_PEOPLE",
    "WATCHED_SCORES",
    "EventFilter",
    "Narrowing",
    "Question",
    "Span",
    "Tally",
    "Traits",
    "active_apps",
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
