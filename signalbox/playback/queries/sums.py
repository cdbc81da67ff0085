"""How the sums of `rules.figures` are made of sessions, in SQL."""

from __future__ import annotations

from typing import Final

from signalbox.core.sketches import FINE, ZERO
from signalbox.playback.rules.figures import OUTCOMES, SUMMED
from signalbox.playback.rules.outcomes import PLAYS
from signalbox.playback.rules.validation import DURATION_MAX_MS, INT64_MAX


def bounded(column: str) -> str:
    """What one session adds to a sum: at most as many ms, or frames, as the longest session has ms.

    A player may report any 64-bit number. Two of these would be more than a sum holds, and no figure of anybody could be counted.
    """
    return f"least({column}, {DURATION_MAX_MS})"


IS_PLAY: Final = f"s.outcome IN ({', '.join(repr(name) for name in sorted(PLAYS))})"
_MEASURED: Final = f"{IS_PLAY} AND s.play_time_ms IS NOT NULL AND s.rebuffer_time_ms IS NOT NULL"
_COUNTED: Final = f"{IS_PLAY} AND s.play_time_ms IS NOT NULL AND s.rebuffer_count IS NOT NULL"
_STALLED: Final = f"{IS_PLAY} AND s.rebuffer_time_ms IS NOT NULL AND s.rebuffer_count IS NOT NULL"
_STARTED: Final = f"{IS_PLAY} AND s.player_startup_ms IS NOT NULL"
_BITRATE: Final = f"{IS_PLAY} AND s.play_time_ms > 0 AND s.mean_bitrate_bps IS NOT NULL"
_DROPPED: Final = f"{IS_PLAY} AND s.play_time_ms IS NOT NULL AND s.dropped_frames IS NOT NULL"
_GOOD: Final = """s.outcome = 'played' AND s.player_startup_ms <= %(good_startup_ms)s
    AND s.rebuffer_time_ms <= %(good_ratio)s::double precision * (s.play_time_ms::numeric + s.rebuffer_time_ms)::double precision
    AND (s.play_time_ms > 0 OR s.rebuffer_time_ms > 0)"""


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


def _sum(column: str, condition: str) -> str:
    return _whole(f"sum({bounded(column)}) FILTER (WHERE {condition})")


def _whole(total: str) -> str:
    return f"least(coalesce({total}, 0), {INT64_MAX})::bigint"


def _exact(value: str, condition: str) -> str:
    # Added up as decimal numbers: the order of rows changes nothing, so counting again gives the same.
    return f"coalesce(sum(({value})::numeric) FILTER (WHERE {condition}), 0)::double precision"


OF_SESSIONS: Final[dict[str, str]] = {
    "rows": "count(*)",
    **{name: _count(f"s.outcome = '{name}'") for name in OUTCOMES},
    "with_errors": _count("s.error_count > 0"),
    "good": _count(_GOOD),
    "play_ms": _sum("s.play_time_ms", IS_PLAY),
    "rebuffer_ms": _sum("s.rebuffer_time_ms", _MEASURED),
    "measured_play_ms": _sum("s.play_time_ms", _MEASURED),
    "measured": _count(_MEASURED),
    "rebuffer_count": _sum("s.rebuffer_count", _COUNTED),
    "counted_play_ms": _sum("s.play_time_ms", _COUNTED),
    "counted": _count(_COUNTED),
    "rebuffered": _count(f"{_COUNTED} AND s.rebuffer_count > 0"),
    "stalled_ms": _sum("s.rebuffer_time_ms", _STALLED),
    "stalls": _sum("s.rebuffer_count", _STALLED),
    "startup_n": _count(_STARTED),
    "startup_ms": _sum("s.player_startup_ms", _STARTED),
    "bitrate_play_ms": _sum("s.play_time_ms", _BITRATE),
    "bitrate_n": _count(_BITRATE),
    "bitrate_sum": _exact(f"s.mean_bitrate_bps::numeric * {bounded('s.play_time_ms')}", _BITRATE),
    "dropped_frames": _sum("s.dropped_frames", _DROPPED),
    "dropped_play_ms": _sum("s.play_time_ms", _DROPPED),
    "dropped_n": _count(_DROPPED),
    "score_n": "count(s.score)",
    "score_sum": _exact("s.score", "s.score IS NOT NULL"),
}
"""An aggregate over rows `s` of `playback.sessions` for each of the sums."""

OF_ROLLUPS: Final[dict[str, str]] = {
    name: f"coalesce(sum(s.{name}), 0)::double precision"
    if name.endswith("_sum")
    else _whole(f"sum(s.{name})")
    for name in SUMMED
}
"""An aggregate over rows `s` of a rollup for each of the sums."""

STARTUPS: Final = f"array_agg(s.player_startup_ms) FILTER (WHERE {_STARTED})"
EXACT_PERCENTILES: Final = (
    "percentile_cont(%(shares)s::double precision[]) WITHIN GROUP (ORDER BY s.player_startup_ms)"
    f" FILTER (WHERE {_STARTED})"
)
HAS_STARTUP: Final = _STARTED
BUCKET: Final = (
    f"CASE WHEN {{0}} < 1 THEN {ZERO} ELSE floor(ln({{0}}::double precision) * {FINE})::int END"
)
"""The bucket of `core.sketches` in which a whole number of ms falls."""


def listed(columns: dict[str, str]) -> str:
    """As they stand in a SELECT."""
    return ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
