"""The charts of an app worked out again in Python, from the rows as they are stored: what the API says must be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.db import Database
from signalbox.monitoring.rules.codes import describe

PATHS = (
    "conferences/summary",
    "conferences/duration-summary",
    "conferences/participant-count-summary",
    "issues/summary",
    "issues/gum-summary",
    "connections/summary",
    "connections/setup-time-summary",
    "sessions/summary",
)
DURATIONS = [0, 60, 180, 300, 600, 900, 1200, 1500, 1800, 2400, 3000, 3600, None]
SETUPS = [0, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, None]
Row = dict[str, Any]
Test = Callable[[Row], bool]


class Rows:
    """All rows of an app."""

    def __init__(self, **tables: list[Row]) -> None:
        self.conferences = tables["conferences"]
        self.participants = tables["participants"]
        self.links = tables["conference_participants"]
        self.sessions = tables["sessions"]
        self.connections = tables["connections"]
        self.issues = tables["issues"]


async def rows_of(db: Database, app_id: UUID) -> Rows:
    """Read every row whole."""
    tables: dict[str, list[Row]] = {}
    async with db.read() as tx:
        cursor = tx.psycopg.cursor(row_factory=dict_row)
        for table in ("conferences", "participants", "sessions", "connections", "issues"):
            await cursor.execute(
                f"SELECT * FROM monitoring.{table} WHERE app_id = %s AND is_active ORDER BY created_at, id",
                (app_id,),
            )
            tables[table] = await cursor.fetchall()
        await cursor.execute(
            """SELECT l.* FROM monitoring.conference_participants l JOIN monitoring.conferences c ON c.id = l.conference_id
            WHERE c.app_id = %s""",
            (app_id,),
        )
        tables["conference_participants"] = await cursor.fetchall()
    return Rows(**tables)


def recount(
    rows: Rows,
    *,
    wanted: Test | None = None,
    begin: datetime | None = None,
    before: datetime | None = None,
) -> dict[str, Any]:
    """The eight answers. `wanted` is the filter on sessions; begin and before are bounds on creation."""

    def inside(row: Row) -> bool:
        after = begin is None or row["created_at"] >= begin
        return after and (before is None or row["created_at"] < before)

    sessions = [row for row in rows.sessions if wanted is None or wanted(row)]
    ids = {row["id"] for row in sessions}
    visited = {row["conference_id"] for row in sessions}
    conferences = [
        row for row in rows.conferences if inside(row) and (wanted is None or row["id"] in visited)
    ]
    issues = [r for r in rows.issues if inside(r) and (wanted is None or r["session_id"] in ids)]
    connections = [
        r for r in rows.connections if inside(r) and (wanted is None or r["session_id"] in ids)
    ]
    return {
        **_conferences(rows, conferences),
        **_issues(issues),
        **_connections(connections),
        "sessions/summary": _sessions([row for row in sessions if inside(row)]),
    }


def _conferences(rows: Rows, conferences: list[Row]) -> dict[str, Any]:
    days: dict[str, Counter[str]] = {}
    people: Counter[int] = Counter()
    countable = {row["id"] for row in rows.participants if not row["is_sfu"]}
    for row in conferences:
        kinds = {issue["type"] for issue in rows.issues if issue["conference_id"] == row["id"]}
        colour = "success"
        if kinds:
            colour = "error" if "error" in kinds else "warning"
        if row["ongoing"]:
            colour = "ongoing"
        day = row["created_at"].astimezone(UTC).date().isoformat()
        days.setdefault(day, Counter())[colour] += 1
        here = [
            link
            for link in rows.links
            if link["conference_id"] == row["id"]
            and link["sessions"] > 0
            and link["participant_id"] in countable
        ]
        people[len(here)] += 1
    return {
        "conferences/summary": {
            "data": [
                {
                    "date": day,
                    **{
                        name: days[day][name] for name in ("success", "warning", "error", "ongoing")
                    },
                    "total": days[day].total(),
                }
                for day in sorted(days)
            ]
        },
        "conferences/duration-summary": {
            "data": [
                {"min_sec": low, "max_sec": high, "count": count}
                for low, high, count in _buckets(
                    [row["duration"] for row in conferences], DURATIONS
                )
            ]
        },
        "conferences/participant-count-summary": {
            "data": [{"participants": n, "conferences": people[n]} for n in sorted(people)],
            "total_conferences": len(conferences),
        },
    }


def _issues(issues: list[Row]) -> dict[str, Any]:
    refusals = [
        row["data"]
        for row in issues
        if row["code"] == "getusermedia_error" and isinstance(row["data"], dict)
    ]
    names = Counter(data.get("name") or "Unknown" for data in refusals)
    firsts: dict[str, Any] = {}
    for data in refusals:
        firsts.setdefault(data.get("name") or "Unknown", data.get("message"))
    return {
        "issues/summary": {
            "data": [
                {"code": code, "title": describe(code)[0], "count": count}
                for code, count in _ranked(Counter(row["code"] for row in issues))
            ]
        },
        "issues/gum-summary": {
            "data": [
                {"name": name, "message": firsts[name], "count": count}
                for name, count in _ranked(names)
            ],
            "total": len(refusals),
        },
    }


def _connections(connections: list[Row]) -> dict[str, Any]:
    types = Counter(
        "Relayed" if c["type"] == "relay" else "Direct" for c in connections if c["type"]
    )
    setups: list[tuple[float, UUID]] = []
    for row in connections:
        log = row["connection_info"].get("negotiations") or []
        if log and log[0]["status"] == "connected":
            start, end = (
                datetime.fromisoformat(log[0][name]) for name in ("start_time", "end_time")
            )
            setups.append(((end - start).total_seconds() * 1000, row["conference_id"]))
    data = []
    for low, high, count in _buckets([value for value, _ in setups], SETUPS):
        inside = [s for s in setups if s[0] >= low and (high is None or s[0] < high)]
        data.append(
            {
                "min_ms": low,
                "max_ms": high,
                "count": count,
                "conference_ids": {str(s[1]) for s in inside},
            }
        )
    return {
        "connections/summary": {
            "data": [{"name": name, "count": types[name]} for name in ("Direct", "Relayed")]
        },
        "connections/setup-time-summary": {"data": data},
    }


def _sessions(sessions: list[Row]) -> Any:
    places = Counter(
        ((row["geo_ip"] or {}).get("city") or "Unknown", *_at(row))
        for row in sessions
        if (row["geo_ip"] or {}).get("city") or any(part is not None for part in _at(row))
    )
    return {
        "browsers": _named(browser(row) for row in sessions),
        "os": _named(system(row) for row in sessions),
        "countries": [
            {"code": code, "count": count}
            for code, count in _ranked(Counter(country(row) for row in sessions))
        ],
        "cities": [
            {"city": city, "latitude": north, "longitude": east, "count": count}
            for (city, north, east), count in _ranked(places)
        ],
    }


def _at(row: Row) -> tuple[float | None, float | None]:
    place = row["geo_ip"] or {}
    return place.get("latitude"), place.get("longitude")


def _told(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def browser(row: Row) -> str:
    """What a session says of its browser."""
    platform = row["platform"]
    return _told(platform, "browser", "name") or _told(platform, "name") or "Unknown"


def system(row: Row) -> str:
    """What a session says of its operating system."""
    platform = row["platform"]
    return _told(platform, "os", "name") or _told(platform, "os") or "Unknown"


def country(row: Row) -> str:
    """Where a session came from."""
    return _told(row["geo_ip"], "country_code") or "Unknown"


def _named(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"name": name, "count": count} for name, count in _ranked(Counter(names))]


def _ranked(counter: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counter.items(), key=lambda entry: (-entry[1], str(entry[0])))


def _buckets(values: list[Any], edges: list[Any]) -> list[tuple[Any, Any, int]]:
    return [
        (low, high, sum(low <= value and (high is None or value < high) for value in values))
        for low, high in pairwise(edges)
    ]


def comparable(path: str, body: Any) -> Any:
    """An answer without its labels, lists of equals in a fixed order."""
    if path == "sessions/summary":
        cities = sorted(body["cities"], key=lambda entry: (-entry["count"], str(entry)))
        return {**body, "cities": cities}
    for item in body["data"]:
        item.pop("range", None)
        if "conference_ids" in item:
            assert len(item["conference_ids"]) == len(set(item["conference_ids"]))
            item["conference_ids"] = set(item["conference_ids"])
    return body
