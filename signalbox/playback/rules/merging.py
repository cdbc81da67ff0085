"""Which of two reports of a session wins, and what the session then is.

A value always comes from the newest report that knows it, so the order in which reports arrive does not matter as long as they lie
more than `SAME_INSTANT_MS` apart and no clock is wrong. What an SDK says goes before what CMCD says.
"""

from __future__ import annotations

from copy import copy
from typing import Final, NamedTuple

from signalbox.playback.rules.outcomes import outcome_of
from signalbox.playback.rules.reports import Figures, Report, Result, Source, Stored
from signalbox.playback.rules.scores import DEFAULT_WEIGHTS, Weights, score_of
from signalbox.playback.rules.timelines import joined
from signalbox.playback.rules.times import Belief, parsed_iso_ms, skew_of, started_ms

# The last event and the detach of a player are reported by two threads: they overtake each other by a few ms.
SAME_INSTANT_MS: Final = 50
INCONSISTENT: Final = "inconsistent"
PLAY_SLACK: Final = 1.1  # share of the duration that playing may take, clocks being what they are
PLAY_SLACK_MS: Final = 5000
RATIO_SLACK: Final = 0.25


class Merged(NamedTuple):
    """A session after a report, and what became of the report."""

    stored: Stored
    result: Result


def merged(
    stored: Stored | None,
    report: Report,
    *,
    belief: Belief,
    weights: Weights = DEFAULT_WEIGHTS,
) -> Merged:
    """The session once `report` is known too; `stored` None: it is the first. `stored` itself is left as it is."""
    if stored is None:
        return Merged(_created(report, belief, weights), "created")
    session = copy(stored)
    result = _took(session, report, belief)
    session.source = _source(stored.source, report.source)
    session.states = joined(stored.states, report.states)
    session.last_received_ms = max(stored.last_received_ms, report.received_ms)
    return Merged(_derived(session, report.flags, belief, weights), result)


def _took(session: Stored, report: Report, belief: Belief) -> Result:
    """Take over what the report may change of the values; answers what became of it."""
    if session.client_ts_ms == report.client_ts_ms and session.payload_hash == report.payload_hash:
        return "duplicate"
    if not _wins(session, report, belief):
        session.figures, session.filled_at_ms = _filled(session, report, belief)
        return "stale"
    session.figures, session.filled_at_ms = _overlaid(session, report, belief)
    session.dialect = report.dialect
    session.client_ts_ms, session.won_received_ms = report.client_ts_ms, report.received_ms
    session.payload, session.payload_hash = report.payload, report.payload_hash
    session.revision += 1
    return "updated"


def _wins(stored: Stored, report: Report, belief: Belief) -> bool:
    """Whether the incoming report takes the place of the one that won so far."""
    if (stored.source == "cmcd") != (report.source == "cmcd"):
        return stored.source == "cmcd"
    was_future = skew_of(stored.client_ts_ms, stored.won_received_ms, belief) == "future"
    is_future = skew_of(report.client_ts_ms, report.received_ms, belief) == "future"
    if was_future != is_future:
        return _believed_ms(report, belief) >= _believed_stored_ms(stored, belief)
    apart_ms = report.client_ts_ms - stored.client_ts_ms
    was_ms, is_ms = stored.figures.duration_ms, report.figures.duration_ms
    if abs(apart_ms) <= SAME_INSTANT_MS and was_ms is not None and is_ms is not None:
        return is_ms > was_ms if is_ms != was_ms else apart_ms >= 0
    return apart_ms >= 0


def _believed_ms(report: Report, belief: Belief) -> int:
    """A report's place in time: a clock that is ahead is replaced by ours."""
    is_future = skew_of(report.client_ts_ms, report.received_ms, belief) == "future"
    return report.received_ms if is_future else report.client_ts_ms


def _believed_stored_ms(stored: Stored, belief: Belief) -> int:
    is_future = skew_of(stored.client_ts_ms, stored.won_received_ms, belief) == "future"
    return stored.won_received_ms if is_future else stored.client_ts_ms


def _overlaid(stored: Stored, report: Report, belief: Belief) -> tuple[Figures, dict[str, int]]:
    """The winner's values; where it has none the old ones stay, marked with their time."""
    since_ms = _believed_stored_ms(stored, belief)
    is_cmcd = stored.source == "cmcd" and report.source != "cmcd"
    pairs = list(zip(report.figures, stored.figures, strict=True))
    values = [old if new is None else new for new, old in pairs]
    filled: dict[str, int] = {}
    for name, (new, old) in zip(Figures._fields, pairs, strict=True):
        if new is None and old is not None:
            at_ms = stored.filled_at_ms.get(name, since_ms)
            filled[name] = -abs(at_ms) if is_cmcd else at_ms
    return Figures._make(values), filled


