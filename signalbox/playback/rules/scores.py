"""The experience score of one session, 0 to 100."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from signalbox.playback.rules.outcomes import ATTEMPTS, PLAYS, Outcome
from signalbox.playback.rules.reports import Figures

HALF_STARTUP_S: Final = 8  # a start that takes so long is worth half
_SUCCESS: Final = {"played": 100.0, "ebvs": 50.0, "start_failure": 0.0, "playback_failure": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What the parts of a score count; `version` tells scores of different weights apart."""

    success: float = 0.40
    smoothness: float = 0.30
    startup: float = 0.20
    quality: float = 0.10
    version: int = 1


DEFAULT_WEIGHTS: Final = Weights()


def rebuffer_ratio(figures: Figures) -> float | None:
    """Share of rebuffering in playing and rebuffering, in [0, 1]; None when either is unknown or both are 0."""
    play, rebuffer = figures.play_time_ms, figures.rebuffer_time_ms
    if play is None or rebuffer is None or play + rebuffer == 0:
        return None
    return rebuffer / (play + rebuffer)


def smoothness(figures: Figures) -> float | None:
    """How little it stood still, 0 to 100; None when that is unknown."""
    ratio, count = rebuffer_ratio(figures), figures.rebuffer_count
    if ratio is None or count is None:
        return None
    return 50 / math.sqrt(1 + (count / 2) ** 2) + 50 * math.exp(-10 * ratio)


def startup(figures: Figures) -> float | None:
    """How soon it began, 0 to 100; None when that is unknown."""
    if figures.player_startup_ms is None:
        return None
    return 100 * HALF_STARTUP_S / (HALF_STARTUP_S + figures.player_startup_ms / 1000)


def quality(figures: Figures) -> float | None:
    """How near the bitrate came to the best on offer, 0 to 100; None when either is unknown."""
    mean, top = figures.mean_bitrate_bps, figures.top_bitrate_bps
    if mean is None or not top:
        return None
    return 100 * math.sqrt(min(1.0, mean / top))


def score_of(
    outcome: Outcome, figures: Figures, weights: Weights = DEFAULT_WEIGHTS
) -> float | None:
    """The weighted mean of the parts that exist; None when nothing was attempted, or no part counts."""
    if outcome not in ATTEMPTS:
        return None
    parts: list[tuple[float, float | None]] = [(weights.success, _SUCCESS[outcome])]
    if outcome in PLAYS:
        parts += [
            (weights.smoothness, smoothness(figures)),
            (weights.startup, startup(figures)),
            (weights.quality, quality(figures)),
        ]
    known = [(weight, value) for weight, value in parts if value is not None]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if total > 0 else None
