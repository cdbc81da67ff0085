"""What an event costs does not grow with the calls that a conference has seen, nor with the connections that are open in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg import AsyncConnection

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database
from signalbox.monitoring.ingest import reading
from signalbox.monitoring.rules.calls import (
    ConferenceState,
    Stay,
    conference_state,
    micros,
    stretches,
)
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.rules.timeline import KEPT
from signalbox.monitoring.store import Applier
from signalbox.monitoring.wire import decode_body
from signalbox.site.lookups import LOOKUPS_ONLY

CALLS, OPEN = 2_000, 1_000  # an hour apart, three minutes each
_CALLS = """
    INSERT INTO monitoring.connections (id, app_id, organization_id, session_id, conference_id, participant_id, peer_id, created_at,
        connection_info, state, start_time, end_time, duration, last_seen_at)
    SELECT gen_random_uuid(), k.app_id, k.organization_id, k.session_id, k.conference_id, k.participant_id, k.peer_id, at, '{}',
        CASE WHEN n <= %(calls)s THEN 'closed' ELSE 'connected' END, at, CASE WHEN n <= %(calls)s THEN at + interval '3 min' END,
        CASE WHEN n <= %(calls)s THEN 180 END, at
    FROM monitoring.connections k, generate_series(1, %(calls)s + %(open)s) AS n,
        LATERAL (SELECT k.start_time - interval '1 hour' * greatest(%(calls)s - n + 1, 1) + interval '10 min') AS moment (at)
    WHERE k.id = %(one)s"""
_READ = """
    SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_xact_user_tables
    WHERE schemaname = 'monitoring' AND relname = 'connections'"""


class Room:
    """A session in a conference with a long past, and a writer's connection to its database."""

    def __init__(self, raw: AsyncConnection[Any], key: SessionKey, clock: ManualClock) -> None:
        self._raw, self._key, self._clock = raw, key, clock

    async def report(self, **body: Any) -> tuple[Any, int]:
        """Store an event of the session: what is answered, and how many rows of connections were read for it."""
        now_us = micros(self._clock.now())
        read = decode_body(json.dumps(body).encode())
        event = reading.connection_event(read, self._key, now_us)
        async with self._raw.transaction():
            before = await self._read()  # what was read before may not be told to the server yet
            (answer,) = await Applier(lambda: now_us)(self._raw, [event])
            return answer, await self._read() - before

    async def _read(self) -> int:
        row = await (await self._raw.execute(_READ)).fetchone()
        return 0 if row is None else row[0]

    async def stays(self) -> list[Stay]:
        """Of all connections."""
        cursor = await self._raw.execute(
            "SELECT start_time, end_time FROM monitoring.connections WHERE conference_id = %s",
            (self._key.conference,),
        )
        rows = await cursor.fetchall()
        return [Stay(micros(begin), None if end is None else micros(end)) for begin, end in rows]

    async def conference(self) -> tuple[Any, ...]:
        """ongoing, start_time, call_start, end_time, duration, number of stretches that are kept."""
        cursor = await self._raw.execute(
            """SELECT ongoing, start_time, call_start, end_time, duration, jsonb_array_length(timeline -> 0)
            FROM monitoring.conferences WHERE id = %s""",
            (self._key.conference,),
        )
        row = await cursor.fetchone()
        assert row is not None
        return tuple(row)


@pytest.fixture
async def room(site: httpx.AsyncClient, db: Database, clock: ManualClock) -> AsyncIterator[Room]:
    app = await _app(db, clock)
    entry = {"apiKey": app["api_key"], "conferenceId": "daily", "userId": "alice"}
    init = (await site.post("/v1/initialize", json=entry)).json()
    token = (await site.post("/v1/sessions", json={"token": init["token"]})).json()["token"]
    added = {"token": token, "eventName": "addConnection", "peerId": "bob"}
    made = (await site.post("/v1/connection", json=added)).json()
    raw = await db.connect()
    await raw.execute(LOOKUPS_ONLY)
    cursor = await raw.execute(
        "SELECT session_id, app_id, organization_id, conference_id, participant_id FROM monitoring.connections WHERE id = %s",
        (made["connection_id"],),
    )
    row = await cursor.fetchone()
    assert row is not None
    await raw.execute(_CALLS, {"calls": CALLS, "open": OPEN, "one": UUID(made["connection_id"])})
    await raw.execute("ANALYZE monitoring.connections")
    # As if an earlier version had stored all this.
    await raw.execute("UPDATE monitoring.conferences SET timeline = NULL")
    await raw.execute("UPDATE monitoring.session_lives SET timeline = NULL")
    clock.advance(60)
    yield Room(raw, SessionKey(*row), clock)
    await raw.close()


async def _app(db: Database, clock: ManualClock) -> Mapping[Any, Any]:
    organization = await accounts.create_organization(db, name="daily", by=SYSTEM, at=clock.now())
    return await accounts.create_app(
        db, organization_id=organization["id"], name="app", by=SYSTEM, at=clock.now()
    )


async def test_a_change_reads_only_what_lies_after_it(room: Room, clock: ManualClock) -> None:
    begun = clock.now() - timedelta(seconds=60)
    first, running = begun - timedelta(hours=CALLS, minutes=-10), begun - timedelta(minutes=50)
    (_, one), all_read = await room.report(eventName="addConnection", peerId="bob")
    assert all_read > CALLS  # nothing was known of them
    known = await room.conference()
    assert known == (True, first, running, None, (CALLS - 1) * 180, KEPT)

    clock.advance(60)
    _, added = await room.report(eventName="addConnection", peerId="carol")
    closed = {"eventName": "onconnectionstatechange", "data": "closed"}
    _, ended = await room.report(**closed, peerId="bob", connectionId=str(one))

    assert added < 20
    assert ended < 20
    assert await room.conference() == known


async def test_what_arrives_very_late_is_judged_by_all_connections(
    room: Room, clock: ManualClock
) -> None:
    await room.report(eventName="addConnection", peerId="bob")
    _, kept, duration = await told(room)
    clock.advance(60)
    twenty_days_ms = 20 * 86_400_000

    _, read = await room.report(eventName="addConnection", peerId="carol", delta=twenty_days_ms)

    assert read > CALLS
    state, fewer, shorter = await told(room)
    assert (kept, fewer) == (KEPT, KEPT)
    assert shorter < duration  # everything of the last twenty days is one call now, and it goes on
    assert state.ongoing


async def told(room: Room) -> tuple[ConferenceState, int, int]:
    """What is stored of the conference, checked against all of its connections; how many stretches are kept; the duration."""
    ongoing, *instants, duration, kept = await room.conference()
    start, call_start, end = (None if at is None else micros(at) for at in instants)
    state = ConferenceState(ongoing, start, call_start, end, duration)
    assert state == conference_state(stretches(await room.stays()))
    return state, kept, duration
