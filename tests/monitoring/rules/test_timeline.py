"""A timeline that is continued change by change is the one that all stays would give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules import timeline as timelines
from signalbox.monitoring.rules.calls import Stay, conference_state, seconds_by_day, stretches
from signalbox.monitoring.rules.timeline import Timeline, changed_from, counted_days, whole

S = 1_000_000
DAY = 86_400 * S
NOW = 40 * DAY


def stay(start: int, end: int | None) -> Stay:
    """In seconds."""
    return Stay(start * S, None if end is None else end * S)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only three stretches are kept each."""
    monkeypatch.setattr(timelines, "KEPT", 3)


def later(stays: list[Stay], since_us: int) -> list[Stay]:
    """What the database answers: stays that ended since then, and the earliest open one."""
    ended = [one for one in stays if one.end_us is not None and one.end_us >= since_us]
    return ended + sorted(one for one in stays if one.end_us is None)[:1]


END = st.none() | st.integers(0, 12)
# (which connection, when it starts if it is new, how long it stays)
CHANGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), END), max_size=24)


@given(st.lists(CHANGES, max_size=6))
def test_batches_of_changes_lead_where_all_stays_lead(
    batches: list[list[tuple[int, int, int | None]]],
) -> None:
    stays: dict[int, Stay] = {}
    known = Timeline()
    counted: dict[str, int] = {}
    for batch in batches:
        before = dict(stays)
        for number, start, length in batch:
            begun = stays[number].start_us if number in stays else start * S
            stays[number] = Stay(begun, None if length is None else begun + length * S)
        changes = [changed_from(before.get(number), one) for number, one in stays.items()]
        since_us = min((change for change in changes if change is not None), default=None)
        now = list(stays.values())
        reached = since_us is None or known.reaches(since_us)
        if not reached:
            new = whole(now)
        else:
            new = known if since_us is None else known.continued(since_us, later(now, since_us))
        counted = counted_days(counted, known if reached else None, new, now_us=NOW)
        known = new.shortened()

        joined = stretches(now)
        assert known.state() == conference_state(joined)
        assert len(known.kept) <= 3
        assert counted == seconds_by_day(joined, now_us=NOW)


@pytest.mark.parametrize(
    ("before", "after", "since"),
    [
        (None, stay(5, None), 5),
        (None, stay(5, 9), 5),
        (stay(5, None), stay(5, 9), 9),
        (stay(5, 9), stay(5, None), 9),
        (stay(5, 9), stay(5, 7), 7),
        (stay(5, 9), stay(5, 9), None),
        (stay(5, None), stay(5, None), None),
    ],
)
def test_a_change_begins_where_the_stays_part(
    before: Stay | None, after: Stay, since: int | None
) -> None:
    assert changed_from(before, after) == (None if since is None else since * S)


def test_what_lies_far_back_is_only_a_sum() -> None:
    calls = [stay(10 * n, 10 * n + 4) for n in range(6)]

    known = whole(calls).shortened()

    assert known == Timeline(tuple(calls[3:]), 0, 24 * S, 12)
    assert known.state() == conference_state(stretches(calls))
    assert known.reaches(25 * S)
    assert not known.reaches(24 * S)  # it would join the last one of the sum
    assert known.shortened() == known


def test_days_without_seconds_are_no_days() -> None:
    long, short = whole([stay(0, 9)]), whole([stay(0, 0)])
    assert counted_days({"1970-01-01": 9}, long, short, now_us=DAY) == {}


def test_a_call_that_comes_back_goes_on_from_what_is_kept() -> None:
    known = whole([stay(0, 10), stay(20, 30), stay(40, None)])
    now = known.continued(35 * S, [stay(40, 50), stay(48, 60)])

    assert now == whole([stay(0, 10), stay(20, 30), stay(40, 60)])
    assert now.continued(25 * S, [stay(20, 30), stay(40, 60)]) == now
    assert now.continued(45 * S, [stay(40, 50), stay(48, None)]).latest[-1].end_us is None


def test_what_is_no_longer_kept_each_still_counts() -> None:
    stays = [stay(10 * at, 10 * at + 5) for at in range(6)]
    short = whole(stays).shortened()

    assert len(short.kept) == 3
    assert short.state() == conference_state(stretches(stays))
    assert whole(stays[:2]).shortened().state() == conference_state(stretches(stays[:2]))
    assert not short.reaches(24 * S)
    assert not short.reaches(25 * S)
    assert short.reaches(26 * S)
    assert short.shortened() == short


def test_days_are_counted_anew_without_a_timeline_and_corrected_with_one() -> None:
    before, after = whole([stay(0, 10)]), whole([stay(0, 25)])

    assert counted_days({}, None, before, now_us=DAY) == {"1970-01-01": 10}
    assert counted_days({"1970-01-01": 10}, before, after, now_us=DAY) == {"1970-01-01": 25}
    assert counted_days({"1970-01-01": 10}, before, whole([]), now_us=DAY) == {}


@given(st.lists(CHANGES, max_size=6))
def test_stays_that_are_only_added_need_none_of_the_others(
    batches: list[list[tuple[int, int, int | None]]],
) -> None:
    stays: list[Stay] = []
    known = Timeline()
    for batch in batches:
        added = [
            stay(start, None if length is None else start + length) for _, start, length in batch
        ]
        stays += added
        reached = not added or known.reaches(min(one.start_us for one in added))
        known = (known.extended(added) if reached else whole(stays)).shortened()
        assert known.state() == conference_state(stretches(stays))


def test_a_stay_that_comes_to_a_call_is_put_in_its_place() -> None:
    known = whole([stay(0, 10), stay(50, 60)])

    assert (
        known.extended([stay(20, 30)]).kept == whole([stay(0, 10), stay(20, 30), stay(50, 60)]).kept
    )
