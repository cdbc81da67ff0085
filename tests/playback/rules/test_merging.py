"""Which report wins, and that the order of arrival does not matter."""

from __future__ import annotations

import hashlib
import itertools
from copy import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbox.playback.rules.merging import merged
from signalbox.playback.rules.reports import Figures, Report, States, Stored
from signalbox.playback.rules.scores import Weights
from signalbox.playback.rules.times import Belief

T = 1_767_225_600_000
BELIEF = Belief()
DAY_MS = 86_400_000


def report(ts: int = T, duration: int | None = 10_000, received: int | None = None, **changes: Any) -> Report:  # fmt: skip
    special: dict[str, Any] = {"source": "media3watch", "dialect": "D3"} | {
        name: changes.pop(name)
        for name in ("source", "states", "flags", "dialect")
        if name in changes
    }
    figures = Figures(duration_ms=duration, **changes)
    payload = f"{ts}:{figures}".encode()
    return Report(
        session_id="s",
        client_ts_ms=ts,
        received_ms=T + 1_000 if received is None else received,
        figures=figures,
        payload=payload,
        payload_hash=hashlib.sha256(payload).digest(),
        **special,
    )


def after(*reports: Report, belief: Belief = BELIEF) -> tuple[Stored, list[str]]:
    stored: Stored | None = None
    results: list[str] = []
    for one in reports:
        stored, result = merged(stored, one, belief=belief)
        results.append(result)
    assert stored is not None
    return stored, results


@pytest.mark.parametrize(
    ("reports", "duration", "results"),
    [
        ([report(T, 10_000), report(T + 1000, 20_000), report(T + 500, 30_000)], 20_000, ["created", "updated", "stale"]),
        ([report(T, 20_000), report(T, 19_980)], 20_000, ["created", "stale"]),
        ([report(T + 4, 19_980), report(T, 20_000)], 20_000, ["created", "updated"]),
        ([report(T + DAY_MS, 10_000, received=T), report(T + 15_000, 25_000, received=T + 15_000)], 25_000, ["created", "updated"]),
        ([report(T, 10_000)] * 5, 10_000, ["created", *["duplicate"] * 4]),
        ([report(T, 10_000, received=T), report(T + DAY_MS, 5_000, received=T + 1)], 5_000, ["created", "updated"]),
        ([report(T + 5, 10_000, received=T), report(T + DAY_MS, 5_000, received=T + 4)], 10_000, ["created", "stale"]),
        ([report(T + DAY_MS, 10_000, received=T + 9), report(T + 8, 5_000, received=T + 10)], 10_000, ["created", "stale"]),
        ([report(T + 2 * DAY_MS, 10_000, received=T), report(T + DAY_MS, 5_000, received=T)], 10_000, ["created", "stale"]),
        ([report(T + 50, 10_000), report(T, 10_001)], 10_001, ["created", "updated"]),
        ([report(T + 51, 10_000), report(T, 10_001)], 10_000, ["created", "stale"]),
        ([report(T + 4, 10_000), report(T, None, play_time_ms=1)], 10_000, ["created", "stale"]),
        ([report(T + 4, 10_000), report(T, 10_000, play_time_ms=1)], 10_000, ["created", "stale"]),
    ],
)  # fmt: skip
def test_the_right_report_wins(reports: list[Report], duration: int, results: list[str]) -> None:
    stored, found = after(*reports)

    assert stored.figures.duration_ms == duration
    assert found == results
    assert stored.revision == 1 + results.count("updated")


def test_of_equal_times_and_durations_the_later_arrival_wins() -> None:
    stored, results = after(report(T, 20_000, error_count=0), report(T, 20_000, error_count=1))

    assert stored.figures.error_count == 1
    assert results == ["created", "updated"]


def test_the_first_report_is_left_as_it_is() -> None:
    first, _ = after(report(T))
    before = copy(first)

    merged(first, report(T + 100, 20_000), belief=BELIEF)

    assert first == before


def test_a_later_null_erases_nothing() -> None:
    stored, _ = after(
        report(T, 1, player_startup_ms=450, device_model="Tab X", error_count=1),
        report(T + 1_000, 2, player_startup_ms=None),
    )

    assert stored.figures.player_startup_ms == 450
    assert stored.figures.device_model == "Tab X"
    assert stored.filled_at_ms == {"player_startup_ms": T, "device_model": T, "error_count": T}


def test_a_stale_report_fills_what_nobody_knew_and_changes_nothing_else() -> None:
    newest = report(T + 2_000, 30_000, play_time_ms=5)
    stored, results = after(newest, report(T, 10_000, player_startup_ms=450, play_time_ms=1))

    assert results[-1] == "stale"
    assert stored.figures == newest.figures._replace(player_startup_ms=450)
    assert stored.filled_at_ms == {"player_startup_ms": T}
    assert (stored.client_ts_ms, stored.revision, stored.payload) == (T + 2_000, 1, newest.payload)


def test_a_stale_report_replaces_what_an_older_one_has_filled() -> None:
    newest, old, older = (
        report(T + 2_000),
        report(T + 1_000, cdn="b", app_name="n"),
        report(T, cdn="a"),
    )

    for order in itertools.permutations([newest, old, older]):
        stored, _ = after(*order)
        assert (stored.figures.cdn, stored.figures.app_name) == ("b", "n")


def test_what_arrived_and_what_was_seen_last_are_kept_apart() -> None:
    stored, _ = after(
        report(T, received=T + 1),
        report(T + 500, 20_000, received=T + 600),
        report(T + 100, received=T + 700),
    )

    assert stored.first_received_ms == T + 1
    assert stored.won_received_ms == T + 600
    assert stored.last_received_ms == T + 700


