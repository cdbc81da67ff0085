"""A conference as tables, for export: all rows in pieces, by creation, every piece a short transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from signalbox.core.compression import UnreadablePayload, unpack
from signalbox.core.db import Database

CHUNK: Final = 500
# "json" is a text of JSON as stored, "packed" one that is stored compressed, "flow" the kind and direction of a flow's number.
Kind = Literal["text", "int", "real", "bool", "time", "json", "packed"]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an exported table. Unit and range are in the name; `sql` is its expression over the row `r`."""

    name: str
    kind: Kind
    sql: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind. `source` offers rows `r` with created_at and id; `more` joins what makes several rows, or none, of one: `place` tells them apart."""

    name: str
    columns: tuple[Column, ...]
    source: str
    more: str = ""
    place: str = "0"


def _columns(spec: str) -> tuple[Column, ...]:
    """Columns by lines of "name kind" or "name kind expression"."""
    made = []
    for line in spec.strip().splitlines():
        name, kind, *rest = line.split(None, 2)
        made.append(Column(name, kind, rest[0] if rest else f"r.{name}"))  # type: ignore[arg-type]
    return tuple(made)


_OF = "monitoring.{} r WHERE r.conference_id = %(conference)s"
TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "conferences",
            _columns("""
                id text r.id::text
                conference_id text
                conference_name text
                created_at time
                start_time time
                end_time time
                ongoing bool
                duration_s int r.duration
            """),
            "monitoring.conferences r WHERE r.id = %(conference)s",
        ),
        Table(
            "participants",
            _columns("""
                id text r.id::text
                participant_id text
                participant_name text
                is_sfu bool
                created_at time
            """),
            """monitoring.participants r WHERE r.is_active AND r.id IN (
                SELECT l.participant_id FROM monitoring.conference_participants l WHERE l.conference_id = %(conference)s)""",
        ),
        Table(
            "sessions",
            _columns("""
                id text r.id::text
                participant text r.participant_id::text
                created_at time
                end_time time
                duration_s int r.duration
                app_version text
                webrtc_sdk text
                browser text
                os text
                country text
                city text
                platform json r.platform::text
                devices json r.devices::text
                constraints json r.constraints::text
                metadata json r.metadata::text
                geo_ip json r.geo_ip::text
            """),
            _OF.format("sessions") + " AND r.is_active",
        ),
        Table(
            "connections",
            _columns("""
                id text r.id::text
                session text r.session_id::text
                participant text r.participant_id::text
                peer text r.peer_id::text
                created_at time
                start_time time
                end_time time
                duration_s int r.duration
                type text
                state text
                setup_ms real
                connection_info json r.connection_info::text
            """),
            _OF.format("connections") + " AND r.is_active",
        ),
        Table(
            "tracks",
            _columns("""
                id text r.id::text
                session text r.session_id::text
                participant text r.participant_id::text
                connection text r.connection_id::text
                created_at time
                track_id text
                kind text
                direction text
                label text
                track_info json r.track_info::text
            """),
            _OF.format("tracks") + " AND r.is_active",
        ),
        Table(
            "issues",
            _columns("""
                id text r.id::text
                session text r.session_id::text
                participant text r.participant_id::text
                connection text r.connection_id::text
                track text r.track_id::text
                created_at time
                updated_at time
                ended_at time
                type text
                code text
                source text
                count int
                data json r.data::text
                events json array_to_json(r.events)::text
            """),
            _OF.format("issues") + " AND r.is_active",
        ),
        Table(
            "diagnoses",
            _columns("""
                participant text r.participant_id::text
                cause text
                culprit text r.culprit_id::text
                sentence text
                score int
                parts json r.parts::text
                events json array_to_json(r.events)::text
                issues json array_to_json(r.issues)::text
                version int
                computed_at time
            """),
            """(SELECT d.*, d.computed_at AS created_at FROM monitoring.diagnoses d
                WHERE d.conference_id = %(conference)s) r WHERE true""",
        ),
        Table(
            "events",
            _columns("""
                id text r.id::text
                session text r.session_id::text
                participant text r.participant_id::text
                peer text r.peer_id::text
                connection text r.connection_id::text
                track text r.track_id::text
                created_at time
                received_at time
                type text
                category text r.category::text
                data packed
            """),
            _OF.format("events"),
        ),
        Table(
            "samples",
            _columns("""
                id text r.id::text
                session text r.session_id::text
                participant text r.participant_id::text
                peer text r.peer_id::text
                connection text r.connection_id::text
                created_at time
                received_at time
                time_taken_ms real
                rtt_ms real
                available_bps real
                thinned bool
                report packed
            """),
            _OF.format("samples"),
        ),
        Table(
            "flows",
            _columns("""
                sample text r.id::text
                session text r.session_id::text
                participant text r.participant_id::text
                connection text r.connection_id::text
                created_at time
                kind text CASE WHEN f.flow < 2 THEN 'audio' ELSE 'video' END
                direction text CASE WHEN f.flow % 2 = 0 THEN 'inbound' ELSE 'outbound' END
                track text f.track::text
                bytes int f.bytes
                packets int f.packets
                lost int f.lost
                jitter_ms real f.jitter_ms
                emos real f.emos
            """),
            _OF.format("samples"),
            """ LEFT JOIN LATERAL unnest(r.flows, r.tracks, r.bytes, r.packets, r.lost, r.jitter_ms, r.emos) WITH ORDINALITY
                AS f (flow, track, bytes, packets, lost, jitter_ms, emos, place) ON true""",
            "f.place",
        ),
    )
}


async def pieces(db: Database, table: Table, conference: UUID) -> AsyncIterator[list[Row]]:
    """The rows of a conference in a table, oldest first. The caller must be allowed to see the conference."""
    shown = ", ".join(_shown(column) for column in table.columns)
    behind = " AND (r.created_at, r.id) > (%(at)s, %(id)s)"
    ask = "SELECT r.created_at, r.id, {}, {} FROM (SELECT r.* FROM {}{} ORDER BY r.created_at, r.id LIMIT %(most)s) r{} ORDER BY 1, 2, 3"
    position: tuple[datetime | None, UUID | None] = (None, None)
    while True:
        statement = ask.format(
            table.place, shown.replace("%", "%%"), table.source, behind if position[0] else "", table.more
        )  # fmt: skip
        values = {
            "conference": conference,
            "at": position[0],
            "id": position[1],
            "most": CHUNK,
        }
        async with db.read() as tx:
            rows = await (await tx.psycopg.execute(statement, values)).fetchall()
        read = [_read(table, row[3:]) for row in rows if row[2] is not None]
        if read:
            yield read
        if len({row[1] for row in rows}) < CHUNK:
            return
        position = (rows[-1][0], rows[-1][1])


def _shown(column: Column) -> str:
    return f"({column.sql})::float8" if column.kind == "real" else column.sql


def _read(table: Table, row: Row) -> Row:
    return tuple(
        _unpacked(value) if column.kind == "packed" else value
        for column, value in zip(table.columns, row, strict=True)
    )


def _unpacked(stored: bytes | None) -> str | None:
    """JSON text; None when there is none, or of a version that this one cannot read."""
    if stored is None:
        return None
    try:
        return unpack(stored).decode("utf-8", "replace")
    except UnreadablePayload:
        return None
