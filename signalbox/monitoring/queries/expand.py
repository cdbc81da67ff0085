"""Events as they are answered, unpacked from stored rows.

One stored report becomes one main event (part 0) and one event for every RTP report that belongs to a track (parts 1 to n, in the
order audio inbound, audio outbound, video inbound, video outbound). Pure apart from decompression.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping as Row

from signalbox.core.compression import unpack
from signalbox.core.ids import derived_id

CATEGORIES = {"B": "browser", "M": "getUserMedia", "C": "connection", "T": "track", "S": "stats"}
FLOWS = (("audio", "inbound"), ("audio", "outbound"), ("video", "inbound"), ("video", "outbound"))
_NOTHING = msgspec.Raw(b"null")


def event_item(row: Row) -> dict[str, Any]:
    """A stored event. Its data is handed on as it was sent, undecoded."""
    stored = row["data"]
    data = _NOTHING if stored is None else msgspec.Raw(unpack(stored))
    return _item(row, row["id"], row["track_id"], row["type"], row["category"], data)


def sample_items(row: Row) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events of one stored report, with their part numbers, ascending."""
    main, parts = _thinned(row) if row["report"] is None else _full(row)
    yield 0, _sample_item(row, 0, None, main)
    for part, report in parts:
        yield part, _sample_item(row, part, row["tracks"][part - 1], report)


def _sample_item(row: Row, part: int, track: Any, data: Any) -> dict[str, Any]:
    return _item(row, derived_id(row["id"], part), track, "stats", "S", data)


def _item(row: Row, key: Any, track: Any, kind: str, category: str, data: Any) -> dict[str, Any]:
    return {
        "id": key,
        "app": row["app_id"],
        "conference": row["conference_id"],
        "participant": row["participant_id"],
        "session": row["session_id"],
        "peer": row["peer_id"],
        "connection": row["connection_id"],
        "track": track,
        "type": kind,
        "category": category,
        "category_name": CATEGORIES.get(category, category),
        "data": data,
        "created_at": row["created_at"],
    }


Parts = list[tuple[int, Any]]


def _full(row: Row) -> tuple[dict[str, Any], Parts]:
    sent = decoded(unpack(row["report"]))
    tracks = row["tracks"]
    main: dict[str, Any] = {"connection": sent.get("connection") or {}}
    parts: Parts = []
    part = 0
    for kind, direction in FLOWS:
        inline = []
        for report in reports_in(sent, kind, direction):
            is_counted = isinstance(report, dict)
            part += is_counted
            if is_counted and part <= len(tracks) and tracks[part - 1] is not None:
                parts.append((part, report))
            else:
                inline.append(report)
        if inline:
            main.setdefault(kind, {"inbound": [], "outbound": []})[direction] = inline
    if "remote" in sent:
        main["remote"] = sent["remote"]
    return main, parts


def reports_in(sent: Mapping[str, Any], kind: str, direction: str) -> list[Any]:
    """The RTP reports of one kind and direction; empty when there is no list of them."""
    flows = sent.get(kind)
    reports = flows.get(direction) if isinstance(flows, dict) else None
    return reports if isinstance(reports, list) else []


def decoded(text: bytes) -> dict[str, Any]:
    """The report; what only the lenient reader takes (escaped lone surrogates) is mended."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        loose = json.loads(text.decode("utf-8-sig", "replace"))
        found = json.loads(json.dumps(loose, ensure_ascii=False).encode("utf-8", "replace"))
    return found if isinstance(found, dict) else {}


def _thinned(row: Row) -> tuple[dict[str, Any], Parts]:
    """A report of which only the figures were kept, in the units of the report."""
    pair: dict[str, Any] = {}
    if row["rtt_ms"] is not None:
        pair["currentRoundTripTime"] = row["rtt_ms"] / 1000
    if row["available_bps"] is not None:
        pair["availableOutgoingBitrate"] = row["available_bps"]
    main: dict[str, Any] = {"thinned": True, "connection": pair}
    parts: Parts = []
    for index, track in enumerate(row["tracks"]):
        flow = row["flows"][index]
        kind, direction = FLOWS[flow] if 0 <= flow < len(FLOWS) else ("unknown", "inbound")
        report = figures(row, index, kind, direction)
        if track is not None:
            parts.append((index + 1, {**report, "thinned": True}))
        else:
            main.setdefault(kind, {"inbound": [], "outbound": []})[direction].append(report)
    return main, parts


def figures(row: Mapping[Any, Any], index: int, kind: str, direction: str) -> dict[str, Any]:
    """What is known of the RTP report at `index` from its figures, under the names and in the units of the report."""
    verb = "Received" if direction == "inbound" else "Sent"
    jitter_ms = row["jitter_ms"][index]
    known = {
        f"bytes{verb}": row["bytes"][index],
        f"packets{verb}": row["packets"][index],
        "packetsLost": row["lost"][index],
        "jitter": None if jitter_ms is None else jitter_ms / 1000,
        "emos": row["emos"][index],
    }
    told = {name: value for name, value in known.items() if value is not None}
    return {"type": f"{direction}-rtp", "kind": kind, **told}
