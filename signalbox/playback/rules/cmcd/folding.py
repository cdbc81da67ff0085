"""The compact memory of a session: lines come in any order and any number of times, the outcome is the same.

What adds up whatever the order (largest, first, last, counts) is kept as such. Marks, whose order matters, are kept apart while they are young;
older ones are settled into the state machine. A mark that comes later than that cannot be put in its place any more: the fold then says
that it must be made anew from the stored lines, which gives what it would have given in order.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from signalbox.playback.rules.cmcd.dictionary import is_true, items, number, text, whole
from signalbox.playback.rules.cmcd.lines import ERROR, INTERVAL, RESPONSE, Line
from signalbox.playback.rules.cmcd.numbers import Numbers
from signalbox.playback.rules.cmcd.states import NONE, Machine, Mark, advance

SETTLE_AFTER_MS: Final = 120_000
MAX_TAIL: Final = 512
LIKELY_MS: Final = 600_000  # a longer time for one request is a clock's instant, not a duration
MAX_CUSTOM: Final = 50
CUSTOM: Final = "x:"
MAX_VALUE: Final = 64
FEW_LINES: Final = 2000
MAX_INT: Final = 2_147_483_647
AUDIO_ONLY: Final = frozenset(
    {"a", "m", "i", "k", "c", "tt"}
)  # objects whose bitrate is not the picture's
_TOLD: Final = {
    "cid": 128,
    "st": 8,
    "sf": 8,
    "cdn": 128,
    "h": 128,
    "pr": 16,
    "ltc": 64,
    "mtp": 64,
    "pt": 16,
    "v": 4,
}

Told = tuple[int, int, str]


class Requests(msgspec.Struct, array_like=True):
    """Requests of the player, by its `rr` events. Times in ms."""

    count: int = 0
    failed: int = 0
    first_byte_ms: int = 0
    first_byte_count: int = 0
    last_byte_ms: int = 0
    last_byte_count: int = 0
    longest_ms: int = 0


class Fold(msgspec.Struct, array_like=True):
    """All that is remembered of a session, but its lines. The times are those of its lines, in ms."""

    first_ms: int = 0
    last_ms: int = 0
    lines: int = 0
    events: Numbers = msgspec.field(default_factory=Numbers)  # by `sn`, one counter each
    requests_made: Numbers = msgspec.field(default_factory=Numbers)
    machine: Machine = msgspec.field(default_factory=Machine)
    settled: Mark | None = None
    tail: list[Mark] = msgspec.field(default_factory=list)
    changed_ms: int | None = None  # the first mark since the session was last written
    late: bool = False  # it is to be made anew
    remade: int = 0  # how many lines it had when that was done last
    told: dict[str, Told] = msgspec.field(default_factory=dict)
    start_delay_ms: int | None = None
    starved_count: int = 0  # `bs`
    starvations: int | None = None  # `bsa`
    starved_ms: int | None = None  # the sum of `bsd`
    starved_whole_ms: int | None = None  # `bsda`
    dropped: int | None = None
    top_kbps: float | None = None
    requests: Requests = msgspec.field(default_factory=Requests)
    version: int = 1
    low_latency: bool = False


def numbers_of(fold: Fold, line: Line) -> Numbers:
    """The numbers of the counter that this line was numbered by: events and requests have one each."""
    return fold.events if line.event else fold.requests_made


def add(fold: Fold, lines: Iterable[Line]) -> None:
    """Take in lines that the fold has not seen, in any order."""
    for line in lines:
        _count(fold, line)
        _remember(fold, line)
        _quantities(fold, line.fields)
        if line.event == RESPONSE:
            _response(fold.requests, line.fields)
            continue
        if not line.event and "rc" in line.fields:  # a request that a CDN has seen
            _response(fold.requests, line.fields)
        mark = mark_of(line)
        if mark is not None:
            _place(fold, mark)
    _settle(fold)


def _count(fold: Fold, line: Line) -> None:
    first = fold.lines == 0
    if first or line.ts_ms < fold.first_ms:
        if not first:
            fold.changed_ms = 0  # every mark lies later after the start than it did
            fold.late = fold.late or fold.settled is not None
        fold.first_ms = line.ts_ms
    if first or line.ts_ms > fold.last_ms:
        fold.last_ms = line.ts_ms
    fold.lines += 1
    if line.sn is not None:
        numbers_of(fold, line).add(line.sn)
    fold.version = max(fold.version, line.version)


def _remember(fold: Fold, line: Line) -> None:
    order = (line.ts_ms, NONE if line.sn is None else line.sn)
    told = fold.told
    for key, value in line.fields.items():
        most = _TOLD.get(key)
        if most is None:
            if "-" not in key or len(key) > MAX_VALUE or key[:1] == "*":
                continue
            most = MAX_VALUE
            key = CUSTOM + key  # noqa: PLW2901
        newest = (*order, value[:most])
        known = told.get(key)
        if known is None or newest > known:
            told[key] = newest
    if len(told) > MAX_CUSTOM:
        _keep_few(told)
    if line.fields.get("st") == "ll":
        fold.low_latency = True


def _keep_few(told: dict[str, Told]) -> None:
    """Of too many keys of the customer's own the first by name stay: they are the same in whatever order they came."""
    own = sorted(key for key in told if key.startswith(CUSTOM))
    for key in own[MAX_CUSTOM:]:
        del told[key]


