"""When a session ended and began, by clocks that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from signalbox.playback.rules.reports import ClockSkew
from signalbox.playback.rules.validation import DURATION_MAX_MS

DAY_MS: Final = 86_400_000
YEAR_2020_MS: Final = 1_577_836_800_000  # no player of ours is older
LONGEST_MS: Final = 31 * DAY_MS  # a start that lies further back is not believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """How far the clock of a device may be off."""

    max_future_ms: int = 300_000
    max_past_days: int = 400


def skew_of(client_ts_ms: int, received_ms: int, belief: Belief) -> ClockSkew | None:
    """Why a device's time is not believed, None when it is."""
    if client_ts_ms > received_ms + belief.max_future_ms:
        return "future"
    if client_ts_ms < max(YEAR_2020_MS, received_ms - belief.max_past_days * DAY_MS):
        return "past"
    return None


def parsed_iso_ms(text: str | None) -> int | None:
    """An ISO 8601 instant in ms since the Unix epoch; without a zone it is UTC. None when it is none."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def started_ms(
    *,
    timestamp_ms: int,
    iso_ms: int | None,
    duration_ms: int | None,
    skew: ClockSkew | None,
) -> int | None:
    """When a session began: as the device says where that is plausible, else the duration, ten years at most, before its end; None when neither is known."""
    if skew is None and iso_ms is not None and 0 <= timestamp_ms - iso_ms <= LONGEST_MS:
        return iso_ms
    # A player whose clock was set while it played tells lines that lie thousands of years apart.
    return None if duration_ms is None else timestamp_ms - min(duration_ms, DURATION_MAX_MS)
