"""What goes wrong in a call beyond single events: rules over everything that is known of one conference. Pure.

A rule yields spells: times during which its condition held for one thing. The spells of one rule about one thing make one finding, which opens with the
first of them, is updated by the later ones and is closed when the last is over. Its id follows from rule and thing, so finding it again changes
the same issue.
"""

from __future__ import annotations

from signalbox.monitoring.rules.detection.catalogue import RULES, detect, rule_of
from signalbox.monitoring.rules.detection.observed import (
    Attempt,
    Happening,
    ObservedConference,
    ObservedConnection,
    ObservedTrack,
    Person,
    Stay,
)
from signalbox.monitoring.rules.detection.spells import Detected, Rule, Spell
from signalbox.monitoring.settings import DetectionSettings as Limits

__all__ = [
    "RULES",
    "Attempt",
    "Detected",
    "Happening",
    "Limits",
    "ObservedConference",
    "ObservedConnection",
    "ObservedTrack",
    "Person",
    "Rule",
    "Spell",
    "Stay",
    "detect",
    "rule_of",
]
