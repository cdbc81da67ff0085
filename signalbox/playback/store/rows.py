"""A session as a row of `playback.sessions`: put in and changed in sets, and read back.

Rows are put in by a statement, not by COPY, which no other statement can be sent along with: waiting for its answers costs more than it saves
for the few rows of a batch (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from signalbox.core import params as p
from signalbox.playback.rules.reports import Figures, States, Stored

Row = tuple[UUID, int, Stored]  # app, partition in µs, session


class _Kind(NamedTuple):
    """How values of one type are written, as one array of many rows."""

    name: str
    array: Callable[[Iterable[Any]], bytes]


def _instants(values: Iterable[int | None]) -> bytes:
    return p.instants(None if ms is None else ms * 1000 for ms in values)


def _joined(values: Iterable[Sequence[str]]) -> bytes:
    """Arrays of texts cannot be elements of an array: they travel as lines, and flags have no line ends."""
    return p.texts("\n".join(flags) for flags in values)


_TEXT = _Kind("text", p.texts)
_INT = _Kind("int", p.ints)
_BIGINT = _Kind("bigint", p.bigints)
_DOUBLE = _Kind("double", p.doubles)
_SCORE = _Kind("real", p.doubles)
_INSTANT = _Kind("instant", _instants)
_JSON = _Kind("json", p.jsons)
_BYTES = _Kind("bytes", p.payloads)
_BOOLEAN = _Kind("boolean", p.booleans)
_FLAGS = _Kind("flags", _joined)

_FIGURE_KINDS: Final = {
    "rebuffer_ratio_reported": _DOUBLE,
    **dict.fromkeys(("player_startup_ms", "rebuffer_count", "seek_count", "error_count", "quality_switches"), _INT),
    **dict.fromkeys(("duration_ms", "play_time_ms", "rebuffer_time_ms", "dropped_frames", "seek_time_ms", "mean_bitrate_bps", "top_bitrate_bps"), _BIGINT),
}  # fmt: skip
_STATE_KINDS: Final = {
    "last_idle_ms": _BIGINT,
    "last_active_ms": _BIGINT,
    "last_elapsed_ms": _BIGINT,
    "last_state": _TEXT,
    "last_state_at_ms": _BIGINT,
}
# What a report can change, in the order in which `_values` gives it.
_CHANGING: Final[dict[str, _Kind]] = {
    "source": _TEXT,
    "dialect": _TEXT,
    "client_ts_ms": _BIGINT,
    '"timestamp"': _INSTANT,
    "clock_skew": _TEXT,
    "started_at": _INSTANT,
    "payload_hash": _BYTES,
    "filled_at_ms": _JSON,
    "outcome": _TEXT,
    "score": _SCORE,
    "score_version": _INT,
    "flags": _FLAGS,
    "revision": _INT,
    "updated_at": _INSTANT,
    "last_received_at": _INSTANT,
    "payload": _JSON,
    "attempted": _BOOLEAN,
    "recovered": _BOOLEAN,
    "state_since": _INSTANT,
    **_STATE_KINDS,
    **{name: _FIGURE_KINDS.get(name, _TEXT) for name in Figures._fields},
}
_FIXED: Final = ("app_id", "session_id", "partition_ts", "created_at", "first_received_at")
_NO_JSON: Final = b"{}"
_encode = msgspec.json.Encoder().encode


def _values(stored: Stored) -> tuple[Any, ...]:
    states = stored.states
    return (
        stored.source,
        stored.dialect,
        stored.client_ts_ms,
        stored.timestamp_ms,
        stored.clock_skew,
        stored.started_ms,
        stored.payload_hash,
        _encode(stored.filled_at_ms) if stored.filled_at_ms else _NO_JSON,
        stored.outcome,
        stored.score,
        stored.score_version,
        stored.flags,
        stored.revision,
        stored.won_received_ms,
        stored.last_received_ms,
        stored.payload,
        states.attempted,
        states.recovered,
        states.state_since_ms,
        states.last_idle_ms,
        states.last_active_ms,
        states.last_elapsed_ms,
        states.last_state,
        states.last_state_at_ms,
        *stored.figures,
    )


_ARRAYS: Final = tuple(kind.array for kind in _CHANGING.values())


def _selected(name: str, kind: _Kind) -> str:
    return f"string_to_array(new.{name}, E'\\n')" if kind is _FLAGS else f"new.{name}"


INSERT: Final = f"""
    INSERT INTO playback.sessions ({", ".join((*_FIXED, *_CHANGING))})
    SELECT new.app, new.id, new.at, new.first, new.first, {", ".join(_selected(*column) for column in _CHANGING.items())}
    FROM unnest({", ".join(["%s"] * (4 + len(_CHANGING)))}) AS new (app, id, at, first, {", ".join(_CHANGING)})"""


def insert_parameters(rows: Sequence[Row]) -> list[bytes]:
    """The parameters of INSERT."""
    app, name, at, *changing = update_parameters(rows)
    return [app, name, at, _instants(row[2].first_received_ms for row in rows), *changing]


def _assignment(name: str, kind: _Kind) -> str:
    # A report that does not win leaves the payload alone, and it was not read to be written again.
    return f"{name} = coalesce(new.{name}, s.{name})" if name == "payload" else f"{name} = {_selected(name, kind)}"  # fmt: skip


UPDATE: Final = f"""
    UPDATE playback.sessions AS s SET {", ".join(_assignment(*column) for column in _CHANGING.items())}
    FROM unnest({", ".join(["%s"] * (3 + len(_CHANGING)))}) AS new (app, id, at, {", ".join(_CHANGING)})
    WHERE s.app_id = new.app AND s.session_id = new.id AND s.partition_ts = new.at"""


def update_parameters(rows: Sequence[Row]) -> list[bytes]:
    """The parameters of UPDATE."""
    columns = zip(*(_values(stored) for *_, stored in rows), strict=True)
    return [
        p.uuids(app for app, *_ in rows),
        p.texts(stored.session_id for *_, stored in rows),
        p.instants(at_us for _, at_us, _ in rows),
        *(array(column) for array, column in zip(_ARRAYS, columns, strict=True)),
    ]


def _ms(column: str) -> str:
    """An instant as ms in double precision, which a timestamp of this millennium fits in: quicker to read than a datetime."""
    return f"date_part('epoch', s.{column}) * 1000"


_READ: Final = [
    "session_id",
    "source",
    "dialect",
    "client_ts_ms",
    "clock_skew",
    "payload_hash",
    "filled_at_ms",
    "outcome",
    "score",
    "score_version",
    "flags",
    "revision",
    "attempted",
    "last_idle_ms",
    "last_active_ms",
    "last_elapsed_ms",
    "last_state",
    "last_state_at_ms",
]
_READ_INSTANTS: Final = (
    '"timestamp"',
    "started_at",
    "first_received_at",
    "updated_at",
    "last_received_at",
    "state_since",
)
COLUMNS: Final = ", ".join(
    [
        *(f"s.{name}" for name in _READ),
        *(_ms(name) for name in _READ_INSTANTS),
        *(f"s.{name}" for name in Figures._fields),
    ]
)


def stored_of(row: Sequence[Any]) -> Stored:
    """The session of a row of COLUMNS, without its payload."""
    (session_id, source, dialect, client_ts_ms, skew, digest, filled, outcome, score, version, flags, revision,
     attempted, idle, active, elapsed, state, state_at) = row[: len(_READ)]  # fmt: skip
    instants = row[len(_READ) : len(_READ) + len(_READ_INSTANTS)]
    ended, began, first, won, last, since = (None if at is None else round(at) for at in instants)
    assert ended is not None
    assert first is not None
    assert won is not None
    assert last is not None
    return Stored(
        session_id=session_id,
        source=source,
        dialect=dialect,
        client_ts_ms=client_ts_ms,
        timestamp_ms=ended,
        clock_skew=skew,
        started_ms=began,
        figures=Figures._make(row[len(_READ) + len(_READ_INSTANTS) :]),
        filled_at_ms=filled,
        payload=None,
        payload_hash=bytes(digest),
        states=States(attempted, idle, active, state, elapsed, state_at, since),
        outcome=outcome,
        score=score,
        score_version=version,
        flags=tuple(flags),
        revision=revision,
        first_received_ms=first,
        won_received_ms=won,
        last_received_ms=last,
    )
