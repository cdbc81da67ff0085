"""Whatever the order of lines, and however old one is when it comes: what they say of the session is the same."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from signalbox.playback.rules.cmcd.figures import (
    figures,
    idle_after_ms,
    timeline,
    whole_timeline,
)
from signalbox.playback.rules.cmcd.folding import (
    FEW_LINES,
    MAX_TAIL,
    SETTLE_AFTER_MS,
    Fold,
    add,
    again,
    is_to_be_remade,
)
from signalbox.playback.rules.cmcd.lines import Line, read_line

START = 1_767_225_600_000


def read(sent: str) -> Line:
    found = read_line(sent, received_ms=START)
    assert isinstance(found, Line)
    return found


@st.composite
def sessions(draw: st.DrawFn) -> list[str]:
    """Lines of one session, each different: some minutes, with states, bitrates, errors, requests and gaps."""
    lines, at = [], START
    for number in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0, 1, 40, 900, 5000, 50_000, 130_000]))
        event = draw(st.sampled_from(["ps", "t", "rr", "bc", "e", ""]))
        parts = [f'sid="a",sn={number},ts={at}']
        parts += [f"e={event}"] if event else []
        for key, values in (
            ("sta", "dspkrawefq"),
            ("br", ("(500;v 64;a)", "100")),
            ("ec", ("25", '("30")')),
            ("bl", ("(1000)",)),
            ("cid", ('"one"', '"two"')),
            ("msd", ("3", "149")),
            ("ttlb", ("20",)),
        ):
            if draw(st.booleans()):
                parts.append(f"{key}={draw(st.sampled_from(values))}")
        lines.append(",".join(parts))
    return lines


def seen(lines: list[str], batches: list[int], *, written: bool = True) -> Fold:
    """The fold of lines that came in this order, in batches, each repetition left out as whoever stores them does.

    `written`: the session is written after each batch, as somebody who is never late does.
    """
    fold, known, kept = Fold(), set[int](), list[Line]()
    at = 0
    while at < len(lines):
        size = batches[at % len(batches)]
        fresh = []
        for sent in lines[at : at + size]:
            line = read(sent)
            if line.key not in known:
                known.add(line.key)
                fresh.append(line)
        add(fold, fresh)
        kept += fresh
        if written:
            fold.changed_ms = None
        fold = msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=Fold)
        at += size
    if fold.late:
        return again(in_order(kept))[0]
    return fold


def in_order(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (line.ts_ms, -1 if line.sn is None else line.sn))


@given(st.data(), sessions(), st.lists(st.integers(1, 7), min_size=1, max_size=4), st.booleans())
def test_order_and_repetition_change_nothing(
    data: st.DataObject, lines: list[str], batches: list[int], written: bool
) -> None:
    shuffled = data.draw(st.permutations(lines + lines[: len(lines) // 2]))
    straight, mixed = seen(lines, [1]), seen(shuffled, batches, written=written)

    assert figures(mixed) == figures(straight)
    assert idle_after_ms(mixed) == idle_after_ms(straight)


@given(sessions())
def test_a_fold_that_is_made_anew_is_the_one_that_was(lines: list[str]) -> None:
    read_ = [read(line) for line in lines]
    straight = seen(lines, [1])
    anew, marks = again(in_order(read_))

    assert figures(anew) == figures(straight)
    assert whole_timeline(anew, marks)[-len(timeline(straight)) or len(marks) :] == timeline(
        straight
    )


@given(sessions(), st.randoms(use_true_random=False))
def test_the_timeline_is_the_same_while_all_is_young(lines: list[str], random: object) -> None:
    young = [line for line in map(read, lines) if line.ts_ms < START + SETTLE_AFTER_MS]
    mixed = list(young)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = Fold(), Fold()
    add(one, young)
    add(other, mixed)

    assert timeline(one) == timeline(other)


def mark(ms: int, state: str = "p", number: int = 0) -> Line:
    return read(f'sid="a",e=ps,sn={number},sta={state},ts={START + ms}')


def write(fold: Fold) -> None:
    """As whoever has written the session."""
    fold.changed_ms, fold.late = None, False


def is_late(fold: Fold) -> bool:
    return fold.late


def test_old_marks_are_settled_and_only_young_ones_kept() -> None:
    fold = Fold()
    for ms in range(0, 600_000, 5000):
        add(fold, [mark(ms, number=ms // 1000)])
        write(fold)

    assert len(fold.tail) == SETTLE_AFTER_MS // 5000
    assert not is_late(fold)
    assert figures(fold).play_ms == 595_000


def test_never_more_marks_are_kept_than_fit() -> None:
    fold = Fold()
    add(fold, [mark(number, number=number) for number in range(MAX_TAIL + 100)])

    assert len(fold.tail) == MAX_TAIL


def test_a_mark_that_comes_too_late_says_so() -> None:
    fold = Fold()
    add(fold, [mark(0)])
    write(fold)
    add(fold, [mark(200_000), mark(400_000)])
    assert fold.settled is not None
    write(fold)
    add(fold, [mark(100_000, "r")])

    assert is_late(fold)
    assert figures(fold).rebuffer_count == 0  # left out until the fold is made anew


def test_a_first_line_that_comes_too_late_says_so() -> None:
    fold = Fold()
    add(fold, [mark(0)])
    write(fold)
    add(fold, [mark(400_000)])
    assert not is_late(fold)
    add(fold, [read(f'sid="a",e=rr,ts={START - 1}')])

    assert is_late(fold)
    assert fold.first_ms == START - 1


def test_the_first_mark_that_changed_is_known() -> None:
    fold = Fold()
    add(fold, [mark(0), mark(500)])
    write(fold)

    add(fold, [mark(900), mark(700)])
    assert fold.changed_ms == START + 700

    add(fold, [mark(-100)])
    assert fold.changed_ms == 0


def test_lines_that_say_nothing_of_states_leave_no_mark() -> None:
    fold = Fold()
    add(fold, [read('sid="a",e=m,sn=1,ts=5')])

    assert (fold.tail, fold.lines) == ([], 1)


def test_marks_that_nobody_wrote_in_time_make_the_fold_late() -> None:
    fold = Fold()
    add(fold, [mark(0), mark(400_000)])

    assert is_late(fold)


def test_a_long_session_is_not_made_anew_with_every_line() -> None:
    fold = Fold(lines=FEW_LINES, remade=FEW_LINES - 1, late=True)

    assert is_to_be_remade(fold, last_time=False) is False
    assert is_to_be_remade(fold, last_time=True) is True
    assert is_to_be_remade(Fold(lines=FEW_LINES, remade=1, late=True), last_time=False) is True
    assert is_to_be_remade(Fold(lines=5, remade=5, late=True), last_time=False) is True
    assert is_to_be_remade(Fold(lines=5, late=False), last_time=True) is False
