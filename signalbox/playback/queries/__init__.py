"""Named questions about playback; plain rows or facts out."""

from __future__ import annotations

from signalbox.playback.queries.watched import SESSIONS as WATCHED_SESSIONS
from signalbox.playback.queries.watched import active_apps, report_minutes, reporting, reports

__all__ = ["WATCHED_SESSIONS", "active_apps", "report_minutes", "reporting", "reports"]
