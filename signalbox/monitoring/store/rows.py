"""The COPY rows of events and samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import copyrows as c
from signalbox.monitoring.store.messages import Event, Sample

_COPY_EVENTS = """COPY monitoring.events (id, app_id, conference_id, participant_id, session_id, peer_id, connection_id, track_id,
    type, category, created_at, received_at, data) FROM STDIN (FORMAT binary)"""
_COPY_SAMPLES = """COPY monitoring.samples (id, app_id, conference_id, participant_id, session_id, peer_id, connection_id, created_at,
    received_at, time_taken_ms, thinned, emos_version, rtt_ms, available_bps, flows, tracks, bytes, packets, lost, jitter_ms, emos, report)
    FROM STDIN (FORMAT binary)"""
_EVENT_ROW, _SAMPLE_ROW = c.row(13), c.row(22)
_NO_FLOWS: tuple[tuple[Any, ...], ...] = ((),) * 7


def event_row(
    event: Event,
    *,
    peer: UUID | None,
    connection: UUID | None,
    track: UUID | None,
    received_us: int,
) -> bytes:
    """One row of monitoring.events."""
    session = event.session
    return b"".join((
        _EVENT_ROW, c.uuid(event.id), c.uuid(session.app), c.uuid(session.conference), c.uuid(session.participant), c.uuid(session.id),
        c.uuid(peer), c.uuid(connection), c.uuid(track), c.text(event.name), c.raw(event.category.encode()),
        c.instant(event.at_us), c.instant(received_us), c.raw(event.data),
    ))  # fmt: skip


def sample_row(sample: Sample, *, peer: UUID, tracks: list[UUID | None], received_us: int) -> bytes:
    """One row of monitoring.samples."""
    session = sample.session
    directions, _, octets, packets, lost, jitter_ms, emos = (
        zip(*sample.flows, strict=True) if sample.flows else _NO_FLOWS
    )
    return b"".join((
        _SAMPLE_ROW, c.uuid(sample.id), c.uuid(session.app), c.uuid(session.conference), c.uuid(session.participant), c.uuid(session.id),
        c.uuid(peer), c.uuid(sample.connection), c.instant(sample.at_us), c.instant(received_us), c.real(sample.time_taken_ms),
        c.boolean(sample.report is None), c.small(sample.emos_version), c.real(sample.rtt_ms), c.real(sample.available_bps), c.int2_array(directions),
        c.uuid_array(tracks), c.int8_array(octets), c.int8_array(packets), c.int8_array(lost), c.real_array(jitter_ms), c.real_array(emos),
        c.raw(sample.report),
    ))  # fmt: skip


async def copy_events(connection: AsyncConnection[Any], rows: Iterable[bytes]) -> None:
    """Append event rows."""
    await _copy(connection, _COPY_EVENTS, rows)


async def copy_samples(connection: AsyncConnection[Any], rows: Iterable[bytes]) -> None:
    """Append sample rows."""
    await _copy(connection, _COPY_SAMPLES, rows)


async def _copy(connection: AsyncConnection[Any], statement: str, rows: Iterable[bytes]) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(b"".join((c.HEADER, *rows, c.TRAILER)))
