"""The verbs of alerts."""

from __future__ import annotations

from signalbox.alerts.service.effective import Effective, effective_rules
from signalbox.alerts.service.evaluating import Watch, evaluate_app, evaluate_due
from signalbox.alerts.service.telling import Told, Voice, remind
from signalbox.alerts.service.writing import Channels

__all__ = [
    "Channels",
    "Effective",
    "Told",
    "Voice",
    "Watch",
    "effective_rules",
    "evaluate_app",
    "evaluate_due",
    "remind",
]
