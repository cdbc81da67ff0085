"""The sample sessions have exactly the outcomes and scores that were worked out by hand."""

from __future__ import annotations

import pytest

from signalbox.playback.rules.outcomes import outcome_of
from signalbox.playback.rules.reports import Figures, States
from signalbox.playback.rules.scores import (
    Weights,
    quality,
    rebuffer_ratio,
    score_of,
    smoothness,
    startup,
)


def told(startup: int | None, play: int, rebuffer: int, count: int, errors: int, duration: int) -> Figures:  # fmt: skip
    return Figures(
        player_startup_ms=startup,
        play_time_ms=play,
        rebuffer_time_ms=rebuffer,
        rebuffer_count=count,
        error_count=errors,
        duration_ms=duration,
    )


A = told(450, 42_000, 1_200, 2, 0, 45_000)
B = told(1_200, 600_000, 0, 0, 0, 615_000)
C = told(3_000, 12_000, 8_000, 3, 1, 25_000)
D = told(None, 0, 0, 0, 1, 6_000)
E = told(None, 0, 0, 0, 0, 4_200)
F = told(None, 0, 0, 0, 0, 400)
NOBODY_PLAYED = States(attempted=False, last_state="IDLE", last_elapsed_ms=5)
WENT_ON = States(attempted=True, last_idle_ms=100, last_active_ms=101)
GAVE_UP = States(attempted=True, last_idle_ms=101, last_active_ms=101)


@pytest.mark.parametrize(
    ("figures", "states", "outcome"),
    [
        (A, States(), "played"),
        (B, States(), "played"),
        (C, States(), "playback_failure"),
        (D, States(), "start_failure"),
        (E, States(), "ebvs"),
        (F, States(), "early_exit"),
        (C, WENT_ON, "played"),
        (C, GAVE_UP, "playback_failure"),
        (C, States(attempted=True, last_active_ms=7), "played"),
        (D, NOBODY_PLAYED, "no_attempt"),
        (A, NOBODY_PLAYED, "played"),
        (D, WENT_ON, "start_failure"),
        (Figures(), States(), "unknown"),
        (Figures(duration_ms=5), NOBODY_PLAYED, "unknown"),
        (Figures(player_startup_ms=0), States(), "played"),
        (Figures(play_time_ms=1), States(), "played"),
        (Figures(play_time_ms=0), States(), "ebvs"),
        (Figures(error_count=0, duration_ms=999), States(), "early_exit"),
        (Figures(error_count=0, duration_ms=1_000), States(), "ebvs"),
    ],
)
def test_a_session_has_the_first_outcome_that_fits(
    figures: Figures, states: States, outcome: str
) -> None:
    assert outcome_of(figures, states) == outcome


@pytest.mark.parametrize(
    ("figures", "score"),
    [(A, 89.89), (B, 97.10), (C, 25.71), (D, 0), (E, 50), (F, None)],
)
def test_the_sample_sessions_have_their_scores(figures: Figures, score: float | None) -> None:
    found = score_of(outcome_of(figures, States()), figures)

    assert found is None if score is None else found == pytest.approx(score, abs=0.01)


def test_the_mean_of_the_sample_scores() -> None:
    scores = [score_of(outcome_of(figures, States()), figures) for figures in (A, B, C, D, E, F)]
    known = [score for score in scores if score is not None]

    assert sum(known) / len(known) == pytest.approx(52.54, abs=0.01)


@pytest.mark.parametrize(
    ("startup_ms", "value"),
    [(400, 95.24), (1_000, 88.89), (2_000, 80), (8_000, 50), (20_000, 28.57)],
)
def test_a_start_is_worth_less_the_longer_it_takes(startup_ms: int, value: float) -> None:
    assert startup(Figures(player_startup_ms=startup_ms)) == pytest.approx(value, abs=0.005)


def test_parts_that_nobody_knows_do_not_exist() -> None:
    assert startup(Figures()) is None
    assert smoothness(Figures(rebuffer_count=1)) is None
    assert smoothness(Figures(play_time_ms=1, rebuffer_time_ms=0)) is None
    assert quality(Figures(mean_bitrate_bps=1)) is None
    assert quality(Figures(top_bitrate_bps=1)) is None
    assert quality(Figures(mean_bitrate_bps=1, top_bitrate_bps=0)) is None


def test_a_session_without_playing_and_rebuffering_has_no_ratio() -> None:
    assert rebuffer_ratio(Figures(play_time_ms=0, rebuffer_time_ms=0)) is None
    assert rebuffer_ratio(C) == pytest.approx(0.4)
    assert rebuffer_ratio(A) == pytest.approx(0.02778, abs=5e-6)


def test_quality_is_the_root_of_the_share_and_never_more_than_all() -> None:
    assert quality(Figures(mean_bitrate_bps=1, top_bitrate_bps=4)) == pytest.approx(50)
    assert quality(Figures(mean_bitrate_bps=8, top_bitrate_bps=4)) == pytest.approx(100)


def test_weights_of_nothing_give_no_score() -> None:
    assert score_of("ebvs", E, Weights(success=0)) is None
