"""The figures of many sessions, on the sample that the reference uses throughout."""

from __future__ import annotations

import pytest

from signalbox.playback.rules.figures import METRICS, OUTCOMES, Sums, figures
from signalbox.playback.rules.outcomes import ATTEMPTS, PLAYS
from signalbox.playback.rules.rates import quotient, share

# startup, play, rebuffer, how often; A and B played, C failed on the way, D before it began, E and F left.
A = Sums(
    rows=1, played=1, play_ms=42_000, rebuffer_ms=1_200, measured_play_ms=42_000, measured=1,
    rebuffer_count=2, counted_play_ms=42_000, counted=1, rebuffered=1, stalled_ms=1_200, stalls=2,
    startup_n=1, startup_ms=450, score_n=1, score_sum=89.89,
    bitrate_play_ms=42_000, bitrate_n=1, bitrate_sum=42_000 * 2_500_000.0,
    dropped_frames=12, dropped_play_ms=42_000, dropped_n=1,
)  # fmt: skip
B = Sums(
    rows=1, played=1, play_ms=600_000, measured_play_ms=600_000, measured=1, counted_play_ms=600_000,
    counted=1, startup_n=1, startup_ms=1_200, score_n=1, score_sum=97.10, good=1,
)  # fmt: skip
C = Sums(
    rows=1, playback_failure=1, with_errors=1, play_ms=12_000, rebuffer_ms=8_000,
    measured_play_ms=12_000, measured=1, rebuffer_count=3, counted_play_ms=12_000, counted=1,
    rebuffered=1, stalled_ms=8_000, stalls=3, startup_n=1, startup_ms=3_000, score_n=1, score_sum=25.71,
)  # fmt: skip
D = Sums(rows=1, start_failure=1, with_errors=1, score_n=1, score_sum=0.0)
E = Sums(rows=1, ebvs=1, score_n=1, score_sum=50.0)
F = Sums(rows=1, early_exit=1)
SAMPLE = A + B + C + D + E + F


def test_attempts_and_plays_leave_out_who_never_tried() -> None:
    more = Sums(rows=2, no_attempt=1, unknown=1)

    assert (SAMPLE.attempts, SAMPLE.plays) == (5, 3)
    assert ((SAMPLE + more).attempts, (SAMPLE + more).plays) == (5, 3)
    assert (SAMPLE + more).outcomes == {
        "played": 2, "playback_failure": 1, "start_failure": 1, "ebvs": 1,
        "early_exit": 1, "no_attempt": 1, "unknown": 1,
    }  # fmt: skip
    assert set(PLAYS) < set(ATTEMPTS) < set(OUTCOMES)


@pytest.mark.parametrize(
    ("name", "value", "n"),
    [
        ("sessions", 6, 6),
        ("attempts", 5, 5),
        ("plays", 3, 3),
        ("videoStartFailureRate", 0.2, 5),
        ("ebvsRate", 0.2, 5),
        ("playbackFailureRate", 1 / 3, 3),
        ("errorRate", 0.4, 5),
        ("sessionsWithErrorsRate", 1 / 3, 6),
        ("rebufferRatio", 0.013872, 3),
        ("rebufferFrequencyPerMinute", 0.4587, 3),
        ("rebufferedPlaysRate", 2 / 3, 3),
        ("meanRebufferMs", 1840, 3),
        ("startupMeanMs", 1550, 3),
        ("viewerHours", 0.18167, 3),
        ("watchHours", 0.18422, 3),
        ("meanBitrateBps", 2_500_000, 1),
        ("droppedFramesPerSecond", 12 / 42, 1),
        ("score", 52.54, 5),
        ("goodSessionShare", 0.2, 5),
    ],
)
def test_a_figure_of_the_sample(name: str, value: float, n: int) -> None:
    figure = figures(SAMPLE)[name]

    assert figure.value == pytest.approx(value, abs=5e-5 if value < 1 else 5e-3)
    assert figure.n == n


def test_every_figure_of_the_sample_was_looked_at() -> None:
    assert len(METRICS) == 19


def test_nothing_has_no_figures_but_counts() -> None:
    found = figures(Sums())

    counts = {"sessions", "attempts", "plays"}
    assert {name for name, figure in found.items() if figure.value is not None} == counts
    assert all(figure.n == 0 for figure in found.values())


def test_the_interval_of_a_share_is_wilsons() -> None:
    figure = share(2, 5)

    assert (figure.value, figure.n) == (0.4, 5)
    assert figure.low == pytest.approx(0.1176, abs=5e-5)
    assert figure.high == pytest.approx(0.7693, abs=5e-5)


def test_the_interval_stays_within_0_and_1() -> None:
    assert share(0, 3).low == pytest.approx(0, abs=1e-12)
    assert share(3, 3).high == 1


def test_a_share_of_nothing_is_none_and_not_0() -> None:
    figure = share(0, 0)

    assert (figure.value, figure.n, figure.low, figure.high) == (None, 0, None, None)


def test_a_quotient_by_nothing_is_none() -> None:
    assert quotient(7, 0, 3).value is None


def test_sums_are_read_from_a_row_that_may_lack_some() -> None:
    assert Sums.of({"rows": 3, "played": None, "other": 9}) == Sums(rows=3)
