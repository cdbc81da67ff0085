"""What the codes of issues mean, whichever part of the program raises them."""

from __future__ import annotations

from signalbox.monitoring.rules import issues
from signalbox.monitoring.rules.detection import RULES, rule_of


def describe(code: str) -> tuple[str, str]:
    """Title and explanation of an issue code; the code itself when it is not known."""
    rule = rule_of(code)
    return issues.describe(code) if rule is None else (rule.title, rule.explanation)


def all_codes() -> list[str]:
    """Every code that can be raised."""
    return [*issues.CATALOGUE, *(rule.code for rule in RULES)]
