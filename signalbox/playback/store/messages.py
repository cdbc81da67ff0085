"""What the doors hand to the writer: checked reports, ready to be stored."""

from __future__ import annotations

from typing import Literal, NamedTuple
from uuid import UUID

from signalbox.playback.rules.reports import Report
from signalbox.playback.rules.scores import DEFAULT_WEIGHTS, Weights


class SessionReport(NamedTuple):
    """A report of an SDK, or what a collector of CMCD knows of a session by now (`source` "cmcd"); answers an Applied."""

    app: UUID
    report: Report
    weights: Weights = DEFAULT_WEIGHTS


class Applied(NamedTuple):
    """What became of a report; `revision` counts the reports that have won, 0 where nothing is stored."""

    result: Literal["created", "updated", "duplicate", "stale", "erased"]
    revision: int


ERASED = Applied("erased", 0)
Message = SessionReport
