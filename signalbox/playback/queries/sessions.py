"""Stored sessions: one, its timeline, and lists of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.db import Tx
from signalbox.playback.queries.selecting import Selection

_COLUMNS: Final = """s.id, s.session_id, s.source, s.dialect, s."timestamp", s.client_ts_ms, s.started_at, s.duration_ms, s.player_startup_ms,
    s.play_time_ms, s.rebuffer_time_ms, s.rebuffer_count, s.rebuffer_ratio_reported, s.dropped_frames, s.seek_count, s.seek_time_ms,
    s.mean_bitrate_bps, s.top_bitrate_bps, s.error_count, s.last_error_code, s.last_error_category, s.quality_switches, s.content_id,
    s.stream_type, s.device_model, s.os_name, s.os_version, s.app_name, s.app_version, s.sdk_version, s.connection_type, s.cdn, s.outcome,
    s.score, s.score_version, s.clock_skew, s.flags, s.revision, s.first_received_at, s.last_received_at"""
# By its key: the registry says in which partition it lies.
_ONE: Final = """
    SELECT {columns}, s.payload FROM playback.session_keys k
    JOIN playback.sessions s ON s.app_id = k.app_id AND s.session_id = k.session_id AND s.partition_ts = k.partition_ts
    WHERE k.app_id = %(app)s AND k.session_id = %(session)s AND k.state = 'live'"""
_TIMELINE: Final = """
    SELECT t.elapsed_ms, t.timestamp_ms, t.playback_state, t.current_bitrate_bps, t.network_type, t.dropped_frames, t.buffered_ms,
        t.rebuffer_count, t.rebuffer_time_ms
    FROM playback.session_keys k
    JOIN playback.session_timeline t ON t.app_id = k.app_id AND t.session_id = k.session_id AND t.partition_ts = k.partition_ts
    WHERE k.app_id = %(app)s AND k.session_id = %(session)s AND k.state = 'live'
    ORDER BY t.elapsed_ms, t.timestamp_ms, t.playback_state"""
_LIST: Final = """
    SELECT {columns} FROM playback.sessions s WHERE {where}{after} ORDER BY s."timestamp" DESC, s.id DESC LIMIT %(most)s"""
_AFTER: Final = (
    ' AND s."timestamp" <= %(last_at)s AND (s."timestamp", s.id) < (%(last_at)s, %(last_id)s)'
)

Row = dict[str, Any]


class Position(NamedTuple):
    """The last session that was shown: newer ones that come meanwhile do not shift what follows it."""

    at: datetime
    id: int


async def session(tx: Tx, app_id: UUID, session_id: str) -> Row | None:
    """A session of an app that the asker may see, with its payload; None when there is none, or it is erased."""
    rows = await _rows(tx, _ONE.format(columns=_COLUMNS), {"app": app_id, "session": session_id})
    return rows[0] if rows else None


async def timeline(tx: Tx, app_id: UUID, session_id: str) -> list[Row]:
    """The timeline of a session, in the order of its own clock; empty without one."""
    return await _rows(tx, _TIMELINE, {"app": app_id, "session": session_id})


async def sessions(
    tx: Tx, chosen: Selection, *, after: Position | None, most: int
) -> Sequence[Row]:
    """Sessions without payloads, the newest end first."""
    where, values = chosen.conditions(chosen.begin, chosen.end)
    if after is not None:
        values |= {"last_at": after.at, "last_id": after.id}
    statement = _LIST.format(
        columns=_COLUMNS, where=where, after=_AFTER if after is not None else ""
    )
    return await _rows(tx, statement, values | {"most": most})


async def _rows(tx: Tx, statement: str, values: dict[str, Any]) -> list[Row]:
    async with tx.psycopg.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
