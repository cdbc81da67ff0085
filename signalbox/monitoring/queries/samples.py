"""Stored reports as the points of graphs, read and written as JSON text without turning numbers into numbers.

One report becomes one point: the counters that graphs are drawn from, as they were sent, and the audio scores that were worked out
from them. The 4 320 points of an hour of four people take 0.17 s of processor time, 0.55 s if every report were read whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from psycopg.rows import dict_row

from signalbox.core.compression import unpack
from signalbox.core.db import Tx
from signalbox.core.ids import derived_id
from signalbox.monitoring.queries.expand import FLOWS, decoded, figures, reports_in

Position = tuple[datetime, UUID]
_NONE: Final = Raw()  # a default is left out by identity


def _kept(name: str, *fields: str, scored: bool = False) -> Any:
    """A type that takes the fields out of a report as the text that they were sent as."""
    known: list[Any] = [(field, Raw, _NONE) for field in fields]
    if scored:
        known.append(("emos", float | UnsetType, UNSET))
    return msgspec.defstruct(name, known, omit_defaults=True)


def _flows(name: str, inbound: Any, outbound: Any) -> Any:
    empty: Any = msgspec.field(default_factory=list)
    known = [("inbound", list[inbound], empty), ("outbound", list[outbound], empty)]
    return msgspec.defstruct(name, known)


_PAIR: Final = ("id", "bytesSent", "packetsSent", "responsesReceived", "totalRoundTripTime")
_SIZE: Final = ("frameWidth", "frameHeight")
_FIELDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("audio", "inbound"): (
        *("id", "mediaType", "headerBytesReceived", "bytesReceived"),
        *("packetsReceived", "packetsLost", "jitter"),
    ),
    ("audio", "outbound"): ("id", "mediaType", "packetsSent", "headerBytesSent", "bytesSent"),
    ("video", "inbound"): (
        *("id", "mediaType", "headerBytesReceived", "bytesReceived"),
        *("packetsReceived", "packetsLost", "jitter"),
        *(*_SIZE, "framesReceived", "framesDecoded", "totalDecodeTime"),
    ),
    ("video", "outbound"): (
        *("id", "mediaType", "packetsSent", "headerBytesSent", "bytesSent"),
        *(*_SIZE, "framesSent", "framesEncoded", "totalEncodeTime"),
    ),
}
_TYPES: Final = {
    flow: _kept("".join(flow), *fields, scored=flow == ("audio", "inbound"))
    for flow, fields in _FIELDS.items()
}
_Pair: Final = _kept("Pair", *_PAIR)
_Audio: Final = _flows("Audio", _TYPES["audio", "inbound"], _TYPES["audio", "outbound"])
_Video: Final = _flows("Video", _TYPES["video", "inbound"], _TYPES["video", "outbound"])
_Data: Final[Any] = msgspec.defstruct(
    "Data",
    [
        ("connection", _Pair, msgspec.field(default_factory=_Pair)),
        ("remote", Raw, _NONE),
        ("audio", _Audio, msgspec.field(default_factory=_Audio)),
        ("video", _Video, msgspec.field(default_factory=_Video)),
    ],
    omit_defaults=True,
)


class _Point(Struct, kw_only=True):
    id: UUID
    app: UUID
    session: UUID
    conference: UUID
    participant: UUID
    peer: UUID
    connection: UUID
    created_at: str
    type: str = "stats"
    data: Any


# The figures are only needed where the report itself is gone; as arrays they cost as much to read as the report.
_REPORTS: Final = """
    SELECT id, app_id, session_id, conference_id, participant_id, peer_id, connection_id, created_at, report, emos,
        CASE WHEN report IS NULL THEN flows END AS flows, CASE WHEN report IS NULL THEN bytes END AS bytes,
        CASE WHEN report IS NULL THEN packets END AS packets, CASE WHEN report IS NULL THEN lost END AS lost,
        CASE WHEN report IS NULL THEN jitter_ms END AS jitter_ms
    FROM monitoring.samples WHERE conference_id = %(conference)s AND app_id = %(app)s{after}
    ORDER BY created_at, id LIMIT %(size)s"""
_AFTER: Final = " AND (created_at, id) > (%(at)s, %(id)s)"
_decode: Final = msgspec.json.Decoder(_Data).decode
_encode: Final = msgspec.json.Encoder().encode


async def reports(
    tx: Tx, *, app_id: UUID, conference_id: UUID, after: Position | None, size: int
) -> Sequence[Mapping[str, Any]]:
    """The next `size` stored reports of a conference that the caller may see, in the order in which they happened; fewer at the end."""
    values: dict[str, Any] = {"app": app_id, "conference": conference_id, "size": size}
    if after is not None:
        values |= {"at": after[0], "id": after[1]}
    cursor = tx.psycopg.cursor(row_factory=dict_row, binary=True)
    await cursor.execute(_REPORTS.format(after="" if after is None else _AFTER), values)
    return await cursor.fetchall()


def points(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The reports as points in JSON, commas between. Takes some 40 µs each: for a thread."""
    return b",".join([_encode(_point(row)) for row in rows])


def _point(row: Mapping[str, Any]) -> _Point:
    at: datetime = row["created_at"]
    return _Point(
        id=derived_id(row["id"], 0),
        app=row["app_id"],
        session=row["session_id"],
        conference=row["conference_id"],
        participant=row["participant_id"],
        peer=row["peer_id"],
        connection=row["connection_id"],
        created_at=at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        data=_thinned(row) if row["report"] is None else _full(row),
    )


def _full(row: Mapping[str, Any]) -> Any:
    text = unpack(row["report"])
    try:
        data = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _picked(decoded(text), row["emos"])
    for report, score in zip(data.audio.inbound, row["emos"], strict=False):
        if score is not None:
            report.emos = round(score, 2)
    return data


def _picked(sent: Mapping[str, Any], scores: Sequence[float | None]) -> dict[str, Any]:
    """The same of a report whose parts are not all what they should be."""
    pair = sent.get("connection")
    found: dict[str, Any] = {"connection": _only(pair, _PAIR)}
    if "remote" in sent:
        found["remote"] = sent["remote"]
    for kind, direction in FLOWS:
        kept = [
            _only(report, _FIELDS[kind, direction])
            for report in reports_in(sent, kind, direction)
            if isinstance(report, dict)
        ]
        found.setdefault(kind, {})[direction] = kept
    for report, score in zip(found["audio"]["inbound"], scores, strict=False):
        if score is not None:
            report["emos"] = round(score, 2)
    return found


def _only(sent: Any, fields: Sequence[str]) -> dict[str, Any]:
    if not isinstance(sent, dict):
        return {}
    return {name: sent[name] for name in fields if name in sent}


def _thinned(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of a report of which only the figures were kept."""
    found: dict[str, Any] = {"thinned": True, "connection": {}}
    for kind, direction in FLOWS:
        found.setdefault(kind, {})[direction] = []
    for index, flow in enumerate(row["flows"]):
        if not 0 <= flow < len(FLOWS):
            continue
        kind, direction = FLOWS[flow]
        found[kind][direction].append(figures(row, index, kind, direction))
    return found
