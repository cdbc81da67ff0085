"""Why a call was bad: the most likely cause for each participant and for the whole, in one sentence, with a score and the evidence. Pure.

The rules have a version, which is stored with what they say; stored calls can be looked at again by newer ones.
"""

from __future__ import annotations

from signalbox.monitoring.rules.diagnosis.links import Blame, Cause
from signalbox.monitoring.rules.diagnosis.verdict import VERSION, Diagnosis, diagnose
from signalbox.monitoring.rules.diagnosis.words import with_names

__all__ = ["VERSION", "Blame", "Cause", "Diagnosis", "diagnose", "with_names"]
