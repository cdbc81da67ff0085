"""Plays recorded traces of the browser SDK against the doors, and tells what has become of them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import zstandard

from signalbox.core.clock import ManualClock
from signalbox.core.db import Database

DATA = Path(__file__).resolve().parents[1] / "data"
SENT = {"content-type", "origin", "user-agent", "accept", "access-control-request-method"}
ORIGIN = "https://recorded.example"


@dataclass(frozen=True, slots=True)
class Request:
    """One recorded request. `at_ms` is when it arrives, `delay_ms` how much of that is ours and goes into `delta`."""

    at_ms: float
    method: str
    path: str
    headers: dict[str, str]
    body: str
    recorded_status: int
    recorded_answer: str
    delay_ms: float = 0

    @property
    def enters(self) -> bool:
        """Whether later requests need its answer."""
        return (
            self.path.endswith(("/initialize", "/sessions"))
            or '"eventName":"addConnection"' in self.body
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What our server said."""

    request: Request
    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(slots=True)
class Replay:
    """A replay that is over."""

    origin: datetime  # the clock at recorded time 0
    answers: list[Answer] = field(default_factory=list)


def trace(name: str) -> list[Request]:
    """The requests of `peermetrics-sdk-<name>` in order of arrival."""
    return recorded(DATA / f"peermetrics-sdk-{name}.jsonl.zst")


def recorded(file: Path) -> list[Request]:
    """The requests of a compressed recording in order of arrival."""
    packed = file.read_bytes()
    lines = zstandard.ZstdDecompressor().decompress(packed).decode().splitlines()
    return [_request(json.loads(line)) for line in lines]


def _request(row: dict[str, Any]) -> Request:
    headers = {name: value for name, value in row["headers"].items() if name.lower() in SENT}
    answer = row["response"]
    return Request(
        row["t"],
        row["method"],
        row["path"],
        headers,
        row["body"] or "",
        answer["status"],
        answer["body"] or "",
    )


def shuffled(
    requests: Iterable[Request], *, random_state: int, within_ms: float = 2000
) -> list[Request]:
    """Each request that no other one waits for comes up to two seconds later, and says so in its `delta`."""
    dice = random.Random(random_state)
    delays = [
        (request, 0.0 if request.enters else float(dice.randrange(int(within_ms))))
        for request in requests
    ]
    late = [
        replace(request, at_ms=request.at_ms + delay, delay_ms=delay) for request, delay in delays
    ]
    return sorted(late, key=lambda request: request.at_ms)


def repeated(requests: Iterable[Request], *, after_ms: float = 0) -> list[Request]:
    """Each request that no other one waits for is sent a second time: at once with identical bytes, or later with the delay in its `delta`."""
    both = list(requests)
    both += [
        replace(r, at_ms=r.at_ms + after_ms, delay_ms=r.delay_ms + after_ms)
        for r in both
        if not r.enters
    ]
    return sorted(both, key=lambda request: request.at_ms)


async def replay(
    client: httpx.AsyncClient, clock: ManualClock, api_key: str, requests: list[Request]
) -> Replay:
    """Send every request at its recorded instant; tokens and ids are replaced by those that our server hands out."""
    result = Replay(clock.now() - timedelta(milliseconds=requests[0].at_ms))
    handed: dict[str, str] = {}
    for request in requests:
        clock.set(max(clock.now(), result.origin + timedelta(milliseconds=request.at_ms)))
        response = await client.request(
            request.method,
            request.path,
            content=_body(request, api_key, handed).encode(),
            headers={"origin": ORIGIN, **request.headers},
        )
        result.answers.append(
            Answer(request, response.status_code, response.headers, response.content)
        )
        _learn(handed, request.recorded_answer, response.text)
    return result


def _body(request: Request, api_key: str, handed: dict[str, str]) -> str:
    text = request.body
    for old, new in handed.items():
        text = text.replace(old, new)
    if request.path.endswith("/initialize") or (request.delay_ms and text.startswith("{")):
        body = json.loads(text)
        if "apiKey" in body:
            body["apiKey"] = api_key
        if request.delay_ms:
            body["delta"] = (body.get("delta") or 0) + request.delay_ms
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text


def _learn(handed: dict[str, str], recorded: str, answered: str) -> None:
    try:
        old, new = json.loads(recorded), json.loads(answered)
    except ValueError:
        return
    for name in ("token", "peer_id", "connection_id"):
        if isinstance(old, dict) and isinstance(new, dict) and old.get(name) and new.get(name):
            handed[old[name]] = new[name]


