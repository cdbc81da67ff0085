"""The charts of an app worked out from raw events and reports alone: nothing that was derived when they came in is looked at.

What sessions say of themselves (platform, place) and whether a participant is a media server is as it was sent. Good for recorded calls:
each conference is held once, and no report comes after its connection has ended.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.compression import unpack
from signalbox.core.db import Database
from signalbox.monitoring.rules.issues import CATALOGUE
from tests.monitoring.recount import Row, Rows

_EVENTS = """
    SELECT conference_id, session_id, participant_id, peer_id, connection_id, type, data, created_at
    FROM monitoring.events WHERE app_id = %s ORDER BY created_at, id"""
_REPORTS = """
    SELECT connection_id, report, created_at FROM monitoring.samples WHERE app_id = %s ORDER BY created_at, id"""
_SENT = {
    "conferences": "SELECT id, created_at FROM monitoring.conferences WHERE app_id = %s",
    "sessions": "SELECT id, conference_id, participant_id, created_at, platform, geo_ip, app_version FROM monitoring.sessions WHERE app_id = %s ORDER BY created_at, id",
    "participants": "SELECT id FROM monitoring.participants WHERE app_id = %s",
}
_OVER = ("endCall", "unload")


async def recomputed(db: Database, app_id: UUID) -> Rows:
    """Rows as `recount` counts them, made of what was sent."""
    found: dict[str, list[Row]] = {}
    async with db.read() as tx:
        cursor = tx.psycopg.cursor(row_factory=dict_row)
        for name, statement in {**_SENT, "events": _EVENTS, "reports": _REPORTS}.items():
            await cursor.execute(statement, (app_id,))
            found[name] = await cursor.fetchall()
    for row in (*found["events"], *found["reports"]):
        name = "data" if "data" in row else "report"
        row[name] = None if row[name] is None else json.loads(unpack(bytes(row[name])))
    return _rows(found)


def _rows(found: dict[str, list[Row]]) -> Rows:
    events, sessions = found["events"], found["sessions"]
    connections = [
        _connection(event, events, found["reports"])
        for event in events
        if event["type"] == "addConnection"
    ]
    servers = {e["peer_id"] for e in events if e["type"] == "addConnection" and e["data"].get("isSfu")}  # fmt: skip
    links: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for row in sessions:
        links[row["conference_id"], row["participant_id"]] += 1
    return Rows(
        conferences=[_conference(row, connections) for row in found["conferences"]],
        participants=[{**row, "is_sfu": row["id"] in servers} for row in found["participants"]],
        conference_participants=[
            {"conference_id": room, "participant_id": who, "sessions": n}
            for (room, who), n in links.items()
        ],
        sessions=sessions,
        connections=connections,
        issues=_issues(events, sessions, connections),
    )


def _conference(row: Row, connections: list[Row]) -> Row:
    """It goes on as long as one of its connections does."""
    stays = [(one["start"], one["end"]) for one in connections if one["conference_id"] == row["id"]]
    ongoing = any(end is None for _, end in stays)
    seconds, till = 0.0, None
    for start, end in sorted(stay for stay in stays if stay[1] is not None):
        begin = start if till is None else max(start, till)
        seconds += max(0.0, (end - begin).total_seconds())
        till = end if till is None else max(till, end)
    return {**row, "ongoing": ongoing, "duration": 0 if ongoing else int(seconds)}


def _connection(added: Row, events: list[Row], reports: list[Row]) -> Row:
    """One connection: who is at its ends, when it was there, its way, its first negotiation."""
    own = [
        e
        for e in events
        if e["connection_id"] == added["connection_id"] and e["type"] != "addConnection"
    ]
    ends = [e["created_at"] for e in own if (e["type"], e["data"]) == ("onconnectionstatechange", "closed") or e["type"] == "removeConnection"]  # fmt: skip
    ends += [e["created_at"] for e in events if e["session_id"] == added["session_id"] and (
        e["type"] in _OVER or (e["type"] == "removePeer" and e["peer_id"] == added["peer_id"]))]  # fmt: skip
    end = min(ends, default=None)
    living = [e for e in own if end is None or e["created_at"] <= end]
    told = [r["report"] for r in reports if r["connection_id"] == added["connection_id"]]
    locals_ = [report.get("connection", {}).get("local") or {} for report in told]
    kinds = [local["candidateType"] for local in locals_ if local.get("candidateType")]
    return {
        **added,
        "start": added["created_at"],
        "end": end,
        "type": kinds[-1] if kinds else None,
        "relayed": "relay" in kinds,
        "tcp": any(local.get("protocol") == "tcp" for local in locals_),
        "events": living,
        "established": _flowed(told) or any(
            e["data"] in ("connected", "completed") for e in living if e["type"].endswith("connectionstatechange")),
        "connection_info": {"negotiations": _first_negotiation(added["created_at"], living)},
    }  # fmt: skip


def _flowed(reports: list[Any]) -> bool:
    pairs = [report.get("connection", {}) for report in reports]
    return any(pair.get("bytesSent") or pair.get("bytesReceived") for pair in pairs)


def _first_negotiation(start: datetime, events: list[Row]) -> list[dict[str, Any]]:
    """From the beginning until the connection said that it is connected, or ICE did where it was silent; nothing if an answer was followed by another offer before."""
    answered, by_ice = False, None
    for event in events:
        name, data = event["type"], event["data"]
        if name == "onconnectionstatechange" and data == "connected":
            return _negotiated(start, event["created_at"])
        if name == "oniceconnectionstatechange" and data in ("connected", "completed"):
            by_ice = by_ice or event["created_at"]
        state = data.get("signalingState") if name == "onsignalingstatechange" else None
        offer = name == "onnegotiationneeded" or state in ("have-local-offer", "have-remote-offer")
        if offer and (answered or by_ice):
            break
        answered = answered or state == "stable"
    return _negotiated(start, by_ice) if by_ice else []


def _negotiated(start: datetime, end: datetime) -> list[dict[str, Any]]:
    return [{"status": "connected", "start_time": start.isoformat(), "end_time": end.isoformat()}]


def _raised(code: str, row: Row, data: Any = None) -> Row:
    where = {name: row[name] for name in ("conference_id", "session_id", "created_at")}
    return {"code": code, "type": CATALOGUE[code][0], "data": data, **where}


def _issues(events: list[Row], sessions: list[Row], connections: list[Row]) -> list[Row]:
    """What single events, and the ends of sessions, give rise to."""
    found = [
        _raised("getusermedia_error", event, event["data"]["error"])
        for event in events
        if event["type"] == "getUserMedia" and event["data"].get("error")
    ]
    for one in connections:
        found += _of_connection(one)
    for _, some in groupby(sorted(sessions, key=_WHERE), key=_WHERE):
        for again in sorted(some, key=itemgetter("created_at"))[1:]:
            found.append(_raised("multiple_rejoins", {**again, "session_id": again["id"]}))
    for session in sessions:
        found += _at_its_end({**session, "session_id": session["id"]}, events, connections)
    return found


def _of_connection(one: Row) -> list[Row]:
    errors = [event for event in one["events"] if event["type"] == "onicecandidateerror"]
    found = [_raised("icecandidateerror", event) for event in errors[:1]]
    for event in one["events"]:
        told = (event["type"], event["data"])
        found += [_raised(code, event) for state, code in _STATES if state == told]
    found += [_raised("tcp_used", one)] if one["tcp"] else []
    return found + ([_raised("turn_used", one)] if one["relayed"] else [])


_WHERE = itemgetter("conference_id", "participant_id")
_STATES = (
    (("onconnectionstatechange", "disconnected"), "connection_disconnected"),
    (("onconnectionstatechange", "failed"), "connection_failed"),
    (("oniceconnectionstatechange", "failed"), "ice_failed"),
)


def _at_its_end(session: Row, events: list[Row], connections: list[Row]) -> list[Row]:
    own = [e for e in events if e["session_id"] == session["id"]]
    if not any(e["type"] in _OVER for e in own):
        return []
    media = [e["data"] for e in own if e["type"] == "getUserMedia"]
    requests = sum("constraints" in data for data in media)
    refused = requests and requests == sum("error" in data for data in media)
    found = [_raised("no_media_access", session)] if refused else []
    ways = [one for one in connections if one["session_id"] == session["id"]]
    if ways and not any(one["established"] for one in ways):
        found.append(_raised("no_connection", session))
    return found
