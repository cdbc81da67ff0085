"""The labelled calls: nine of ten are explained rightly, and nobody is blamed for a clean one."""

from __future__ import annotations

import pytest

from tests.monitoring.conftest import House
from tests.monitoring.confusion import CAUSES, judged, table
from tests.monitoring.labelled import labels

REAL = [label for label in labels() if label.source != "altered"]


def test_at_least_forty_calls_are_labelled_and_half_of_them_are_real() -> None:
    assert len(labels()) >= 40
    assert len(REAL) * 2 >= len(labels())
    assert {label.cause for label in labels()} == set(CAUSES)


@pytest.mark.slow
async def test_labelled_calls_are_explained(house: House) -> None:
    verdicts = [await judged(house, label) for label in labels()]

    right = [verdict for verdict in verdicts if verdict.is_right]
    blamed = [v.label.name for v in verdicts if v.label.cause == "none" and v.cause != "none"]
    assert blamed == []
    assert len(right) / len(verdicts) >= 0.9, table(verdicts)
