"""What somebody uses, from what their browsers have told."""

from __future__ import annotations

import pytest

from signalbox.monitoring.rules.habits import devices_used, with_versions


def mic(label: object) -> dict[str, object]:
    return {"kind": "audioinput", "label": label}


def test_a_session_counts_a_device_once() -> None:
    found = devices_used([[mic("Desk"), mic("Desk")], [mic("Desk"), mic("Headset")]])

    assert found["microphones"] == [("Desk", 2), ("Headset", 1)]
    assert found["cameras"] == found["outputs"] == []


def test_only_the_most_used_are_named_and_equals_by_name() -> None:
    told = [[mic(label)] for label in "dcba"]

    assert devices_used(told)["microphones"] == [("a", 1), ("b", 1), ("c", 1)]
    assert devices_used(told, most=1)["microphones"] == [("a", 1)]


@pytest.mark.parametrize(
    "told",
    [
        None,
        "Desk",
        {"kind": "audioinput"},
        [None, 7, "x"],
        [mic("")],
        [mic(None)],
        [mic(["a"])],
        [{"label": "Desk"}],
        [{"kind": ["audioinput"], "label": "Desk"}],
        [{"kind": "smell", "label": "Desk"}],
    ],
)
def test_what_is_no_list_of_named_devices_counts_for_nothing(told: object) -> None:
    assert devices_used([told]) == {"microphones": [], "cameras": [], "outputs": []}


def test_versions_stand_under_their_names() -> None:
    pairs = [("B", "2"), ("A", "1"), ("A", "2"), ("A", "2"), ("C", "1")]

    assert with_versions(pairs) == [
        ("A", 3, [("2", 2), ("1", 1)]),
        ("B", 1, [("2", 1)]),
        ("C", 1, [("1", 1)]),
    ]
    assert with_versions([]) == []