def _filled(stored: Stored, report: Report, belief: Belief) -> tuple[Figures, dict[str, int]]:
    """The stored values; what they lack, or have from a report that is older still, comes from this one."""
    at_ms = _believed_ms(report, belief)
    if report.source == "cmcd" and stored.source != "cmcd":
        at_ms = -at_ms
    values: list[object] = []
    filled: dict[str, int] | None = None
    for name, new, old in zip(Figures._fields, report.figures, stored.figures, strict=True):
        is_better = new is not None and (
            old is None or _is_better(stored.filled_at_ms.get(name), at_ms)
        )
        values.append(new if is_better else old)
        if is_better:
            filled = dict(stored.filled_at_ms) if filled is None else filled
            filled[name] = at_ms
    if filled is None:
        return stored.figures, stored.filled_at_ms
    return Figures._make(values), filled


def _is_better(has_ms: int | None, at_ms: int) -> bool:
    """Whether a value of `at_ms` replaces one that was filled in at `has_ms`; those of CMCD, negative, go after all others."""
    if has_ms is None:
        return False
    if (has_ms < 0) != (at_ms < 0):
        return has_ms < 0
    return abs(at_ms) > abs(has_ms)


def _created(report: Report, belief: Belief, weights: Weights) -> Stored:
    first = Stored(
        session_id=report.session_id,
        source=report.source,
        dialect=report.dialect,
        client_ts_ms=report.client_ts_ms,
        timestamp_ms=report.client_ts_ms,
        clock_skew=None,
        started_ms=None,
        figures=report.figures,
        filled_at_ms={},
        payload=report.payload,
        payload_hash=report.payload_hash,
        states=report.states,
        outcome="unknown",
        score=None,
        score_version=weights.version,
        flags=(),
        revision=1,
        first_received_ms=report.received_ms,
        won_received_ms=report.received_ms,
        last_received_ms=report.received_ms,
    )
    return _derived(first, report.flags, belief, weights)


def _source(was: Source, told: Source) -> Source:
    return was if was == told else "merged"


def _derived(session: Stored, flags: tuple[str, ...], belief: Belief, weights: Weights) -> Stored:
    """The session with what follows from its values: times, outcome, score, flags."""
    skew = skew_of(session.client_ts_ms, session.won_received_ms, belief)
    session.clock_skew = skew
    session.timestamp_ms = session.client_ts_ms if skew is None else session.won_received_ms
    figures = session.figures
    session.started_ms = started_ms(
        timestamp_ms=session.timestamp_ms,
        iso_ms=parsed_iso_ms(figures.start_iso_raw),
        duration_ms=figures.duration_ms,
        skew=skew,
    )
    outcome = outcome_of(figures, session.states)
    session.outcome = outcome
    session.score, session.score_version = score_of(outcome, figures, weights), weights.version
    lasting = {*session.flags, *flags} - {INCONSISTENT}
    if is_inconsistent(figures, session.dialect):
        lasting.add(INCONSISTENT)
    session.flags = tuple(sorted(lasting))
    return session


def is_inconsistent(figures: Figures, dialect: str) -> bool:
    """Whether the values contradict each other: parts longer than the whole, or a ratio that its parts do not give."""
    whole_ms = figures.duration_ms
    if whole_ms is not None:
        most_ms = PLAY_SLACK * whole_ms + PLAY_SLACK_MS
        parts = (figures.play_time_ms, figures.rebuffer_time_ms, figures.seek_time_ms)
        if any(part is not None and part > most_ms for part in parts):
            return True
    return _ratio_differs(figures, dialect)


def _ratio_differs(figures: Figures, dialect: str) -> bool:
    told, play, rebuffer = (
        figures.rebuffer_ratio_reported,
        figures.play_time_ms,
        figures.rebuffer_time_ms,
    )
    if told is None or play is None or rebuffer is None:
        return False
    whole = play + rebuffer
    if dialect != "D1":  # which leaves joining and seeking out
        whole += (figures.player_startup_ms or 0) + (figures.seek_time_ms or 0)
    return abs(told - (rebuffer / whole if whole else 0.0)) > RATIO_SLACK
