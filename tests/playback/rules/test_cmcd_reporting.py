"""What lines tell of a session becomes a report like those of SDKs."""

from __future__ import annotations

import json

import pytest

from signalbox.playback.rules.cmcd.figures import timeline
from signalbox.playback.rules.cmcd.folding import Fold, add
from signalbox.playback.rules.cmcd.lines import Line, read_line
from signalbox.playback.rules.cmcd.reporting import ending_of, report_of
from signalbox.playback.rules.merging import merged
from signalbox.playback.rules.reports import Report
from signalbox.playback.rules.times import LONGEST_MS, Belief

START = 1_767_225_600_000


def folded(*told: tuple[str, int]) -> Fold:
    """Lines by what they say and when."""
    fold = Fold()
    for more, at in told:
        line = read_line(f'sid="abc",ts={START + at},v=2,{more}', received_ms=START)
        assert isinstance(line, Line)
        add(fold, [line])
    return fold


def outcome(*told: tuple[str, int]) -> str:
    fold = folded(*told)
    report = report_of("abc", fold, received_ms=START + told[-1][1] + 40)
    return merged(None, report, belief=Belief()).stored.outcome


def test_a_session_becomes_a_report() -> None:
    fold = folded(("e=ps,sta=s,st=ll,dfa=2", 0), ("e=ps,sta=p,br=(500)", 400), ("e=ps,sta=r", 900))
    report = report_of("abc", fold, received_ms=START + 1000, rows=timeline(fold))

    assert (report.source, report.dialect, report.session_id) == ("cmcd", "CMCD2", "abc")
    assert (report.client_ts_ms, report.received_ms) == (START + 900, START + 1000)
    assert (report.figures.duration_ms, report.figures.player_startup_ms) == (900, 400)
    assert (report.figures.play_time_ms, report.figures.mean_bitrate_bps) == (500, 500_000)
    assert report.flags == ("low_latency",)
    assert [
        (entry.elapsed_ms, entry.playback_state, entry.dropped_frames) for entry in report.timeline
    ] == [(0, "BUFFERING", 2), (400, "PLAYING", 2), (900, "BUFFERING", 2)]
    assert report.states.last_state == "BUFFERING"
    assert (report.states.last_state_at_ms, report.states.state_since_ms) == (
        START + 900,
        START + 1000,
    )
    assert json.loads(report.payload)["lines"] == 3


def test_without_states_none_are_reported() -> None:
    report = report_of("abc", folded(("e=t", 0)), received_ms=START)

    assert report.states.attempted is None
    assert (report.timeline, report.flags) == ((), ())


def test_the_same_lines_are_the_same_report() -> None:
    def made() -> Report:
        return report_of("abc", folded(("e=ps,sta=s", 0)), received_ms=START)

    assert made().payload_hash == made().payload_hash
    assert made() == made()


@pytest.mark.parametrize(
    ("told", "idle", "ending"),
    [
        ([("e=ps,sta=p", 0)], False, None),
        ([("e=ps,sta=p", 0)], True, "idle"),
        ([("e=ps,sta=e", 0)], True, "ended"),
        ([("e=ps,sta=q", 0), ("e=bc,br=(1)", 5)], False, "quit"),
    ],
)
def test_how_it_ended_is_told(told: list[tuple[str, int]], idle: bool, ending: str | None) -> None:
    fold = folded(*told)
    report = report_of("abc", fold, received_ms=START, idle=idle)

    assert json.loads(report.payload).get("ending") == ending
    assert ending_of(fold) == (None if ending == "idle" else ending)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([("e=t", 0), ("e=t", 9000)], "unknown"),
        ([("e=ps,sta=d", 0), ("e=t,sta=d", 9000)], "no_attempt"),
        ([("e=ps,sta=s", 0), ("e=ps,sta=f", 3000)], "start_failure"),
        ([("e=ps,sta=s", 0), ("e=e,sta=s,ec=25", 3000)], "start_failure"),
        ([("e=ps,sta=s", 0), ("e=t,sta=s", 900)], "early_exit"),
        ([("e=ps,sta=s", 0), ("e=t,sta=s", 5000)], "ebvs"),
        (
            [("e=ps,sta=s", 0), ("e=ps,sta=p", 10), ("e=ps,sta=f", 5000), ("e=e,sta=f", 5001)],
            "playback_failure",
        ),
        ([("e=ps,sta=s", 0), ("e=ps,sta=p", 10), ("e=e,sta=p,ec=25", 5000)], "playback_failure"),
        (
            [("e=ps,sta=s", 0), ("e=ps,sta=p", 10), ("e=e,sta=p", 50), ("e=t,sta=p", 900)],
            "played",
        ),
        ([("e=rr,msd=284", 0)], "played"),
        ([("e=ps,sta=s", 0), ("e=ps,sta=p", 10), ("e=ps,sta=e", 5000)], "played"),
    ],
)
def test_the_outcome_is_that_of_every_session(told: list[tuple[str, int]], found: str) -> None:
    assert outcome(*told) == found


def test_a_clock_that_jumps_makes_no_state_older_than_a_month() -> None:
    fold = folded(("e=ps,sta=p", -START + 1), ("e=t", 0))

    report = report_of("abc", fold, received_ms=START + 40)

    assert report.figures.duration_ms == START - 1
    assert report.states.state_since_ms == START + 40 - LONGEST_MS
