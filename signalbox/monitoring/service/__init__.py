"""What is done with monitoring's data beside taking it in and reading it."""

from __future__ import annotations

from signalbox.monitoring.service.columns import conferences_made, make_columns
from signalbox.monitoring.service.diagnosing import (
    diagnose_again,
    diagnose_changed,
    diagnose_conference,
    diagnose_since,
)
from signalbox.monitoring.service.erasure import erase_participant, finish_erasures
from signalbox.monitoring.service.minutes import Minutes
from signalbox.monitoring.service.overview import Overviews
from signalbox.monitoring.service.rollups import finish_days, roll_up
from signalbox.monitoring.service.upkeep import (
    Tell,
    delete_expired,
    end_stale_conferences,
    judge_finished_conferences,
    stale_conferences,
    tell_nobody,
)
from signalbox.monitoring.service.volumes import count_volumes

__all__ = [
    "Minutes",
    "Overviews",
    "Tell",
    "conferences_made",
    "count_volumes",
    "delete_expired",
    "diagnose_again",
    "diagnose_changed",
    "diagnose_conference",
    "diagnose_since",
    "end_stale_conferences",
    "erase_participant",
    "finish_days",
    "finish_erasures",
    "judge_finished_conferences",
    "make_columns",
    "roll_up",
    "stale_conferences",
    "tell_nobody",
]
