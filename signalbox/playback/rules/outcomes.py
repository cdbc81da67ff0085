"""How a session went, in one word."""

from __future__ import annotations

from typing import Final, Literal

from signalbox.playback.rules.reports import Figures, States

Outcome = Literal[
    "unknown", "no_attempt", "start_failure", "early_exit", "ebvs", "playback_failure", "played"
]

PLAYS: Final = frozenset({"playback_failure", "played"})
ATTEMPTS: Final = PLAYS | {"start_failure", "ebvs"}
ERRORS: Final = frozenset({"start_failure", "playback_failure"})
EARLY_EXIT_MS: Final = 1000


def has_started(figures: Figures) -> bool:
    """Whether a first frame was seen."""
    return figures.player_startup_ms is not None or (figures.play_time_ms or 0) > 0


def outcome_of(figures: Figures, states: States) -> Outcome:
    """The first word that fits; `ebvs` is an exit before the video started."""
    told = (figures.player_startup_ms, figures.play_time_ms, figures.error_count)
    if told == (None, None, None):
        return "unknown"
    failed = (figures.error_count or 0) > 0
    if has_started(figures):
        return "playback_failure" if failed and not states.recovered else "played"
    if states.attempted is False:
        return "no_attempt"
    if failed:
        return "start_failure"
    if figures.duration_ms is not None and figures.duration_ms < EARLY_EXIT_MS:
        return "early_exit"
    return "ebvs"