@dataclass(slots=True)
class Outcome:
    """What is stored of one app; instants are ms since the recorded time 0, rounded."""

    conferences: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    connections: list[dict[str, Any]]
    negotiations: dict[str, list[tuple[Any, ...]]]
    tracks: list[tuple[Any, ...]]
    issues: Counter[tuple[Any, ...]]
    events: Counter[str]
    samples: Counter[str]
    used_s: int


_CONNECTION_NAME = "p.participant_id || ' > ' || q.participant_id"
_CONNECTIONS = f"""
    SELECT {_CONNECTION_NAME} AS name, c.type, c.state, c.established, c.start_time, c.end_time, c.duration,
        c.connection_info->'detected_tcp' AS tcp, c.connection_info->'detected_turn' AS turn, c.connection_info->'negotiations' AS negotiations
    FROM monitoring.connections AS c JOIN monitoring.participants AS p ON p.id = c.participant_id
    JOIN monitoring.participants AS q ON q.id = c.peer_id WHERE c.app_id = %s ORDER BY 1"""
_ISSUES = f"""
    SELECT i.code, i.type, p.participant_id AS who, {_CONNECTION_NAME} AS connection, i.count, i.data::text AS data,
        cardinality(i.events) AS evidence
    FROM monitoring.issues AS i LEFT JOIN monitoring.participants AS p ON p.id = i.participant_id
    LEFT JOIN monitoring.connections AS c ON c.id = i.connection_id LEFT JOIN monitoring.participants AS q ON q.id = c.peer_id
    WHERE i.app_id = %s AND i.is_active"""
_SESSIONS = """
    SELECT p.participant_id AS who, s.created_at, s.end_time, s.duration, s.call_start, s.webrtc_sdk FROM monitoring.sessions AS s
    JOIN monitoring.participants AS p ON p.id = s.participant_id WHERE s.app_id = %s ORDER BY 1, 2"""
_CONFERENCES = """
    SELECT conference_id, conference_name, ongoing, start_time, call_start, end_time, duration FROM monitoring.conferences
    WHERE app_id = %s ORDER BY 1"""
_TRACKS = """
    SELECT p.participant_id AS who, t.track_id, t.direction, t.kind FROM monitoring.tracks AS t
    JOIN monitoring.participants AS p ON p.id = t.participant_id WHERE t.app_id = %s ORDER BY 1, 2, 3"""
_EVENTS = "SELECT type FROM monitoring.events WHERE app_id = %s"
_SAMPLES = f"""
    SELECT {_CONNECTION_NAME} AS name FROM monitoring.samples AS s JOIN monitoring.participants AS p ON p.id = s.participant_id
    JOIN monitoring.participants AS q ON q.id = s.peer_id WHERE s.app_id = %s"""
_USED = (
    "SELECT coalesce(sum(seconds), 0)::int AS seconds FROM monitoring.app_usage WHERE app_id = %s"
)


async def outcome(db: Database, app_id: UUID, origin: datetime) -> Outcome:
    """Everything that the replays of an app have led to."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with db.read() as tx:
        for name, statement in _QUERIES.items():
            cursor = await tx.psycopg.execute(statement, (app_id,))
            columns = [column.name for column in cursor.description or ()]
            found[name] = [
                dict(zip(columns, _relative(row, origin), strict=True))
                for row in await cursor.fetchall()
            ]
    logs = {
        row["name"]: _negotiations(row.pop("negotiations"), origin) for row in found["connections"]
    }
    return Outcome(
        conferences=found["conferences"],
        sessions=found["sessions"],
        connections=found["connections"],
        negotiations=logs,
        tracks=[tuple(row.values()) for row in found["tracks"]],
        issues=Counter(tuple(row.values()) for row in found["issues"]),
        events=Counter(row["type"] for row in found["events"]),
        samples=Counter(row["name"] for row in found["samples"]),
        used_s=found["used"][0]["seconds"],
    )


_QUERIES = {
    "conferences": _CONFERENCES, "sessions": _SESSIONS, "connections": _CONNECTIONS, "issues": _ISSUES, "tracks": _TRACKS,
    "events": _EVENTS, "samples": _SAMPLES, "used": _USED,
}  # fmt: skip


def _relative(row: Iterable[Any], origin: datetime) -> list[Any]:
    return [_ms(value, origin) if isinstance(value, datetime) else value for value in row]


def _ms(at: datetime, origin: datetime) -> int:
    return round((at - origin).total_seconds() * 1000)


def _negotiations(log: list[dict[str, Any]], origin: datetime) -> list[tuple[Any, ...]]:
    def instant(text: str | None) -> int | None:
        return None if text is None else _ms(datetime.fromisoformat(text), origin)

    return [
        (n["type"], n["status"], instant(n["start_time"]), instant(n["end_time"]), n["duration"])
        for n in log
    ]