def _quantities(fold: Fold, fields: dict[str, str]) -> None:
    for key, into in _LARGEST:
        if key in fields:
            found = number(fields[key])
            if found is not None and 0 <= found <= MAX_INT:
                known = getattr(fold, into)
                if known is None or found > known:
                    setattr(fold, into, int(found) if into != "top_kbps" else found)
    if "bsd" in fields:
        found_ms = whole(fields["bsd"])
        if found_ms is not None and 0 <= found_ms <= MAX_INT:
            fold.starved_ms = (fold.starved_ms or 0) + found_ms
    if "bs" in fields and is_true(fields["bs"]):
        fold.starved_count += 1


_LARGEST: Final = (
    ("msd", "start_delay_ms"),
    ("bsa", "starvations"),
    ("bsda", "starved_whole_ms"),
    ("dfa", "dropped"),
    ("tpb", "top_kbps"),
    ("tb", "top_kbps"),
    ("tab", "top_kbps"),
)


def _response(requests: Requests, fields: dict[str, str]) -> None:
    requests.count += 1
    status = whole(fields.get("rc"))
    if status is not None and (status >= 400 or status == 0):
        requests.failed += 1
    first_ms, last_ms = whole(fields.get("ttfb")), whole(fields.get("ttlb"))
    if first_ms is not None and 0 <= first_ms <= LIKELY_MS:
        requests.first_byte_ms += first_ms
        requests.first_byte_count += 1
    if last_ms is not None and 0 <= last_ms <= LIKELY_MS:
        requests.last_byte_ms += last_ms
        requests.last_byte_count += 1
        requests.longest_ms = max(requests.longest_ms, last_ms)


def mark_of(line: Line) -> Mark | None:
    """What the line says of state, bitrate, errors or the interval of reports; None when it says nothing of these."""
    fields = line.fields
    kbps = _bitrate_kbps(fields)
    if not line.state and kbps is None and line.event not in (ERROR, INTERVAL):
        return None
    buffer_ms = whole(fields.get("bl"))
    return Mark(
        ts_ms=line.ts_ms,
        sn=NONE if line.sn is None else line.sn,
        event=line.event if line.event in (ERROR, INTERVAL) else "",
        state=line.state,
        bitrate_kbps=NONE if kbps is None else kbps,
        buffer_ms=buffer_ms if buffer_ms is not None and 0 <= buffer_ms <= MAX_INT else NONE,
        error=(text(fields.get("ec")) or "")[:MAX_VALUE] if line.event == ERROR else "",
    )


def _bitrate_kbps(fields: dict[str, str]) -> float | None:
    """What is played, else what is loaded; None for what is loaded beside the picture."""
    if fields.get("ot") in AUDIO_ONLY:
        return None
    for key in ("pb", "br", "ab"):
        value = fields.get(key)
        if value is not None:
            found = number(value)
            if found is not None and 0 <= found <= MAX_INT // 1000:
                return found
    return None


def _place(fold: Fold, mark: Mark) -> None:
    if fold.changed_ms is None or mark.ts_ms < fold.changed_ms:
        fold.changed_ms = mark.ts_ms
    if fold.settled is not None and mark < fold.settled:
        fold.late = True
        return
    tail = fold.tail
    if not tail or mark >= tail[-1]:
        tail.append(mark)
    else:
        insort(tail, mark)


def _settle(fold: Fold) -> None:
    tail = fold.tail
    if not tail:
        return
    until_ms = tail[-1].ts_ms - SETTLE_AFTER_MS
    if tail[0].ts_ms > until_ms and len(tail) <= MAX_TAIL:
        return
    # The last one stays: what comes at the same instant is put in its place.
    keep = next(index for index, mark in enumerate(tail) if mark.ts_ms > until_ms)
    keep = max(keep, len(tail) - MAX_TAIL)
    for mark in tail[:keep]:
        advance(fold.machine, mark)
    fold.settled = tail[keep - 1]
    if fold.changed_ms is not None and fold.settled.ts_ms >= fold.changed_ms:
        fold.late = True  # nobody has written it into the timeline while it was young
    del tail[:keep]


def again(lines: Iterable[Line]) -> tuple[Fold, list[Mark]]:
    """The fold of lines that come in the order of (time, number), each once, and all its marks: what was late is in its place."""
    fold = Fold()
    marks: list[Mark] = []
    for line in lines:
        add(fold, (line,))
        mark = None if line.event == RESPONSE else mark_of(line)
        if mark is not None:
            marks.append(mark)
    fold.changed_ms, fold.late, fold.remade = 0, False, fold.lines
    return fold, sorted(marks)


def is_to_be_remade(fold: Fold, *, last_time: bool) -> bool:
    """Whether to make the fold anew now. A long session whose clock is wrong is late with every line: it is not read from its beginning each time."""
    enough = fold.lines < FEW_LINES or fold.lines * 20 >= fold.remade * 21
    return fold.late and (enough or last_time)


def told(fold: Fold, key: str) -> str | None:
    """The last that was told under a key; of a list the first item; None when nothing."""
    known = fold.told.get(key)
    return None if known is None else text(known[2])


def custom(fold: Fold) -> dict[str, Any]:
    """The last values of keys of the customer's own, by key."""
    return {
        key.removeprefix(CUSTOM): (items(value)[0][0] if items(value) else "") if value else True
        for key, (_, _, value) in sorted(fold.told.items())
        if key.startswith(CUSTOM)
    }
