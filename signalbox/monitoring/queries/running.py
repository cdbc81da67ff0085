"""Calls that run now, with what was measured of them last; for those who were found to be allowed to see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.db import Tx
from signalbox.monitoring.rules.measures import CONNECTION, NAMES
from signalbox.monitoring.rules.readings import FLOWS

AUDIO_IN, VIDEO_IN = FLOWS.index(("audio", "inbound")), FLOWS.index(("video", "inbound"))


class Figure(NamedTuple):
    """A figure of a running call: a measure of each connection in some flows, and what is told of all connections: the largest, the smallest, the sum."""

    name: str
    measure: str
    flows: Sequence[int]
    told: str


FIGURES: Final = (
    Figure("rtt_ms", "rtt_ms", (CONNECTION,), "max"),
    Figure("loss_ratio", "loss_ratio", (AUDIO_IN, VIDEO_IN), "max"),
    Figure("jitter_ms", "jitter_ms", (AUDIO_IN, VIDEO_IN), "max"),
    Figure("emos", "emos", (AUDIO_IN,), "min"),
    Figure("freeze_ratio", "freeze_ratio", (VIDEO_IN,), "max"),
    Figure("sent_bps", "sent_bps", (CONNECTION,), "sum"),
)


def quotient(figure: Figure) -> str:
    """The figure of rows of minutes that are grouped by `flow`."""
    cases = ""
    for flow in figure.flows:
        place = NAMES[flow].index(figure.measure) + 1
        cases += f" WHEN {flow} THEN sum(totals[{place}]) / nullif(sum(weights[{place}]), 0)"
    return f"CASE flow{cases} END AS {figure.name}"


# `present` are people with a session that has not ended; an SFU is none.
_RUNNING: Final = """
    SELECT c.id, c.app_id AS app, c.conference_id, c.conference_name, c.created_at, coalesce(c.call_start, c.start_time, c.created_at) AS began_at,
        people.present, people.participants, own.cause, own.score
    FROM (SELECT * FROM monitoring.conferences c WHERE c.ongoing AND c.is_active AND c.app_id = ANY(%(apps)s)
        ORDER BY c.created_at DESC, c.id DESC LIMIT %(most)s) AS c
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT s.participant_id) FILTER (WHERE s.end_time IS NULL) AS present, count(DISTINCT s.participant_id) AS participants
        FROM monitoring.sessions s JOIN monitoring.participants p ON p.id = s.participant_id AND p.is_active AND NOT p.is_sfu
        WHERE s.conference_id = c.id AND s.is_active) AS people
    LEFT JOIN monitoring.diagnoses own ON own.conference_id = c.id AND own.participant_id IS NULL
    ORDER BY c.created_at DESC, c.id DESC"""
_COUNT: Final = """
    SELECT count(*) AS n FROM monitoring.conferences c WHERE c.ongoing AND c.is_active AND c.app_id = ANY(%(apps)s)"""
# Issues of single events are over at once; those of rules last while `ended_at` is not known.
_ISSUES: Final = """
    SELECT i.conference_id, i.type, i.code, count(*) FILTER (WHERE i.source = 'rule' AND i.ended_at IS NULL) AS open
    FROM monitoring.issues i WHERE i.conference_id = ANY(%(conferences)s) AND i.is_active GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
_MEASURED = """
    WITH each AS (
        SELECT conference_id, flow, max(minute) AS minute, {each} FROM monitoring.track_minutes m
        WHERE m.conference_id = ANY(%(conferences)s) AND m.minute >= %(begin)s AND m.flow = ANY(%(flows)s)
        GROUP BY conference_id, connection_id, flow
    )
    SELECT conference_id, max(minute) AS minute, {told} FROM each GROUP BY 1"""
_MEASURED = _MEASURED.format(
    each=", ".join(map(quotient, FIGURES)),
    told=", ".join(f"{one.told}({one.name}) AS {one.name}" for one in FIGURES),
)


class Open(NamedTuple):
    """Issues of one code of a call, `open` of which still last."""

    type: str
    code: str
    open: int


@dataclass(slots=True)
class Running:
    """A call that runs: its row, its issues, and its figures (None until something was measured)."""

    row: Mapping[str, Any]
    issues: list[Open] = field(default_factory=list)
    minute: datetime | None = None
    figures: dict[str, float | None] = field(default_factory=dict)

    @property
    def measured_to(self) -> datetime | None:
        """The end of the newest minute that was measured."""
        return None if self.minute is None else self.minute + timedelta(minutes=1)


async def running(
    tx: Tx, apps: Collection[UUID], *, since: datetime, most: int
) -> tuple[list[Running], int]:
    """The newest calls of apps that run, with figures of the minutes from `since` on, and how many run in all."""
    values: dict[str, Any] = {"apps": list(apps), "most": most, "begin": since}
    rows = await _rows(tx, _RUNNING, values)
    count = len(rows) if len(rows) < most else (await _rows(tx, _COUNT, values))[0]["n"]
    found = {row["id"]: Running(row) for row in rows}
    values["conferences"] = list(found)
    values["flows"] = sorted({flow for figure in FIGURES for flow in figure.flows})
    if found:
        for row in await _rows(tx, _ISSUES, values):
            found[row["conference_id"]].issues.append(Open(row["type"], row["code"], row["open"]))
        for row in await _rows(tx, _MEASURED, values):
            one = found[row["conference_id"]]
            one.minute = row["minute"]
            one.figures = {figure.name: row[figure.name] for figure in FIGURES}
    return list(found.values()), count


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    cursor = tx.psycopg.cursor(row_factory=dict_row, binary=True)
    # Of one big app the calls may be most of all: a look at the wall still goes by the few that run.
    await cursor.execute("SET LOCAL enable_seqscan = off")
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
