"""What is told about an alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from signalbox.alerts.rules.definitions import BUILT_IN
from signalbox.alerts.rules.figures import Figure
from signalbox.alerts.rules.messages import (
    alert_object,
    duration,
    letter,
    shown,
    stamp,
    subject,
    webhook_object,
)
from signalbox.alerts.rules.receivers import addresses_of

AT = datetime(2026, 3, 2, 3, 7, tzinfo=UTC)
RULE = BUILT_IN["playback_error_spike"]
FIGURE = Figure(name="f", context="c", title="failed plays of attempts", kind="share", unit="ratio", whole="n", part="k")  # fmt: skip
ALERT: dict[str, Any] = {
    "id": UUID(int=1),
    "app_id": UUID(int=2),
    "tenant": "acme",
    "context": "playback",
    "rule": "playback_error_spike",
    "severity": "critical",
    "dimension": "all",
    "value": "",
    "started_at": AT,
    "cleared_at": None,
    "window_minutes": 5,
    "n": 400,
    "k": 22,
    "rate": 0.055,
    "baseline": 0.012049,
    "limit_value": 0.032049,
    "p_value": 5.0e-6,
    "samples": [f"s{number}" for number in range(30)],
}
CHILD = ALERT | {"dimension": "device", "value": "Tab X", "rate": 0.2, "n": 100, "k": 20}


def test_the_object_has_the_documented_members() -> None:
    assert alert_object(ALERT | {"cleared_at": AT + timedelta(hours=1)}) == {
        "id": "00000000-0000-0000-0000-000000000001",
        "tenant": "acme",
        "rule": "playback_error_spike",
        "cohort": "all",
        "startedAt": "2026-03-02T03:07:00.000Z",
        "clearedAt": "2026-03-02T04:07:00.000Z",
        "severity": "critical",
        "n": 400,
        "k": 22,
        "rate": 0.055,
        "baseline": 0.012049,
        "pValue": 5.0e-6,
        "sampleSessionIds": [f"s{number}" for number in range(20)],
    }


def test_a_webhook_adds_what_happened_and_the_parts() -> None:
    told = webhook_object(ALERT, "opened", rule=RULE, children=[CHILD], link="https://x", at=AT)

    assert told.items() >= alert_object(ALERT).items()
    assert (told["event"], told["sentAt"], told["url"]) == ("opened", stamp(AT), "https://x")
    assert [child["cohort"] for child in told["children"]] == ["device=Tab X"]


def test_a_letter_says_what_since_when_how_bad_and_where_to_look() -> None:
    text = letter(
        ALERT, "opened", rule=RULE, figure=FIGURE, children=[CHILD], link="https://x/a", at=AT
    )

    assert text.splitlines() == [
        "More plays fail than usual.",
        "",
        "App       acme",
        "Who       everybody",
        "What      failed plays of attempts",
        "Since     2026-03-02 03:07 UTC",
        "Now       5.5 % (22 of 400), in 5 minutes",
        "Usual     1.2 %; the limit is 3.2 %",
        "By chance about once in 2e+05 looks",
        "Severity  critical",
        "",
        "Most of it may come from:",
        "  device Tab X: 20 % (20 of 100)",
        "",
        "Sessions to look at:",
        "  s0",
        "  s1",
        "  s2",
        "  s3",
        "  s4",
        "",
        "https://x/a",
    ]


def test_a_letter_says_when_it_is_over_and_for_how_long_it_was_not() -> None:
    about: dict[str, Any] = {"rule": RULE, "figure": None, "children": [], "link": None}
    later = AT + timedelta(hours=7, minutes=5)
    over = letter(ALERT | {"cleared_at": later}, "cleared", at=later, **about)
    still = letter(ALERT | {"p_value": None, "k": None, "rate": None, "samples": []}, "reminder", at=later, **about)  # fmt: skip

    assert "It is over: it cleared at 2026-03-02 10:12 UTC, after 7 h 05 min." in over
    assert "Sessions" not in over
    assert "It has been open for 7 h 05 min and nobody has acknowledged it." in still
    assert "Now       – of 400, in 5 minutes" in still
    assert "chance" not in still
    assert "it cleared at 2026-03-02 10:12" in letter(ALERT, "cleared", at=later, **about)


def test_a_subject_names_the_app_and_the_cohort() -> None:
    assert subject(ALERT, "opened", RULE) == "[ALERT] acme: More plays fail than usual"
    assert (
        subject(CHILD, "cleared", RULE)
        == "[CLEARED] acme: More plays fail than usual (device Tab X)"
    )


def test_what_cannot_be_chance_is_said_so() -> None:
    text = letter(ALERT | {"p_value": 0.0}, "opened", rule=RULE, figure=FIGURE, children=[], link=None, at=AT)  # fmt: skip

    assert "By chance never" in text


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [(None, "ms", "–"), (0.0345, "ratio", "3.45 %"), (840, "ms", "840 ms"), (2825, "ms", "2.83 s"), (52.5, "points", "52.5"), (12, "count", "12")],
)  # fmt: skip
def test_figures_as_people_read_them(value: float | None, unit: str, told: str) -> None:
    assert shown(value, unit) == told


@pytest.mark.parametrize(
    ("minutes", "told"), [(-1, "0 min"), (59, "59 min"), (65, "1 h 05 min"), (3000, "2 days")]
)
def test_times_as_people_read_them(minutes: int, told: str) -> None:
    assert duration(timedelta(minutes=minutes)) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a@b.example", "a@b.example"),
        (" a@b.example , c@d.example,a@b.example", "a@b.example, c@d.example"),
        ("", None),
        ("nobody", None),
        ("a@b.example\r\nBcc: x@y.example", None),
        (",".join(f"a{n}@b.example" for n in range(21)), None),
    ],
)
def test_addresses_are_made_exact(text: str, told: str | None) -> None:
    assert addresses_of(text) == told
