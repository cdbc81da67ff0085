"""The page of issue codes and the rules agree."""

from __future__ import annotations

import pytest

from signalbox.monitoring.rules.codes import all_codes, describe
from signalbox.monitoring.rules.detection import RULES
from signalbox.site import issues_page


def test_the_page_is_up_to_date() -> None:
    assert issues_page.main(["--check"]) == 0


def test_a_code_has_one_meaning() -> None:
    assert len(set(all_codes())) == len(all_codes())
    assert describe("high_loss") == (RULES_BY_CODE["high_loss"].title, RULES_BY_CODE["high_loss"].explanation)  # fmt: skip
    assert describe("tcp_used")[0] == "Media runs over TCP"
    assert describe("unheard_of") == ("unheard_of", "")


def test_the_page_is_printed_without_an_action(capsys: pytest.CaptureFixture[str]) -> None:
    assert issues_page.main([]) == 0

    printed = capsys.readouterr().out
    assert all(f"{code}" in printed for code in all_codes())


RULES_BY_CODE = {rule.code: rule for rule in RULES}
