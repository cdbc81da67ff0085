"""A session as a row of `playback.sessions`: put in, changed, and read back.

All rows of a batch travel as one array of `playback.session_row`, in PostgreSQL's binary format: fifty parameters, or a COPY that no other
statement can be sent along with, cost more than all else that is done for the few rows of a batch (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from signalbox.core import copyrows as c
from signalbox.playback.rules.reports import Figures, States, Stored

Row = tuple[UUID, int, Stored]  # app, partition in µs, session


class _Kind(NamedTuple):
    """How values of one type are written: the type's oid, and a field with its length."""

    name: str
    oid: bytes
    field: Callable[[Any], bytes]


_UINT4: Final = Struct(">I")
_ARRAY: Final = Struct(">iiIii")  # dimensions, has nulls, element type, count, lower bound


def _instant(ms: int | None) -> bytes:
    return c.NULL if ms is None else c.instant(ms * 1000)


def _kind(name: str, oid: int, field: Callable[[Any], bytes]) -> _Kind:
    return _Kind(name, _UINT4.pack(oid), field)


_TEXT = _kind("text", 25, c.text)
_INT = _kind("integer", 23, c.integer)
_BIGINT = _kind("bigint", 20, c.bigint)
_DOUBLE = _kind("double precision", 701, c.double)
_INSTANT = _kind("timestamptz", 1184, _instant)
_PLACE = _kind("timestamptz", 1184, c.instant)  # in µs
_JSON = _kind("jsonb", 3802, c.json)
_BYTES = _kind("bytea", 17, c.raw)
_BOOLEAN = _kind("boolean", 16, c.boolean)
_FLAGS = _kind("text[]", 1009, c.text_array)
_UUID = _kind("uuid", 2950, c.uuid)

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
    "score": _DOUBLE,
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
_FIXED: Final[dict[str, _Kind]] = {
    "app_id": _UUID,
    "session_id": _TEXT,
    "partition_ts": _PLACE,
    "first_received_at": _INSTANT,
}
ROW_TYPE: Final = "playback.session_row"
_ROW: Final = _FIXED | _CHANGING
ROW_COLUMNS: Final = tuple((name, kind.name) for name, kind in _ROW.items())
"""The fields of ROW_TYPE with their types, in their order."""
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


_COLUMN_COUNT: Final = _UINT4.pack(len(_ROW))
# Of most reports a third of the fields is unknown: those need not be written one by one.
_WRITERS: Final = tuple((kind.oid, kind.oid + c.NULL, kind.field) for kind in _ROW.values())


def array_of(rows: Sequence[Row], row_oid: int) -> bytes:
    """Sessions as one parameter. `row_oid` is what this database knows ROW_TYPE by."""
    if not rows:
        return _ARRAY.pack(0, 0, row_oid, 0, 1)[:12]
    parts = [_ARRAY.pack(1, 0, row_oid, len(rows), 1)]
    for app, partition_us, stored in rows:
        fixed = (app, stored.session_id, partition_us, stored.first_received_ms)
        values = (*fixed, *_values(stored))
        fields = [
            unknown if value is None else oid + field(value)
            for (oid, unknown, field), value in zip(_WRITERS, values, strict=True)
        ]
        content = b"".join(fields)
        parts += (_UINT4.pack(len(content) + 4), _COLUMN_COUNT, content)
    return b"".join(parts)


def _assignment(name: str) -> str:
    # A report that does not win leaves the payload alone, and it was not read to be written again.
    return f"{name}=coalesce(n.{name},s.{name})" if name == "payload" else f"{name}=n.{name}"


INSERT: Final = f"""
    INSERT INTO playback.sessions ({",".join(_ROW)},created_at)
    SELECT n.*, n.first_received_at FROM unnest($1::{ROW_TYPE}[]) AS n"""
UPDATE: Final = f"""
    UPDATE playback.sessions AS s SET {",".join(map(_assignment, _CHANGING))}
    FROM unnest($1::{ROW_TYPE}[]) AS n
    WHERE s.app_id = n.app_id AND s.session_id = n.session_id AND s.partition_ts = n.partition_ts
        AND s.partition_ts BETWEEN $2 AND $3"""


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
