"""One participant over time: how long in calls, with what devices and browsers, from where, on what network; for those who may see the participant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row

from signalbox.core.db import Tx
from signalbox.monitoring.rules.measures import CONNECTION, NAMES
from signalbox.monitoring.rules.readings import FLOWS

SESSIONS: Final = 500
_DAYS: Final = """
    SELECT (s.created_at AT TIME ZONE 'UTC')::date AS day, sum(s.duration)::bigint FROM monitoring.sessions s
    WHERE s.participant_id = %(participant)s AND s.is_active AND s.created_at >= %(begin)s GROUP BY 1"""
# A media server has no sessions: it is there as long as the call.
_SERVER_DAYS: Final = """
    SELECT (c.created_at AT TIME ZONE 'UTC')::date AS day, sum(c.duration)::bigint FROM monitoring.conference_participants l
    JOIN monitoring.conferences c ON c.id = l.conference_id AND c.is_active AND c.created_at >= %(begin)s
    WHERE l.participant_id = %(participant)s GROUP BY 1"""
_SESSIONS: Final = """
    SELECT s.devices, s.browser, s.os, s.platform #>> '{browser,version}', coalesce(s.platform #>> '{os,version}', s.platform #>> '{os,versionName}'),
        s.city, s.country, s.latitude, s.longitude
    FROM monitoring.sessions s WHERE s.participant_id = %(participant)s AND s.is_active ORDER BY s.created_at DESC LIMIT %(most)s"""


def _mean(name: str, *flows: int) -> str:
    """A measure of some flows over all rows of a group."""

    def added(column: str) -> str:
        cases = "".join(
            f" WHEN {flow} THEN {column}[{NAMES[flow].index(name) + 1}]" for flow in flows
        )
        return f"sum(CASE m.flow{cases} END)"

    return f"{added('m.totals')} / nullif({added('m.weights')}, 0)"


_AUDIO_IN, _VIDEO_IN = FLOWS.index(("audio", "inbound")), FLOWS.index(("video", "inbound"))
_NETWORK: Final = """
    SELECT (m.minute AT TIME ZONE 'UTC')::date AS day, sum(m.seconds) FILTER (WHERE m.flow = {connection}), {rtt}, {loss}, {emos},
        coalesce(sum(m.seconds) FILTER (WHERE m.flow = {connection} AND m.relayed), 0)
            / nullif(sum(m.seconds) FILTER (WHERE m.flow = {connection} AND m.relayed IS NOT NULL), 0)
    FROM monitoring.connections k JOIN monitoring.track_minutes m ON m.connection_id = k.id AND m.minute >= %(begin)s
    WHERE k.participant_id = %(participant)s AND k.is_active AND (k.created_at >= %(begin)s OR k.end_time IS NULL OR k.end_time >= %(begin)s)
    GROUP BY 1 ORDER BY 1"""
_NETWORK_OF: Final = _NETWORK.format(
    connection=CONNECTION,
    rtt=_mean("rtt_ms", CONNECTION),
    loss=_mean("loss_ratio", _AUDIO_IN, _VIDEO_IN),
    emos=_mean("emos", _AUDIO_IN),
)


class Stay(NamedTuple):
    """What one session ran on. `devices` is what the browser has told, whatever it is."""

    devices: Any
    browser: str | None
    os: str | None
    browser_version: str | None
    os_version: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None


class NetworkDay(NamedTuple):
    """What was measured of a participant's connections on a UTC day; `relay_ratio` is the share of the time that a relay was used."""

    day: date
    seconds: float | None
    rtt_ms: float | None
    loss_ratio: float | None
    emos: float | None
    relay_ratio: float | None


async def seconds_by_day(
    tx: Tx, participant: UUID, *, is_sfu: bool, begin: datetime
) -> dict[date, int]:
    """Seconds in calls by UTC day from `begin` on; a day without any is absent."""
    statement = _SERVER_DAYS if is_sfu else _DAYS
    rows = await _rows(tx, statement, {"participant": participant, "begin": begin})
    return {day: seconds or 0 for day, seconds in rows}


async def stays(tx: Tx, participant: UUID) -> list[Stay]:
    """The newest sessions of a participant, the newest first."""
    values = {"participant": participant, "most": SESSIONS}
    return [Stay(*row) for row in await _rows(tx, _SESSIONS, values)]


async def network_by_day(tx: Tx, participant: UUID, *, begin: datetime) -> list[NetworkDay]:
    """The days from `begin` on of which anything was measured, ascending."""
    values = {"participant": participant, "begin": begin}
    return [NetworkDay(*row) for row in await _rows(tx, _NETWORK_OF, values)]


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> list[Any]:
    cursor = tx.psycopg.cursor(row_factory=tuple_row, binary=True)
    await cursor.execute("SET LOCAL enable_seqscan = off")
    await cursor.execute(statement, values, prepare=False)
    return await cursor.fetchall()
