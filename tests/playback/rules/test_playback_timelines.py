"""What a timeline shows, in parts and as a whole."""

from __future__ import annotations

import itertools

from signalbox.playback.rules.reports import Entry, States
from signalbox.playback.rules.timelines import MAX_ENTRIES, joined, states_of, thinned
from signalbox.playback.rules.times import LONGEST_MS

T = 1_767_225_600_000


def entry(elapsed_ms: int, state: str) -> Entry:
    return Entry(elapsed_ms, T + elapsed_ms, state, None, None, 0, None, 0, 0)


def shown(*entries: Entry, at: int = 10_000) -> States:
    return states_of(entries, client_ts_ms=T + at, received_ms=T + at + 77)


def test_so_many_entries_are_left_as_they_are() -> None:
    entries = list(range(MAX_ENTRIES))

    assert thinned(entries) is entries


def test_of_too_many_entries_both_ends_stay_and_the_middle_is_thinned_evenly() -> None:
    kept = list(thinned(range(9_000)))

    assert len(kept) == MAX_ENTRIES
    assert kept[:500] == list(range(500))
    assert kept[-500:] == list(range(8_500, 9_000))
    assert {after - before for before, after in itertools.pairwise(kept)} == {1, 2}


def test_no_entries_show_nothing() -> None:
    assert shown() == States()


def test_entries_show_the_newest_state_and_since_when_by_our_clock() -> None:
    states = shown(entry(1, "BUFFERING"), entry(400, "PLAYING"), entry(900, "PLAYING"))

    assert states == States(
        attempted=True,
        last_idle_ms=None,
        last_active_ms=900,
        last_state="PLAYING",
        last_elapsed_ms=900,
        last_state_at_ms=T + 900,
        state_since_ms=T + 400 + 77,
    )


def test_of_two_entries_at_one_instant_the_later_in_the_list_is_newer() -> None:
    assert shown(entry(5, "PLAYING"), entry(5, "IDLE")).last_state == "IDLE"


def test_an_entry_ahead_of_its_report_began_when_the_report_came() -> None:
    assert shown(entry(20_000, "PAUSED")).state_since_ms == T + 10_000 + 77


def test_who_only_paused_and_idled_attempted_nothing() -> None:
    states = shown(entry(1, "IDLE"), entry(2, "PAUSED"))

    assert states.attempted is False
    assert states.recovered is False


def test_playing_on_after_the_last_idle_is_a_recovery() -> None:
    assert shown(entry(1, "IDLE"), entry(2, "ENDED")).recovered
    assert not shown(entry(1, "PLAYING"), entry(2, "IDLE")).recovered
    assert not shown(entry(2, "PLAYING"), entry(2, "IDLE")).recovered
    assert shown(entry(2, "PLAYING")).recovered


def test_parts_show_the_same_in_any_order() -> None:
    parts = [
        shown(entry(1, "IDLE"), at=2),
        shown(entry(5, "BUFFERING"), entry(6, "BUFFERING"), at=7),
        shown(entry(8, "BUFFERING"), at=9),
        States(),
    ]
    whole = shown(entry(1, "IDLE"), entry(5, "BUFFERING"), entry(6, "BUFFERING"), entry(8, "BUFFERING"), at=9)  # fmt: skip

    for order in itertools.permutations(parts):
        known = States()
        for part in order:
            known = joined(known, part)
        assert known == whole


def test_a_state_has_lasted_a_month_at_most_whatever_the_clock_says() -> None:
    year_9999_ms = 253_402_300_799_999

    states = states_of([entry(1, "PLAYING")], client_ts_ms=year_9999_ms, received_ms=T + 77)

    assert states.state_since_ms == T + 77 - LONGEST_MS
