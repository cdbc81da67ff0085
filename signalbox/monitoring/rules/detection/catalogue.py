"""All rules, and all that they find in a conference."""

from __future__ import annotations

from uuid import UUID

from signalbox.monitoring.rules.detection import media, paths, people
from signalbox.monitoring.rules.detection.observed import ObservedConference
from signalbox.monitoring.rules.detection.spells import Detected, Rule, Spell, merged
from signalbox.monitoring.settings import DetectionSettings as Limits

RULES: tuple[Rule, ...] = (*paths.RULES, *people.RULES, *media.RULES)
_BY_CODE = {rule.code: rule for rule in RULES}


def rule_of(code: str) -> Rule | None:
    """The rule with a code; None when there is none."""
    return _BY_CODE.get(code)


def detect(conference: ObservedConference, limits: Limits) -> list[Detected]:
    """One finding per rule and thing, ordered by when it began."""
    found: list[Detected] = []
    for rule in RULES:
        about: dict[UUID, list[Spell]] = {}
        for spell in rule.find(conference, limits):
            about.setdefault(spell.about, []).append(spell)
        found += [merged(rule, spells, now_us=conference.now_us) for spells in about.values()]
    return sorted(found, key=lambda one: (one.start_us, one.rule.code, str(one.about)))