def test_a_clock_that_is_ahead_does_not_say_when_it_was() -> None:
    ahead, _ = after(report(T + DAY_MS, 10_000, received=T, start_iso_raw="2026-01-02T00:00:00Z"))

    assert (ahead.clock_skew, ahead.timestamp_ms, ahead.started_ms) == ("future", T, T - 10_000)


def test_a_part_longer_than_the_whole_is_flagged() -> None:
    assert after(report(T, 10_000, play_time_ms=16_001))[0].flags == ("inconsistent",)
    assert after(report(T, 10_000, play_time_ms=16_000))[0].flags == ()


@pytest.mark.parametrize(
    ("dialect", "told", "flags"),
    [
        ("D1", 0.5, ()),
        ("D1", 0.2, ("inconsistent",)),
        ("D3", 0.2, ()),
        ("D3", 0.51, ("inconsistent",)),
    ],
)
def test_a_ratio_that_its_parts_do_not_give_is_flagged(
    dialect: str, told: float, flags: tuple[str, ...]
) -> None:
    parts = {"play_time_ms": 1_000, "rebuffer_time_ms": 1_000, "seek_time_ms": 2_000}
    first = report(T, None, rebuffer_ratio_reported=told, dialect=dialect, **parts)

    assert after(first)[0].flags == flags


def test_a_ratio_of_nothing_is_nought() -> None:
    parts = {"play_time_ms": 0, "rebuffer_time_ms": 0}

    assert after(report(T, None, rebuffer_ratio_reported=0.0, **parts))[0].flags == ()


def test_flags_of_a_report_stay_and_contradictions_go() -> None:
    stored, _ = after(
        report(T, 10_000, play_time_ms=20_000, flags=("low_latency",)),
        report(T + 1_000, 30_000, play_time_ms=20_000),
    )

    assert stored.flags == ("low_latency",)


def test_what_is_appended_to_the_timeline_counts_whoever_wins() -> None:
    idle = States(attempted=True, last_idle_ms=10, last_state="IDLE", last_elapsed_ms=10)
    back = States(attempted=True, last_active_ms=20, last_state="PLAYING", last_elapsed_ms=20)
    failed = report(T + 1_000, 20_000, error_count=1, play_time_ms=9, states=idle)
    first, _ = after(failed)
    stored, results = after(failed, report(T, 10_000, states=back))

    assert (first.outcome, stored.outcome) == ("playback_failure", "played")
    assert results[-1] == "stale"
    assert stored.states.last_state == "PLAYING"


def test_the_weights_of_a_score_are_told_with_it() -> None:
    stored, _ = merged(None, report(play_time_ms=1), belief=BELIEF, weights=Weights(version=3))

    assert stored.score_version == 3


def test_what_an_sdk_says_goes_before_what_cmcd_says() -> None:
    sdk = report(T, 10_000, play_time_ms=5, player_startup_ms=None)
    early = report(T - 9_000, 1, source="cmcd", play_time_ms=1, player_startup_ms=1, cdn="a")
    late = report(T + 9_000, 2, source="cmcd", play_time_ms=2, player_startup_ms=2, cdn="b")
    later_sdk = report(T + 20_000, 20_000, play_time_ms=6)

    for order in itertools.permutations([sdk, early, late, later_sdk]):
        stored, _ = after(*order)
        figures = stored.figures
        assert stored.source == "merged"
        assert (figures.duration_ms, figures.play_time_ms) == (20_000, 6)
        assert (figures.player_startup_ms, figures.cdn) == (2, "b"), order


def test_an_old_value_of_an_sdk_goes_before_a_new_one_of_cmcd() -> None:
    old = report(T, 10_000, player_startup_ms=450)
    new = report(T + 2_000, 20_000)
    cmcd = report(T + 3_000, 30_000, source="cmcd", player_startup_ms=9)

    for order in itertools.permutations([old, new, cmcd]):
        assert after(*order)[0].figures.player_startup_ms == 450, order


def test_sessions_of_cmcd_alone_follow_their_own_reports() -> None:
    stored, results = after(
        report(T, 10_000, source="cmcd"), report(T + 5_000, 20_000, source="cmcd")
    )

    assert (stored.source, stored.figures.duration_ms, results[-1]) == ("cmcd", 20_000, "updated")


_VALUES = st.fixed_dictionaries(
    {
        "player_startup_ms": st.none() | st.integers(0, 9_000),
        "play_time_ms": st.none() | st.integers(0, 9_000),
        "error_count": st.none() | st.integers(0, 2),
        "device_model": st.none() | st.sampled_from(["a", "b"]),
        "connection_type": st.none() | st.sampled_from(["Wi-Fi", "Cellular"]),
    }
)


def _lasting(stored: Stored) -> dict[str, Any]:
    """What must not depend on the order of arrival."""
    names = set(Stored.__struct_fields__) - {
        *("revision", "first_received_ms", "won_received_ms", "last_received_ms")
    }
    return {name: getattr(stored, name) for name in names if name != "filled_at_ms"}


@settings(deadline=None, max_examples=100)
@given(st.lists(_VALUES, min_size=2, max_size=4), st.data())
def test_the_order_of_arrival_does_not_matter(values: list[dict[str, Any]], data: Any) -> None:
    reports = [
        report(T + 51 * n, 10_000 + data.draw(st.integers(0, 50_000)), received=T + 60_000, **told)
        for n, told in enumerate(values)
    ]

    results = [_lasting(after(*order)[0]) for order in itertools.permutations(reports)]

    assert all(result == results[0] for result in results)
