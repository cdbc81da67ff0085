"""What is done beside requests: forgotten conferences are ended, finished ones judged by their sound, old data is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from psycopg import AsyncConnection, errors

from signalbox.core import params as p
from signalbox.core.compression import UnreadablePayload, unpack
from signalbox.core.db import Database
from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.rules.figures import Reading, interval_scores
from signalbox.monitoring.rules.happenings import Happening
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.rules.issues import Finding, ScoredInterval, once, quality_band
from signalbox.monitoring.rules.retention import Keep, expired_apps
from signalbox.monitoring.store import Applier, retention
from signalbox.monitoring.store.findings import Owner, write_findings
from signalbox.monitoring.store.messages import EndSessions
from signalbox.monitoring.store.news import News
from signalbox.monitoring.wire import Report, StatsData

log = structlog.get_logger(__name__)
BATCH = 100
# Who sends late what happened long ago does not pause for so long.
QUIET: Final = timedelta(minutes=2)
SESSIONS_AT_ONCE = 20  # with some ten thousand rows that belong to them
_decoder = msgspec.json.Decoder(StatsData)

_SILENT = """
    SELECT id, activity FROM (
        SELECT c.id, greatest(c.created_at,
            (SELECT max(e.created_at) FROM monitoring.events e WHERE e.conference_id = c.id),
            (SELECT max(s.created_at) FROM monitoring.samples s WHERE s.conference_id = c.id)) AS activity
        FROM monitoring.conferences c WHERE c.ongoing AND c.created_at < %(before)s AND c.last_seen_at < %(quiet)s ORDER BY c.last_seen_at LIMIT %(most)s
    ) AS candidate"""
# Reports do not touch their conference's row. Those that turn out to be alive must not stand in the way of others at the next look.
_ALIVE = """
    UPDATE monitoring.conferences AS c SET last_seen_at = greatest(c.last_seen_at, alive.activity)
    FROM unnest(%s, %s) AS alive (id, activity) WHERE c.id = alive.id"""
_OPEN_SESSIONS = """
    SELECT s.id, s.app_id, s.organization_id, s.conference_id, s.participant_id
    FROM unnest(%s) AS wanted (conference) JOIN monitoring.sessions s ON s.conference_id = wanted.conference
    WHERE s.is_active AND (s.end_time IS NULL
        OR EXISTS (SELECT FROM monitoring.connections k WHERE k.session_id = s.id AND k.is_active AND k.end_time IS NULL))"""
# Its sessions were deleted while it ran: nobody is left who could leave. It must not be found again and again, before all others.
_WITHOUT_SESSIONS = """
    UPDATE monitoring.conferences AS c SET ongoing = false, call_start = NULL, end_time = ended.at, judged_at = NULL, diagnosed_at = NULL,
        duration = c.duration + coalesce(greatest(0, floor(extract(epoch FROM ended.at - c.call_start))), 0)::integer
    FROM unnest(%s, %s) AS ended (id, at) WHERE c.id = ended.id AND c.ongoing"""
# Rows are found by their keys, a few of very many, whatever the statistics say of tables that have just grown.
_BY_KEYS = """
    SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name"""
_NAMES = "SELECT id, app_id, conference_id FROM monitoring.conferences WHERE id = ANY(%s)"
_SWEEP_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('monitoring.sweep', 0))"


Tell = Callable[[list[Happening]], None]
"""Takes what has happened, once it is committed."""


def tell_nobody(_: list[Happening]) -> None:
    """What has happened is only stored."""


async def stale_conferences(
    db: Database, *, silent_for: timedelta, at: datetime
) -> Sequence[dict[str, Any]]:
    """Running conferences in which nothing has happened for `silent_for`, longest silent first; `last_activity` is when they would be ended.

    What counts is when it happened, not when it came: a call that was sent long afterwards has long been silent. Only while more of it comes is it left alone.
    """
    before = at - silent_for
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(_SILENT, _wanted(silent_for, at, most=None))
        silent = await cursor.fetchall()
        names = await _names(tx.psycopg, [found for found, seen in silent if seen < before])
    return [
        {"id": found, **names[found], "last_activity": seen}
        for found, seen in silent
        if seen < before
    ]


def _wanted(silent_for: timedelta, at: datetime, *, most: int | None) -> dict[str, Any]:
    """Of what came in within `QUIET` more may come."""
    return {"before": at - silent_for, "quiet": at - min(QUIET, silent_for), "most": most}


async def _names(
    connection: AsyncConnection[Any], wanted: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    cursor = await connection.execute(_NAMES, (p.uuids(wanted),))
    return {
        found: {"app_id": app, "conference_id": name}
        for found, app, name in await cursor.fetchall()
    }


async def end_stale_conferences(
    db: Database, *, silent_for: timedelta, at: datetime, tell: Tell = tell_nobody
) -> int:
    """End running conferences in which nothing has happened for `silent_for`, as of their last activity; answers how many.

    One process at a time does this; the others find nothing to do.
    """
    async with db.begin() as tx:
        locked = await (await tx.psycopg.execute(_SWEEP_LOCK)).fetchone()
        if not locked or not locked[0]:
            return 0
        before = at - silent_for
        cursor = await tx.psycopg.execute(_SILENT, _wanted(silent_for, at, most=BATCH))
        silent = await cursor.fetchall()
        stale = [(conference, activity) for conference, activity in silent if activity < before]
        alive = sorted((found, micros(seen)) for found, seen in silent if seen >= before)
        await tx.psycopg.execute(
            _ALIVE, (p.uuids(found for found, _ in alive), p.instants(seen for _, seen in alive))
        )
        await tx.psycopg.execute(_BY_KEYS)
        apply = Applier(lambda: micros(at))
        await apply(tx.psycopg, await _endings(tx.psycopg, stale))
        happened = apply.take()
        ends = (p.uuids(found for found, _ in stale), p.instants(micros(seen) for _, seen in stale))
        await tx.psycopg.execute(_WITHOUT_SESSIONS, ends)
    tell(happened)
    if stale:
        log.info("conferences.stale_ended", conferences=len(stale))
    return len(stale)


async def _endings(
    connection: AsyncConnection[Any], stale: Sequence[tuple[UUID, datetime]]
) -> list[EndSessions]:
    """The end of each conference, at its last activity; one without a session left has none."""
    of: dict[UUID, list[SessionKey]] = {}
    cursor = await connection.execute(_OPEN_SESSIONS, (p.uuids(found for found, _ in stale),))
    for row in await cursor.fetchall():
        key = SessionKey(*row)
        of.setdefault(key.conference, []).append(key)
    return [
        EndSessions(sessions=of.get(conference, []), at_us=micros(activity))
        for conference, activity in stale
    ]


_TO_JUDGE = """
    SELECT id, app_id, organization_id FROM monitoring.conferences
    WHERE NOT ongoing AND end_time IS NOT NULL AND judged_at IS NULL
    ORDER BY end_time LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"""
_JUDGED = "UPDATE monitoring.conferences SET judged_at = %s WHERE id = ANY(%s)"
_REPORTS = """
    SELECT id, session_id, participant_id, connection_id, created_at, report FROM monitoring.samples
    WHERE conference_id = %s AND report IS NOT NULL AND 0 = ANY(flows)"""


async def judge_finished_conferences(
    db: Database, *, emos_version: int, at: datetime, tell: Tell = tell_nobody
) -> int:
    """Look for poor sound in conferences that have ended; answers how many were judged."""
    news = News()
    async with db.begin() as tx:
        found = await (await tx.psycopg.execute(_TO_JUDGE, (BATCH,))).fetchall()
        for conference, app, organization in found:
            await _judge(tx.psycopg, conference, app, organization, emos_version, news)
        if found:
            await tx.psycopg.execute(_JUDGED, (at, [row[0] for row in found]))
    tell(news.happenings)
    return len(found)


async def _judge(
    connection: AsyncConnection[Any],
    conference: UUID,
    app: UUID,
    organization: UUID,
    version: int,
    news: News,
) -> None:
    readings: dict[tuple[UUID, UUID], dict[tuple[UUID, str], list[Reading]]] = {}
    async with connection.cursor() as cursor:
        await cursor.execute(_REPORTS, (conference,))
        async for key, session, participant, link, at, report in cursor:
            sources = readings.setdefault((participant, session), {})
            for name, reading in _readings(derived_id(key, 0), at, bytes(report)):
                sources.setdefault((link, name), []).append(reading)
    found: list[tuple[Owner, Finding]] = []
    for (participant, session), sources in readings.items():
        scores = [
            score
            for source in sources.values()
            for score in interval_scores(source, version=version)
        ]
        owner = Owner(app, organization, conference, participant, session)
        found.extend((owner, finding) for finding in quality_findings(session, scores))
    await write_findings(connection, found, [], news)


def quality_findings(session: UUID, scores: Iterable[ScoredInterval]) -> list[Finding]:
    """At most one of each kind for a session, with the reports that show it."""
    points = sorted(scores, key=lambda point: point.at)
    found = []
    for code, low, high in (("low_emos", 3.0, 4.0), ("very_low_emos", 0.0, 3.0)):
        average = quality_band(points, low=low, high=high)
        if average is not None:
            inside = [point for point in points if low <= point.emos < high]
            events = dict.fromkeys(point.event for point in inside if point.event is not None)
            at_us, data = micros(inside[0].at), {"average": average}
            found.append(once(code, session, at_us=at_us, data=data, events=events))
    return found


def _readings(event: UUID, at: datetime, stored: bytes) -> list[tuple[str, Reading]]:
    try:
        data = _decoder.decode(unpack(stored))
    except (UnreadablePayload, msgspec.DecodeError):
        return []
    inbound = (data.audio.inbound if data.audio else None) or []
    remote = data.remote.audio.inbound if data.remote and data.remote.audio else None
    rtt_s = next(
        (item.roundTripTime for item in remote or () if item.roundTripTime is not None), 0.0
    )
    return [(report.id or "", _reading(event, at, report, rtt_s or 0.0)) for report in inbound]


def _reading(event: UUID, at: datetime, report: Report, rtt_s: float) -> Reading:
    return Reading(
        at, report.packetsReceived or 0, report.packetsLost or 0, report.jitterBufferDelay or 0, report.jitterBufferEmittedCount or 0,
        rtt_s * 1000, report.bitrate, bool(report.fecPacketsReceived), event,
    )  # fmt: skip


Delete = Callable[..., Awaitable[int]]


async def delete_expired(db: Database, keeps: Sequence[Keep], *, at: datetime) -> int:
    """Delete what is past the time that its app wants it kept; answers how many rows, sessions and so on.

    Many short transactions: a report never waits long for one. What another process holds is left for the next run.
    """
    today = at.astimezone(UTC).date()
    midnight = datetime.combine(today, time(), UTC)
    since = {keep.app: keep.since for keep in keeps}
    deleted = 0
    for table, days in (
        ("events", {keep.app: keep.events_days for keep in keeps}),
        ("samples", {keep.app: keep.samples_days for keep in keeps}),
    ):
        async with db.begin() as tx:
            partitions = await retention.daily_partitions(tx.psycopg, table)
            through = await retention.deleted_through(tx.psycopg, table)
        for day, name in partitions:
            apps = expired_apps(day, days, since, through, today=today)
            if apps:
                deleted += await _empty_day(db, table, day, name, apps)
    for keep in keeps:
        deleted += await _delete_figures(db, keep.app, midnight - timedelta(days=keep.rollups_days))
        if keep.everything_days is not None:
            before = at - timedelta(days=keep.everything_days)
            deleted += await _delete_calls(db, keep.app, before)
    if deleted:
        log.info("retention.deleted", rows=deleted)
    return deleted


async def _empty_day(db: Database, table: str, day: date, name: str, apps: list[UUID]) -> int:
    """Delete all rows of some apps from a partition of a day that is over, then remember that."""
    deleted, block = 0, 0
    async with db.begin() as tx:
        blocks = await retention.blocks_of(tx.psycopg, name)
    while block < blocks:
        try:
            async with db.begin() as tx:
                deleted += await retention.delete_rows(tx.psycopg, name, apps, block)
        except errors.UndefinedTable:  # dropped meanwhile: nothing is left to delete
            break
        block += retention.BLOCKS
    async with db.begin() as tx:
        await retention.remember_deleted(tx.psycopg, table, apps, day)
    return deleted


async def _delete_figures(db: Database, app: UUID, before: datetime) -> int:
    """Delete an app's figures of the days before a midnight: minutes, then what was added up of them."""
    steps: tuple[Delete, ...] = (
        retention.delete_minutes,
        partial(retention.delete_rollups, span="h"),
        partial(retention.delete_rollups, span="d"),
    )
    deleted = 0
    for step in steps:
        count = 1
        while count:
            try:
                async with db.begin() as tx:
                    count = await step(tx.psycopg, app, before=before)
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                log.warning("retention.postponed", app_id=str(app))
                return deleted
            deleted += count
    return deleted


async def _delete_calls(db: Database, app: UUID, before: datetime) -> int:
    """Delete sessions that were over before an instant, then what is empty without them."""
    deleted = 0
    steps: tuple[tuple[Delete, int], ...] = (
        (retention.delete_sessions, SESSIONS_AT_ONCE),
        (retention.delete_empty_conferences, BATCH),
        (retention.delete_lonely_participants, BATCH),
    )
    for step, most in steps:
        count = most
        while count == most:
            try:
                async with db.begin() as tx:
                    count = await step(tx.psycopg, app, before=before, most=most)
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                log.warning("retention.postponed", app_id=str(app))
                return deleted
            deleted += count
    return deleted
